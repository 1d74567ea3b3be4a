/** VPCs, subnets and what every VPC is born with: its default security group, network ACL and main route table. */
import type {
  CreateSubnetRequest,
  CreateVpcRequest,
  DeleteSubnetRequest,
  DeleteVpcRequest,
  DescribeNetworkAclsRequest,
  DescribeSubnetsRequest,
  DescribeVpcAttributeRequest,
  DescribeVpcsRequest,
  ModifySubnetAttributeRequest,
  ModifyVpcAttributeRequest,
  Subnet,
} from '@aws-sdk/client-ec2';
import { generatedId, regionalArn } from '../../identifiers.ts';
import { AwsError, type Call } from '../../model.ts';
import { requireRoom } from '../../quotas.ts';
import { contains, overlap, parseCidr, reservedAddresses } from './addresses.ts';
import {
  isMain,
  networkAcls,
  networkInterfaces,
  routeTables,
  securityGroups,
  subnets,
  type VpcRecord,
  vpcs,
} from './kinds.ts';
import { describe, erase, existing, find, put, related, remove, specifiedTags } from './records.ts';
import { deleteRulesOf, putDefaultRules } from './security-groups.ts';
import { availabilityZonesOf, zoneIdOf } from './zones.ts';

export function createVpc(input: CreateVpcRequest, call: Call, token = call.requestId): { Vpc: VpcRecord } {
  const VpcId = generatedId(token, 'vpc-', 17);
  const made = find(vpcs, VpcId, call);
  if (made !== undefined) return { Vpc: made };

  const CidrBlock = input.CidrBlock;
  if (CidrBlock === undefined)
    throw new AwsError('MissingParameter', 'Either CidrBlock or Ipv4IpamPoolId must be provided.');
  const block = parseCidr(CidrBlock);
  if (block === undefined) throw invalidCidr(CidrBlock);
  if (block.prefix < 16 || block.prefix > 28)
    throw new AwsError('InvalidVpc.Range', `The CIDR '${CidrBlock}' is invalid.`);

  requireRoom(call, 'vpcs');
  const vpc: VpcRecord = {
    VpcId,
    CidrBlock,
    CidrBlockAssociationSet: [
      {
        AssociationId: generatedId(token, 'vpc-cidr-assoc-', 17),
        CidrBlock,
        CidrBlockState: { State: 'associated' },
      },
    ],
    DhcpOptionsId: generatedId(call.accountId + call.region, 'dopt-', 17),
    InstanceTenancy: input.InstanceTenancy ?? 'default',
    IsDefault: false,
    OwnerId: call.accountId,
    State: 'available',
    Tags: specifiedTags(input.TagSpecifications, 'vpc'),
    EnableDnsSupport: true,
    EnableDnsHostnames: false,
  };
  call.cloud.state.transaction(() => {
    put(vpcs, vpc, call);
    putDefaults(vpc, call, token);
  });
  return { Vpc: vpc };
}

function putDefaults(vpc: VpcRecord, call: Call, token: string): void {
  const { VpcId = '', CidrBlock = '' } = vpc;
  const RouteTableId = generatedId(token, 'rtb-', 17);
  put(
    routeTables,
    {
      RouteTableId,
      VpcId,
      OwnerId: call.accountId,
      Associations: [
        {
          Main: true,
          RouteTableId,
          RouteTableAssociationId: generatedId(token, 'rtbassoc-', 17),
          AssociationState: { State: 'associated' },
        },
      ],
      Routes: [localRoute(CidrBlock)],
      PropagatingVgws: [],
      Tags: [],
    },
    call,
  );
  put(
    networkAcls,
    {
      NetworkAclId: generatedId(token, 'acl-', 17),
      VpcId,
      OwnerId: call.accountId,
      IsDefault: true,
      Entries: [true, false].flatMap((Egress) => [
        { Egress, CidrBlock: '0.0.0.0/0', Protocol: '-1', RuleAction: 'allow' as const, RuleNumber: 100 },
        { Egress, CidrBlock: '0.0.0.0/0', Protocol: '-1', RuleAction: 'deny' as const, RuleNumber: 32_767 },
      ]),
      Associations: [],
      Tags: [],
    },
    call,
  );
  const GroupId = generatedId(token, 'sg-', 17);
  put(
    securityGroups,
    {
      GroupId,
      GroupName: 'default',
      Description: 'default VPC security group',
      VpcId,
      OwnerId: call.accountId,
      SecurityGroupArn: regionalArn('ec2', call, `security-group/${GroupId}`),
      Tags: [],
      IsDefault: true,
    },
    call,
  );
  putDefaultRules(GroupId, call, token);
}

