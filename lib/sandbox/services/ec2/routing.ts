/** Route tables, their routes and associations, and the gateways that a route can lead to. */
import type {
  AllocateAddressRequest,
  AssociateRouteTableRequest,
  AttachInternetGatewayRequest,
  CreateInternetGatewayRequest,
  CreateNatGatewayRequest,
  CreateRouteRequest,
  CreateRouteTableRequest,
  DeleteInternetGatewayRequest,
  DeleteNatGatewayRequest,
  DeleteRouteRequest,
  DeleteRouteTableRequest,
  DescribeAddressesRequest,
  DescribeInternetGatewaysRequest,
  DescribeNatGatewaysRequest,
  DescribeRouteTablesRequest,
  DetachInternetGatewayRequest,
  DisassociateRouteTableRequest,
  NatGateway,
  ReleaseAddressRequest,
  ReplaceRouteRequest,
  Route,
} from '@aws-sdk/client-ec2';
import { generatedId } from '../../identifiers.ts';
import { AwsError, type Call } from '../../model.ts';
import { requireRoom } from '../../quotas.ts';
import { parseCidr } from './addresses.ts';
import {
  addresses,
  internetGateways,
  isMain,
  natGateways,
  peerings,
  type RouteTableRecord,
  routeTables,
  subnets,
  vpcs,
} from './kinds.ts';
import { describe, existing, find, put, related, remove, specifiedTags } from './records.ts';
import { localRoute } from './vpcs.ts';

export function createRouteTable(
  input: CreateRouteTableRequest,
  call: Call,
  token = input.ClientToken ?? call.requestId,
) {
  const RouteTableId = generatedId(token, 'rtb-', 17);
  const made = find(routeTables, RouteTableId, call);
  if (made !== undefined) return { RouteTable: made };
  const vpc = existing(vpcs, input.VpcId, call);
  const RouteTable: RouteTableRecord = {
    RouteTableId,
    VpcId: vpc.VpcId,
    OwnerId: call.accountId,
    Associations: [],
    PropagatingVgws: [],
    Routes: [localRoute(vpc.CidrBlock ?? '')],
    Tags: specifiedTags(input.TagSpecifications, 'route-table'),
  };
  return { RouteTable: put(routeTables, RouteTable, call) };
}

export function deleteRouteTable({ RouteTableId = '' }: DeleteRouteTableRequest, call: Call): void {
  const table = existing(routeTables, RouteTableId, call);
  if ((table.Associations ?? []).length > 0)
    throw new AwsError(
      'DependencyViolation',
      `The routeTable '${RouteTableId}' has dependencies and cannot be deleted.`,
    );
  remove(routeTables, RouteTableId, call);
}

export function describeRouteTables(input: DescribeRouteTablesRequest, call: Call) {
  const { items, next } = describe(routeTables, { ...input, ids: input.RouteTableIds }, call);
  return { RouteTables: items, NextToken: next };
}

export function associateRouteTable(input: AssociateRouteTableRequest, call: Call, token = call.requestId) {
  const AssociationId = generatedId(token, 'rtbassoc-', 17);
  const table = existing(routeTables, input.RouteTableId, call);
  const subnet = existing(subnets, input.SubnetId, call);
  if (table.VpcId !== subnet.VpcId) {
    throw new AwsError(
      'InvalidParameterValue',
      `Route table ${table.RouteTableId} and subnet ${subnet.SubnetId} belong to different networks`,
    );
  }
  const present = related(routeTables, subnet.SubnetId, call)
    .flatMap((one) => one.Associations ?? [])
    .find((association) => association.SubnetId === subnet.SubnetId);
  if (present !== undefined && present.RouteTableAssociationId !== AssociationId) {
    throw new AwsError(
      'Resource.AlreadyAssociated',
      `the specified association for route table ${table.RouteTableId} conflicts with an existing association`,
    );
  }
  const association = {
    Main: false,
    RouteTableId: table.RouteTableId,
    RouteTableAssociationId: AssociationId,
    SubnetId: subnet.SubnetId,
    AssociationState: { State: 'associated' as const },
  };
  if (present === undefined)
    put(routeTables, { ...table, Associations: [...(table.Associations ?? []), association] }, call);
  return { AssociationId, AssociationState: association.AssociationState };
}

