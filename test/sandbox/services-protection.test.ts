import {
  BackupClient,
  DeleteBackupVaultLockConfigurationCommand,
  DescribeBackupVaultCommand,
  GetBackupPlanCommand,
  GetBackupSelectionCommand,
  ListBackupSelectionsCommand,
  ListRecoveryPointsByBackupVaultCommand,
  PutBackupVaultLockConfigurationCommand,
} from '@aws-sdk/client-backup';
import { CreateLogGroupCommand } from '@aws-sdk/client-cloudwatch-logs';
import {
  CreateLoadBalancerCommand,
  DeleteLoadBalancerCommand,
  ElasticLoadBalancingV2Client,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { DisableKeyCommand } from '@aws-sdk/client-kms';
import {
  AssociateWebACLCommand,
  DisassociateWebACLCommand,
  GetLoggingConfigurationCommand,
  GetWebACLForResourceCommand,
  ListResourcesForWebACLCommand,
  WAFV2Client,
} from '@aws-sdk/client-wafv2';
import {
  attachInternetGateway,
  type Clients,
  createResource,
  day,
  handlerOf,
  newKey,
  newNetwork,
  refusal,
  resourceContext,
  TestCloud,
} from './fixtures/services-data-cloud.ts';

type Properties = Record<string, unknown>;

const update = async (cloud: TestCloud, type: string, id: string, to: Properties, from: Properties) =>
  handlerOf(type).update(id, to, from, resourceContext(cloud, 'Updated'));
/** The resource as drift detection sees it. */
const live = (cloud: TestCloud, type: string, id: string, properties: Properties = {}) =>
  handlerOf(type).read?.(id, properties, resourceContext(cloud, 'Live'));
const remove = async (cloud: TestCloud, type: string, id: string) =>
  handlerOf(type).delete(id, {}, resourceContext(cloud, 'Removed'));

describe('AWS WAF in the sandbox', () => {
  let cloud: TestCloud;
  let clients: Clients;
  let waf: WAFV2Client;
  let elb: ElasticLoadBalancingV2Client;
  let loadBalancerArn: string;

  beforeAll(async () => {
    cloud = await new TestCloud().start();
    clients = cloud.clients();
    const options = cloud.options();
    waf = new WAFV2Client(options);
    elb = new ElasticLoadBalancingV2Client(options);
    const network = await newNetwork(clients);
    await attachInternetGateway(clients, network.vpcId);
    const made = await elb.send(new CreateLoadBalancerCommand({ Name: 'maple', Subnets: network.subnetIds }));
    loadBalancerArn = made.LoadBalancers?.[0]?.LoadBalancerArn ?? '';
  });
  afterAll(() => cloud.stop());

  const seen = (MetricName: string) => ({
    MetricName,
    CloudWatchMetricsEnabled: true,
    SampledRequestsEnabled: false,
  });
  const managed = (Priority: number, Name: string) => ({
    Name,
    Priority,
    OverrideAction: { None: {} },
    Statement: { ManagedRuleGroupStatement: { VendorName: 'AWS', Name } },
    VisibilityConfig: seen(Name),
  });
  const rate = (Limit: number) => ({
    Name: 'rate',
    Priority: 9,
    Action: { Block: {} },
    Statement: { RateBasedStatement: { Limit, AggregateKeyType: 'IP' } },
    VisibilityConfig: seen('rate'),
  });
  const acl = (logicalId: string, Rules: object[] = []) =>
    createResource(cloud, 'AWS::WAFv2::WebACL', logicalId, {
      Scope: 'REGIONAL',
      DefaultAction: { Allow: {} },
      VisibilityConfig: seen('all'),
      Rules,
    });
  const associate = (logicalId: string, WebACLArn: unknown) =>
    createResource(cloud, 'AWS::WAFv2::WebACLAssociation', logicalId, {
      ResourceArn: loadBalancerArn,
      WebACLArn,
    });
  const aclOfLoadBalancer = async () =>
    (await waf.send(new GetWebACLForResourceCommand({ ResourceArn: loadBalancerArn }))).WebACL;

  test('a web ACL protects one load balancer until it is taken off, and is kept while it does', async () => {
    const rules = [
      managed(1, 'AWSManagedRulesCommonRuleSet'),
      managed(2, 'AWSManagedRulesSQLiRuleSet'),
      rate(2000),
    ];
    const made = await acl('Acl', rules);
    expect(made.attributes).toMatchObject({ Capacity: 902 });
    expect(await aclOfLoadBalancer()).toBeUndefined();
    const association = await associate('Association', made.attributes['Arn']);
    expect(await aclOfLoadBalancer()).toMatchObject({ ARN: made.attributes['Arn'], Rules: rules });
    const WebACLArn = String(made.attributes['Arn']);
    const listed = await waf.send(new ListResourcesForWebACLCommand({ WebACLArn }));
    expect(listed.ResourceArns).toEqual([loadBalancerArn]);

    const second = await acl('Second');
    expect((await refusal(associate('SecondAssociation', second.attributes['Arn']))).message).toContain(
      'A resource has one web ACL',
    );
    expect((await refusal(remove(cloud, 'AWS::WAFv2::WebACL', made.physicalId))).message).toContain(
      'associated with another resource',
    );
    const read = () => live(cloud, 'AWS::WAFv2::WebACLAssociation', association.physicalId);
    expect(await read()).toEqual({ ResourceArn: loadBalancerArn, WebACLArn });
    await waf.send(new DisassociateWebACLCommand({ ResourceArn: loadBalancerArn }));
    expect([await aclOfLoadBalancer(), await read()]).toEqual([undefined, undefined]);
    await remove(cloud, 'AWS::WAFv2::WebACLAssociation', association.physicalId);
    await remove(cloud, 'AWS::WAFv2::WebACL', made.physicalId);
    expect((await refusal(waf.send(new ListResourcesForWebACLCommand({ WebACLArn })))).name).toBe(
      'WAFNonexistentItemException',
    );
  });

  test('the association ends with its load balancer', async () => {
    const network = await newNetwork(clients);
    await attachInternetGateway(clients, network.vpcId);
    const made = await elb.send(new CreateLoadBalancerCommand({ Name: 'birch', Subnets: network.subnetIds }));
    const ResourceArn = made.LoadBalancers?.[0]?.LoadBalancerArn ?? '';
    const guard = await acl('Guard');
    const WebACLArn = String(guard.attributes['Arn']);
    await waf.send(new AssociateWebACLCommand({ ResourceArn, WebACLArn }));
    await elb.send(new DeleteLoadBalancerCommand({ LoadBalancerArn: ResourceArn }));
    expect((await refusal(waf.send(new GetWebACLForResourceCommand({ ResourceArn })))).name).toBe(
      'WAFNonexistentItemException',
    );
    await remove(cloud, 'AWS::WAFv2::WebACL', guard.physicalId);
  });

  test.each([
    ['an unknown managed group', [managed(1, 'AWSManagedRulesNobody')], 'does not exist'],
    ['one priority twice', [managed(9, 'AWSManagedRulesCommonRuleSet'), rate(100)], 'same priority'],
    ['a rate below the least', [rate(9)], 'not from 10'],
    ['a rate without an action', [{ ...rate(100), Action: undefined }], 'needs an Action'],
    [
      'a statement that it does not know',
      [{ ...rate(100), Statement: { ByteMatchStatement: {} } }],
      'does not know',
    ],
  ])('a web ACL is refused with %s', async (_case, rules, reason) => {
    const { message } = await refusal(acl(`Refused${reason}`, rules));
    expect(message).toContain(reason);
  });

  test('requests are logged only to a log group that exists and is named as WAF demands', async () => {
    const { attributes } = await acl('Logged');
    const log = (logicalId: string, destination: string) =>
      createResource(cloud, 'AWS::WAFv2::LoggingConfiguration', logicalId, {
        ResourceArn: attributes['Arn'],
        LogDestinationConfigs: [destination],
        RedactedFields: [{ SingleHeader: { Name: 'authorization' } }],
      });
    const group = (name: string) => `arn:aws:logs:us-east-1:111122223333:log-group:${name}`;
    const ResourceArn = String(attributes['Arn']);
    const read = () => waf.send(new GetLoggingConfigurationCommand({ ResourceArn }));
    await clients.logs.send(new CreateLogGroupCommand({ logGroupName: 'waf' }));
    expect((await refusal(log('Log', group('waf')))).message).toContain("The ARN isn't valid");
    expect((await refusal(log('Log', group('aws-waf-logs-maple')))).message).toContain('does not exist');
    expect((await refusal(read())).name).toBe('WAFNonexistentItemException');
    await clients.logs.send(new CreateLogGroupCommand({ logGroupName: 'aws-waf-logs-maple' }));
    const made = await log('Log', `${group('aws-waf-logs-maple')}:*`);
    expect((await read()).LoggingConfiguration).toMatchObject({
      ResourceArn,
      RedactedFields: [{ SingleHeader: { Name: 'authorization' } }],
    });
    await remove(cloud, 'AWS::WAFv2::LoggingConfiguration', made.physicalId);
    expect((await refusal(read())).name).toBe('WAFNonexistentItemException');
  });
});

describe('AWS Backup in the sandbox', () => {
  let cloud: TestCloud;
  let clients: Clients;
  let backup: BackupClient;

  beforeAll(async () => {
    cloud = await new TestCloud().start();
    clients = cloud.clients();
    backup = new BackupClient(cloud.options());
  });
  afterAll(() => cloud.stop());
  beforeEach(() => {
    cloud.later = 0;
  });

  const vault = (name: string, properties: Properties = {}) =>
    createResource(cloud, 'AWS::Backup::BackupVault', name, { BackupVaultName: name, ...properties });
  const describeVault = (BackupVaultName: string) =>
    backup.send(new DescribeBackupVaultCommand({ BackupVaultName }));
  const locked = { LockConfiguration: { MinRetentionDays: 35, ChangeableForDays: 3 } };

  test('a vault stands under a key that works', async () => {
    const key = await newKey(clients);
    await vault('maple-data', { EncryptionKeyArn: key, ...locked });
    expect(await describeVault('maple-data')).toMatchObject({
      BackupVaultArn: 'arn:aws:backup:us-east-1:111122223333:backup-vault:maple-data',
      EncryptionKeyArn: key,
      Locked: true,
      MinRetentionDays: 35,
      LockDate: expect.any(Date),
      NumberOfRecoveryPoints: 0,
    });
    const points = new ListRecoveryPointsByBackupVaultCommand({ BackupVaultName: 'maple-data' });
    expect((await backup.send(points)).RecoveryPoints).toEqual([]);
    await clients.kms.send(new DisableKeyCommand({ KeyId: key }));
    expect((await refusal(vault('birch-data', { EncryptionKeyArn: key }))).message).toContain('Disabled');
    const nobody = key.replace(/[^/]+$/, '00000000-0000-4000-8000-000000000000');
    expect((await refusal(vault('birch-data', { EncryptionKeyArn: nobody }))).message).toContain(
      'does not exist',
    );
    expect((await refusal(describeVault('birch-data'))).name).toBe('ResourceNotFoundException');
  });

  test('once its days of grace are over, nobody changes a lock, and a stack that leaves it alone still updates', async () => {
    const BackupVaultName = 'locked';
    const before = { BackupVaultName, ...locked };
    await vault(BackupVaultName, locked);
    const shorten = () =>
      backup.send(
        new PutBackupVaultLockConfigurationCommand({
          BackupVaultName,
          MinRetentionDays: 1,
          ChangeableForDays: 3,
        }),
      );
    cloud.later = 2 * day;
    const lockOf = async () =>
      (await live(cloud, 'AWS::Backup::BackupVault', BackupVaultName, before))?.['LockConfiguration'];
    expect(await lockOf()).toEqual(locked.LockConfiguration);
    await shorten();
    expect(await lockOf()).toMatchObject({ MinRetentionDays: 1 });
    cloud.later = 6 * day;
    expect((await refusal(shorten())).message).toContain('cannot be changed');
    const unlock = backup.send(new DeleteBackupVaultLockConfigurationCommand({ BackupVaultName }));
    expect((await refusal(unlock)).name).toBe('InvalidRequestException');
    const type = 'AWS::Backup::BackupVault';
    await update(cloud, type, BackupVaultName, { ...before, BackupVaultTags: { ring: 'early' } }, before);
    expect(await refusal(update(cloud, type, BackupVaultName, { BackupVaultName }, before))).toMatchObject({
      message: expect.stringContaining('cannot be changed'),
    });
  });

  test('a plan needs its vault, a selection its plan and a role that AWS Backup can take', async () => {
    const rule = {
      RuleName: 'daily',
      TargetBackupVault: 'kept',
      ScheduleExpression: 'cron(0 10 * * ? *)',
      Lifecycle: { DeleteAfterDays: '35' },
      CopyActions: [
        {
          DestinationBackupVaultArn: 'arn:aws:backup:us-west-2:111122223333:backup-vault:lumenality-copies',
          Lifecycle: { DeleteAfterDays: 35 },
        },
      ],
    };
    const plan = (logicalId: string, changes: object = {}) =>
      createResource(cloud, 'AWS::Backup::BackupPlan', logicalId, {
        BackupPlan: { BackupPlanName: 'maple', BackupPlanRule: [{ ...rule, ...changes }] },
      });
    expect((await refusal(plan('Plan'))).message).toContain('Backup vault kept does not exist');
    await vault('kept');
    expect((await refusal(plan('Plan', { ScheduleExpression: 'daily' }))).message).toContain('schedule');
    expect(
      (await refusal(plan('Plan', { EnableContinuousBackup: true, Lifecycle: { DeleteAfterDays: 36 } })))
        .message,
    ).toContain('continuous');
    const made = await plan('Plan');
    const BackupPlanId = made.physicalId;
    expect((await backup.send(new GetBackupPlanCommand({ BackupPlanId }))).BackupPlan).toMatchObject({
      Rules: [{ RuleName: 'daily', TargetBackupVaultName: 'kept', Lifecycle: { DeleteAfterDays: 35 } }],
    });

    const select = (IamRoleArn: unknown) =>
      createResource(cloud, 'AWS::Backup::BackupSelection', 'Selection', {
        BackupPlanId,
        BackupSelection: { SelectionName: 'all', IamRoleArn, Resources: ['arn:aws:s3:::maple'] },
      });
    const role = (logicalId: string, Service: string) =>
      createResource(cloud, 'AWS::IAM::Role', logicalId, {
        Path: '/lumenality/maple/',
        AssumeRolePolicyDocument: {
          Version: '2012-10-17',
          Statement: [{ Effect: 'Allow', Principal: { Service }, Action: 'sts:AssumeRole' }],
        },
      });
    expect((await refusal(select('arn:aws:iam::111122223333:role/nobody'))).message).toContain(
      'does not exist',
    );
    const app = await role('AppRole', 'ecs-tasks.amazonaws.com');
    expect((await refusal(select(app.attributes['Arn']))).message).toContain('cannot be assumed');
    const ofBackup = await role('BackupRole', 'backup.amazonaws.com');
    const selection = await select(ofBackup.attributes['Arn']);
    const [listed] =
      (await backup.send(new ListBackupSelectionsCommand({ BackupPlanId }))).BackupSelectionsList ?? [];
    expect(listed).toMatchObject({ SelectionId: selection.attributes['SelectionId'] });
    const SelectionId = listed?.SelectionId ?? '';
    const read = await backup.send(new GetBackupSelectionCommand({ BackupPlanId, SelectionId }));
    expect(read.BackupSelection?.Resources).toEqual(['arn:aws:s3:::maple']);

    expect((await refusal(remove(cloud, 'AWS::Backup::BackupPlan', BackupPlanId))).message).toContain(
      'selections must be deleted',
    );
    await remove(cloud, 'AWS::Backup::BackupSelection', selection.physicalId);
    await remove(cloud, 'AWS::Backup::BackupPlan', BackupPlanId);
    await remove(cloud, 'AWS::Backup::BackupVault', 'kept');
    expect((await refusal(describeVault('kept'))).name).toBe('ResourceNotFoundException');
  });
});
