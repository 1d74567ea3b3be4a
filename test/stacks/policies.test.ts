import { synthesise } from '../../stacks/release/synthesis.ts';
import {
  administrator,
  arnsOf,
  controlPlane,
  decision,
  deployment,
  intruder,
  madeAdministrator,
  onlyAdministrator,
  type Question,
  roleOf,
  service,
} from './who-may.ts';

/** Who may do what, with all policies of a cell and two practices in force at once. */
const sunrise = arnsOf('sunrise');
const harbor = arnsOf('harbor');
const app = roleOf('sunrise', 'AppTaskRole');

type Row = [name: string, question: Question];

describe('the app of a practice may, from inside its VPC,', () => {
  const inside = (action: string, resource: string): Question => ({
    who: app,
    action,
    resource,
    of: 'sunrise',
    from: 'sunrise',
  });
  test.each<Row>([
    ['decrypt with its key', inside('kms:Decrypt', sunrise.key)],
    ['make a data key', inside('kms:GenerateDataKey', sunrise.key)],
    ['read its secret', inside('secretsmanager:GetSecretValue', sunrise.secret)],
    ['keep a document', inside('s3:PutObject', sunrise.object)],
    ['read a document', inside('s3:GetObject', sunrise.object)],
    [
      'use its key through Secrets Manager',
      { who: app, action: 'kms:Decrypt', resource: sunrise.key, of: 'sunrise', via: 'secretsmanager' },
    ],
    [
      'use its key through S3',
      { who: app, action: 'kms:GenerateDataKey', resource: sunrise.key, of: 'sunrise', via: 's3' },
    ],
    [
      'sign in to its database',
      { who: app, action: 'rds-db:connect', resource: sunrise.database, of: 'sunrise' },
    ],
  ])('%s', async (_name, question) => {
    expect(await decision(question)).toBe('Allowed');
  });

  test.each(['logs:CreateLogStream', 'logs:PutLogEvents'])('have ECS write its log (%s)', async (action) => {
    const who = roleOf('sunrise', 'AppExecutionRole');
    expect(await decision({ who, action, resource: sunrise.log, of: 'sunrise', from: 'sunrise' })).toBe(
      'Allowed',
    );
  });
});

