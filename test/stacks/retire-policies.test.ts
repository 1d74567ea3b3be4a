import {
  administrator,
  arnsOf,
  controlPlane,
  controlPlaneProcess,
  decision,
  deployment,
  madeAdministrator,
  type Question,
  retiring,
} from './who-may.ts';

/** Who may remove what a silo leaves behind, and who may become whom, with all policies of a cell and two practices in force at once. */
const sunrise = arnsOf('sunrise');

describe('the role that removes what outlives a silo’s stacks', () => {
  const rds = (name: string) => `arn:aws:rds:us-east-1:111122223333:${name}`;
  const owner = 'aws:ResourceTag/lumenality:practice';
  /** By the role's session for the practice sunrise. */
  const asked = (action: string, resource: string, of: string, context: Record<string, string> = {}) => ({
    who: retiring('sunrise'),
    action,
    resource,
    of,
    context: { ...(of !== '' && { [owner]: of }), ...context },
  });
  const longest = { 'kms:ScheduleKeyDeletionPendingWindowInDays': '30' };
  const instance = rds('db:lumenality-sunrise-data-databaseinstance');
  const snapshot = rds('snapshot:lumenality-sunrise-final');
  const vault = 'arn:aws:backup:us-east-1:111122223333:backup-vault:lumenality-sunrise-data';
  const removals: ReadonlyArray<[action: string, resource: string]> = [
    ['rds:CreateDBSnapshot', instance],
    ['rds:ModifyDBInstance', instance],
    ['rds:DeleteDBInstance', instance],
    ['rds:DeleteDBSnapshot', snapshot],
    ['rds:DeleteDBSubnetGroup', rds('subgrp:lumenality-sunrise-data-databasesubnetgroup')],
    ['rds:DeleteDBParameterGroup', rds('pg:lumenality-sunrise-data-databaseparametergroup')],
    ['kms:ScheduleKeyDeletion', sunrise.key],
    ['kms:CancelKeyDeletion', sunrise.key],
    ['kms:EnableKey', sunrise.key],
    ['s3:PutLifecycleConfiguration', sunrise.bucket],
    ['s3:DeleteBucket', sunrise.bucket],
    ['backup:DeleteBackupVault', vault],
  ];

  test.each(removals)('%s: of the practice at hand, and of no other', async (action, resource) => {
    const context = action === 'kms:ScheduleKeyDeletion' ? longest : {};
    expect(await decision(asked(action, resource, 'sunrise', context))).toBe('Allowed');
    expect(await decision(asked(action, resource, 'harbor', context))).not.toBe('Allowed');
    // A session for no practice in particular may do nothing, were it ever let in.
    const { practice: _none, ...nobodys } = retiring('sunrise');
    const untagged = { ...asked(action, resource, 'sunrise', context), who: madeAdministrator(nobodys) };
    expect(await decision(untagged)).toBe('ExplicitlyDenied');
  });

  test.each(removals)('%s: not the control plane in its every-day role', async (action, resource) => {
    const context = action === 'kms:ScheduleKeyDeletion' ? longest : {};
    const question = { ...asked(action, resource, 'sunrise', context), who: controlPlane };
    expect(await decision(question)).not.toBe('Allowed');
  });

  test('lets a key go after thirty days and not sooner', async () => {
    const sooner = { 'kms:ScheduleKeyDeletionPendingWindowInDays': '7' };
    expect(await decision(asked('kms:ScheduleKeyDeletion', sunrise.key, 'sunrise', sooner))).not.toBe(
      'Allowed',
    );
  });

  test('makes a snapshot that is the practice’s, and takes nobody else’s by a tag', async () => {
    const mine = { 'aws:RequestTag/lumenality:practice': 'sunrise' };
    for (const action of ['rds:CreateDBSnapshot', 'rds:AddTagsToResource']) {
      expect(await decision(asked(action, snapshot, '', mine))).toBe('Allowed');
      expect(await decision(asked(action, snapshot, ''))).not.toBe('Allowed');
      expect(await decision(asked(action, snapshot, 'harbor', mine))).not.toBe('Allowed');
      const theirs = { 'aws:RequestTag/lumenality:practice': 'harbor' };
      expect(await decision(asked(action, snapshot, '', theirs))).not.toBe('Allowed');
    }
  });

  test.each([
    ['/lumenality/sunrise/app', 'Allowed'],
    ['aws-waf-logs-lumenality-sunrise', 'Allowed'],
    ['/aws/rds/instance/lumenality-sunrise-data-databaseinstance/postgresql', 'Allowed'],
    ['/lumenality/harbor/app', 'refused'],
    ['/lumenality/sunrise-aba/app', 'refused'],
    ['aws-waf-logs-lumenality-sunrise-aba', 'refused'],
    ['/aws/rds/instance/somebody-elses/postgresql', 'refused'],
  ])('forgets the log group %s: %s', async (group, expected) => {
    const resource = `arn:aws:logs:us-east-1:111122223333:log-group:${group}`;
    const answer = await decision(asked('logs:DeleteLogGroup', resource, ''));
    expect(answer === 'Allowed' ? answer : 'refused').toBe(expected);
  });

  test('reads nothing that a practice keeps, also when somebody makes it an administrator', async () => {
    for (const who of [retiring('sunrise'), madeAdministrator(retiring('sunrise'))]) {
      for (const [action, resource] of [
        ['kms:Decrypt', sunrise.key],
        ['kms:CreateGrant', sunrise.key],
        ['kms:PutKeyPolicy', sunrise.key],
        ['secretsmanager:GetSecretValue', sunrise.secret],
        ['s3:GetObject', sunrise.object],
        ['rds-db:connect', sunrise.database],
        ['rds:StartExportTask', snapshot],
        ['rds:ModifyDBSnapshotAttribute', snapshot],
        ['sts:AssumeRole', 'arn:aws:iam::111122223333:role/lumenality-cell/control-plane'],
      ] as const) {
        const answer = await decision({ who, action, resource, of: 'sunrise' });
        expect({ action, answer }).toEqual({ action, answer: 'ExplicitlyDenied' });
      }
    }
  });
});

