import {
  AcceptVpcPeeringConnectionCommand,
  AuthorizeSecurityGroupIngressCommand,
  CreateFlowLogsCommand,
  CreateRouteCommand,
  CreateSecurityGroupCommand,
  CreateSubnetCommand,
  CreateTagsCommand,
  CreateVpcCommand,
  CreateVpcEndpointCommand,
  CreateVpcPeeringConnectionCommand,
  DeleteSecurityGroupCommand,
  DeleteSubnetCommand,
  DeleteVpcCommand,
  DescribeNetworkInterfacesCommand,
  DescribeRouteTablesCommand,
  DescribeSecurityGroupsCommand,
  DescribeSubnetsCommand,
  DescribeTagsCommand,
  DescribeTransitGatewayVpcAttachmentsCommand,
  DescribeVpcEndpointsCommand,
  DescribeVpcPeeringConnectionsCommand,
  DescribeVpcsCommand,
  ModifyVpcAttributeCommand,
  paginateDescribeVpcs,
} from '@aws-sdk/client-ec2';
import type { ResourceOutcome } from '../../lib/sandbox/model.ts';
import { type ComputeClients, computeClients, newVpc } from './fixtures/services-compute-cloud.ts';
import { handlerOf, refusal, resourceContext, TestCloud } from './fixtures/services-data-cloud.ts';

let cloud: TestCloud;
let clients: ComputeClients;

beforeAll(async () => {
  cloud = await new TestCloud().start();
});

let account = 100_000_000_000;

/** Each test has an account of its own, so that none sees another's resources. */
beforeEach(() => {
  account += 1;
  clients = computeClients(cloud.sandbox.endpoint, String(account));
});

afterAll(() => cloud.stop());

const context = (logicalId: string) => ({ ...resourceContext(cloud, logicalId), accountId: String(account) });

async function create(
  type: string,
  logicalId: string,
  properties: Record<string, unknown>,
): Promise<ResourceOutcome> {
  return handlerOf(type).create(properties, context(logicalId));
}