export function disassociateRouteTable({ AssociationId }: DisassociateRouteTableRequest, call: Call): void {
  const table = related(routeTables, AssociationId, call).find((one) => associates(one, AssociationId));
  if (table === undefined)
    throw new AwsError(
      'InvalidAssociationID.NotFound',
      `The association ID '${AssociationId}' does not exist`,
    );
  if (
    isMain(table) &&
    table.Associations?.some((one) => one.Main && one.RouteTableAssociationId === AssociationId)
  )
    throw new AwsError(
      'InvalidParameterValue',
      `cannot disassociate the main route table association ${AssociationId}`,
    );
  const Associations =
    table.Associations?.filter((one) => one.RouteTableAssociationId !== AssociationId) ?? [];
  put(routeTables, { ...table, Associations }, call);
}

export function associates(table: RouteTableRecord, associationId: string | undefined): boolean {
  return table.Associations?.some((one) => one.RouteTableAssociationId === associationId) ?? false;
}

type RouteInput = Omit<CreateRouteRequest, 'DryRun'>;

export function createRoute(input: RouteInput, call: Call, token = call.requestId): { Return: boolean } {
  const table = existing(routeTables, input.RouteTableId, call);
  const destination = destinationOf(input);
  const present = table.Routes.find((route) => destinationOf(route) === destination);
  if (present?.CreatedBy === token) return { Return: true };
  if (present !== undefined)
    throw new AwsError('RouteAlreadyExists', `The route identified by ${destination} already exists.`);
  const route = { ...routeTo(input, table, call), CreatedBy: token };
  put(routeTables, { ...table, Routes: [...table.Routes, route] }, call);
  return { Return: true };
}

export function replaceRoute(input: ReplaceRouteRequest, call: Call): void {
  const table = existing(routeTables, input.RouteTableId, call);
  const destination = destinationOf(input);
  const present = table.Routes.find((route) => destinationOf(route) === destination);
  if (present === undefined)
    throw new AwsError(
      'InvalidParameterValue',
      `There is no route defined for '${destination}' in the route table.`,
    );
  const route = {
    ...routeTo(input, table, call),
    ...(present.CreatedBy && { CreatedBy: present.CreatedBy }),
  };
  put(routeTables, { ...table, Routes: table.Routes.map((one) => (one === present ? route : one)) }, call);
}

export function deleteRoute(input: DeleteRouteRequest, call: Call): void {
  const table = existing(routeTables, input.RouteTableId, call);
  const destination = destinationOf(input);
  const present = table.Routes.find((route) => destinationOf(route) === destination);
  if (present === undefined) {
    throw new AwsError(
      'InvalidRoute.NotFound',
      `no route with destination-cidr-block ${destination} in route table ${table.RouteTableId}`,
    );
  }
  if (present.GatewayId === 'local')
    throw new AwsError(
      'InvalidParameterValue',
      `cannot remove local route ${destination} in route table ${table.RouteTableId}`,
    );
  put(routeTables, { ...table, Routes: table.Routes.filter((one) => one !== present) }, call);
}

export function destinationOf(route: Route | RouteInput): string {
  const destination =
    route.DestinationCidrBlock ?? route.DestinationIpv6CidrBlock ?? route.DestinationPrefixListId;
  if (destination === undefined)
    throw new AwsError('MissingParameter', 'The request must contain the parameter destinationCidrBlock');
  return destination;
}

