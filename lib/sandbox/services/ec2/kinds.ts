/** The kinds of EC2 resources that the sandbox keeps, as the SDK shapes them, with the filters that AWS documents. */
import type {
  Address,
  FlowLog,
  InternetGateway,
  NatGateway,
  NetworkAcl,
  NetworkInterface,
  Route,
  RouteTable,
  SecurityGroup,
  SecurityGroupRule,
  Subnet,
  Vpc,
  VpcEndpoint,
  VpcPeeringConnection,
} from '@aws-sdk/client-ec2';
import { kind, type Tagged } from './records.ts';

export type VpcRecord = Vpc & { EnableDnsSupport: boolean; EnableDnsHostnames: boolean };
/** `CreatedBy` is the token of the creation, so that CloudFormation's repeated attempt is told from a second route. */
export type RouteTableRecord = Omit<RouteTable, 'Routes'> & { Routes: Array<Route & { CreatedBy?: string }> };
/** `CreatedBy` is the request or the stack's resource that made the rule. */
export type SecurityGroupRuleRecord = SecurityGroupRule & { CreatedBy: string };
export type SecurityGroupRecord = SecurityGroup & { IsDefault: boolean };
/** The API calls the tags of an interface `TagSet`. `Owner` is what the interface was made for. */
export type NetworkInterfaceRecord = NetworkInterface & Tagged & { Owner: string };

export const vpcs = kind<VpcRecord>({
  resourceType: 'vpc',
  idPrefix: 'vpc-',
  notFoundCode: 'InvalidVpcID.NotFound',
  noun: 'vpc',
  idOf: (vpc) => vpc.VpcId ?? '',
  needs: () => [],
  filters: {
    'vpc-id': (vpc) => vpc.VpcId,
    cidr: (vpc) => vpc.CidrBlock,
    'cidr-block-association.cidr-block': (vpc) =>
      vpc.CidrBlockAssociationSet?.map((block) => block.CidrBlock),
    'is-default': (vpc) => vpc.IsDefault,
    'owner-id': (vpc) => vpc.OwnerId,
    state: (vpc) => vpc.State,
  },
});

export const subnets = kind<Subnet>({
  resourceType: 'subnet',
  idPrefix: 'subnet-',
  notFoundCode: 'InvalidSubnetID.NotFound',
  noun: 'subnet',
  idOf: (subnet) => subnet.SubnetId ?? '',
  needs: (subnet) => [subnet.VpcId],
  filters: {
    'subnet-id': (subnet) => subnet.SubnetId,
    'vpc-id': (subnet) => subnet.VpcId,
    'cidr-block': (subnet) => subnet.CidrBlock,
    'availability-zone': (subnet) => subnet.AvailabilityZone,
    'availability-zone-id': (subnet) => subnet.AvailabilityZoneId,
    'map-public-ip-on-launch': (subnet) => subnet.MapPublicIpOnLaunch,
    'default-for-az': (subnet) => subnet.DefaultForAz,
    'owner-id': (subnet) => subnet.OwnerId,
    state: (subnet) => subnet.State,
  },
});

export const routeTables = kind<RouteTableRecord>({
  resourceType: 'route-table',
  idPrefix: 'rtb-',
  notFoundCode: 'InvalidRouteTableID.NotFound',
  noun: 'routeTable',
  idOf: (table) => table.RouteTableId ?? '',
  needs: (table) => (isMain(table) ? [] : [table.VpcId]),
  filters: {
    'route-table-id': (table) => table.RouteTableId,
    'vpc-id': (table) => table.VpcId,
    'owner-id': (table) => table.OwnerId,
    'association.main': (table) => table.Associations?.map((association) => association.Main),
    'association.subnet-id': (table) => table.Associations?.map((association) => association.SubnetId),
    'association.route-table-id': (table) => table.Associations?.map(() => table.RouteTableId),
    'association.route-table-association-id': (table) =>
      table.Associations?.map((association) => association.RouteTableAssociationId),
    'route.destination-cidr-block': (table) => table.Routes.map((route) => route.DestinationCidrBlock),
    'route.gateway-id': (table) => table.Routes.map((route) => route.GatewayId),
    'route.nat-gateway-id': (table) => table.Routes.map((route) => route.NatGatewayId),
    'route.transit-gateway-id': (table) => table.Routes.map((route) => route.TransitGatewayId),
    'route.vpc-peering-connection-id': (table) => table.Routes.map((route) => route.VpcPeeringConnectionId),
    'route.origin': (table) => table.Routes.map((route) => route.Origin),
    'route.state': (table) => table.Routes.map((route) => route.State),
  },
});

