/** What CloudFormation does with each EC2 resource type: the API's own operations, and tags from the stack. */
import type { CreateRouteRequest, ReplaceRouteRequest } from '@aws-sdk/client-ec2';
import type { Call, ResourceContext, ResourceHandler } from '../../model.ts';
import { flagOf, listOf, numberOf, tagListOf, textOf } from '../properties.ts';
import { replaceTags } from './account.ts';
import * as endpoints from './endpoints.ts';
import {
  addresses,
  flowLogs,
  internetGateways,
  natGateways,
  networkAcls,
  routeTables,
  securityGroups,
  subnets,
  vpcEndpoints,
  vpcs as vpcKind,
} from './kinds.ts';
import { existing, find, type Kind, related, type Tagged } from './records.ts';
import * as routing from './routing.ts';
import { networkRuleResources, securityGroupResource } from './security-group-resources.ts';
import * as vpcs from './vpcs.ts';

type Properties = Record<string, unknown>;
type Attributes = Record<string, unknown>;

interface TaggedResource<T extends Tagged> {
  readonly type: string;
  readonly of: Kind<T>;
  readonly fidelity?: ResourceHandler['fidelity'];
  /** Makes it, or finds what the same token has made before, and returns its id. */
  create(properties: Properties, context: ResourceContext): string;
  update?(id: string, properties: Properties, context: ResourceContext): void;
  delete(id: string, context: ResourceContext): void;
  attributes(record: T, call: Call): Attributes;
  /** The live properties, without the tags. */
  readonly read?: (record: T, context: ResourceContext) => Properties;
}

/** A resource whose `Ref` is the id of one tagged EC2 record. */
function tagged<T extends Tagged>(resource: TaggedResource<T>): ResourceHandler {
  const outcome = (id: string, properties: Properties, context: ResourceContext) => {
    replaceTags(id, tagListOf(properties, context), context);
    return { physicalId: id, attributes: resource.attributes(existing(resource.of, id, context), context) };
  };
  const { read } = resource;
  return {
    type: resource.type,
    fidelity: resource.fidelity ?? 'behaves',
    ...(read && {
      read(id: string, _properties: Properties, context: ResourceContext) {
        const record = find(resource.of, id, context);
        return Promise.resolve(record && { ...read(record, context), Tags: record.Tags });
      },
    }),
    create(properties, context) {
      const id = resource.create(properties, context);
      resource.update?.(id, properties, context);
      return outcome(id, properties, context);
    },
    update(id, properties, _previous, context) {
      resource.update?.(id, properties, context);
      return outcome(id, properties, context);
    },
    delete(id, _properties, context) {
      if (find(resource.of, id, context) !== undefined) resource.delete(id, context);
    },
  };
}

const vpc = tagged({
  type: 'AWS::EC2::VPC',
  of: vpcKind,
  create: (p, c) => {
    const input = { CidrBlock: textOf(p['CidrBlock']), InstanceTenancy: p['InstanceTenancy'] as 'default' };
    return vpcs.createVpc(input, c, c.token).Vpc.VpcId ?? '';
  },
  update(VpcId, p, c) {
    const EnableDnsSupport = { Value: flagOf(p['EnableDnsSupport']) ?? true };
    const EnableDnsHostnames = { Value: flagOf(p['EnableDnsHostnames']) ?? false };
    vpcs.modifyVpcAttribute({ VpcId, EnableDnsSupport, EnableDnsHostnames }, c);
  },
  delete: (VpcId, c) => vpcs.deleteVpc({ VpcId }, c),
  read: ({ CidrBlock, EnableDnsSupport, EnableDnsHostnames, InstanceTenancy }) => ({
    CidrBlock,
    EnableDnsSupport,
    EnableDnsHostnames,
    InstanceTenancy,
  }),
  attributes(record, call) {
    const inVpc = (one: { VpcId?: string | undefined }) => one.VpcId === record.VpcId;
    return {
      VpcId: record.VpcId,
      CidrBlock: record.CidrBlock,
      CidrBlockAssociations: record.CidrBlockAssociationSet?.map((block) => block.AssociationId),
      Ipv6CidrBlocks: [],
      DefaultNetworkAcl: related(networkAcls, record.VpcId, call).find((acl) => inVpc(acl) && acl.IsDefault)
        ?.NetworkAclId,
      DefaultSecurityGroup: related(securityGroups, record.VpcId, call).find(
        (group) => inVpc(group) && group.IsDefault,
      )?.GroupId,
    };
  },
});