describe('a role of the cell', () => {
  const named = (name: string) => `arn:aws:iam::111122223333:role/lumenality-cell/${name}`;
  const assume = (who: Question['who'], name: string, context: Record<string, string> = {}): Question => ({
    who,
    action: 'sts:AssumeRole',
    resource: named(name),
    of: '',
    context,
  });
  const process = {
    arn: controlPlaneProcess,
    roleArn: controlPlaneProcess,
    policies: administrator.policies,
  };
  const word = { 'sts:ExternalId': 'the-external-id-of-this-cell' };
  const forPractice = { 'aws:RequestTag/lumenality:practice': 'sunrise' };

  test('is the control plane’s when it says the cell’s external id, and nobody else’s with it', async () => {
    expect(await decision(assume(process, 'control-plane', word))).toBe('Allowed');
    expect(await decision(assume(process, 'control-plane'))).not.toBe('Allowed');
    const wrong = { 'sts:ExternalId': 'the-external-id-of-another' };
    expect(await decision(assume(process, 'control-plane', wrong))).not.toBe('Allowed');
    expect(await decision(assume(administrator, 'control-plane', word))).not.toBe('Allowed');
  });

  test('retire is taken on by the control plane alone, for one practice by name, and leads nowhere else', async () => {
    expect(await decision(assume(controlPlane, 'retire', forPractice))).toBe('Allowed');
    expect(await decision(assume(controlPlane, 'retire'))).not.toBe('Allowed');
    expect(await decision(assume(process, 'retire', forPractice))).not.toBe('Allowed');
    expect(await decision(assume(deployment, 'retire', forPractice))).not.toBe('Allowed');
    for (const name of ['deploy', 'control-plane'])
      expect(await decision(assume(madeAdministrator(controlPlane), name))).toBe('ExplicitlyDenied');
  });
});