export function isMain(table: RouteTableRecord): boolean {
  return table.Associations?.some((association) => association.Main === true) ?? false;
}

export const internetGateways = kind<InternetGateway>({
  resourceType: 'internet-gateway',
  idPrefix: 'igw-',
  notFoundCode: 'InvalidInternetGatewayID.NotFound',
  noun: 'internetGateway',
  idOf: (gateway) => gateway.InternetGatewayId ?? '',
  needs: (gateway) => (gateway.Attachments ?? []).map((attachment) => attachment.VpcId),
  filters: {
    'internet-gateway-id': (gateway) => gateway.InternetGatewayId,
    'attachment.vpc-id': (gateway) => gateway.Attachments?.map((attachment) => attachment.VpcId),
    'attachment.state': (gateway) => gateway.Attachments?.map((attachment) => attachment.State),
    'owner-id': (gateway) => gateway.OwnerId,
  },
});

export const securityGroups = kind<SecurityGroupRecord>({
  resourceType: 'security-group',
  idPrefix: 'sg-',
  notFoundCode: 'InvalidGroup.NotFound',
  noun: 'security group',
  idOf: (group) => group.GroupId ?? '',
  needs: (group) => (group.IsDefault ? [] : [group.VpcId]),
  filters: {
    'group-id': (group) => group.GroupId,
    'group-name': (group) => group.GroupName,
    'vpc-id': (group) => group.VpcId,
    'owner-id': (group) => group.OwnerId,
    description: (group) => group.Description,
  },
});

export const securityGroupRules = kind<SecurityGroupRuleRecord>({
  resourceType: 'security-group-rule',
  idPrefix: 'sgr-',
  notFoundCode: 'InvalidSecurityGroupRuleId.NotFound',
  noun: 'security group rule',
  idOf: (rule) => rule.SecurityGroupRuleId ?? '',
  // A group's own rules go with it; a rule that names another group keeps that one alive.
  needs: (rule) => [rule.ReferencedGroupInfo?.GroupId].filter((id) => id !== rule.GroupId),
  filters: {
    'group-id': (rule) => rule.GroupId,
    'security-group-rule-id': (rule) => rule.SecurityGroupRuleId,
  },
});

export const networkAcls = kind<NetworkAcl>({
  resourceType: 'network-acl',
  idPrefix: 'acl-',
  notFoundCode: 'InvalidNetworkAclID.NotFound',
  noun: 'networkAcl',
  idOf: (acl) => acl.NetworkAclId ?? '',
  needs: (acl) => (acl.IsDefault === true ? [] : [acl.VpcId]),
  filters: {
    'network-acl-id': (acl) => acl.NetworkAclId,
    'vpc-id': (acl) => acl.VpcId,
    default: (acl) => acl.IsDefault,
    'owner-id': (acl) => acl.OwnerId,
    'association.subnet-id': (acl) => acl.Associations?.map((association) => association.SubnetId),
  },
});

export const vpcEndpoints = kind<VpcEndpoint>({
  resourceType: 'vpc-endpoint',
  idPrefix: 'vpce-',
  notFoundCode: 'InvalidVpcEndpointId.NotFound',
  noun: 'VpcEndpoint',
  idOf: (endpoint) => endpoint.VpcEndpointId ?? '',
  needs: (endpoint) => [endpoint.VpcId, ...(endpoint.RouteTableIds ?? [])],
  filters: {
    'vpc-endpoint-id': (endpoint) => endpoint.VpcEndpointId,
    'vpc-endpoint-type': (endpoint) => endpoint.VpcEndpointType,
    'vpc-endpoint-state': (endpoint) => endpoint.State,
    'vpc-id': (endpoint) => endpoint.VpcId,
    'service-name': (endpoint) => endpoint.ServiceName,
  },
});