const subnet = tagged({
  type: 'AWS::EC2::Subnet',
  of: subnets,
  create: (p, c) => {
    const input = {
      VpcId: textOf(p['VpcId']),
      CidrBlock: textOf(p['CidrBlock']),
      AvailabilityZone: textOf(p['AvailabilityZone']),
      AvailabilityZoneId: textOf(p['AvailabilityZoneId']),
    };
    return vpcs.createSubnet(input, c, c.token).Subnet.SubnetId ?? '';
  },
  update(SubnetId, p, c) {
    const MapPublicIpOnLaunch = { Value: flagOf(p['MapPublicIpOnLaunch']) ?? false };
    vpcs.modifySubnetAttribute({ SubnetId, MapPublicIpOnLaunch }, c);
  },
  delete: (SubnetId, c) => vpcs.deleteSubnet({ SubnetId }, c),
  read: (record) => ({
    VpcId: record.VpcId,
    CidrBlock: record.CidrBlock,
    AvailabilityZone: record.AvailabilityZone,
    MapPublicIpOnLaunch: record.MapPublicIpOnLaunch,
  }),
  attributes: (record) => ({
    SubnetId: record.SubnetId,
    VpcId: record.VpcId,
    CidrBlock: record.CidrBlock,
    AvailabilityZone: record.AvailabilityZone,
    AvailabilityZoneId: record.AvailabilityZoneId,
    NetworkAclAssociationId: vpcs.aclAssociationId(record.SubnetId ?? ''),
    Ipv6CidrBlocks: [],
  }),
});

const routeTable = tagged({
  type: 'AWS::EC2::RouteTable',
  of: routeTables,
  create: (p, c) =>
    routing.createRouteTable({ VpcId: textOf(p['VpcId']) }, c, c.token).RouteTable.RouteTableId ?? '',
  delete: (RouteTableId, c) => routing.deleteRouteTable({ RouteTableId }, c),
  attributes: (record) => ({ RouteTableId: record.RouteTableId }),
});

const internetGateway = tagged({
  type: 'AWS::EC2::InternetGateway',
  of: internetGateways,
  create: (_p, c) => routing.createInternetGateway({}, c, c.token).InternetGateway.InternetGatewayId ?? '',
  delete: (InternetGatewayId, c) => routing.deleteInternetGateway({ InternetGatewayId }, c),
  attributes: (record) => ({ InternetGatewayId: record.InternetGatewayId }),
});

const elasticIp = tagged({
  type: 'AWS::EC2::EIP',
  of: addresses,
  fidelity: 'recorded',
  create: (_p, c) => routing.allocateAddress({}, c, c.token).AllocationId ?? '',
  delete: (AllocationId, c) => routing.releaseAddress({ AllocationId }, c),
  attributes: (record) => ({ AllocationId: record.AllocationId, PublicIp: record.PublicIp }),
});

const natGateway = tagged({
  type: 'AWS::EC2::NatGateway',
  of: natGateways,
  fidelity: 'recorded',
  create: (p, c) => {
    const input = {
      SubnetId: textOf(p['SubnetId']),
      AllocationId: textOf(p['AllocationId']),
      ConnectivityType: p['ConnectivityType'] as 'public',
    };
    return routing.createNatGateway(input, c, c.token).NatGateway.NatGatewayId ?? '';
  },
  delete: (NatGatewayId, c) => void routing.deleteNatGateway({ NatGatewayId }, c),
  attributes: (record) => ({ NatGatewayId: record.NatGatewayId }),
});

