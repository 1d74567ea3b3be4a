/** DB snapshots: copies of an instance's storage that outlive it, under the same KMS key. */
import type {
  CreateDBSnapshotMessage,
  CreateDBSnapshotResult,
  DBSnapshotMessage,
  DeleteDBSnapshotMessage,
  DeleteDBSnapshotResult,
  DescribeDBSnapshotsMessage,
  Filter,
} from '@aws-sdk/client-rds';
import { recordKey } from '../../identifiers.ts';
import { AwsError, type Call, type Cloud } from '../../model.ts';
import { pageOf } from '../../paging.ts';
import { requireRoom } from '../../quotas.ts';
import { watchKey } from './encryption.ts';
import { engine } from './engine.ts';
import {
  checkedIdentifier,
  findInstance,
  type InstanceRecord,
  instanceTable,
  nameFrom,
  type Owner,
  rdsArn,
  recordLimit,
  required,
  type SnapshotRecord,
  snapshotTable,
} from './records.ts';
import { snapshotShape } from './snapshot-description.ts';
import { isStopping } from './stopping.ts';
import { findSubnetGroup } from './subnet-groups.ts';
import { tagsOf } from './tags.ts';

/** @throws AwsError DBSnapshotNotFound (404). */
export function findSnapshot(owner: Owner, given: string | undefined): SnapshotRecord {
  const name = required(given, 'DBSnapshotIdentifier');
  const snapshot = snapshotTable(owner).get(recordKey(owner, nameFrom(owner, 'snapshot', name)));
  if (snapshot === undefined) throw new AwsError('DBSnapshotNotFound', `DBSnapshot not found: ${name}`, 404);
  return snapshot;
}

/** The name of a manual snapshot that can be made. @throws AwsError InvalidParameterValue, DBSnapshotAlreadyExists, SnapshotQuotaExceeded. */
export function freeSnapshotName(owner: Owner, given: string | undefined): string {
  const id = checkedIdentifier(given, 'DBSnapshotIdentifier', 255);
  if (snapshotTable(owner).get(recordKey(owner, id)) !== undefined) {
    throw new AwsError(
      'DBSnapshotAlreadyExists',
      `Cannot create the snapshot because a snapshot with the identifier ${id} already exists.`,
    );
  }
  requireRoom(owner, 'dbSnapshots');
  return id;
}

/** Copies under way, by instance: a deletion of the instance waits for them. */
const underWay = new WeakMap<Cloud, Map<string, Promise<void>>>();

/** Resolves when no copy of the instance's storage is being made. */
export async function snapshotsSettled(owner: Owner, instance: Pick<InstanceRecord, 'arn'>): Promise<void> {
  await underWay.get(owner.cloud)?.get(instance.arn);
}

/**
 * Records a snapshot of the instance as it is and begins to copy its storage. `type` is `manual` or, for AWS Backup's
 * recovery points, `awsbackup`, whose identifiers begin with `awsbackup:` and count for no quota.
 *
 * @returns the record, and its end: `available`, or `failed` with the reason in the sandbox's log.
 */
export function beginSnapshot(
  owner: Owner,
  instance: InstanceRecord,
  snapshot: Pick<SnapshotRecord, 'id' | 'type' | 'tags'>,
): { readonly record: SnapshotRecord; readonly ended: Promise<void> } {
  const { endpoint: _where, ...copied } = instance;
  const record: SnapshotRecord = {
    ...snapshot,
    arn: rdsArn(owner, 'snapshot', snapshot.id),
    accountId: owner.accountId,
    region: owner.region,
    status: 'creating',
    createdAt: owner.cloud.now().getTime(),
    vpcId: findSubnetGroup(owner, instance.subnetGroupName).vpcId,
    instance: copied,
  };
  snapshotTable(owner).put(recordKey(owner, record.id), record);
  return { record, ended: copy(owner, record) };
}

/** Copies what a recorded snapshot is of; also again, after a stop of the sandbox in the middle. */
export function copy(owner: Owner, snapshot: SnapshotRecord): Promise<void> {
  const { cloud } = owner;
  const ofCloud = underWay.get(cloud) ?? new Map<string, Promise<void>>();
  underWay.set(cloud, ofCloud);
  const { arn } = snapshot.instance;
  const before = ofCloud.get(arn) ?? Promise.resolve();
  const ended = before
    .then(() => cloud.dataPlane?.databases.snapshot(arn, snapshot.arn))
    .then(
      () => settle(owner, snapshot, 'available'),
      (error: unknown) => {
        if (isStopping(cloud)) return;
        cloud.log(`The snapshot ${snapshot.id} failed: ${(error as Error).message}`);
        settle(owner, snapshot, 'failed');
      },
    )
    .finally(() => {
      if (ofCloud.get(arn) === ended) ofCloud.delete(arn);
    });
  ofCloud.set(arn, ended);
  return ended;
}