describe('nobody else may', () => {
  const refused = async (question: Question) => {
    const { who, action, of, from, via } = question;
    const asked = { who: who.arn, action, of, from, via };
    expect({ ...asked, answer: await decision(question) }).not.toEqual({ ...asked, answer: 'Allowed' });
  };

  test.each<Row>([
    ['decrypt with the key', { who: app, action: 'kms:Decrypt', resource: sunrise.key, of: 'sunrise' }],
    [
      'decrypt from another VPC',
      {
        who: app,
        action: 'kms:Decrypt',
        resource: sunrise.key,
        of: 'sunrise',
        context: { 'aws:SourceVpc': 'vpc-elsewhere' },
      },
    ],
    ['read a document', { who: app, action: 's3:GetObject', resource: sunrise.object, of: 'sunrise' }],
    ['list the documents', { who: app, action: 's3:ListBucket', resource: sunrise.bucket, of: 'sunrise' }],
    [
      'read the secret',
      { who: app, action: 'secretsmanager:GetSecretValue', resource: sunrise.secret, of: 'sunrise' },
    ],
  ])('with credentials of the app that were carried out of the VPC %s', async (_name, question) => {
    await refused(question);
  });

  const actions = {
    kms: ['Decrypt', 'Encrypt', 'GenerateDataKey', 'ReEncryptFrom', 'CreateGrant'],
    secretsmanager: ['GetSecretValue', 'DescribeSecret'],
    s3: ['GetObject', 'PutObject', 'DeleteObject', 'ListBucket'],
    logs: ['PutLogEvents', 'GetLogEvents'],
    'rds-db': ['connect'],
  };
  const resourceOf = (arns: typeof harbor, action: string): string => {
    if (action === 's3:ListBucket') return arns.bucket;
    if (action === 'logs:GetLogEvents') return arns.log;
    const byPrefix: Record<string, string> = {
      kms: arns.key,
      secretsmanager: arns.secret,
      s3: arns.object,
      logs: arns.log,
      'rds-db': arns.database,
    };
    return byPrefix[action.split(':')[0] ?? ''] ?? '';
  };
  const everyAction = Object.entries(actions).flatMap(([prefix, names]) =>
    names.map((name) => `${prefix}:${name}`),
  );

  test.each(['AppTaskRole', 'AppExecutionRole', 'NetworkRecordRole', 'BackupRole'])(
    "as the %s of another practice, even from inside that practice's VPC",
    async (id) => {
      for (const action of everyAction) {
        const question = {
          who: roleOf('sunrise', id),
          action,
          resource: resourceOf(harbor, action),
          of: 'harbor',
          ...(action === 'kms:CreateGrant' && { context: { 'kms:GrantIsForAWSResource': 'true' } }),
        };
        await refused(question);
        for (const via of ['s3', 'rds', 'secretsmanager', 'backup']) await refused({ ...question, via });
        if (action === 'rds-db:connect') continue;
        for (const from of ['harbor', 'sunrise']) await refused({ ...question, from });
      }
    },
  );

  test.each(everyAction.filter((action) => action !== 'secretsmanager:DescribeSecret'))(
    'as the control plane or the deploy role: %s, even when somebody makes it an administrator',
    async (action) => {
      for (const who of [controlPlane, deployment]) {
        for (const caller of [who, madeAdministrator(who)]) {
          // A log line is put by the app alone, but an administrator may: it reads nothing.
          if (action === 'logs:PutLogEvents' && caller !== who) continue;
          if (/s3:(DeleteObject|ListBucket)/.test(action) && caller !== who) continue;
          // CloudFormation, which alone becomes the deploy role, sees by it whether a bucket is there.
          if (action === 's3:ListBucket' && who === deployment) continue;
          const question = { who: caller, action, resource: resourceOf(sunrise, action), of: 'sunrise' };
          await refused(question);
          await refused({ ...question, via: 's3' });
          await refused({ ...question, context: { 'aws:SourceVpc': 'vpc-sunrise' } });
        }
      }
    },
  );

  test.each(['kms:Decrypt', 'kms:Encrypt', 'kms:GenerateDataKey', 'kms:ReEncryptFrom', 'kms:CreateGrant'])(
    'as the control plane or the deploy role: %s, because the key itself says so when their own policies are gone',
    async (action) => {
      for (const who of [controlPlane, deployment].map(onlyAdministrator)) {
        const question = { who, action, resource: sunrise.key, of: 'sunrise' };
        expect(await decision(question)).toBe('ExplicitlyDenied');
        if (action !== 'kms:CreateGrant')
          expect(await decision({ ...question, via: 's3' })).toBe('ExplicitlyDenied');
      }
      const plane = { who: onlyAdministrator(controlPlane), action, resource: sunrise.key, of: 'sunrise' };
      for (const via of ['rds', 'secretsmanager', 'backup'])
        expect(await decision({ ...plane, via })).toBe('ExplicitlyDenied');
    },
  );

  test.each(['kms:Decrypt', 'kms:GenerateDataKey', 'kms:CreateGrant'])(
    'as an administrator of the account: %s',
    async (action) => {
      const question = { who: administrator, action, resource: sunrise.key, of: 'sunrise' };
      await refused(question);
      for (const via of ['rds', 'secretsmanager', 's3', 'backup', 'ec2']) await refused({ ...question, via });
    },
  );

  test("as a role with all rights that a template puts under the practice's path, outside its VPC", async () => {
    const who = intruder('sunrise');
    await refused({ who, action: 'kms:Decrypt', resource: sunrise.key, of: 'sunrise' });
    await refused({ who, action: 'kms:Decrypt', resource: harbor.key, of: 'harbor', from: 'harbor' });
    for (const action of [
      'iam:CreateRole',
      'kms:PutKeyPolicy',
      'sts:AssumeRole',
      'cloudformation:CreateStack',
    ]) {
      const resource = action.startsWith('kms') ? sunrise.key : resourceFor[action];
      await refused({ who, action, resource: resource ?? '*', of: 'sunrise' });
    }
  });

  const resourceFor: Record<string, string> = {
    'iam:CreateRole': 'arn:aws:iam::111122223333:role/lumenality/sunrise/other',
    'sts:AssumeRole': 'arn:aws:iam::111122223333:role/lumenality/harbor/AppTaskRole',
    'cloudformation:CreateStack':
      'arn:aws:cloudformation:us-east-1:111122223333:stack/lumenality-harbor-service/1',
  };
});