const vpcEndpoint = tagged({
  type: 'AWS::EC2::VPCEndpoint',
  of: vpcEndpoints,
  create: (p, c) => {
    const input = {
      VpcId: textOf(p['VpcId']),
      ServiceName: textOf(p['ServiceName']),
      VpcEndpointType: p['VpcEndpointType'] as 'Interface',
      PolicyDocument: textOf(p['PolicyDocument']),
      RouteTableIds: listOf(p['RouteTableIds']),
      SubnetIds: listOf(p['SubnetIds']),
      SecurityGroupIds: p['SecurityGroupIds'] as string[] | undefined,
      // The resource type's default differs from the API's ("AWS::EC2::VPCEndpoint").
      PrivateDnsEnabled: flagOf(p['PrivateDnsEnabled']) ?? false,
    };
    return endpoints.createVpcEndpoint(input, c, c.token).VpcEndpoint.VpcEndpointId ?? '';
  },
  update(VpcEndpointId, p, c) {
    const now = existing(vpcEndpoints, VpcEndpointId, c);
    const groups = now.Groups?.map((group) => group.GroupId ?? '') ?? [];
    const wantedGroups = p['SecurityGroupIds'] === undefined ? groups : listOf(p['SecurityGroupIds']);
    const less = (before: readonly string[] | undefined, after: readonly string[]) =>
      (before ?? []).filter((id) => !after.includes(id));
    endpoints.modifyVpcEndpoint(
      {
        VpcEndpointId,
        AddSubnetIds: listOf(p['SubnetIds']),
        RemoveSubnetIds: less(now.SubnetIds, listOf(p['SubnetIds'])),
        AddRouteTableIds: listOf(p['RouteTableIds']),
        RemoveRouteTableIds: less(now.RouteTableIds, listOf(p['RouteTableIds'])),
        AddSecurityGroupIds: wantedGroups,
        RemoveSecurityGroupIds: less(groups, wantedGroups),
        PolicyDocument: textOf(p['PolicyDocument']),
        ResetPolicy: p['PolicyDocument'] === undefined,
        PrivateDnsEnabled: flagOf(p['PrivateDnsEnabled']) ?? false,
      },
      c,
    );
  },
  delete: (id, c) => endpoints.deleteVpcEndpoint(id, c),
  read: (record) => ({
    VpcId: record.VpcId,
    ServiceName: record.ServiceName,
    VpcEndpointType: record.VpcEndpointType,
    PolicyDocument: record.PolicyDocument && (JSON.parse(record.PolicyDocument) as unknown),
    RouteTableIds: record.RouteTableIds,
    SubnetIds: record.SubnetIds,
    SecurityGroupIds: record.Groups?.map(({ GroupId }) => GroupId),
    PrivateDnsEnabled: record.PrivateDnsEnabled,
  }),
  attributes: (record) => ({
    Id: record.VpcEndpointId,
    CreationTimestamp: record.CreationTimestamp?.toISOString(),
    DnsEntries: record.DnsEntries?.map((entry) => `${entry.HostedZoneId ?? ''}:${entry.DnsName}`),
    NetworkInterfaceIds: record.NetworkInterfaceIds,
  }),
});

const flowLog = tagged({
  type: 'AWS::EC2::FlowLog',
  of: flowLogs,
  fidelity: 'recorded',
  create: (p, c) => {
    const input = {
      ResourceIds: listOf(p['ResourceId']),
      ResourceType: p['ResourceType'] as 'VPC',
      TrafficType: p['TrafficType'] as 'ALL',
      LogDestinationType: p['LogDestinationType'] as 's3',
      LogDestination: textOf(p['LogDestination']),
      LogGroupName: textOf(p['LogGroupName']),
      LogFormat: textOf(p['LogFormat']),
      DeliverLogsPermissionArn: textOf(p['DeliverLogsPermissionArn']),
      MaxAggregationInterval: numberOf(p['MaxAggregationInterval']),
    };
    return endpoints.createFlowLogs(input, c, c.token).FlowLogIds[0] ?? '';
  },
  delete: (id, c) => endpoints.deleteFlowLog(id, c),
  read: (record) => ({
    ResourceId: record.ResourceId,
    TrafficType: record.TrafficType,
    LogDestinationType: record.LogDestinationType,
    LogGroupName: record.LogGroupName,
    DeliverLogsPermissionArn: record.DeliverLogsPermissionArn,
  }),
  attributes: (record) => ({ Id: record.FlowLogId }),
});