function settle(owner: Owner, snapshot: SnapshotRecord, status: SnapshotRecord['status']): void {
  const key = recordKey(owner, snapshot.id);
  const current = snapshotTable(owner).get(key);
  if (current?.status === 'creating') snapshotTable(owner).put(key, { ...current, status });
}

async function createDBSnapshot(input: CreateDBSnapshotMessage, call: Call): Promise<CreateDBSnapshotResult> {
  const instance = await watchKey(call, findInstance(call, input.DBInstanceIdentifier));
  if (instance.status !== 'available' && instance.status !== 'stopped') {
    throw new AwsError(
      'InvalidDBInstanceState',
      `Cannot create a snapshot because the database instance ${instance.id} is not currently in the available state.`,
    );
  }
  const id = freeSnapshotName(call, input.DBSnapshotIdentifier);
  const tags = { ...(instance.copyTagsToSnapshot ? ownTags(instance) : {}), ...tagsOf(input.Tags) };
  return { DBSnapshot: snapshotShape(beginSnapshot(call, instance, { id, type: 'manual', tags }).record) };
}

/** System tags stay with the resource that they are about. */
export function ownTags({ tags }: Pick<InstanceRecord, 'tags'>): Record<string, string> {
  return Object.fromEntries(Object.entries(tags).filter(([name]) => !name.startsWith('aws:')));
}

function passes(snapshot: SnapshotRecord, filter: Filter): boolean {
  const values = filter.Values ?? [];
  switch (filter.Name) {
    case 'db-instance-id':
      return values.includes(snapshot.instance.id) || values.includes(snapshot.instance.arn);
    case 'db-snapshot-id':
      return values.includes(snapshot.id);
    case 'dbi-resource-id':
      return values.includes(snapshot.instance.resourceId);
    case 'snapshot-type':
      return values.includes(snapshot.type);
    case 'engine':
      return values.includes(engine);
    case undefined:
    default:
      throw new AwsError('InvalidParameterValue', `Unrecognized filter name: ${filter.Name}`);
  }
}

function describeDBSnapshots(input: DescribeDBSnapshotsMessage, call: Call): DBSnapshotMessage {
  const candidates =
    input.DBSnapshotIdentifier === undefined
      ? snapshotTable(call).list(recordKey(call))
      : [findSnapshot(call, input.DBSnapshotIdentifier)];
  const instanceId = input.DBInstanceIdentifier && nameFrom(call, 'db', input.DBInstanceIdentifier);
  const page = pageOf(
    candidates
      .filter(({ type }) => (input.SnapshotType ?? type) === type)
      .filter(({ instance }) => (instanceId ?? instance.id) === instance.id)
      .filter(({ instance }) => (input.DbiResourceId ?? instance.resourceId) === instance.resourceId)
      .filter((snapshot) => (input.Filters ?? []).every((filter) => passes(snapshot, filter))),
    {
      keyOf: ({ id }) => id,
      marker: input.Marker,
      limit: recordLimit(input.MaxRecords),
      invalidMarkerCode: 'InvalidParameterValue',
    },
  );
  return {
    DBSnapshots: page.items.map(snapshotShape),
    ...(page.next === undefined ? {} : { Marker: page.next }),
  };
}

async function deleteDBSnapshot(input: DeleteDBSnapshotMessage, call: Call): Promise<DeleteDBSnapshotResult> {
  const snapshot = findSnapshot(call, input.DBSnapshotIdentifier);
  if (snapshot.status === 'creating' || snapshot.type !== 'manual') {
    const why = snapshot.type === 'manual' ? `is ${snapshot.status}` : 'belongs to AWS Backup';
    throw new AwsError(
      'InvalidDBSnapshotState',
      `Cannot delete the snapshot ${snapshot.id}, because it ${why}.`,
    );
  }
  const restored = instanceTable(call)
    .list(recordKey(call))
    .find(({ restoreFrom }) => restoreFrom === snapshot.arn);
  if (restored !== undefined) {
    throw new AwsError(
      'InvalidDBSnapshotState',
      `Cannot delete the snapshot ${snapshot.id} while the instance ${restored.id} is restored from it.`,
    );
  }
  await eraseSnapshot(call, snapshot);
  return { DBSnapshot: { ...snapshotShape(snapshot), Status: 'deleted' } };
}

/** The record goes last: a deletion that is interrupted is asked for again. */
export async function eraseSnapshot(owner: Owner, snapshot: SnapshotRecord): Promise<void> {
  await owner.cloud.dataPlane?.databases.eraseSnapshot(snapshot.arn);
  snapshotTable(owner).delete(recordKey(owner, snapshot.id));
}

export const snapshotOperations = {
  CreateDBSnapshot: createDBSnapshot,
  DescribeDBSnapshots: describeDBSnapshots,
  DeleteDBSnapshot: deleteDBSnapshot,
};
