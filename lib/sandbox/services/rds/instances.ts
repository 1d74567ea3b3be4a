/** The life of a DB instance: created, described, stopped and started, rebooted, deleted. */
import { randomUUID } from 'node:crypto';
import type {
  CreateDBInstanceMessage,
  CreateDBInstanceResult,
  DBInstanceMessage,
  DeleteDBInstanceMessage,
  DeleteDBInstanceResult,
  DescribeDBInstancesMessage,
  Filter,
  RebootDBInstanceMessage,
  RebootDBInstanceResult,
  StartDBInstanceMessage,
  StartDBInstanceResult,
  StopDBInstanceMessage,
  StopDBInstanceResult,
} from '@aws-sdk/client-rds';
import { recordKey } from '../../identifiers.ts';
import { AwsError, type Call } from '../../model.ts';
import { pageOf } from '../../paging.ts';
import { makeInstance } from './creation.ts';
import { instanceShape } from './description.ts';
import { watchKey } from './encryption.ts';
import { engine } from './engine.ts';
import { bringUp, inBackground, remove, restart, shutDown } from './engines.ts';
import {
  changeInstance,
  findInstance,
  type InstanceRecord,
  type InstanceStatus,
  instanceNamed,
  instanceTable,
  nameFrom,
  recordLimit,
} from './records.ts';
import { beginSnapshot, freeSnapshotName } from './snapshots.ts';
import { tagsOf } from './tags.ts';

async function createDBInstance(input: CreateDBInstanceMessage, call: Call): Promise<CreateDBInstanceResult> {
  const instance = await makeInstance(call, input, tagsOf(input.Tags), randomUUID());
  inBackground(call, instance, bringUp);
  return { DBInstance: instanceShape(call, instance) };
}

function passes(instance: InstanceRecord, filter: Filter): boolean {
  const values = filter.Values ?? [];
  switch (filter.Name) {
    case 'db-instance-id':
      return values.some((value) => value.toLowerCase() === instance.id || value === instance.arn);
    case 'dbi-resource-id':
      return values.includes(instance.resourceId);
    case 'engine':
      return values.includes(engine);
    case 'db-cluster-id':
    case 'domain':
      return false;
    case undefined:
    default:
      throw new AwsError('InvalidParameterValue', `Unrecognized filter name: ${filter.Name}`);
  }
}

async function describeDBInstances(
  input: DescribeDBInstancesMessage,
  call: Call,
): Promise<DBInstanceMessage> {
  const candidates =
    input.DBInstanceIdentifier === undefined
      ? instanceTable(call).list(recordKey(call))
      : [findInstance(call, input.DBInstanceIdentifier)];
  const page = pageOf(
    candidates.filter((instance) => (input.Filters ?? []).every((filter) => passes(instance, filter))),
    {
      keyOf: ({ id }) => id,
      marker: input.Marker,
      limit: recordLimit(input.MaxRecords),
      invalidMarkerCode: 'InvalidParameterValue',
    },
  );
  const watched = await Promise.all(page.items.map((instance) => watchKey(call, instance)));
  return {
    DBInstances: watched
      .filter(({ id }) => instanceNamed(call, id) !== undefined)
      .map((instance) => instanceShape(call, instance)),
    ...(page.next === undefined ? {} : { Marker: page.next }),
  };
}

/** Moves an instance that is in one of the `from` statuses on. @throws AwsError InvalidDBInstanceState. */
function moveTo(
  call: Call,
  given: string | undefined,
  from: readonly InstanceStatus[],
  to: InstanceStatus,
): InstanceRecord {
  const instance = findInstance(call, given);
  if (!from.includes(instance.status)) {
    throw new AwsError(
      'InvalidDBInstanceState',
      `Instance ${instance.id} is not in ${from.join(' or ')} state: it is ${instance.status}.`,
    );
  }
  return changeInstance(call, instance.id, (current) => ({ ...current, status: to })) ?? instance;
}

function stopDBInstance(input: StopDBInstanceMessage, call: Call): StopDBInstanceResult {
  const id = input.DBSnapshotIdentifier && freeSnapshotName(call, input.DBSnapshotIdentifier);
  const instance = moveTo(call, input.DBInstanceIdentifier, ['available'], 'stopping');
  if (id !== undefined) beginSnapshot(call, instance, { id, type: 'manual', tags: {} });
  inBackground(call, instance, shutDown);
  return { DBInstance: instanceShape(call, instance) };
}

