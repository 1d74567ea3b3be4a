/** What a drill sets in the sandbox: quotas, rates, time, consistency and how long things take. */
import {
  CloudFormationClient,
  CreateStackCommand,
  DeleteStackCommand,
  DescribeStackEventsCommand,
  DescribeStacksCommand,
  ListStacksCommand,
} from '@aws-sdk/client-cloudformation';
import {
  AllocateAddressCommand,
  CreateVpcCommand,
  DeleteVpcCommand,
  DescribeVpcsCommand,
  EC2Client,
} from '@aws-sdk/client-ec2';
import { CreateRoleCommand, GetRoleCommand, IAMClient } from '@aws-sdk/client-iam';
import {
  CancelKeyDeletionCommand,
  CreateAliasCommand,
  CreateKeyCommand,
  DescribeKeyCommand,
  EnableKeyCommand,
  KMSClient,
  ListAliasesCommand,
  ListKeysCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { askControl } from './cloudformation-fixture.ts';
import { TestCloud } from './fixtures/services-data-cloud.ts';

let accounts = 0;
/** An account that no other test has used. */
const newAccount = () => String(900_000_000_000 + (accounts += 1));

describe('controls', () => {
  const cloud = new TestCloud();
  beforeAll(() => cloud.start());
  afterAll(() => cloud.stop());
  const control = (request: string, body?: object) => askControl(cloud.sandbox.endpoint, request, body);
  const settled = async (client: CloudFormationClient, StackName: string) => {
    for (;;) {
      const { Stacks = [] } = await client.send(new DescribeStacksCommand({ StackName }));
      if (Stacks[0] && !Stacks[0].StackStatus?.endsWith('IN_PROGRESS')) return Stacks[0];
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  const trust = (AWS: string) =>
    JSON.stringify({
      Version: '2012-10-17',
      Statement: { Effect: 'Allow', Principal: { AWS }, Action: 'sts:AssumeRole' },
    });

  describe('quotas', () => {
    const vpc = { CidrBlock: '10.0.0.0/16' };

    test('what goes beyond one is refused in the service’s own words until something goes', async () => {
      const accountId = newAccount();
      const ec2 = new EC2Client(cloud.options(accountId));
      await control('PUT quotas', { accountId, quota: 'vpcs', limit: 1 });
      await control('PUT quotas', { accountId, quota: 'elasticIps', limit: 0 });
      const { Vpc } = await ec2.send(new CreateVpcCommand(vpc));
      const refusal = {
        name: 'VpcLimitExceeded',
        message: 'The maximum number of VPCs has been reached.',
      };
      await expect(ec2.send(new CreateVpcCommand(vpc))).rejects.toMatchObject(refusal);
      await expect(ec2.send(new AllocateAddressCommand({}))).rejects.toMatchObject({
        name: 'AddressLimitExceeded',
      });
      const { quotas } = await control(`GET quotas?accountId=${accountId}`);
      expect(quotas).toContainEqual({ accountId, region: 'us-east-1', quota: 'vpcs', limit: 1, used: 1 });
      // Another Region and another account have room of their own.
      await new EC2Client(cloud.options(accountId, 'us-west-2')).send(new CreateVpcCommand(vpc));
      await new EC2Client(cloud.options(newAccount())).send(new CreateVpcCommand(vpc));
      await ec2.send(new DeleteVpcCommand({ VpcId: Vpc?.VpcId }));
      await ec2.send(new CreateVpcCommand(vpc));
    });

    test('a quota of the account counts in every Region', async () => {
      const accountId = newAccount();
      await control('PUT quotas', { accountId, region: 'us-west-2', quota: 'roles', limit: 1 });
      const role = (RoleName: string) =>
        new IAMClient(cloud.options(accountId)).send(
          new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: trust(accountId) }),
        );
      await role('one');
      await expect(role('two')).rejects.toMatchObject({
        name: 'LimitExceededException',
        message: 'Cannot exceed quota for RolesPerAccount: 1',
      });
    });

    test('stacks count while they are there, and a stack that meets a quota says so as CloudFormation does', async () => {
      const accountId = newAccount();
      const client = new CloudFormationClient(cloud.options(accountId));
      await control('PUT quotas', { accountId, quota: 'stacks', limit: 1 });
      await control('PUT quotas', { accountId, quota: 'vpcs', limit: 0 });
      const TemplateBody = JSON.stringify({ Resources: { Vpc: { Type: 'AWS::EC2::VPC', Properties: vpc } } });
      const create = (StackName: string) => client.send(new CreateStackCommand({ StackName, TemplateBody }));
      const { StackId = '' } = await create('one');
      await expect(create('two')).rejects.toMatchObject({
        name: 'LimitExceededException',
        message: 'Limit for stack has been exceeded',
      });
      expect((await settled(client, 'one')).StackStatus).toBe('ROLLBACK_COMPLETE');
      const { StackEvents = [] } = await client.send(new DescribeStackEventsCommand({ StackName: 'one' }));
      const failed = StackEvents.find(({ ResourceStatus }) => ResourceStatus === 'CREATE_FAILED');
      expect(failed?.ResourceStatusReason).toMatch(
        /^Resource handler returned message: "The maximum number of VPCs has been reached." \(RequestToken: [0-9a-f-]{36}, HandlerErrorCode: ServiceLimitExceeded\)$/,
      );
      await client.send(new DeleteStackCommand({ StackName: 'one' }));
      expect((await settled(client, StackId)).StackStatus).toBe('DELETE_COMPLETE');
      await create('two');
      const { StackSummaries = [] } = await client.send(
        new ListStacksCommand({ StackStatusFilter: ['DELETE_COMPLETE'] }),
      );
      expect(StackSummaries.map((stack) => stack.StackId)).toEqual([StackId]);
    });

    test('they survive a restart', async () => {
      const accountId = newAccount();
      await control('PUT quotas', { accountId, quota: 'databases', limit: 7 });
      await cloud.restart();
      const { quotas } = await control(`GET quotas?accountId=${accountId}`);
      expect(quotas).toContainEqual(expect.objectContaining({ quota: 'databases', limit: 7, used: 0 }));
    });

    test('a wrong one is refused', async () => {
      await expect(control('PUT quotas', { quota: 'moons', limit: 1 })).rejects.toThrow(
        'must be one of vpcs,',
      );
      await expect(control('PUT quotas', { quota: 'vpcs', limit: -1 })).rejects.toThrow('whole number');
      await expect(control('PUT quotas', { accountId: '7', quota: 'vpcs', limit: 1 })).rejects.toThrow(
        'twelve digits',
      );
    });
  });

  describe('rates', () => {
    afterEach(() => control('DELETE rates'));

    test('a bucket throttles one account, and says how often', async () => {
      const accountId = newAccount();
      const client = new CloudFormationClient(cloud.options(accountId));
      const other = new CloudFormationClient(cloud.options(newAccount()));
      const rule = { service: 'cloudformation', operation: 'DescribeStacks', perSecond: 0.001, burst: 2 };
      await control('PUT rates', rule);
      await client.send(new DescribeStacksCommand({}));
      await client.send(new DescribeStacksCommand({}));
      await expect(client.send(new DescribeStacksCommand({}))).rejects.toMatchObject({
        name: 'Throttling',
        message: 'Rate exceeded',
      });
      await client.send(new ListStacksCommand({}));
      await other.send(new DescribeStacksCommand({}));
      expect(await control('GET rates')).toMatchObject({
        rates: [
          {
            ...rule,
            buckets: [
              { accountId, granted: 2, refused: 1 },
              { granted: 1, refused: 0 },
            ],
          },
        ],
      });
      await control('PUT rates', { ...rule, perSecond: 1000, burst: 1 });
      await client.send(new DescribeStacksCommand({}));
    });

    test('each service says it in its own words', async () => {
      const accountId = newAccount();
      for (const service of ['ec2', 'kms'])
        await control('PUT rates', { service, accountId, perSecond: 0.001, burst: 1 });
      const ec2 = new EC2Client(cloud.options(accountId));
      const kms = new KMSClient(cloud.options(accountId));
      await ec2.send(new DescribeVpcsCommand({}));
      await kms.send(new ListKeysCommand({}));
      await expect(ec2.send(new DescribeVpcsCommand({}))).rejects.toMatchObject({
        name: 'RequestLimitExceeded',
        $metadata: { httpStatusCode: 503 },
      });
      await expect(kms.send(new ListKeysCommand({}))).rejects.toMatchObject({ name: 'ThrottlingException' });
    });

    test('calls are counted, in all and in the busiest second', async () => {
      await control('DELETE calls');
      const ec2 = new EC2Client(cloud.options(newAccount()));
      for (let call = 0; call < 3; call += 1) await ec2.send(new DescribeVpcsCommand({}));
      const { calls, busiestSecond } = await control('GET calls');
      expect(calls).toEqual({ 'ec2:DescribeVpcs': 3 });
      const busiest = (busiestSecond as Record<string, number>)['ec2:DescribeVpcs'] ?? 0;
      expect(busiest).toBeGreaterThanOrEqual(1);
      expect(busiest).toBeLessThanOrEqual(3);
    });

    test('a wrong one is refused', async () => {
      await expect(control('PUT rates', { service: 'kms', perSecond: 0 })).rejects.toThrow('more than 0');
      await expect(control('PUT rates', { perSecond: 1 })).rejects.toThrow('"service"');
    });
  });

  describe('the clock', () => {
    test('thirty days pass, a key whose deletion was scheduled is gone, and keys of callers still work', async () => {
      const accountId = newAccount();
      const kms = new KMSClient(cloud.options(accountId));
      const iam = new IAMClient(cloud.options(accountId));
      const makeKey = async (name: string) => {
        const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
        const KeyId = KeyMetadata?.KeyId ?? '';
        await kms.send(new CreateAliasCommand({ AliasName: `alias/${name}`, TargetKeyId: KeyId }));
        return KeyId;
      };
      const [doomed, spared] = [await makeKey('doomed'), await makeKey('spared')];
      for (const KeyId of [doomed, spared])
        await kms.send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 30 }));
      const stateOf = async (KeyId: string) =>
        (await kms.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata?.KeyState;
      const { Role } = await iam.send(
        new CreateRoleCommand({ RoleName: 'caller', AssumeRolePolicyDocument: trust(accountId) }),
      );
      const { Credentials } = await new STSClient(cloud.options(accountId)).send(
        new AssumeRoleCommand({ RoleArn: Role?.Arn ?? '', RoleSessionName: 'before' }),
      );

      const before = Date.parse(String((await control('PUT clock', { advanceDays: 29 }))['now']));
      expect([await stateOf(doomed), await stateOf(spared)]).toEqual(['PendingDeletion', 'PendingDeletion']);
      await kms.send(new CancelKeyDeletionCommand({ KeyId: spared }));
      expect(await stateOf(spared)).toBe('Disabled');
      await kms.send(new EnableKeyCommand({ KeyId: spared }));
      await cloud.restart();
      expect(Date.parse(String((await control('GET clock'))['now']))).toBeGreaterThanOrEqual(before);
      await control('PUT clock', { advanceDays: 1 });
      const again = new KMSClient(cloud.options(accountId));
      await expect(again.send(new DescribeKeyCommand({ KeyId: doomed }))).rejects.toMatchObject({
        name: 'NotFoundException',
        message: `Key 'arn:aws:kms:us-east-1:${accountId}:key/${doomed}' does not exist`,
      });
      const { Aliases = [] } = await again.send(new ListAliasesCommand({}));
      const names = Aliases.map(({ AliasName }) => AliasName);
      expect(names).toContain('alias/spared');
      expect(names).not.toContain('alias/doomed');
      const session = new STSClient({
        ...cloud.options(),
        credentials: {
          accessKeyId: Credentials?.AccessKeyId ?? '',
          secretAccessKey: Credentials?.SecretAccessKey ?? '',
          sessionToken: Credentials?.SessionToken ?? '',
        },
      });
      await expect(session.send(new GetCallerIdentityCommand({}))).resolves.toBeDefined();
    });

    test('it never goes back', async () => {
      await expect(control('PUT clock', { to: '2020-01-01T00:00:00Z' })).rejects.toThrow('only goes forward');
      await expect(control('PUT clock', { advanceSeconds: -1 })).rejects.toThrow('only goes forward');
      await expect(control('PUT clock', { advance: 1 })).rejects.toThrow('give one of');
    });
  });

  describe('eventual consistency', () => {
    afterEach(() => control('DELETE consistency'));

    test('a new resource is not seen by the first reads, each of which says so in its own words', async () => {
      const accountId = newAccount();
      const kms = new KMSClient(cloud.options(accountId));
      const iam = new IAMClient(cloud.options(accountId));
      const { KeyMetadata: old } = await kms.send(new CreateKeyCommand({}));
      await control('POST consistency', { resourceType: 'AWS::KMS::Key', reads: 2 });
      await control('POST consistency', { resourceType: 'AWS::IAM::Role', operation: 'GetRole', reads: 1 });
      const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
      const describe = (KeyId = '') => kms.send(new DescribeKeyCommand({ KeyId }));
      await expect(describe(KeyMetadata?.KeyId)).rejects.toMatchObject({ name: 'NotFoundException' });
      expect((await kms.send(new ListKeysCommand({}))).Keys?.map(({ KeyId }) => KeyId)).toEqual([old?.KeyId]);
      await expect(describe(KeyMetadata?.KeyId)).resolves.toBeDefined();
      await iam.send(new CreateRoleCommand({ RoleName: 'new', AssumeRolePolicyDocument: trust(accountId) }));
      const role = () => iam.send(new GetRoleCommand({ RoleName: 'new' }));
      await expect(role()).rejects.toMatchObject({ name: 'NoSuchEntityException' });
      await expect(role()).resolves.toBeDefined();
    });

    test('for a while, and not for what makes it', async () => {
      const client = new CloudFormationClient(cloud.options(newAccount()));
      await control('POST consistency', { resourceType: 'AWS::CloudFormation::Stack', ms: 600_000 });
      const TemplateBody = JSON.stringify({
        Resources: { Vpc: { Type: 'AWS::EC2::VPC', Properties: { CidrBlock: '10.0.0.0/16' } } },
      });
      await client.send(new CreateStackCommand({ StackName: 'unseen', TemplateBody }));
      await expect(client.send(new DescribeStacksCommand({ StackName: 'unseen' }))).rejects.toThrow(
        'Stack with id unseen does not exist',
      );
      await control('DELETE consistency');
      expect((await settled(client, 'unseen')).StackStatus).toBe('CREATE_COMPLETE');
    });

    test('a wrong rule is refused', async () => {
      const rule = { resourceType: 'AWS::KMS::Key' };
      await expect(control('POST consistency', rule)).rejects.toThrow('either "ms" or "reads"');
      await expect(control('POST consistency', { ...rule, operation: 'CreateKey', ms: 1 })).rejects.toThrow(
        'one that reads',
      );
      await expect(control('POST consistency', { resourceType: 'AWS::Moon', ms: 1 })).rejects.toThrow(
        '"resourceType" must be one of',
      );
    });
  });

  describe('latency', () => {
    afterEach(() => control('PUT latency', { profile: 'none' }));
    const network = (count: number) => ({
      Resources: Object.fromEntries(
        Array.from({ length: count }, (_, at) => [
          `Vpc${at}`,
          { Type: 'AWS::EC2::VPC', Properties: { CidrBlock: `10.${at}.0.0/16` } },
        ]),
      ),
    });

    test('a resource exists before it is stable, and a creation that is given up removes it', async () => {
      const accountId = newAccount();
      const client = new CloudFormationClient(cloud.options(accountId));
      const ec2 = new EC2Client(cloud.options(accountId));
      expect(await control('PUT latency', { profile: 'aws', timeScale: 1 })).toMatchObject({
        profile: 'aws',
        timeScale: 1,
        seconds: {
          'AWS::RDS::DBInstance': { create: 480 },
          'AWS::RDS::DBInstance (MultiAZ)': { create: 840 },
        },
      });
      const TemplateBody = JSON.stringify(network(1));
      const { StackId = '' } = await client.send(new CreateStackCommand({ StackName: 'slow', TemplateBody }));
      while ((await ec2.send(new DescribeVpcsCommand({}))).Vpcs?.length !== 1)
        await new Promise((resolve) => setTimeout(resolve, 5));
      const { Stacks = [] } = await client.send(new DescribeStacksCommand({ StackName: 'slow' }));
      expect(Stacks[0]?.StackStatus).toBe('CREATE_IN_PROGRESS');
      await control('PUT latency', { profile: 'none' });
      await client.send(new DeleteStackCommand({ StackName: 'slow' }));
      expect((await settled(client, StackId)).StackStatus).toBe('DELETE_COMPLETE');
      expect((await ec2.send(new DescribeVpcsCommand({}))).Vpcs).toEqual([]);
    });

    test('it goes by the scale', async () => {
      const client = new CloudFormationClient(cloud.options(newAccount()));
      await control('PUT latency', { profile: 'aws', timeScale: 0.001 });
      const TemplateBody = JSON.stringify(network(2));
      await client.send(new CreateStackCommand({ StackName: 'quick', TemplateBody }));
      expect((await settled(client, 'quick')).StackStatus).toBe('CREATE_COMPLETE');
      const { StackEvents = [] } = await client.send(new DescribeStackEventsCommand({ StackName: 'quick' }));
      const at = (status: string) =>
        StackEvents.find(
          (event) => event.LogicalResourceId === 'Vpc0' && event.ResourceStatus === status,
        )?.Timestamp?.getTime() ?? Number.NaN;
      expect(at('CREATE_COMPLETE') - at('CREATE_IN_PROGRESS')).toBeGreaterThanOrEqual(11);
    });

    test('a wrong one is refused', async () => {
      await expect(control('PUT latency', { profile: 'moon' })).rejects.toThrow('must be aws or none');
      await expect(control('PUT latency', { profile: 'aws', timeScale: 0 })).rejects.toThrow('more than 0');
    });
  });

  test('an unknown control is answered with what there is', async () => {
    await expect(control('GET moons')).rejects.toThrow('GET health, GET calls,');
  });
});