/** The route that makes a VPC's own addresses reachable; every table has it and it cannot be removed. */
export function localRoute(DestinationCidrBlock: string) {
  return {
    DestinationCidrBlock,
    GatewayId: 'local',
    Origin: 'CreateRouteTable' as const,
    State: 'active' as const,
  };
}

export function deleteVpc({ VpcId }: DeleteVpcRequest, call: Call): void {
  existing(vpcs, VpcId, call);
  call.cloud.state.transaction(() => {
    remove(vpcs, VpcId ?? '', call);
    for (const table of related(routeTables, VpcId, call))
      if (table.VpcId === VpcId && isMain(table)) erase(routeTables, table.RouteTableId ?? '', call);
    for (const acl of related(networkAcls, VpcId, call))
      if (acl.VpcId === VpcId) erase(networkAcls, acl.NetworkAclId ?? '', call);
    for (const group of related(securityGroups, VpcId, call)) {
      if (group.VpcId !== VpcId) continue;
      deleteRulesOf(group.GroupId ?? '', call);
      erase(securityGroups, group.GroupId ?? '', call);
    }
  });
}

export function describeVpcs(input: DescribeVpcsRequest, call: Call) {
  const { items, next } = describe(vpcs, { ...input, ids: input.VpcIds }, call);
  return { Vpcs: items, NextToken: next };
}

export function describeVpcAttribute({ VpcId, Attribute }: DescribeVpcAttributeRequest, call: Call) {
  const vpc = existing(vpcs, VpcId, call);
  if (Attribute === 'enableDnsSupport') return { VpcId, EnableDnsSupport: { Value: vpc.EnableDnsSupport } };
  if (Attribute === 'enableDnsHostnames')
    return { VpcId, EnableDnsHostnames: { Value: vpc.EnableDnsHostnames } };
  throw new AwsError(
    'InvalidParameterValue',
    `Value (${String(Attribute)}) for parameter attribute is invalid.`,
  );
}

/** AWS takes one attribute a call; both are taken here, because CloudFormation sets them one after the other. */
export function modifyVpcAttribute(input: ModifyVpcAttributeRequest, call: Call): void {
  const vpc = existing(vpcs, input.VpcId, call);
  put(
    vpcs,
    {
      ...vpc,
      EnableDnsSupport: input.EnableDnsSupport?.Value ?? vpc.EnableDnsSupport,
      EnableDnsHostnames: input.EnableDnsHostnames?.Value ?? vpc.EnableDnsHostnames,
    },
    call,
  );
}

export function createSubnet(
  input: CreateSubnetRequest,
  call: Call,
  token = call.requestId,
): { Subnet: Subnet } {
  const SubnetId = generatedId(token, 'subnet-', 17);
  const made = find(subnets, SubnetId, call);
  if (made !== undefined) return { Subnet: made };

  const vpc = existing(vpcs, input.VpcId, call);
  const CidrBlock = input.CidrBlock ?? '';
  const size = checkSubnetBlock(vpc, CidrBlock, call);
  const AvailabilityZone = input.AvailabilityZone ?? zoneById(input.AvailabilityZoneId, call.region);
  if (!availabilityZonesOf(call.region).includes(AvailabilityZone)) {
    throw new AwsError(
      'InvalidParameterValue',
      `Value (${AvailabilityZone}) for parameter availabilityZone is invalid. Subnets can currently only be created in the following availability zones: ${availabilityZonesOf(call.region).join(', ')}.`,
    );
  }
  const subnet: Subnet = {
    SubnetId,
    SubnetArn: regionalArn('ec2', call, `subnet/${SubnetId}`),
    VpcId: input.VpcId,
    CidrBlock,
    AvailabilityZone,
    AvailabilityZoneId: zoneIdOf(AvailabilityZone),
    AvailableIpAddressCount: size - reservedAddresses,
    MapPublicIpOnLaunch: false,
    AssignIpv6AddressOnCreation: false,
    DefaultForAz: false,
    OwnerId: call.accountId,
    State: 'available',
    Tags: specifiedTags(input.TagSpecifications, 'subnet'),
  };
  put(subnets, subnet, call);
  return { Subnet: subnet };
}