function startDBInstance(input: StartDBInstanceMessage, call: Call): StartDBInstanceResult {
  const from: InstanceStatus[] = ['stopped', 'inaccessible-encryption-credentials-recoverable'];
  const instance = moveTo(call, input.DBInstanceIdentifier, from, 'starting');
  inBackground(call, instance, bringUp);
  return { DBInstance: instanceShape(call, instance) };
}

function rebootDBInstance(input: RebootDBInstanceMessage, call: Call): RebootDBInstanceResult {
  const named = findInstance(call, input.DBInstanceIdentifier);
  if (input.ForceFailover === true && !named.multiAz) {
    throw new AwsError(
      'InvalidParameterCombination',
      'Reboot Instance with failover is only available for Multi-AZ instances.',
    );
  }
  const instance = moveTo(call, named.id, ['available'], 'rebooting');
  inBackground(call, instance, restart);
  return { DBInstance: instanceShape(call, instance) };
}

function refuseSnapshotCombination(input: DeleteDBInstanceMessage): void {
  const skip = input.SkipFinalSnapshot === true;
  if (skip && input.FinalDBSnapshotIdentifier !== undefined) {
    throw new AwsError(
      'InvalidParameterCombination',
      'FinalDBSnapshotIdentifier can not be specified when deleting an instance with SkipFinalSnapshot enabled.',
    );
  }
  if (!skip && input.FinalDBSnapshotIdentifier === undefined) {
    throw new AwsError(
      'InvalidParameterCombination',
      'FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.',
    );
  }
}

function refuseProtected({ deletionProtection }: InstanceRecord): void {
  if (deletionProtection) {
    throw new AwsError(
      'InvalidParameterCombination',
      'Cannot delete protected DB Instance, please disable deletion protection and try again.',
    );
  }
}

/**
 * @param finalSnapshot what the deletion takes before it erases the storage; without it none, whatever an earlier attempt asked for.
 * @throws AwsError InvalidParameterCombination for an instance with deletion protection.
 */
export function markDeleting(call: Call, instance: InstanceRecord, finalSnapshot?: string): InstanceRecord {
  refuseProtected(instance);
  const marked = changeInstance(call, instance.id, ({ finalSnapshot: _earlier, ...current }) => ({
    ...current,
    status: 'deleting',
    ...(finalSnapshot === undefined ? {} : { finalSnapshot }),
  }));
  return marked ?? instance;
}

/** An instance whose storage nobody can read any more has no final snapshot ("Deleting a DB instance"). */
function finalSnapshotName(
  call: Call,
  input: DeleteDBInstanceMessage,
  instance: InstanceRecord,
): string | undefined {
  if (input.FinalDBSnapshotIdentifier === undefined) return undefined;
  if (instance.status !== 'available' && instance.status !== 'stopped') {
    throw new AwsError(
      'InvalidDBInstanceState',
      `Cannot create a final snapshot of ${instance.id}, because it is ${instance.status}. Delete it with SkipFinalSnapshot.`,
    );
  }
  return freeSnapshotName(call, input.FinalDBSnapshotIdentifier);
}

function deleteDBInstance(input: DeleteDBInstanceMessage, call: Call): DeleteDBInstanceResult {
  const named = findInstance(call, nameFrom(call, 'db', input.DBInstanceIdentifier ?? ''));
  if (named.status === 'deleting' || named.status === 'creating') {
    throw new AwsError('InvalidDBInstanceState', `Instance ${named.id} is currently ${named.status}.`);
  }
  refuseProtected(named);
  refuseSnapshotCombination(input);
  const instance = markDeleting(call, named, finalSnapshotName(call, input, named));
  inBackground(call, instance, remove);
  return { DBInstance: instanceShape(call, instance) };
}

export const instanceOperations = {
  CreateDBInstance: createDBInstance,
  DescribeDBInstances: describeDBInstances,
  StopDBInstance: stopDBInstance,
  StartDBInstance: startDBInstance,
  RebootDBInstance: rebootDBInstance,
  DeleteDBInstance: deleteDBInstance,
};