export const flowLogs = kind<FlowLog>({
  resourceType: 'vpc-flow-log',
  idPrefix: 'fl-',
  notFoundCode: 'InvalidFlowLogId.NotFound',
  noun: 'flow log',
  idOf: (log) => log.FlowLogId ?? '',
  needs: () => [],
  filters: {
    'flow-log-id': (log) => log.FlowLogId,
    'resource-id': (log) => log.ResourceId,
    'traffic-type': (log) => log.TrafficType,
    'log-group-name': (log) => log.LogGroupName,
    'log-destination-type': (log) => log.LogDestinationType,
    'deliver-log-status': (log) => log.DeliverLogsStatus,
  },
});

export const peerings = kind<VpcPeeringConnection>({
  resourceType: 'vpc-peering-connection',
  idPrefix: 'pcx-',
  notFoundCode: 'InvalidVpcPeeringConnectionID.NotFound',
  noun: 'vpcPeeringConnection',
  idOf: (peering) => peering.VpcPeeringConnectionId ?? '',
  needs: () => [],
  filters: {
    'vpc-peering-connection-id': (peering) => peering.VpcPeeringConnectionId,
    'requester-vpc-info.vpc-id': (peering) => peering.RequesterVpcInfo?.VpcId,
    'requester-vpc-info.owner-id': (peering) => peering.RequesterVpcInfo?.OwnerId,
    'requester-vpc-info.cidr-block': (peering) => peering.RequesterVpcInfo?.CidrBlock,
    'accepter-vpc-info.vpc-id': (peering) => peering.AccepterVpcInfo?.VpcId,
    'accepter-vpc-info.owner-id': (peering) => peering.AccepterVpcInfo?.OwnerId,
    'accepter-vpc-info.cidr-block': (peering) => peering.AccepterVpcInfo?.CidrBlock,
    'status-code': (peering) => peering.Status?.Code,
  },
});

export const networkInterfaces = kind<NetworkInterfaceRecord>({
  resourceType: 'network-interface',
  idPrefix: 'eni-',
  notFoundCode: 'InvalidNetworkInterfaceID.NotFound',
  noun: 'networkInterface',
  idOf: (card) => card.NetworkInterfaceId ?? '',
  needs: (card) => [card.SubnetId, card.VpcId, ...(card.Groups ?? []).map((group) => group.GroupId)],
  filters: {
    'network-interface-id': (card) => card.NetworkInterfaceId,
    'vpc-id': (card) => card.VpcId,
    'subnet-id': (card) => card.SubnetId,
    'group-id': (card) => card.Groups?.map((group) => group.GroupId),
    'interface-type': (card) => card.InterfaceType,
    description: (card) => card.Description,
    'private-ip-address': (card) => card.PrivateIpAddress,
    'availability-zone': (card) => card.AvailabilityZone,
    'requester-managed': (card) => card.RequesterManaged,
    status: (card) => card.Status,
  },
});

export const addresses = kind<Address & Tagged>({
  resourceType: 'elastic-ip',
  idPrefix: 'eipalloc-',
  notFoundCode: 'InvalidAllocationID.NotFound',
  noun: 'allocation',
  idOf: (address) => address.AllocationId ?? '',
  needs: () => [],
  filters: {
    'allocation-id': (address) => address.AllocationId,
    'public-ip': (address) => address.PublicIp,
    domain: (address) => address.Domain,
  },
});

export const natGateways = kind<NatGateway>({
  resourceType: 'natgateway',
  idPrefix: 'nat-',
  notFoundCode: 'NatGatewayNotFound',
  noun: 'NatGateway',
  idOf: (gateway) => gateway.NatGatewayId ?? '',
  needs: (gateway) => [
    gateway.VpcId,
    gateway.SubnetId,
    ...(gateway.NatGatewayAddresses ?? []).map((address) => address.AllocationId),
  ],
  filters: {
    'nat-gateway-id': (gateway) => gateway.NatGatewayId,
    'vpc-id': (gateway) => gateway.VpcId,
    'subnet-id': (gateway) => gateway.SubnetId,
    state: (gateway) => gateway.State,
  },
});
