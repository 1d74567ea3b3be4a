/** DB subnet groups: where an instance may stand. The subnets are read from EC2, so that a made-up one is refused. */
import type { DescribeSubnetsResult } from '@aws-sdk/client-ec2';
import type {
  CreateDBSubnetGroupMessage,
  CreateDBSubnetGroupResult,
  DBSubnetGroup,
  DBSubnetGroupMessage,
  DeleteDBSubnetGroupMessage,
  DescribeDBSubnetGroupsMessage,
  ModifyDBSubnetGroupMessage,
  ModifyDBSubnetGroupResult,
} from '@aws-sdk/client-rds';
import { recordKey } from '../../identifiers.ts';
import { AwsError, type Call } from '../../model.ts';
import { pageOf } from '../../paging.ts';
import { requireRoom } from '../../quotas.ts';
import {
  checkedIdentifier,
  instanceTable,
  nameFrom,
  type Owner,
  rdsArn,
  recordLimit,
  required,
  type SubnetGroupRecord,
  subnetGroupTable,
} from './records.ts';
import { tagsOf } from './tags.ts';

/** @throws AwsError DBSubnetGroupNotFoundFault (404). */
export function findSubnetGroup(owner: Owner, given: string | undefined): SubnetGroupRecord {
  const name = nameFrom(owner, 'subgrp', required(given, 'DBSubnetGroupName'));
  const group = subnetGroupTable(owner).get(recordKey(owner, name));
  if (group === undefined)
    throw new AwsError('DBSubnetGroupNotFoundFault', `DB subnet group '${name}' does not exist.`, 404);
  return group;
}

export function subnetGroupShape(group: SubnetGroupRecord): DBSubnetGroup {
  return {
    DBSubnetGroupName: group.name,
    DBSubnetGroupDescription: group.description,
    VpcId: group.vpcId,
    SubnetGroupStatus: 'Complete',
    Subnets: group.subnets.map(({ id, zone }) => ({
      SubnetIdentifier: id,
      SubnetAvailabilityZone: { Name: zone },
      SubnetOutpost: {},
      SubnetStatus: 'Active',
    })),
    DBSubnetGroupArn: group.arn,
    SupportedNetworkTypes: ['IPV4'],
  };
}

/** @throws AwsError InvalidSubnet, DBSubnetGroupDoesNotCoverEnoughAZs. */
async function placement(
  call: Call,
  subnetIds: readonly string[] | undefined,
): Promise<Pick<SubnetGroupRecord, 'vpcId' | 'subnets'>> {
  const ids = [...new Set(subnetIds ?? [])];
  if (ids.length === 0)
    throw new AwsError('MissingParameter', 'The request must contain the parameter SubnetIds.');
  const answer = await ec2Subnets(call, ids);
  const subnets = (answer.Subnets ?? []).map(({ SubnetId = '', AvailabilityZone = '', VpcId = '' }) => ({
    id: SubnetId,
    zone: AvailabilityZone,
    vpcId: VpcId,
  }));
  const vpcs = new Set(subnets.map(({ vpcId }) => vpcId));
  const [vpcId] = vpcs;
  if (vpcId === undefined || vpcs.size > 1)
    throw new AwsError('InvalidSubnet', 'The subnets of a DB subnet group have to be in the same VPC.');
  const zones = [...new Set(subnets.map(({ zone }) => zone))];
  if (zones.length < 2) {
    throw new AwsError(
      'DBSubnetGroupDoesNotCoverEnoughAZs',
      `The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. Current AZ coverage: ${zones.join(', ')}. Add subnets to cover at least 2 AZs.`,
    );
  }
  return { vpcId, subnets: subnets.map(({ id, zone }) => ({ id, zone })) };
}

async function ec2Subnets(call: Call, ids: readonly string[]): Promise<DescribeSubnetsResult> {
  try {
    return await call.cloud.invoke<DescribeSubnetsResult>('ec2', 'DescribeSubnets', { SubnetIds: ids }, call);
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    throw new AwsError(
      'InvalidSubnet',
      `Some input subnets in :[${ids.join(', ')}] are invalid. (EC2: ${error.message})`,
    );
  }
}

export interface NewSubnetGroup {
  readonly name: string | undefined;
  readonly description: string | undefined;
  readonly subnetIds: readonly string[] | undefined;
  readonly tags: Readonly<Record<string, string>>;
  readonly madeBy?: string;
}