function checkSubnetBlock(vpc: VpcRecord, CidrBlock: string, call: Call): number {
  const block = parseCidr(CidrBlock);
  const outer = parseCidr(vpc.CidrBlock ?? '');
  if (block === undefined || outer === undefined) throw invalidCidr(CidrBlock);
  if (block.prefix > 28 || !contains(outer, block))
    throw new AwsError('InvalidSubnet.Range', `The CIDR '${CidrBlock}' is invalid.`);
  for (const sibling of related(subnets, vpc.VpcId, call)) {
    const taken = parseCidr(sibling.CidrBlock ?? '');
    if (sibling.VpcId === vpc.VpcId && taken !== undefined && overlap(taken, block))
      throw new AwsError('InvalidSubnet.Conflict', `The CIDR '${CidrBlock}' conflicts with another subnet`);
  }
  return block.size;
}

function zoneById(zoneId: string | undefined, region: string): string {
  const zones = availabilityZonesOf(region);
  const zone = zoneId === undefined ? zones[0] : zones.find((name) => zoneIdOf(name) === zoneId);
  return zone ?? zoneId ?? '';
}

export function deleteSubnet({ SubnetId = '' }: DeleteSubnetRequest, call: Call): void {
  call.cloud.state.transaction(() => {
    remove(subnets, SubnetId, call);
    for (const table of related(routeTables, SubnetId, call)) {
      const left = table.Associations?.filter((association) => association.SubnetId !== SubnetId) ?? [];
      if (left.length !== table.Associations?.length)
        put(routeTables, { ...table, Associations: left }, call);
    }
  });
}

export function describeSubnets(input: DescribeSubnetsRequest, call: Call) {
  const { items, next } = describe(subnets, { ...input, ids: input.SubnetIds }, call);
  const Subnets = items.map((subnet) => {
    const cards = related(networkInterfaces, subnet.SubnetId, call);
    const used = cards.filter((card) => card.SubnetId === subnet.SubnetId).length;
    return { ...subnet, AvailableIpAddressCount: (subnet.AvailableIpAddressCount ?? 0) - used };
  });
  return { Subnets, NextToken: next };
}

export function modifySubnetAttribute(input: ModifySubnetAttributeRequest, call: Call): void {
  const subnet = existing(subnets, input.SubnetId, call);
  const MapPublicIpOnLaunch = input.MapPublicIpOnLaunch?.Value;
  if (MapPublicIpOnLaunch === undefined) {
    throw new AwsError(
      'UnsupportedOperation',
      'The sandbox changes no attribute of a subnet but MapPublicIpOnLaunch.',
    );
  }
  put(subnets, { ...subnet, MapPublicIpOnLaunch }, call);
}

export function describeNetworkAcls(input: DescribeNetworkAclsRequest, call: Call) {
  const { items, next } = describe(networkAcls, { ...input, ids: input.NetworkAclIds }, call);
  const NetworkAcls = items.map((acl) => ({
    ...acl,
    Associations: related(subnets, acl.VpcId, call)
      .filter((subnet) => subnet.VpcId === acl.VpcId)
      .map((subnet) => ({
        NetworkAclId: acl.NetworkAclId,
        NetworkAclAssociationId: aclAssociationId(subnet.SubnetId ?? ''),
        SubnetId: subnet.SubnetId,
      })),
  }));
  return { NetworkAcls, NextToken: next };
}

/** A subnet has exactly one network ACL; here it is always its VPC's default one. */
export function aclAssociationId(subnetId: string): string {
  return generatedId(subnetId, 'aclassoc-', 17);
}

function invalidCidr(text: string): AwsError {
  return new AwsError(
    'InvalidParameterValue',
    `Value (${text}) for parameter cidrBlock is invalid. This is not a valid CIDR block.`,
  );
}
