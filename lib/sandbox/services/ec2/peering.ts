/** VPC peering connections: a silo must have none, so a test must be able to make one and see it found. */
import type {
  AcceptVpcPeeringConnectionRequest,
  CreateVpcPeeringConnectionRequest,
  DeleteVpcPeeringConnectionRequest,
  DescribeVpcPeeringConnectionsRequest,
  VpcPeeringConnection,
} from '@aws-sdk/client-ec2';
import { generatedId } from '../../identifiers.ts';
import { AwsError, type Call } from '../../model.ts';
import { overlap, parseCidr } from './addresses.ts';
import { peerings, vpcs } from './kinds.ts';
import { describe, existing, find, put, specifiedTags } from './records.ts';

/** Both sides see the connection, each in its own account and Region. */
function putBoth(peering: VpcPeeringConnection, call: Call): VpcPeeringConnection {
  call.cloud.state.transaction(() => {
    for (const side of [peering.RequesterVpcInfo, peering.AccepterVpcInfo])
      put(peerings, peering, {
        ...call,
        accountId: side?.OwnerId ?? call.accountId,
        region: side?.Region ?? call.region,
      });
  });
  return peering;
}

export function createVpcPeeringConnection(input: CreateVpcPeeringConnectionRequest, call: Call) {
  const requester = existing(vpcs, input.VpcId, call);
  const far = {
    ...call,
    accountId: input.PeerOwnerId ?? call.accountId,
    region: input.PeerRegion ?? call.region,
  };
  const accepter = find(vpcs, input.PeerVpcId, far);
  const one = parseCidr(requester.CidrBlock ?? '');
  const other = parseCidr(accepter?.CidrBlock ?? '');
  // AWS answers with a connection that has failed rather than with an error, so that nothing leaks about the far side.
  const failed = accepter === undefined || (one !== undefined && other !== undefined && overlap(one, other));
  const peering: VpcPeeringConnection = {
    VpcPeeringConnectionId: generatedId(call.requestId, 'pcx-', 17),
    RequesterVpcInfo: {
      VpcId: requester.VpcId,
      OwnerId: call.accountId,
      Region: call.region,
      CidrBlock: requester.CidrBlock,
    },
    AccepterVpcInfo: { VpcId: input.PeerVpcId, OwnerId: far.accountId, Region: far.region },
    Status: failed
      ? { Code: 'failed', Message: 'Failed due to incorrect VPC-ID, Account ID, or overlapping CIDR range' }
      : { Code: 'pending-acceptance', Message: `Pending Acceptance by ${far.accountId}` },
    Tags: specifiedTags(input.TagSpecifications, 'vpc-peering-connection'),
  };
  return { VpcPeeringConnection: putBoth(peering, call) };
}

export function acceptVpcPeeringConnection(input: AcceptVpcPeeringConnectionRequest, call: Call) {
  const peering = existing(peerings, input.VpcPeeringConnectionId, call);
  const side = peering.AccepterVpcInfo;
  if (peering.Status?.Code !== 'pending-acceptance' || side?.OwnerId !== call.accountId) {
    throw new AwsError(
      'InvalidStateTransition',
      `Invalid state transition for ${input.VpcPeeringConnectionId}, attempted to transition from ${peering.Status?.Code} to active`,
    );
  }
  const accepter = find(vpcs, side.VpcId, call);
  const active: VpcPeeringConnection = {
    ...peering,
    AccepterVpcInfo: { ...side, CidrBlock: accepter?.CidrBlock },
    Status: { Code: 'active', Message: 'Active' },
  };
  return { VpcPeeringConnection: putBoth(active, call) };
}

export function deleteVpcPeeringConnection(input: DeleteVpcPeeringConnectionRequest, call: Call) {
  const peering = existing(peerings, input.VpcPeeringConnectionId, call);
  // AWS keeps showing a deleted connection for a while.
  putBoth({ ...peering, Status: { Code: 'deleted', Message: `Deleted by ${call.accountId}` } }, call);
  return { Return: true };
}

export function describeVpcPeeringConnections(input: DescribeVpcPeeringConnectionsRequest, call: Call) {
  const { items, next } = describe(peerings, { ...input, ids: input.VpcPeeringConnectionIds }, call);
  return { VpcPeeringConnections: items, NextToken: next };
}
