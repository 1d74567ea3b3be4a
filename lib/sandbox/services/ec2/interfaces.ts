/**
 * Network interfaces: what endpoints, load balancers, tasks and databases occupy in a subnet. They hold a private
 * address and keep the subnet and the security groups that they use from being deleted.
 */
import type { DescribeNetworkInterfacesRequest, NetworkInterfaceType } from '@aws-sdk/client-ec2';
import { generatedId, recordKey } from '../../identifiers.ts';
import { AwsError, type Call, type Cloud } from '../../model.ts';
import { freeAddress, parseCidr } from './addresses.ts';
import { type NetworkInterfaceRecord, networkInterfaces, securityGroups, subnets } from './kinds.ts';
import { describe, erase, existing, find, put, related } from './records.ts';

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
  const block = parseCidr(subnet.CidrBlock ?? '');
  const taken = takenTable(call.cloud)
    .list(addressKey(call, subnet.VpcId ?? '', ''))
    .map((one) => one.privateAddress);
  const PrivateIpAddress = block && freeAddress(block, new Set(taken));
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
  call.cloud.state.transaction(() => {
    const address = { interfaceId: NetworkInterfaceId, privateAddress: PrivateIpAddress };
    takenTable(call.cloud).put(addressKey(call, subnet.VpcId ?? '', PrivateIpAddress), address);
    put(networkInterfaces, card, call);
  });
  return card;
}

/** Where on this machine a private address of a VPC answers. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

interface TakenAddress {
  readonly interfaceId: string;
  readonly privateAddress: string;
  readonly endpoint?: Endpoint;
}

type Place = Pick<Call, 'accountId' | 'region' | 'cloud'>;

/** `<account>/<region>/<VPC>/<private address>`: VPCs may all use the same addresses. */
const addressKey = (place: Place, vpcId: string, address: string) => recordKey(place, `${vpcId}/${address}`);
const takenTable = (cloud: Cloud) => cloud.state.table<TakenAddress>('ec2.private-addresses');

/** Says where the process behind an interface listens, or that none does any more. */
export function bindInterface(card: NetworkInterfaceRecord, endpoint: Endpoint, place: Place): void {
  const { NetworkInterfaceId = '', PrivateIpAddress = '', VpcId = '' } = card;
  const address = { interfaceId: NetworkInterfaceId, privateAddress: PrivateIpAddress, endpoint };
  takenTable(place.cloud).put(addressKey(place, VpcId, PrivateIpAddress), address);
}

/** What a connection to a private address inside a VPC would reach. */
export function endpointOf(vpcId: string, privateAddress: string, place: Place): Endpoint | undefined {
  return takenTable(place.cloud).get(addressKey(place, vpcId, privateAddress))?.endpoint;
}

export function interfacesOf(owner: string, call: Call): NetworkInterfaceRecord[] {
  return related(networkInterfaces, owner, call).filter((card) => card.Owner === owner);
}

export function releaseInterfaces(owner: string, call: Call): void {
  call.cloud.state.transaction(() => {
    for (const card of interfacesOf(owner, call)) {
      takenTable(call.cloud).delete(addressKey(call, card.VpcId ?? '', card.PrivateIpAddress ?? ''));
      erase(networkInterfaces, card.NetworkInterfaceId ?? '', call);
    }
  });
}

export function describeNetworkInterfaces(input: DescribeNetworkInterfacesRequest, call: Call) {
  const { items, next } = describe(networkInterfaces, { ...input, ids: input.NetworkInterfaceIds }, call);
  return { NetworkInterfaces: items.map((card) => ({ ...card, TagSet: card.Tags })), NextToken: next };
}