/** The route, once its target exists and is one that this table's VPC can reach. */
function routeTo(input: RouteInput, table: RouteTableRecord, call: Call): Route {
  if (input.DestinationCidrBlock !== undefined && parseCidr(input.DestinationCidrBlock) === undefined) {
    throw new AwsError(
      'InvalidParameterValue',
      `Value (${input.DestinationCidrBlock}) for parameter destinationCidrBlock is invalid. This is not a valid CIDR block.`,
    );
  }
  const target = targetOf(input, table, call);
  return {
    ...(input.DestinationCidrBlock && { DestinationCidrBlock: input.DestinationCidrBlock }),
    ...(input.DestinationIpv6CidrBlock && { DestinationIpv6CidrBlock: input.DestinationIpv6CidrBlock }),
    ...(input.DestinationPrefixListId && { DestinationPrefixListId: input.DestinationPrefixListId }),
    ...target,
    Origin: 'CreateRoute',
    State: 'active',
  };
}

function targetOf(input: RouteInput, table: RouteTableRecord, call: Call): Route {
  const { GatewayId, NatGatewayId, VpcPeeringConnectionId } = input;
  if (GatewayId !== undefined) {
    const gateway = existing(internetGateways, GatewayId, call);
    if (!gateway.Attachments?.some((attachment) => attachment.VpcId === table.VpcId))
      throw differentNetworks(`network gateway ${GatewayId}`, table);
    return { GatewayId };
  }
  if (NatGatewayId !== undefined) {
    if (existing(natGateways, NatGatewayId, call).VpcId !== table.VpcId)
      throw differentNetworks(`NAT gateway ${NatGatewayId}`, table);
    return { NatGatewayId };
  }
  if (VpcPeeringConnectionId !== undefined) {
    const peering = existing(peerings, VpcPeeringConnectionId, call);
    if (![peering.RequesterVpcInfo?.VpcId, peering.AccepterVpcInfo?.VpcId].includes(table.VpcId))
      throw differentNetworks(`vpc peering connection ${VpcPeeringConnectionId}`, table);
    return { VpcPeeringConnectionId };
  }
  throw new AwsError(
    'UnsupportedOperation',
    'The sandbox routes only to an internet gateway, a NAT gateway or a VPC peering connection.',
  );
}

function differentNetworks(target: string, table: RouteTableRecord): AwsError {
  return new AwsError(
    'InvalidParameterValue',
    `route table ${table.RouteTableId} and ${target} belong to different networks`,
  );
}

export function createInternetGateway(
  input: CreateInternetGatewayRequest,
  call: Call,
  token = call.requestId,
) {
  const InternetGatewayId = generatedId(token, 'igw-', 17);
  const made = find(internetGateways, InternetGatewayId, call);
  if (made !== undefined) return { InternetGateway: made };
  const Tags = specifiedTags(input.TagSpecifications, 'internet-gateway');
  requireRoom(call, 'internetGateways');
  const fresh = { InternetGatewayId, OwnerId: call.accountId, Attachments: [], Tags };
  return { InternetGateway: put(internetGateways, fresh, call) };
}

export function deleteInternetGateway(
  { InternetGatewayId = '' }: DeleteInternetGatewayRequest,
  call: Call,
): void {
  const gateway = existing(internetGateways, InternetGatewayId, call);
  if ((gateway.Attachments ?? []).length > 0) {
    throw new AwsError(
      'DependencyViolation',
      `The internetGateway '${InternetGatewayId}' has dependencies and cannot be deleted.`,
    );
  }
  remove(internetGateways, InternetGatewayId, call);
}

export function describeInternetGateways(input: DescribeInternetGatewaysRequest, call: Call) {
  const { items, next } = describe(internetGateways, { ...input, ids: input.InternetGatewayIds }, call);
  return { InternetGateways: items, NextToken: next };
}