export async function makeSubnetGroup(call: Call, wanted: NewSubnetGroup): Promise<SubnetGroupRecord> {
  const name = checkedIdentifier(wanted.name, 'DBSubnetGroupName', 255);
  const description = required(wanted.description, 'DBSubnetGroupDescription');
  if (name === 'default')
    throw new AwsError('InvalidParameterValue', "The parameter DBSubnetGroupName must not be 'default'.");
  const place = await placement(call, wanted.subnetIds);
  if (subnetGroupTable(call).get(recordKey(call, name)) !== undefined) {
    throw new AwsError('DBSubnetGroupAlreadyExists', `The DB subnet group '${name}' already exists.`);
  }
  requireRoom(call, 'dbSubnetGroups');
  return save(call, {
    name,
    arn: rdsArn(call, 'subgrp', name),
    description,
    ...place,
    tags: wanted.tags,
    madeBy: wanted.madeBy,
  });
}

function save(call: Call, group: SubnetGroupRecord): SubnetGroupRecord {
  subnetGroupTable(call).put(recordKey(call, group.name), group);
  return group;
}

async function createDBSubnetGroup(
  input: CreateDBSubnetGroupMessage,
  call: Call,
): Promise<CreateDBSubnetGroupResult> {
  const group = await makeSubnetGroup(call, {
    name: input.DBSubnetGroupName,
    description: input.DBSubnetGroupDescription,
    subnetIds: input.SubnetIds,
    tags: tagsOf(input.Tags),
  });
  return { DBSubnetGroup: subnetGroupShape(group) };
}

/** Changes description, subnets and tags; subnets that an instance stands in stay in the same VPC. */
export async function changeSubnetGroup(
  call: Call,
  given: string | undefined,
  wanted: Partial<Omit<NewSubnetGroup, 'name'>>,
): Promise<SubnetGroupRecord> {
  const group = findSubnetGroup(call, given);
  const place = await placement(call, wanted.subnetIds);
  if (place.vpcId !== group.vpcId)
    throw new AwsError('InvalidSubnet', 'The new subnets are not in the VPC of the DB subnet group.');
  return save(call, {
    ...findSubnetGroup(call, given),
    ...place,
    description: wanted.description ?? group.description,
    tags: wanted.tags ?? group.tags,
  });
}

async function modifyDBSubnetGroup(
  input: ModifyDBSubnetGroupMessage,
  call: Call,
): Promise<ModifyDBSubnetGroupResult> {
  const group = await changeSubnetGroup(call, input.DBSubnetGroupName, {
    description: input.DBSubnetGroupDescription,
    subnetIds: input.SubnetIds,
  });
  return { DBSubnetGroup: subnetGroupShape(group) };
}

function describeDBSubnetGroups(input: DescribeDBSubnetGroupsMessage, call: Call): DBSubnetGroupMessage {
  if (input.DBSubnetGroupName !== undefined) {
    return { DBSubnetGroups: [subnetGroupShape(findSubnetGroup(call, input.DBSubnetGroupName))] };
  }
  const page = pageOf(subnetGroupTable(call).list(recordKey(call)), {
    keyOf: ({ name }) => name,
    marker: input.Marker,
    limit: recordLimit(input.MaxRecords),
    invalidMarkerCode: 'InvalidParameterValue',
  });
  return {
    DBSubnetGroups: page.items.map(subnetGroupShape),
    ...(page.next === undefined ? {} : { Marker: page.next }),
  };
}

export function deleteDBSubnetGroup(input: DeleteDBSubnetGroupMessage, call: Call): void {
  const group = findSubnetGroup(call, input.DBSubnetGroupName);
  const user = instanceTable(call)
    .list(recordKey(call))
    .find(({ subnetGroupName }) => subnetGroupName === group.name);
  if (user !== undefined) {
    throw new AwsError(
      'InvalidDBSubnetGroupStateFault',
      `Cannot delete the subnet group '${group.name}' because at least one database instance: ${user.id} is still using it.`,
    );
  }
  subnetGroupTable(call).delete(recordKey(call, group.name));
}

export const subnetGroupOperations = {
  CreateDBSubnetGroup: createDBSubnetGroup,
  ModifyDBSubnetGroup: modifyDBSubnetGroup,
  DescribeDBSubnetGroups: describeDBSubnetGroups,
  DeleteDBSubnetGroup: deleteDBSubnetGroup,
};
