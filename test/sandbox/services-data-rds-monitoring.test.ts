import { CreateRoleCommand, IAMClient } from '@aws-sdk/client-iam';
import {
  CreateDBInstanceCommand,
  type CreateDBInstanceCommandInput,
  ModifyDBInstanceCommand,
} from '@aws-sdk/client-rds';
import { newKey, refusal } from './fixtures/services-data-cloud.ts';
import { RdsSite } from './fixtures/services-data-rds.ts';

describe('monitoring and windows of DB instances', () => {
  const rds = new RdsSite();
  const { cloud, create, describeInstance, request } = rds;
  let MonitoringRoleArn: string;

  beforeAll(async () => {
    await rds.start();
    MonitoringRoleArn = await roleFor('monitoring.rds.amazonaws.com');
    await roleFor('ec2.amazonaws.com');
  });
  afterAll(() => cloud.stop());

  async function roleFor(Service: string): Promise<string> {
    const iam = new IAMClient(cloud.options());
    const Statement = [{ Effect: 'Allow', Principal: { Service }, Action: 'sts:AssumeRole' }];
    const AssumeRolePolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement });
    const RoleName = Service.split('.')[0];
    const { Role } = await iam.send(
      new CreateRoleCommand({ RoleName, Path: '/cell/', AssumeRolePolicyDocument }),
    );
    return Role?.Arn ?? '';
  }

  test('an instance is monitored as its template says', async () => {
    const PerformanceInsightsKMSKeyId = await newKey(rds.clients);
    const { DBInstanceIdentifier = '', DbiResourceId } = await create({
      MonitoringInterval: 60,
      MonitoringRoleArn,
      EnablePerformanceInsights: true,
      PerformanceInsightsKMSKeyId,
      PerformanceInsightsRetentionPeriod: 31,
    });
    expect(await describeInstance(DBInstanceIdentifier)).toMatchObject({
      MonitoringInterval: 60,
      MonitoringRoleArn,
      EnhancedMonitoringResourceArn: `arn:aws:logs:us-east-1:111122223333:log-group:RDSOSMetrics:log-stream:${DbiResourceId}`,
      PerformanceInsightsEnabled: true,
      PerformanceInsightsKMSKeyId,
      PerformanceInsightsRetentionPeriod: 31,
      DatabaseInsightsMode: 'standard',
    });
    const modify = (change: object) =>
      rds.clients.rds.send(new ModifyDBInstanceCommand({ DBInstanceIdentifier, ...change }));
    const another = { PerformanceInsightsKMSKeyId: await newKey(rds.clients) };
    expect((await refusal(modify(another))).message).toMatch(
      /cannot change your Performance Insights KMS key/,
    );
    await modify({ MonitoringInterval: 0, EnablePerformanceInsights: false });
    const off = await describeInstance(DBInstanceIdentifier);
    expect(off).toMatchObject({ MonitoringInterval: 0, PerformanceInsightsEnabled: false });
    expect(off.MonitoringRoleArn).toBeUndefined();
    expect((await refusal(modify({ PreferredBackupWindow: '06:45-07:15' }))).message).toMatch(
      /must not overlap/,
    );
  });

  test.each<[string, Partial<CreateDBInstanceCommandInput>, RegExp]>([
    ['monitoring without a role', { MonitoringInterval: 60 }, /MonitoringRoleARN value is required/],
    ['a role without monitoring', { MonitoringRoleArn: 'arn:aws:iam::1:role/x' }, /other than 0/],
    [
      'a role that is not there',
      { MonitoringInterval: 60, MonitoringRoleArn: 'arn:aws:iam::111122223333:role/nobody' },
      /ENHANCED_MONITORING/,
    ],
    [
      'a role that RDS may not assume',
      { MonitoringInterval: 60, MonitoringRoleArn: 'arn:aws:iam::111122223333:role/cell/ec2' },
      /ENHANCED_MONITORING/,
    ],
    ['an interval that there is not', { MonitoringInterval: 7 }, /Invalid MonitoringInterval/],
    [
      'a retention that there is not',
      { EnablePerformanceInsights: true, PerformanceInsightsRetentionPeriod: 30 },
      /retention period/,
    ],
    ['advanced insights kept too short', { DatabaseInsightsMode: 'advanced' }, /at least 465 days/],
    [
      'windows that overlap',
      { PreferredBackupWindow: '23:30-00:30', PreferredMaintenanceWindow: 'mon:00:00-mon:00:30' },
      /must not overlap/,
    ],
    [
      'a backup within a long maintenance over the end of the week',
      { PreferredBackupWindow: '02:00-02:30', PreferredMaintenanceWindow: 'sun:22:00-mon:03:00' },
      /must not overlap/,
    ],
    ['a window of ten minutes', { PreferredBackupWindow: '02:00-02:10' }, /at least 30 minutes/],
  ])('%s: refused', async (_case, wrong, message) => {
    const refused = rds.clients.rds.send(new CreateDBInstanceCommand(request(wrong)));
    expect((await refusal(refused)).message).toMatch(message);
  });

  test('windows that touch do not overlap, and the one that is left out is chosen clear of the other', async () => {
    const touching = await create({
      PreferredBackupWindow: '23:30-00:00',
      PreferredMaintenanceWindow: 'Mon:00:00-Mon:00:30',
    });
    expect(touching.PreferredMaintenanceWindow).toBe('mon:00:00-mon:00:30');
    const chosen = await create({ PreferredMaintenanceWindow: 'tue:05:50-tue:06:20' });
    expect(chosen.PreferredBackupWindow).toBe('03:00-03:30');
  });
});