describe('the services that keep the practice’s data', () => {
  test.each<[string, string, Record<string, string>]>([
    ['kms:Decrypt', 'secretsmanager', {}],
    ['kms:GenerateDataKey', 'secretsmanager', {}],
    ['kms:CreateGrant', 'rds', { 'kms:GrantIsForAWSResource': 'true' }],
    ['kms:CreateGrant', 'backup', { 'kms:GrantIsForAWSResource': 'true' }],
  ])(
    'use its key when the deploy role makes database, secret and vault: %s through %s',
    async (action, via, context) => {
      const question = { who: deployment, action, resource: sunrise.key, of: 'sunrise', via, context };
      expect(await decision(question)).toBe('Allowed');
    },
  );

  test('get no grant for anybody but themselves', async () => {
    const question = {
      who: deployment,
      action: 'kms:CreateGrant',
      resource: sunrise.key,
      of: 'sunrise',
      via: 'rds',
    };
    expect(await decision(question)).not.toBe('Allowed');
    expect(await decision({ ...question, context: { 'kms:GrantIsForAWSResource': 'false' } })).not.toBe(
      'Allowed',
    );
  });

  test('every alarm of the templates reaches the topic', async () => {
    const names = Object.entries(synthesise().templates).flatMap(([component, { template }]) =>
      Object.entries(template.Resources)
        .filter(([, { Type }]) => Type === 'AWS::CloudWatch::Alarm')
        .map(([id]) => `lumenality-sunrise-${component}-${id}-1`),
    );
    expect(names.length).toBeGreaterThan(5);
    for (const name of names) {
      const context = {
        'aws:SourceAccount': '111122223333',
        'aws:SourceArn': `arn:aws:cloudwatch:us-east-1:111122223333:alarm:${name}`,
      };
      const who = service('cloudwatch.amazonaws.com');
      const answer = await decision({
        who,
        action: 'sns:Publish',
        resource: sunrise.topic,
        of: 'sunrise',
        context,
      });
      // Refused: name its logical id in stacks/constructs/practice-key.ts.
      expect({ name, answer }).toEqual({ name, answer: 'Allowed' });
    }
  });

  const logs = service('logs.us-east-1.amazonaws.com');
  const logArn = 'kms:EncryptionContext:aws:logs:arn';
  test.each([
    ['/lumenality/sunrise/app', 'Allowed'],
    ['/lumenality/sunrise/network', 'Allowed'],
    ['aws-waf-logs-lumenality-sunrise', 'Allowed'],
    ['aws-waf-logs-lumenality-sunrise-aba', 'refused'],
    ['/lumenality/harbor/app', 'refused'],
    ['/aws/lambda/anything', 'refused'],
  ])('CloudWatch Logs uses it for the log group %s: %s', async (group, expected) => {
    const context = { [logArn]: `arn:aws:logs:us-east-1:111122223333:log-group:${group}` };
    const answer = await decision({
      who: logs,
      action: 'kms:GenerateDataKey',
      resource: sunrise.key,
      of: 'sunrise',
      context,
    });
    expect(answer === 'Allowed' ? answer : 'refused').toBe(expected);
  });

  test.each([
    ['lumenality-sunrise-service-AlarmsOffline-1', '111122223333', 'Allowed'],
    ['lumenality-sunrise-service-ServiceErrors-1', '111122223333', 'Allowed'],
    // Of the practice sunrise-service.
    ['lumenality-sunrise-service-service-AlarmsOffline-1', '111122223333', 'refused'],
    ['lumenality-harbor-service-AlarmsOffline-1', '111122223333', 'refused'],
    ['lumenality-sunrise-service-AlarmsOffline-1', '999999999999', 'refused'],
  ])('the alarm %s of account %s reaches the topic: %s', async (alarm, account, expected) => {
    const context = {
      'aws:SourceAccount': account,
      'aws:SourceArn': `arn:aws:cloudwatch:us-east-1:${account}:alarm:${alarm}`,
    };
    const who = service('cloudwatch.amazonaws.com');
    for (const [action, resource] of [
      ['sns:Publish', sunrise.topic],
      ['kms:GenerateDataKey', sunrise.key],
    ] as const) {
      const answer = await decision({ who, action, resource, of: 'sunrise', context });
      expect(answer === 'Allowed' ? answer : 'refused').toBe(expected);
    }
  });
});