const gatewayAttachment: ResourceHandler = {
  type: 'AWS::EC2::VPCGatewayAttachment',
  fidelity: 'behaves',
  create(p, c) {
    const VpcId = textOf(p['VpcId']) ?? '';
    const InternetGatewayId = textOf(p['InternetGatewayId']);
    const gateway = existing(internetGateways, InternetGatewayId, c);
    const attached = gateway.Attachments?.some((attachment) => attachment.VpcId === VpcId) ?? false;
    if (!attached) routing.attachInternetGateway({ VpcId, InternetGatewayId }, c);
    return { physicalId: `IGW|${VpcId}`, attributes: { AttachmentType: 'IGW' } };
  },
  update(physicalId, p, previous, c) {
    void this.delete(physicalId, previous, c);
    return this.create(p, c);
  },
  delete(_physicalId, p, c) {
    const InternetGatewayId = textOf(p['InternetGatewayId']);
    const VpcId = textOf(p['VpcId']);
    const gateway = find(internetGateways, InternetGatewayId, c);
    if (gateway?.Attachments?.some((attachment) => attachment.VpcId === VpcId))
      routing.detachInternetGateway({ InternetGatewayId, VpcId }, c);
  },
};

const routeTableAssociation: ResourceHandler = {
  type: 'AWS::EC2::SubnetRouteTableAssociation',
  fidelity: 'behaves',
  create(p, c) {
    const input = { RouteTableId: textOf(p['RouteTableId']), SubnetId: textOf(p['SubnetId']) };
    const { AssociationId } = routing.associateRouteTable(input, c, c.token);
    return { physicalId: AssociationId, attributes: { Id: AssociationId } };
  },
  update: (physicalId) => ({ physicalId, attributes: { Id: physicalId } }),
  delete(AssociationId, _p, c) {
    if (related(routeTables, AssociationId, c).some((table) => routing.associates(table, AssociationId)))
      routing.disassociateRouteTable({ AssociationId }, c);
  },
};

/** The properties of AWS::EC2::Route are the parameters of CreateRoute and ReplaceRoute, all of them text. */
const route: ResourceHandler = {
  type: 'AWS::EC2::Route',
  fidelity: 'behaves',
  create(p, c) {
    routing.createRoute(p as unknown as CreateRouteRequest, c, c.token);
    return routeOutcome(p);
  },
  update(_physicalId, p, _previous, c) {
    routing.replaceRoute(p as unknown as ReplaceRouteRequest, c);
    return routeOutcome(p);
  },
  read: (_physicalId, p, c) => Promise.resolve(liveRoute(p, c)),
  delete(_physicalId, p, c) {
    const input = p as unknown as CreateRouteRequest;
    const table = find(routeTables, input.RouteTableId, c);
    const destination = routing.destinationOf(input);
    if (table?.Routes.some((one) => routing.destinationOf(one) === destination))
      routing.deleteRoute(input, c);
  },
};

/** The route to the same destination, as it leads now. */
function liveRoute(p: Properties, c: ResourceContext): Properties | undefined {
  const destination = routing.destinationOf(p);
  const table = find(routeTables, textOf(p['RouteTableId']), c);
  const live = table?.Routes.find((one) => routing.destinationOf(one) === destination);
  return live && { RouteTableId: table?.RouteTableId, ...live };
}

function routeOutcome(p: Properties) {
  const destination = routing.destinationOf(p);
  return {
    physicalId: `${textOf(p['RouteTableId'])}|${destination}`,
    attributes: { CidrBlock: destination },
  };
}

const securityGroup = tagged({ of: securityGroups, ...securityGroupResource });

export const resources: readonly ResourceHandler[] = [
  vpc,
  subnet,
  routeTable,
  route,
  routeTableAssociation,
  internetGateway,
  gatewayAttachment,
  securityGroup,
  ...networkRuleResources,
  vpcEndpoint,
  flowLog,
  elasticIp,
  natGateway,
];