export function attachInternetGateway(
  { InternetGatewayId, VpcId }: AttachInternetGatewayRequest,
  call: Call,
): void {
  const gateway = existing(internetGateways, InternetGatewayId, call);
  existing(vpcs, VpcId, call);
  const attached = gateway.Attachments?.[0];
  if (attached !== undefined) {
    throw new AwsError(
      'Resource.AlreadyAssociated',
      `resource ${InternetGatewayId} is already attached to network ${attached.VpcId}`,
    );
  }
  if (
    related(internetGateways, VpcId, call).some((one) =>
      one.Attachments?.some((attachment) => attachment.VpcId === VpcId),
    )
  )
    throw new AwsError('InvalidParameterValue', `Network ${VpcId} already has an internet gateway attached`);
  // The API's model knows only the states of a VPN gateway, and answers `available` for an internet gateway.
  put(internetGateways, { ...gateway, Attachments: [{ VpcId, State: 'available' as 'attached' }] }, call);
}

export function detachInternetGateway(
  { InternetGatewayId, VpcId }: DetachInternetGatewayRequest,
  call: Call,
): void {
  const gateway = existing(internetGateways, InternetGatewayId, call);
  if (!gateway.Attachments?.some((attachment) => attachment.VpcId === VpcId)) {
    throw new AwsError(
      'Gateway.NotAttached',
      `resource ${InternetGatewayId} is not attached to network ${VpcId}`,
    );
  }
  put(internetGateways, { ...gateway, Attachments: [] }, call);
}

export function allocateAddress(input: AllocateAddressRequest, call: Call, token = call.requestId) {
  const AllocationId = generatedId(token, 'eipalloc-', 17);
  // TEST-NET-2 (RFC 5737): an address that belongs to nobody.
  const PublicIp = `198.51.100.${Number.parseInt(generatedId(token, '', 2), 16)}`;
  const made = find(addresses, AllocationId, call);
  if (made !== undefined) return made;
  requireRoom(call, 'elasticIps');
  const Tags = specifiedTags(input.TagSpecifications, 'elastic-ip');
  const fresh = { AllocationId, PublicIp, Domain: 'vpc' as const, NetworkBorderGroup: call.region, Tags };
  return put(addresses, fresh, call);
}

export function releaseAddress({ AllocationId = '' }: ReleaseAddressRequest, call: Call): void {
  remove(addresses, AllocationId, call);
}

export function describeAddresses(input: DescribeAddressesRequest, call: Call) {
  return { Addresses: describe(addresses, { ...input, ids: input.AllocationIds }, call).items };
}

export function createNatGateway(
  input: CreateNatGatewayRequest,
  call: Call,
  token = input.ClientToken ?? call.requestId,
) {
  const NatGatewayId = generatedId(token, 'nat-', 17);
  const made = find(natGateways, NatGatewayId, call);
  if (made !== undefined) return { NatGateway: made };
  const subnet = existing(subnets, input.SubnetId, call);
  const address =
    input.AllocationId === undefined ? undefined : existing(addresses, input.AllocationId, call);
  const gateway: NatGateway = {
    NatGatewayId,
    SubnetId: subnet.SubnetId,
    VpcId: subnet.VpcId,
    State: 'available',
    ConnectivityType: input.ConnectivityType ?? 'public',
    CreateTime: call.cloud.now(),
    NatGatewayAddresses:
      address === undefined ? [] : [{ AllocationId: address.AllocationId, PublicIp: address.PublicIp }],
    Tags: specifiedTags(input.TagSpecifications, 'natgateway'),
  };
  return { NatGateway: put(natGateways, gateway, call) };
}

export function deleteNatGateway({ NatGatewayId = '' }: DeleteNatGatewayRequest, call: Call) {
  remove(natGateways, NatGatewayId, call);
  return { NatGatewayId };
}

export function describeNatGateways(input: DescribeNatGatewaysRequest, call: Call) {
  const query = { ...input, Filters: input.Filter, ids: input.NatGatewayIds };
  const { items, next } = describe(natGateways, query, call);
  return { NatGateways: items, NextToken: next };
}