describe('the key of the second copies', () => {
  const key = 'arn:aws:kms:us-west-2:111122223333:key/copies';
  const asked = (who: Question['who'], action: string, more: Partial<Question> = {}): Question => ({
    who,
    action,
    resource: key,
    of: 'copies',
    ...more,
  });

  test('is used by the backup of a practice, through AWS Backup and RDS', async () => {
    const who = roleOf('sunrise', 'BackupRole');
    const context = { 'kms:GrantIsForAWSResource': 'true' };
    for (const via of ['backup', 'rds'])
      expect(await decision(asked(who, 'kms:CreateGrant', { via, context }))).toBe('Allowed');
    expect(await decision(asked(who, 'kms:CreateGrant'))).not.toBe('Allowed');
    expect(await decision(asked(onlyAdministrator(who), 'kms:Decrypt'))).not.toBe('Allowed');
  });

  test('decrypts for nobody: not for the control plane, the deploy role or an administrator', async () => {
    for (const who of [controlPlane, deployment].map(onlyAdministrator))
      expect(await decision(asked(who, 'kms:Decrypt'))).toBe('ExplicitlyDenied');
    for (const via of [undefined, 'rds', 'backup', 's3'])
      expect(await decision(asked(administrator, 'kms:Decrypt', via === undefined ? {} : { via }))).not.toBe(
        'Allowed',
      );
  });
});

test('the backup of a practice tags its recovery points and their copies, in its own account', async () => {
  const tag = (region: string, account = '111122223333'): Question => ({
    who: roleOf('sunrise', 'BackupRole'),
    action: 'backup:TagResource',
    resource: `arn:aws:backup:${region}:${account}:recovery-point:1`,
    of: 'sunrise',
  });
  for (const region of ['us-east-1', 'us-west-2']) expect(await decision(tag(region))).toBe('Allowed');
  expect(await decision(tag('us-east-1', '999999999999'))).not.toBe('Allowed');
});

describe('the bucket refuses', () => {
  const write = {
    who: app,
    action: 's3:PutObject',
    resource: sunrise.object,
    of: 'sunrise',
    from: 'sunrise',
  };
  test.each([
    ['a request without TLS', { 'aws:SecureTransport': 'false' }],
    ['an object under another key', { 's3:x-amz-server-side-encryption-aws-kms-key-id': harbor.key }],
    ['an object under S3’s own keys', { 's3:x-amz-server-side-encryption': 'AES256' }],
    ['another account', { 'aws:PrincipalAccount': '999999999999' }],
  ])('%s', async (_name, context) => {
    expect(await decision(write)).toBe('Allowed');
    expect(await decision({ ...write, context })).toBe('ExplicitlyDenied');
  });

  test('nothing from a write that names the practice’s key', async () => {
    const context = {
      's3:x-amz-server-side-encryption': 'aws:kms',
      's3:x-amz-server-side-encryption-aws-kms-key-id': sunrise.key,
    };
    expect(await decision({ ...write, context })).toBe('Allowed');
  });
});

