/** Recovery points: what a vault holds. Those of databases are DB snapshots, with a life that the vault decides. */
import type * as sdk from '@aws-sdk/client-backup';
import { recordKey } from '../../identifiers.ts';
import { AwsError, type Call } from '../../model.ts';
import { pageOf } from '../../paging.ts';
import { type SnapshotRecord, snapshotTable } from '../rds/records.ts';
import { eraseSnapshot } from '../rds/snapshots.ts';
import {
  allPoints,
  erasePoint,
  existingVault,
  findPoint,
  invalidRequest,
  pointsIn,
  putPoint,
  type RecoveryPointRecord,
} from './records.ts';

export function snapshotOf(recoveryPointArn: string, call: Call): SnapshotRecord | undefined {
  const id = recoveryPointArn.replace(/^.*:snapshot:/, '');
  return snapshotTable(call).get(recordKey(call, id));
}

/** What has become of a recovery point: made, failed, or at the end of its life. Undefined when it is gone. */
async function settled(point: RecoveryPointRecord, call: Call): Promise<RecoveryPointRecord | undefined> {
  const now = call.cloud.now();
  const snapshot = snapshotOf(point.RecoveryPointArn, call);
  const isOver = (point.CalculatedLifecycle?.DeleteAt ?? now) < now;
  if (isOver) {
    await erase(point, call);
    return undefined;
  }
  if (snapshot === undefined || snapshot.status === 'failed') {
    // A snapshot that failed stays: the job tells its end by it.
    erasePoint(point, call);
    return undefined;
  }
  if (point.Status !== 'CREATING' || snapshot.status === 'creating') return point;
  const made: RecoveryPointRecord = { ...point, Status: 'COMPLETED', CompletionDate: now };
  putPoint(made, call);
  return made;
}

async function erase(point: RecoveryPointRecord, call: Call): Promise<void> {
  const snapshot = snapshotOf(point.RecoveryPointArn, call);
  if (snapshot !== undefined) await eraseSnapshot(call, snapshot);
  erasePoint(point, call);
}

async function settledAll(
  points: readonly RecoveryPointRecord[],
  call: Call,
): Promise<RecoveryPointRecord[]> {
  const found = await Promise.all(points.map((point) => settled(point, call)));
  return found.flatMap((point) => point ?? []);
}

export const livePointsIn = (vaultName: string, call: Call) => settledAll(pointsIn(vaultName, call), call);

async function existingPoint(
  input: { BackupVaultName: string | undefined; RecoveryPointArn: string | undefined },
  call: Call,
): Promise<RecoveryPointRecord> {
  const { name } = existingVault(input.BackupVaultName, call);
  const point = findPoint(name, input.RecoveryPointArn ?? '', call);
  const live = point && (await settled(point, call));
  if (live === undefined)
    throw new AwsError(
      'ResourceNotFoundException',
      `Recovery point ${input.RecoveryPointArn} does not exist.`,
    );
  return live;
}

/** A lock keeps every recovery point to the end of its life, and those without an end for ever. */
async function deleteRecoveryPoint(input: sdk.DeleteRecoveryPointInput, call: Call): Promise<void> {
  const point = await existingPoint(input, call);
  if (existingVault(point.BackupVaultName, call).lock !== undefined)
    throw invalidRequest(
      `Recovery point ${point.RecoveryPointArn} cannot be deleted: vault ${point.BackupVaultName} is locked.`,
    );
  await erase(point, call);
}

async function listRecoveryPointsByBackupVault(input: sdk.ListRecoveryPointsByBackupVaultInput, call: Call) {
  const { name } = existingVault(input.BackupVaultName, call);
  const wanted = (await livePointsIn(name, call)).filter(
    (point) =>
      (input.ByResourceArn === undefined || point.ResourceArn === input.ByResourceArn) &&
      (input.ByResourceType === undefined || point.ResourceType === input.ByResourceType) &&
      (input.ByBackupPlanId === undefined || point.CreatedBy?.BackupPlanId === input.ByBackupPlanId) &&
      (input.ByCreatedBefore === undefined || (point.CreationDate ?? 0) < input.ByCreatedBefore) &&
      (input.ByCreatedAfter === undefined || (point.CreationDate ?? 0) > input.ByCreatedAfter),
  );
  const page = pageOf(wanted, {
    keyOf: (point) => point.RecoveryPointArn,
    marker: input.NextToken,
    limit: input.MaxResults ?? 1000,
    invalidMarkerCode: 'InvalidParameterValueException',
  });
  return { RecoveryPoints: page.items, NextToken: page.next };
}

/** The resources that have been backed up at least once, with their newest recovery point. */
async function listProtectedResources(input: sdk.ListProtectedResourcesInput, call: Call) {
  const newest = new Map<string, RecoveryPointRecord>();
  for (const point of await settledAll(allPoints(call), call)) {
    const before = newest.get(point.ResourceArn ?? '');
    if (before === undefined || (before.CreationDate ?? 0) < (point.CreationDate ?? 0))
      newest.set(point.ResourceArn ?? '', point);
  }
  const page = pageOf([...newest.values()], {
    keyOf: (point) => point.ResourceArn ?? '',
    marker: input.NextToken,
    limit: input.MaxResults ?? 1000,
    invalidMarkerCode: 'InvalidParameterValueException',
  });
  const Results = page.items.map((point) => ({
    ResourceArn: point.ResourceArn,
    ResourceType: point.ResourceType,
    ResourceName: point.ResourceName,
    LastBackupTime: point.CreationDate,
    LastBackupVaultArn: point.BackupVaultArn,
    LastRecoveryPointArn: point.RecoveryPointArn,
  }));
  return { Results, NextToken: page.next };
}

export const pointOperations = {
  DescribeRecoveryPoint: existingPoint,
  DeleteRecoveryPoint: deleteRecoveryPoint,
  ListRecoveryPointsByBackupVault: listRecoveryPointsByBackupVault,
  ListProtectedResources: listProtectedResources,
};
