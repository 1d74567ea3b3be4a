import {
  DescribeSecurityGroupsCommand,
  DescribeVpcEndpointsCommand,
  RevokeSecurityGroupEgressCommand,
  RevokeSecurityGroupIngressCommand,
} from '@aws-sdk/client-ec2';
import {
  DescribeLoadBalancerAttributesCommand,
  ElasticLoadBalancingV2Client,
  ModifyLoadBalancerAttributesCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import {
  AttachRolePolicyCommand,
  DetachRolePolicyCommand,
  GetPolicyCommand,
  GetRoleCommand,
  IAMClient,
} from '@aws-sdk/client-iam';
import {
  attachInternetGateway,
  type Clients,
  createResource,
  handlerOf,
  newKey,
  newNetwork,
  refusal,
  resourceContext,
  TestCloud,
} from './fixtures/services-data-cloud.ts';

type Properties = Record<string, unknown>;

const trust = {
  Version: '2012-10-17',
  Statement: [
    { Effect: 'Allow', Principal: { Service: 'ecs-tasks.amazonaws.com' }, Action: 'sts:AssumeRole' },
  ],
};
const allowing = (...actions: string[]) => ({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: actions, Resource: '*' }],
});

describe('who may do what, in the sandbox', () => {
  let cloud: TestCloud;
  let clients: Clients;
  let iam: IAMClient;
  let elb: ElasticLoadBalancingV2Client;

  beforeAll(async () => {
    cloud = await new TestCloud().start();
    clients = cloud.clients();
    const options = cloud.options();
    iam = new IAMClient(options);
    elb = new ElasticLoadBalancingV2Client(options);
  });
  afterAll(() => cloud.stop());

  const create = (type: string, logicalId: string, properties: Properties) =>
    createResource(cloud, type, logicalId, properties);
  const remove = async (type: string, id: string, properties: Properties = {}) =>
    handlerOf(type).delete(id, properties, resourceContext(cloud, 'Removed'));
  const policy = (logicalId: string, PolicyDocument: object) =>
    create('AWS::IAM::ManagedPolicy', logicalId, { Path: '/lumenality/maple/', PolicyDocument });
  const role = (logicalId: string, properties: Properties = {}) =>
    create('AWS::IAM::Role', logicalId, { AssumeRolePolicyDocument: trust, ...properties });

  test('a managed policy is attached to roles, and stays while one has it', async () => {
    const { physicalId: PolicyArn } = await policy('App', allowing('s3:GetObject'));
    const { physicalId: RoleName } = await role('AppRole', { ManagedPolicyArns: [PolicyArn] });
    expect((await iam.send(new GetPolicyCommand({ PolicyArn }))).Policy).toMatchObject({
      AttachmentCount: 1,
    });
    expect((await refusal(remove('AWS::IAM::ManagedPolicy', PolicyArn))).message).toContain('attached');
    const attach = (arn: string) => iam.send(new AttachRolePolicyCommand({ RoleName, PolicyArn: arn }));
    for (const arn of [`${PolicyArn}-other`, 'arn:aws:iam::aws:policy/AdministratorAcess'])
      expect((await refusal(attach(arn))).name).toBe('NoSuchEntityException');
    await attach('arn:aws:iam::aws:policy/ReadOnlyAccess');
    await iam.send(new DetachRolePolicyCommand({ RoleName, PolicyArn }));
    await remove('AWS::IAM::ManagedPolicy', PolicyArn);
    expect((await refusal(iam.send(new GetPolicyCommand({ PolicyArn })))).name).toBe('NoSuchEntityException');
  });

  test('policies have a size, and a role has so many', async () => {
    const long = Array.from({ length: 300 }, (_, at) => `service:OperationNumber${at}`);
    expect((await refusal(policy('Long', allowing(...long)))).message).toContain('PolicySize: 6144');
    const inline = {
      Policies: [1, 2, 3].map((at) => ({
        PolicyName: `p${at}`,
        PolicyDocument: allowing(...long.slice(0, 140)),
      })),
    };
    expect((await refusal(role('Inline', inline))).message).toContain('10240 bytes');
    const many = await Promise.all(
      Array.from({ length: 11 }, (_, at) => policy(`Policy${at}`, allowing('s3:GetObject'))),
    );
    const ManagedPolicyArns = many.map((one) => one.physicalId);
    expect((await refusal(role('Many', { ManagedPolicyArns }))).message).toContain('PoliciesPerRole: 10');
  });

  test('a boundary is a policy that exists, and stays while a role is bounded by it', async () => {
    const PermissionsBoundary = 'arn:aws:iam::111122223333:policy/nobody';
    expect((await refusal(role('Unbounded', { PermissionsBoundary }))).message).toContain('Scope ARN');
    const { physicalId: boundary } = await policy('Boundary', allowing('s3:*'));
    const { physicalId: RoleName } = await role('Bounded', { PermissionsBoundary: boundary });
    expect((await iam.send(new GetRoleCommand({ RoleName }))).Role?.PermissionsBoundary).toMatchObject({
      PermissionsBoundaryArn: boundary,
    });
    expect((await refusal(remove('AWS::IAM::ManagedPolicy', boundary))).message).toContain('attached');
    await remove('AWS::IAM::Role', RoleName);
    await remove('AWS::IAM::ManagedPolicy', boundary);
  });

  describe('a load balancer', () => {
    let properties: Properties;

    beforeAll(async () => {
      const network = await newNetwork(clients);
      await attachInternetGateway(clients, network.vpcId);
      properties = { Subnets: network.subnetIds, SecurityGroups: [network.securityGroupId] };
    });

    const loggingTo = (bucket: string) => [
      { Key: 'access_logs.s3.enabled', Value: 'true' },
      { Key: 'access_logs.s3.bucket', Value: bucket },
      { Key: 'access_logs.s3.prefix', Value: 'load-balancer' },
    ];
    const balancer = (logicalId: string, LoadBalancerAttributes: object[]) =>
      create('AWS::ElasticLoadBalancingV2::LoadBalancer', logicalId, {
        ...properties,
        LoadBalancerAttributes,
      });
    const admit = (Bucket: string, statement: object = {}) =>
      create('AWS::S3::BucketPolicy', `PolicyOf${Bucket}`, {
        Bucket,
        PolicyDocument: {
          Statement: [
            {
              Effect: 'Allow',
              Principal: { Service: 'logdelivery.elasticloadbalancing.amazonaws.com' },
              Action: 's3:PutObject',
              Resource: `arn:aws:s3:::${Bucket}/load-balancer/AWSLogs/111122223333/*`,
              ...statement,
            },
            {
              Effect: 'Deny',
              Principal: '*',
              Action: 's3:*',
              Resource: `arn:aws:s3:::${Bucket}/*`,
              Condition: { Bool: { 'aws:SecureTransport': 'false' } },
            },
          ],
        },
      });
    const bucket = (BucketName: string, more: Properties = {}) =>
      create('AWS::S3::Bucket', BucketName, { BucketName, ...more });

    test('logs only to a bucket that lets it', async () => {
      const refused = async (name: string) => (await refusal(balancer('Refused', loggingTo(name)))).message;
      expect(await refused('nobody')).toContain('Access Denied for bucket: nobody');
      await bucket('no-policy');
      expect(await refused('no-policy')).toContain('its policy does not let');
      await bucket('other-account');
      await admit('other-account', { Condition: { StringEquals: { 'aws:SourceAccount': '444455556666' } } });
      expect(await refused('other-account')).toContain('its policy does not let');
      const encrypted = { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: await newKey(clients) };
      await bucket('under-a-key', {
        BucketEncryption: {
          ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: encrypted }],
        },
      });
      await admit('under-a-key');
      expect(await refused('under-a-key')).toContain('SSE-S3 only');

      await bucket('open');
      await admit('open', { Condition: { ArnLike: { 'aws:SourceArn': 'arn:aws:elasticloadbalancing:*' } } });
      const made = await balancer('Logging', loggingTo('open'));
      const asked = new DescribeLoadBalancerAttributesCommand({ LoadBalancerArn: made.physicalId });
      expect((await elb.send(asked)).Attributes).toEqual(expect.arrayContaining(loggingTo('open')));
    });

    test.each([
      ['deletion_protection.enabled', 'yes'],
      ['routing.http.desync_mitigation_mode', 'strict'],
      ['idle_timeout.timeout_seconds', '0'],
    ])('takes no %s of %s', async (Key, Value) => {
      expect((await refusal(balancer(`Refused${Value}`, [{ Key, Value }]))).message).toContain(
        `'${Value}' for '${Key}'`,
      );
    });

    test('is not deleted while it is protected', async () => {
      const type = 'AWS::ElasticLoadBalancingV2::LoadBalancer';
      const protect = (Value: string) => [{ Key: 'deletion_protection.enabled', Value }];
      const { physicalId } = await balancer('Protected', protect('true'));
      expect((await refusal(remove(type, physicalId))).message).toContain('deletion protection is enabled');
      await elb.send(
        new ModifyLoadBalancerAttributesCommand({
          LoadBalancerArn: physicalId,
          Attributes: protect('false'),
        }),
      );
      await remove(type, physicalId);
      const asked = new DescribeLoadBalancerAttributesCommand({ LoadBalancerArn: physicalId });
      expect((await refusal(elb.send(asked))).name).toBe('LoadBalancerNotFoundException');
    });
  });

  test('an endpoint has the policy that its template gives, and one that lets everything through without', async () => {
    const { vpcId } = await newNetwork(clients);
    const endpoint = (logicalId: string, properties: Properties = {}) =>
      create('AWS::EC2::VPCEndpoint', logicalId, {
        VpcId: vpcId,
        ServiceName: 'com.amazonaws.us-east-1.s3',
        VpcEndpointType: 'Gateway',
        ...properties,
      });
    const policyOf = async (id: string) => {
      const asked = new DescribeVpcEndpointsCommand({ VpcEndpointIds: [id] });
      const [found] = (await clients.ec2.send(asked)).VpcEndpoints ?? [];
      return JSON.parse(found?.PolicyDocument ?? '') as unknown;
    };
    const open = await endpoint('Open');
    expect(await policyOf(open.physicalId)).toMatchObject({ Statement: [{ Action: '*', Resource: '*' }] });
    const [statement] = allowing('s3:GetObject').Statement;
    const PolicyDocument = { Statement: [{ ...statement, Principal: '*' }] };
    const narrow = await endpoint('Narrow', { PolicyDocument });
    expect(await policyOf(narrow.physicalId)).toEqual(PolicyDocument);
    const nobody = { PolicyDocument: { Statement: [statement] } };
    expect((await refusal(endpoint('Nobody', nobody))).message).toContain('needs a Principal');
  });

  test("a VPC's default security group is open until its rules are revoked", async () => {
    const { vpcId } = await newNetwork(clients);
    const Filters = [
      { Name: 'vpc-id', Values: [vpcId] },
      { Name: 'group-name', Values: ['default'] },
    ];
    const group = async () =>
      (await clients.ec2.send(new DescribeSecurityGroupsCommand({ Filters }))).SecurityGroups?.[0];
    const open = await group();
    const GroupId = open?.GroupId;
    expect(open).toMatchObject({
      IpPermissions: [{ IpProtocol: '-1', UserIdGroupPairs: [{ GroupId }] }],
      IpPermissionsEgress: [{ IpProtocol: '-1', IpRanges: [{ CidrIp: '0.0.0.0/0' }] }],
    });
    const closeIn = () =>
      clients.ec2.send(
        new RevokeSecurityGroupIngressCommand({ GroupId, IpPermissions: open?.IpPermissions }),
      );
    const revoked = await closeIn();
    expect(revoked.RevokedSecurityGroupRules).toMatchObject([
      { GroupId, IsEgress: false, ReferencedGroupId: GroupId },
    ]);
    const IpPermissions = open?.IpPermissionsEgress;
    await clients.ec2.send(new RevokeSecurityGroupEgressCommand({ GroupId, IpPermissions }));
    expect(await group()).toMatchObject({ IpPermissions: [], IpPermissionsEgress: [] });
    expect((await refusal(closeIn())).name).toBe('InvalidPermission.NotFound');
  });
});