describe('the deploy role', () => {
  const boundary = 'arn:aws:iam::111122223333:policy/lumenality-cell/practice-boundary';
  const newRole = 'arn:aws:iam::111122223333:role/lumenality/sunrise/app';
  const asked = (action: string, resource: string, context: Record<string, string> = {}): Question => ({
    who: deployment,
    action,
    resource,
    of: 'sunrise',
    context,
  });
  test('makes roles of practices inside the cell’s boundary and in no other way', async () => {
    expect(await decision(asked('iam:CreateRole', newRole, { 'iam:PermissionsBoundary': boundary }))).toBe(
      'Allowed',
    );
    expect(await decision(asked('iam:CreateRole', newRole))).not.toBe('Allowed');
    const elsewhere = 'arn:aws:iam::111122223333:role/elsewhere';
    expect(
      await decision(asked('iam:CreateRole', elsewhere, { 'iam:PermissionsBoundary': boundary })),
    ).not.toBe('Allowed');
    expect(await decision(asked('iam:DeleteRolePermissionsBoundary', newRole))).toBe('ExplicitlyDenied');
    expect(await decision(asked('iam:PutRolePolicy', newRole))).toBe('ExplicitlyDenied');
  });

  test('cannot change what holds it: the cell’s roles, the boundary, a key’s policy', async () => {
    const own = 'arn:aws:iam::111122223333:role/lumenality-cell/deploy';
    for (const who of [deployment, madeAdministrator(deployment)]) {
      for (const question of [
        asked('iam:AttachRolePolicy', own),
        asked('iam:CreatePolicyVersion', boundary),
        asked('kms:PutKeyPolicy', sunrise.key),
        asked('iam:UpdateAssumeRolePolicy', 'arn:aws:iam::111122223333:role/lumenality-cell/control-plane'),
        asked('iam:UpdateAssumeRolePolicy', 'arn:aws:iam::111122223333:role/lumenality-cell/retire'),
      ]) {
        expect(await decision({ ...question, who })).toBe('ExplicitlyDenied');
      }
    }
  });

  test('changes a key’s policy in the window that a person opened, and not a second longer', async () => {
    const at = (time: string) => asked('kms:PutKeyPolicy', sunrise.key, { 'aws:CurrentTime': time });
    expect(await decision(at('2026-11-01T11:59:59Z'))).toBe('Allowed');
    for (const who of [deployment, madeAdministrator(deployment)])
      expect(await decision({ ...at('2026-11-01T12:00:00Z'), who })).toBe('ExplicitlyDenied');
    // The window is the deploy role's: the control plane never may.
    expect(await decision({ ...at('2026-11-01T11:59:59Z'), who: controlPlane })).toBe('ExplicitlyDenied');
  });

  test('makes a key although it may not change its policy, and leaves that to administrators', async () => {
    // Without it KMS refuses a key whose maker may not call PutKeyPolicy ("CreateKey", BypassPolicyLockoutSafetyCheck).
    expect(synthesise().templates.foundation.body).toContain('"BypassPolicyLockoutSafetyCheck":true');
    const put = { who: administrator, action: 'kms:PutKeyPolicy', resource: sunrise.key, of: 'sunrise' };
    expect(await decision(put)).toBe('Allowed');
  });

  test('opens no database to the internet and shares no snapshot', async () => {
    const database = 'arn:aws:rds:us-east-1:111122223333:db:lumenality-sunrise-data-databaseinstance';
    const open = asked('rds:CreateDBInstance', database, { 'rds:PubliclyAccessible': 'true' });
    expect(await decision(open)).toBe('ExplicitlyDenied');
    expect(await decision({ ...open, context: { 'rds:PubliclyAccessible': 'false' } })).toBe('Allowed');
    const snapshot = 'arn:aws:rds:us-east-1:111122223333:snapshot:one';
    expect(await decision(asked('rds:ModifyDBSnapshotAttribute', snapshot))).toBe('ExplicitlyDenied');
  });
});

test('the control plane deploys with the deploy role only, and passes no other', async () => {
  const stack = 'arn:aws:cloudformation:us-east-1:111122223333:stack/lumenality-sunrise-data/1';
  const asked = (action: string, resource: string, context: Record<string, string>): Question => ({
    who: controlPlane,
    action,
    resource,
    of: 'sunrise',
    context,
  });
  const deploy = 'arn:aws:iam::111122223333:role/lumenality-cell/deploy';
  const create = (arn: string) =>
    asked('cloudformation:CreateChangeSet', stack, { 'cloudformation:RoleArn': arn });
  expect(await decision(create(deploy))).toBe('Allowed');
  expect(await decision(create('arn:aws:iam::111122223333:role/Administrator'))).not.toBe('Allowed');
  expect(await decision(asked('cloudformation:CreateChangeSet', stack, {}))).not.toBe('Allowed');
  const pass = (arn: string, to: string) => asked('iam:PassRole', arn, { 'iam:PassedToService': to });
  expect(await decision(pass(deploy, 'cloudformation.amazonaws.com'))).toBe('Allowed');
  expect(await decision(pass(deploy, 'ec2.amazonaws.com'))).not.toBe('Allowed');
  expect(
    await decision(pass('arn:aws:iam::111122223333:role/Administrator', 'cloudformation.amazonaws.com')),
  ).not.toBe('Allowed');
  const cell = 'arn:aws:cloudformation:us-east-1:111122223333:stack/lumenality-cell/1';
  expect(await decision(asked('cloudformation:ExecuteChangeSet', cell, {}))).toBe('ExplicitlyDenied');
});
