import { synthesise } from '../../stacks/release/synthesis.ts';
import { type Properties, resourcesOf, type Template, textOf } from './template.ts';

/** What an auditor asks of a practice's app, asked of the template that every app runs from. */
const service = JSON.parse(synthesise().templates.service.body) as Template;
const all = (type: string): Properties[] =>
  resourcesOf(service, type).map(({ Properties }) => Properties ?? {});
const the = (type: string): Properties => {
  const found = all(type);
  expect(found).toHaveLength(1);
  return found[0] ?? {};
};
const container = (): Properties =>
  (the('AWS::ECS::TaskDefinition')['ContainerDefinitions'] as Properties[])[0] ?? {};

/** A part of the template with `Access` decided. */
function whenAccessIs(access: 'open' | 'closed', value: unknown): unknown {
  if (Array.isArray(value)) return value.map((part) => whenAccessIs(access, part));
  if (typeof value !== 'object' || value === null) return value;
  const choice = (value as { 'Fn::If'?: [string, unknown, unknown] })['Fn::If'];
  if (choice?.[0] === 'AppAccessIsOpen') return whenAccessIs(access, choice[access === 'open' ? 1 : 2]);
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, whenAccessIs(access, part)]));
}

describe('the app', () => {
  test('runs one immutable image on ARM, not as root, on a read-only file system, without a shell for anybody', () => {
    expect(container()).toMatchObject({
      Image: { Ref: 'ImageUri' },
      ReadonlyRootFilesystem: true,
      Privileged: false,
      User: '10001:10001',
      LinuxParameters: { Capabilities: { Drop: ['ALL'] } },
    });
    expect(the('AWS::ECS::TaskDefinition')['RuntimePlatform']).toMatchObject({ CpuArchitecture: 'ARM64' });
    expect(the('AWS::ECS::Service')['EnableExecuteCommand']).toBe(false);
  });

  test('is named by a digest: CloudFormation refuses a tag', () => {
    const pattern = new RegExp(String(service.Parameters['ImageUri']?.AllowedPattern));
    const digest = `sha256:${'0'.repeat(64)}`;
    expect(`123456789012.dkr.ecr.us-east-1.amazonaws.com/lumenality/practice-app@${digest}`).toMatch(pattern);
    for (const tagged of [
      'lumenality/practice-app:latest',
      'lumenality/practice-app',
      `lumenality/practice-app@${digest}:latest`,
      `a b@${digest}`,
    ]) {
      expect(tagged).not.toMatch(pattern);
    }
  });

  test('gets exactly the environment of docs/silo.md, without a secret in it', () => {
    expect(container()['Environment']).toEqual(
      Object.entries({
        PRACTICE_ID: { Ref: 'PracticeId' },
        RELEASE_ID: { Ref: 'ReleaseId' },
        KEY_ARN: { Ref: 'KeyArn' },
        DATABASE_HOST: { Ref: 'DatabaseEndpoint' },
        DATABASE_PORT: { Ref: 'DatabasePort' },
        DATABASE_NAME: { Ref: 'DatabaseName' },
        DATABASE_SECRET_ARN: { Ref: 'DatabaseSecretArn' },
        PORT: '8080',
        SESSION_TIMEOUT_MINUTES: { Ref: 'SessionTimeoutMinutes' },
        OWNER_EMAIL: { Ref: 'OwnerEmail' },
        OWNER_INVITATION_SHA256: { Ref: 'OwnerInvitationSha256' },
        OWNER_INVITATION_EXPIRES_AT: { Ref: 'OwnerInvitationExpiresAt' },
      }).map(([Name, Value]) => ({ Name, Value })),
    );
    expect(container()).not.toHaveProperty('Secrets');
  });

  test('has no public address, and rolls back a deployment whose tasks fail or answer with errors', () => {
    expect(the('AWS::ECS::Service')).toMatchObject({
      LaunchType: 'FARGATE',
      NetworkConfiguration: {
        AwsvpcConfiguration: { AssignPublicIp: 'DISABLED', Subnets: { Ref: 'AppSubnetIds' } },
      },
      DeploymentConfiguration: {
        DeploymentCircuitBreaker: { Enable: true, Rollback: true },
        Alarms: { Enable: true, Rollback: true, AlarmNames: [{ Ref: 'ServiceErrors' }] },
      },
    });
  });

  test('is spoken to over TLS by its load balancer, health checks included', () => {
    expect(the('AWS::ElasticLoadBalancingV2::TargetGroup')).toMatchObject({
      Protocol: 'HTTPS',
      HealthCheckProtocol: 'HTTPS',
    });
  });

  test('is scaled between what the plan promises and what it allows', () => {
    expect(whenAccessIs('open', the('AWS::ApplicationAutoScaling::ScalableTarget'))).toMatchObject({
      MinCapacity: { Ref: 'DesiredCount' },
      MaxCapacity: { Ref: 'MaxCount' },
    });
    expect(textOf(the('AWS::ApplicationAutoScaling::ScalingPolicy'))).toContain(
      'ECSServiceAverageCPUUtilization',
    );
  });

  test.each([
    ['5', true],
    ['15', true],
    ['30', true],
    ['4', false],
    ['31', false],
    ['0', false],
    ['300', false],
  ])('a session timeout of %s minutes is accepted: %s', (minutes, accepted) => {
    const pattern = new RegExp(String(service.Parameters['SessionTimeoutMinutes']?.AllowedPattern));
    expect(pattern.test(minutes)).toBe(accepted);
  });

  test('an invitation is a hash and a time, or nothing', () => {
    const accepts = (name: string, value: string) =>
      new RegExp(String(service.Parameters[name]?.AllowedPattern)).test(value);
    for (const name of ['OwnerEmail', 'OwnerInvitationSha256', 'OwnerInvitationExpiresAt']) {
      expect(service.Parameters[name]?.Default).toBe('');
      expect(accepts(name, '')).toBe(true);
    }
    expect(accepts('OwnerEmail', 'owner@practice.example')).toBe(true);
    expect(accepts('OwnerInvitationSha256', 'a'.repeat(64))).toBe(true);
    expect(accepts('OwnerInvitationSha256', 'the-token-itself')).toBe(false);
    expect(accepts('OwnerInvitationExpiresAt', '2026-11-29T00:00:00Z')).toBe(true);
    expect(accepts('OwnerInvitationExpiresAt', 'tomorrow')).toBe(false);
  });
});