describe('EC2', () => {
  test('a VPC is born with a main route table, a default group and a default ACL, and takes them along', async () => {
    const { vpcId, subnetIds, securityGroupId } = await newVpc(clients);
    const tables = await clients.ec2.send(
      new DescribeRouteTablesCommand({ Filters: [{ Name: 'association.main', Values: ['true'] }] }),
    );
    expect(tables.RouteTables?.[0]?.Routes).toMatchObject([
      { DestinationCidrBlock: '10.0.0.0/16', GatewayId: 'local' },
    ]);

    expect(await refusal(clients.ec2.send(new DeleteVpcCommand({ VpcId: vpcId })))).toEqual({
      name: 'DependencyViolation',
      message: `The vpc '${vpcId}' has dependencies and cannot be deleted.`,
    });
    for (const SubnetId of subnetIds) await clients.ec2.send(new DeleteSubnetCommand({ SubnetId }));
    await clients.ec2.send(new DeleteSecurityGroupCommand({ GroupId: securityGroupId }));
    await clients.ec2.send(new DeleteVpcCommand({ VpcId: vpcId }));
    expect((await clients.ec2.send(new DescribeRouteTablesCommand({}))).RouteTables).toEqual([]);
    expect((await clients.ec2.send(new DescribeSecurityGroupsCommand({}))).SecurityGroups).toEqual([]);
    expect(await refusal(clients.ec2.send(new DescribeVpcsCommand({ VpcIds: [vpcId] })))).toEqual({
      name: 'InvalidVpcID.NotFound',
      message: `The vpc ID '${vpcId}' does not exist`,
    });
  });

  test('subnets lie in their VPC and do not overlap', async () => {
    const { vpcId } = await newVpc(clients);
    const subnet = (CidrBlock: string) =>
      clients.ec2.send(new CreateSubnetCommand({ VpcId: vpcId, CidrBlock }));
    expect(await refusal(subnet('10.1.0.0/24'))).toMatchObject({ name: 'InvalidSubnet.Range' });
    expect(await refusal(subnet('10.0.1.128/25'))).toMatchObject({ name: 'InvalidSubnet.Conflict' });
    expect(await refusal(subnet('10.0.1.1/24'))).toMatchObject({ name: 'InvalidParameterValue' });
  });

  test('a peering connection and the route over it are seen from both sides', async () => {
    const { vpcId } = await newVpc(clients);
    const other = await clients.ec2.send(new CreateVpcCommand({ CidrBlock: '10.9.0.0/16' }));
    const none = await clients.ec2.send(new DescribeVpcPeeringConnectionsCommand({}));
    expect(none.VpcPeeringConnections).toEqual([]);

    const made = await clients.ec2.send(
      new CreateVpcPeeringConnectionCommand({ VpcId: vpcId, PeerVpcId: other.Vpc?.VpcId }),
    );
    const VpcPeeringConnectionId = made.VpcPeeringConnection?.VpcPeeringConnectionId;
    await clients.ec2.send(new AcceptVpcPeeringConnectionCommand({ VpcPeeringConnectionId }));
    const found = await clients.ec2.send(
      new DescribeVpcPeeringConnectionsCommand({
        Filters: [{ Name: 'accepter-vpc-info.vpc-id', Values: [other.Vpc?.VpcId ?? ''] }],
      }),
    );
    expect(found.VpcPeeringConnections).toMatchObject([
      { VpcPeeringConnectionId, Status: { Code: 'active' } },
    ]);

    const tables = await clients.ec2.send(
      new DescribeRouteTablesCommand({ Filters: [{ Name: 'vpc-id', Values: [vpcId] }] }),
    );
    const RouteTableId = tables.RouteTables?.[0]?.RouteTableId;
    await clients.ec2.send(
      new CreateRouteCommand({ RouteTableId, DestinationCidrBlock: '10.9.0.0/16', VpcPeeringConnectionId }),
    );
    const routed = await clients.ec2.send(
      new DescribeRouteTablesCommand({
        Filters: [{ Name: 'route.vpc-peering-connection-id', Values: ['pcx-*'] }],
      }),
    );
    expect(routed.RouteTables?.map((table) => table.VpcId)).toEqual([vpcId]);
    expect(
      (await clients.ec2.send(new DescribeTransitGatewayVpcAttachmentsCommand({})))
        .TransitGatewayVpcAttachments,
    ).toEqual([]);
  });

  test('security group rules: grouped, not twice, and a group that a rule names stays', async () => {
    const { vpcId, securityGroupId } = await newVpc(clients);
    const input = { VpcId: vpcId, GroupName: 'database', Description: 'database' };
    const GroupId = (await clients.ec2.send(new CreateSecurityGroupCommand(input))).GroupId;
    const IpPermissions = [
      { IpProtocol: 'tcp', FromPort: 5432, ToPort: 5432, UserIdGroupPairs: [{ GroupId: securityGroupId }] },
      {
        IpProtocol: 'tcp',
        FromPort: 5432,
        ToPort: 5432,
        IpRanges: [{ CidrIp: '10.0.0.0/24', Description: 'app' }],
      },
    ];
    await clients.ec2.send(new AuthorizeSecurityGroupIngressCommand({ GroupId, IpPermissions }));
    expect(
      await refusal(clients.ec2.send(new AuthorizeSecurityGroupIngressCommand({ GroupId, IpPermissions }))),
    ).toMatchObject({
      name: 'InvalidPermission.Duplicate',
      message: expect.stringMatching(
        /^the specified rule "peer: sg-\w+, TCP, from port: 5432, to port: 5432, ALLOW" already exists$/,
      ),
    });
    const { SecurityGroups } = await clients.ec2.send(
      new DescribeSecurityGroupsCommand({ Filters: [{ Name: 'group-name', Values: ['data*'] }] }),
    );
    expect(SecurityGroups).toMatchObject([
      {
        IpPermissions: [
          {
            FromPort: 5432,
            UserIdGroupPairs: [{ GroupId: securityGroupId }],
            IpRanges: [{ CidrIp: '10.0.0.0/24', Description: 'app' }],
          },
        ],
        IpPermissionsEgress: [{ IpProtocol: '-1', IpRanges: [{ CidrIp: '0.0.0.0/0' }] }],
      },
    ]);
    expect(
      await refusal(clients.ec2.send(new DeleteSecurityGroupCommand({ GroupId: securityGroupId }))),
    ).toEqual({
      name: 'DependencyViolation',
      message: `resource ${securityGroupId} has a dependent object`,
    });
  });

  test('an interface endpoint needs DNS in the VPC, and holds its subnets and groups', async () => {
    const { vpcId, subnetIds, securityGroupId } = await newVpc(clients);
    const endpoint = (ServiceName: string) =>
      clients.ec2.send(
        new CreateVpcEndpointCommand({
          VpcId: vpcId,
          ServiceName,
          VpcEndpointType: 'Interface',
          SubnetIds: subnetIds,
          SecurityGroupIds: [securityGroupId],
        }),
      );
    expect(await refusal(endpoint('com.amazonaws.us-east-1.kms'))).toMatchObject({
      message: expect.stringContaining('requires both enableDnsSupport and enableDnsHostnames'),
    });
    await clients.ec2.send(
      new ModifyVpcAttributeCommand({ VpcId: vpcId, EnableDnsHostnames: { Value: true } }),
    );
    await endpoint('com.amazonaws.us-east-1.kms');
    expect(await refusal(endpoint('com.amazonaws.us-east-1.kms'))).toMatchObject({
      message: expect.stringContaining('already a conflicting DNS domain for kms.us-east-1.amazonaws.com'),
    });
    expect(await refusal(endpoint('com.amazonaws.us-east-1.kmz'))).toMatchObject({
      name: 'InvalidServiceName',
    });
    const { VpcEndpoints } = await clients.ec2.send(new DescribeVpcEndpointsCommand({}));
    expect(VpcEndpoints).toMatchObject([
      { State: 'available', PrivateDnsEnabled: true, Groups: [{ GroupId: securityGroupId }] },
    ]);
    const { NetworkInterfaces } = await clients.ec2.send(
      new DescribeNetworkInterfacesCommand({ Filters: [{ Name: 'group-id', Values: [securityGroupId] }] }),
    );
    expect(NetworkInterfaces?.map((card) => card.PrivateIpAddress)).toEqual(
      expect.arrayContaining(['10.0.0.4', '10.0.1.4']),
    );
    expect(
      await refusal(clients.ec2.send(new DeleteSubnetCommand({ SubnetId: subnetIds[0] }))),
    ).toMatchObject({
      name: 'DependencyViolation',
    });
    const { Subnets } = await clients.ec2.send(
      new DescribeSubnetsCommand({ SubnetIds: subnetIds.slice(0, 1) }),
    );
    expect(Subnets?.[0]?.AvailableIpAddressCount).toBe(250);
  });

  test('tags are one thing, whichever way they are read; pages and filters hold', async () => {
    const ids = [];
    for (let made = 0; made < 7; made += 1)
      ids.push((await clients.ec2.send(new CreateVpcCommand({ CidrBlock: '10.0.0.0/16' }))).Vpc?.VpcId ?? '');
    const Tags = [{ Key: 'lumenality:practice', Value: 'bright-steps' }];
    await clients.ec2.send(new CreateTagsCommand({ Resources: ids.slice(0, 1), Tags }));
    const tagged = await clients.ec2.send(
      new DescribeVpcsCommand({ Filters: [{ Name: 'tag:lumenality:practice', Values: ['bright-*'] }] }),
    );
    expect(tagged.Vpcs).toMatchObject([{ VpcId: ids[0], Tags }]);
    expect((await clients.ec2.send(new DescribeTagsCommand({}))).Tags).toMatchObject([
      { ResourceId: ids[0], ResourceType: 'vpc' },
    ]);

    const pages = [];
    for await (const page of paginateDescribeVpcs({ client: clients.ec2, pageSize: 5 }, {}))
      pages.push(page.Vpcs ?? []);
    expect(pages.map((page) => page.length)).toEqual([5, 2]);
    expect(new Set(pages.flat().map((vpc) => vpc.VpcId))).toEqual(new Set(ids));
    const wrong = new DescribeVpcsCommand({ Filters: [{ Name: 'colour', Values: ['red'] }] });
    expect(await refusal(clients.ec2.send(wrong))).toEqual({
      name: 'InvalidParameterValue',
      message: `The filter 'colour' is invalid`,
    });
  });

  test('a flow log to CloudWatch needs a role', async () => {
    const { vpcId } = await newVpc(clients);
    const command = new CreateFlowLogsCommand({
      ResourceIds: [vpcId],
      ResourceType: 'VPC',
      TrafficType: 'ALL',
      LogGroupName: 'flow',
    });
    expect(await refusal(clients.ec2.send(command))).toMatchObject({
      message: 'DeliverLogsPermissionArn can not be empty.',
    });
  });

  test('a CloudFormation attempt that is repeated finds what the first one made; an update changes rules in place', async () => {
    const vpc = await create('AWS::EC2::VPC', 'Vpc', {
      CidrBlock: '10.0.0.0/16',
      EnableDnsHostnames: 'true',
    });
    expect(
      await create('AWS::EC2::VPC', 'Vpc', { CidrBlock: '10.0.0.0/16', EnableDnsHostnames: 'true' }),
    ).toEqual(vpc);
    expect(vpc.attributes).toMatchObject({
      CidrBlock: '10.0.0.0/16',
      DefaultSecurityGroup: expect.stringMatching(/^sg-/),
      DefaultNetworkAcl: expect.stringMatching(/^acl-/),
    });
    const before = {
      GroupDescription: 'app',
      VpcId: vpc.physicalId,
      SecurityGroupIngress: [{ IpProtocol: 'tcp', FromPort: '8080', ToPort: '8080', CidrIp: '10.0.0.0/24' }],
      SecurityGroupEgress: [{ IpProtocol: 'icmp', FromPort: 252, ToPort: 86, CidrIp: '255.255.255.255/32' }],
    };
    const group = await create('AWS::EC2::SecurityGroup', 'Group', before);
    await create('AWS::EC2::SecurityGroup', 'Group', before);
    const egress = {
      GroupId: group.physicalId,
      IpProtocol: 'tcp',
      FromPort: 443,
      ToPort: 443,
      CidrIp: '10.0.0.0/16',
    };
    await create('AWS::EC2::SecurityGroupEgress', 'Egress', egress);
    const after = {
      ...before,
      SecurityGroupIngress: [{ ...before.SecurityGroupIngress[0], CidrIp: '10.0.1.0/24' }],
    };
    // An update has a token of its own.
    await handlerOf('AWS::EC2::SecurityGroup').update(group.physicalId, after, before, {
      ...context('Group'),
      token: 'update',
    });
    const described = new DescribeSecurityGroupsCommand({ GroupIds: [group.physicalId] });
    const [shown] = (await clients.ec2.send(described)).SecurityGroups ?? [];
    expect(shown?.IpPermissions).toMatchObject([{ FromPort: 8080, IpRanges: [{ CidrIp: '10.0.1.0/24' }] }]);
    expect(shown?.IpPermissionsEgress?.map((rule) => rule.IpProtocol).sort()).toEqual(['icmp', 'tcp']);
    expect(shown?.Tags).toEqual([{ Key: 'lumenality:practice', Value: 'bright-steps' }]);
  });
});
