/**
 * Network interfaces: what endpoints, load balancers, tasks and databases occupy in a subnet. They hold a private
 * address and keep the subnet and the security groups that they use from being deleted.
 */
import type { DescribeNetworkInterfacesRequest, NetworkInterfaceType } from '@aws-sdk/client-ec2';
import { generatedId } from '../../identifiers.ts';
import { AwsError, type Call } from '../../model.ts';
import { freeAddress, parseCidr } from './addresses.ts';
import { type NetworkInterfaceRecord, networkInterfaces, securityGroups, subnets } from './kinds.ts';
import { all, describe, erase, existing, find, put } from './records.ts';

export interface InterfaceRequest {
  /** Who it is for, for example a task's or a load balancer's ARN: `releaseInterfaces` takes them all back. */
  readonly owner: string;
  readonly subnetId: string;
  readonly securityGroupIds: readonly string[];
  readonly description: string;
  readonly type: NetworkInterfaceType;
}

/** Takes a free address in the subnet. The same owner gets the same interface in one subnet again. */
export function attachInterface(request: InterfaceRequest, call: Call): NetworkInterfaceRecord {
  const NetworkInterfaceId = generatedId(`${request.owner} ${request.subnetId}`, 'eni-', 17);
  const made = find(networkInterfaces, NetworkInterfaceId, call);
  if (made !== undefined) return made;
  const subnet = existing(subnets, request.subnetId, call);
  const groups = request.securityGroupIds.map((id) => existing(securityGroups, id, call));
  const stranger = groups.find((group) => group.VpcId !== subnet.VpcId);
  if (stranger !== undefined) {
    throw new AwsError(
      'InvalidGroup.NotFound',
      `The security group '${stranger.GroupId}' does not exist in VPC '${subnet.VpcId}'`,
    );
  }
  const taken = all(networkInterfaces, call).filter((card) => card.SubnetId === subnet.SubnetId);
  const block = parseCidr(subnet.CidrBlock ?? '');
  const PrivateIpAddress =
    block && freeAddress(block, new Set(taken.map((card) => card.PrivateIpAddress ?? '')));
  if (PrivateIpAddress === undefined) {
    throw new AwsError(
      'InsufficientFreeAddressesInSubnet',
      `There are not enough free addresses in subnet '${subnet.SubnetId}' to satisfy the requested number of instances.`,
    );
  }
  const card: NetworkInterfaceRecord = {
    NetworkInterfaceId,
    SubnetId: subnet.SubnetId,
    VpcId: subnet.VpcId,
    AvailabilityZone: subnet.AvailabilityZone,
    Description: request.description,
    Groups: groups.map(({ GroupId, GroupName }) => ({ GroupId, GroupName })),
    InterfaceType: request.type,
    OwnerId: call.accountId,
    PrivateIpAddress,
    PrivateIpAddresses: [{ Primary: true, PrivateIpAddress }],
    RequesterManaged: true,
    SourceDestCheck: true,
    Status: 'in-use',
    Tags: [],
    Owner: request.owner,
  };
  return put(networkInterfaces, card, call);
}

export function releaseInterfaces(owner: string, call: Call): void {
  for (const card of all(networkInterfaces, call))
    if (card.Owner === owner) erase(networkInterfaces, card.NetworkInterfaceId ?? '', call);
}

export function describeNetworkInterfaces(input: DescribeNetworkInterfacesRequest, call: Call) {
  const { items, next } = describe(networkInterfaces, { ...input, ids: input.NetworkInterfaceIds }, call);
  return { NetworkInterfaces: items.map((card) => ({ ...card, TagSet: card.Tags })), NextToken: next };
}