describe('access', () => {
  const rule = () => service.Resources['ServiceListenerRule']?.Properties;
  const alarms = () => all('AWS::CloudWatch::Alarm') as unknown as Array<{ readonly MetricName: string }>;
  const silent = (access: 'open' | 'closed') =>
    (whenAccessIs(access, alarms()) as ReturnType<typeof alarms>)
      .filter((alarm) => (alarm as { ActionsEnabled?: boolean }).ActionsEnabled === false)
      .map(({ MetricName }) => MetricName);

  test('is open unless somebody closes it, and then leads to the app', () => {
    expect(service.Parameters['Access']).toMatchObject({
      Default: 'open',
      AllowedValues: ['open', 'closed'],
    });
    expect(whenAccessIs('open', rule())).toMatchObject({
      Actions: [{ Type: 'forward', TargetGroupArn: { Ref: 'ServiceTargetGroup' } }],
    });
    expect(whenAccessIs('open', the('AWS::ECS::Service'))).toMatchObject({
      DesiredCount: { Ref: 'DesiredCount' },
    });
    expect(silent('open')).toEqual([]);
  });

  test('closed runs no task, lets scaling start none and answers 503 with a page that says why', () => {
    expect(whenAccessIs('closed', the('AWS::ECS::Service'))).toMatchObject({ DesiredCount: 0 });
    expect(whenAccessIs('closed', the('AWS::ApplicationAutoScaling::ScalableTarget'))).toMatchObject({
      MinCapacity: 0,
      MaxCapacity: 0,
    });
    const closed = whenAccessIs('closed', rule()) as {
      readonly Actions: ReadonlyArray<{ readonly FixedResponseConfig: Readonly<Record<string, string>> }>;
    };
    expect(closed.Actions).toEqual([
      {
        Type: 'fixed-response',
        FixedResponseConfig: {
          StatusCode: '503',
          ContentType: 'text/html',
          MessageBody: expect.stringContaining('closed') as string,
        },
      },
    ]);
    const page = closed.Actions[0]?.FixedResponseConfig['MessageBody'] ?? '';
    expect(page.length).toBeLessThanOrEqual(1024);
  });

  test('closed silences what only says that nobody can reach the app, and nothing that watches what is kept', () => {
    expect(silent('closed').toSorted()).toEqual(['HTTPCode_ELB_5XX_Count', 'HealthyHostCount']);
  });

  test('the target group stays its load balancer’s while the practice is closed, behind a rule that no request reaches', () => {
    const spare = service.Resources['ServiceSpareRule'];
    expect(spare).toMatchObject({
      Properties: {
        Conditions: rule()?.['Conditions'],
        Actions: [{ Type: 'forward', TargetGroupArn: { Ref: 'ServiceTargetGroup' } }],
      },
    });
    expect(Number(spare?.Properties?.['Priority'])).toBeGreaterThan(Number(rule()?.['Priority']));
    expect(service.Resources['ServiceListenerRule']?.DependsOn).toEqual(['ServiceSpareRule']);
  });
});

describe('the roles of the app', () => {
  const statements = all('AWS::IAM::ManagedPolicy').flatMap(
    ({ PolicyDocument }) => (PolicyDocument as { Statement: Properties[] }).Statement,
  );

  test("name this practice's key, secret, database user, bucket and log group, and nothing wider", () => {
    const wide = statements.filter((statement) => statement['Resource'] === '*');
    expect(wide.map((statement) => statement['Action'])).toEqual([['ecr:GetAuthorizationToken']]);
    const of = (action: string) =>
      statements
        .filter((each) => textOf(each['Action']).includes(`"${action}`))
        .map((each) => each['Resource']);
    expect(of('secretsmanager:')).toEqual([{ Ref: 'DatabaseSecretArn' }]);
    expect(of('kms:')).toEqual([{ Ref: 'KeyArn' }]);
    expect(textOf(of('rds-db:connect'))).toMatch(/:dbuser:.*DatabaseResourceId.*\/practice_app/);
    for (const resource of of('s3:')) expect(textOf(resource)).toContain('{"Ref":"BucketName"}');
    for (const resource of of('logs:')) expect(textOf(resource)).toContain('{"Ref":"AppLogGroupName"}');
  });

  test('cannot remove a version of a document, change a key or reach another service', () => {
    const actions = statements.flatMap((each) => each['Action'] as string[]);
    expect(new Set(actions.map((action) => action.split(':')[0]))).toEqual(
      new Set(['ecr', 'logs', 'secretsmanager', 'rds-db', 'kms', 's3']),
    );
    expect(
      actions.filter((action) =>
        /Version|Policy|Schedule|Disable|CreateGrant|Put(?!Object|LogEvents)/.test(action),
      ),
    ).toEqual([]);
  });

  test("carry their policies as managed ones under the practice's path, for ECS tasks of this account only", () => {
    const roles = all('AWS::IAM::Role');
    expect(roles).toHaveLength(2);
    for (const role of roles) {
      expect(role).not.toHaveProperty('Policies');
      expect(role['ManagedPolicyArns']).toHaveLength(1);
      expect(textOf(role['Path'])).toMatch(/\/lumenality\/.*PracticeId/);
      expect(textOf(role['AssumeRolePolicyDocument'])).toMatch(
        /ecs-tasks\.amazonaws\.com.*aws:SourceAccount/,
      );
    }
  });
});

describe('what is watched', () => {
  const alarms = all('AWS::CloudWatch::Alarm');

  test('health, tasks, latency, errors, CPU, storage, sessions, certificate and backups', () => {
    const watched = alarms
      .map(({ Namespace, MetricName }) => `${String(Namespace)} ${String(MetricName)}`)
      .sort();
    expect(watched).toEqual([
      'AWS/ApplicationELB HTTPCode_ELB_5XX_Count',
      'AWS/ApplicationELB HTTPCode_Target_5XX_Count',
      'AWS/ApplicationELB HealthyHostCount',
      'AWS/ApplicationELB TargetResponseTime',
      'AWS/ApplicationELB UnHealthyHostCount',
      'AWS/Backup NumberOfBackupJobsCompleted',
      'AWS/CertificateManager DaysToExpiry',
      'AWS/ECS CPUUtilization',
      'AWS/RDS CPUUtilization',
      'AWS/RDS DatabaseConnections',
      'AWS/RDS FreeStorageSpace',
    ]);
  });

  test('each alarm tells the practice’s topic, says what it means, and what silence means', () => {
    for (const alarm of alarms) {
      expect(alarm).toMatchObject({
        AlarmActions: [{ Ref: 'AlarmTopicArn' }],
        OKActions: [{ Ref: 'AlarmTopicArn' }],
        TreatMissingData: expect.stringMatching(/^(breaching|notBreaching|missing)$/) as string,
      });
      expect(String(alarm['AlarmDescription']).length).toBeGreaterThan(50);
      // The topic's policy and the key go by the name that CloudFormation makes from the stack's.
      expect(alarm).not.toHaveProperty('AlarmName');
    }
  });

  test('a service without tasks and a silent database ring; a night without requests does not', () => {
    const silence = (metric: string, statistic: string) =>
      alarms.find(
        ({ MetricName, Statistic, ExtendedStatistic }) =>
          MetricName === metric && (Statistic ?? ExtendedStatistic) === statistic,
      )?.['TreatMissingData'];
    expect(silence('HealthyHostCount', 'Maximum')).toBe('breaching');
    expect(silence('NumberOfBackupJobsCompleted', 'Sum')).toBe('breaching');
    expect(silence('TargetResponseTime', 'p95')).toBe('notBreaching');
  });

  test('the dashboard is JSON that CloudWatch can draw', () => {
    const { DashboardBody } = the('AWS::CloudWatch::Dashboard') as {
      DashboardBody: { 'Fn::Join': [string, unknown[]] };
    };
    const text = DashboardBody['Fn::Join'][1]
      .map((part) => (typeof part === 'string' ? part : 'value'))
      .join('');
    const { widgets } = JSON.parse(text) as { widgets: Array<{ properties: { metrics: unknown[][] } }> };
    expect(widgets).toHaveLength(9);
    for (const { properties } of widgets)
      for (const metric of properties.metrics) expect(metric.slice(0, 2).join(' ')).toMatch(/^AWS\/\w+ \w+$/);
  });
});
