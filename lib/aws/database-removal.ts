import {
  CreateDBSnapshotCommand,
  type DBInstance,
  type DBSnapshot,
  DeleteDBInstanceCommand,
  DeleteDBParameterGroupCommand,
  DeleteDBSnapshotCommand,
  DeleteDBSubnetGroupCommand,
  DescribeDBParameterGroupsCommand,
  DescribeDBSnapshotsCommand,
  DescribeDBSubnetGroupsCommand,
  ModifyDBInstanceCommand,
  type RDSClient,
} from '@aws-sdk/client-rds';
import { DomainError } from '../domain/errors.ts';
import type { DatabaseFarewell, SiloRemoval, SnapshotFacts } from '../ports/silo-removal.ts';
import { call } from './clients.ts';
import { instanceOf, isRdsCode } from './database-instance.ts';

type DatabaseRemoval = Pick<
  SiloRemoval,
  | 'beginFinalSnapshot'
  | 'snapshot'
  | 'removeDatabase'
  | 'removeDatabaseSubnetGroup'
  | 'removeDatabaseParameterGroup'
  | 'removeSnapshot'
>;

/**
 * @param reads asks, as the control plane
 * @param writes changes, as the cell's role `retire` in a session of this practice
 */
export function databaseRemoval(reads: RDSClient, writes: RDSClient, practiceId: string): DatabaseRemoval {
  const snapshot = (id: string, signal?: AbortSignal) => snapshotOf(reads, id, signal);
  return {
    snapshot,
    beginFinalSnapshot: async ({ databaseInstanceId, snapshotId }, signal) => {
      const command = new CreateDBSnapshotCommand({
        DBInstanceIdentifier: databaseInstanceId,
        DBSnapshotIdentifier: snapshotId,
        Tags: [
          { Key: 'lumenality:practice', Value: practiceId },
          { Key: 'lumenality:component', Value: 'final-snapshot' },
        ],
      });
      requireKey(await instanceOf(reads, databaseInstanceId, signal));
      try {
        await call('rds', 'CreateDBSnapshot', signal, (options) => writes.send(command, options));
      } catch (error) {
        if (!isRdsCode(error, 'DBSnapshotAlreadyExists')) throw passing(error);
        const taken = await snapshot(snapshotId, signal);
        if (taken?.databaseInstanceId !== databaseInstanceId)
          throw notFinal(`${snapshotId} is a snapshot of ${taken?.databaseInstanceId ?? 'nothing any more'}`);
      }
    },
    removeDatabase: async (databaseInstanceId, farewell, signal) => {
      const instance = await instanceOf(reads, databaseInstanceId, signal);
      if (instance === undefined || instance.DBInstanceStatus === 'deleting') return;
      requireKey(instance);
      if ('finalSnapshotId' in farewell) {
        const kept = await snapshot(farewell.finalSnapshotId, signal);
        requireFinal(kept, instance, databaseInstanceId, farewell);
      }
      await letGo(writes, instance, signal);
      await remove(writes, databaseInstanceId, farewell, signal);
    },
    removeDatabaseSubnetGroup: async (DBSubnetGroupName, signal) => {
      const find = () =>
        call('rds', 'DescribeDBSubnetGroups', signal, (options) =>
          reads.send(new DescribeDBSubnetGroupsCommand({ DBSubnetGroupName }), options),
        );
      await removeFound('DBSubnetGroupNotFound', find, () =>
        call('rds', 'DeleteDBSubnetGroup', signal, (options) =>
          writes.send(new DeleteDBSubnetGroupCommand({ DBSubnetGroupName }), options),
        ),
      );
    },
    removeDatabaseParameterGroup: async (DBParameterGroupName, signal) => {
      const find = () =>
        call('rds', 'DescribeDBParameterGroups', signal, (options) =>
          reads.send(new DescribeDBParameterGroupsCommand({ DBParameterGroupName }), options),
        );
      await removeFound('DBParameterGroupNotFound', find, () =>
        call('rds', 'DeleteDBParameterGroup', signal, (options) =>
          writes.send(new DeleteDBParameterGroupCommand({ DBParameterGroupName }), options),
        ),
      );
    },
    removeSnapshot: async (DBSnapshotIdentifier, signal) => {
      const find = () =>
        call('rds', 'DescribeDBSnapshots', signal, (options) =>
          reads.send(new DescribeDBSnapshotsCommand({ DBSnapshotIdentifier }), options),
        );
      await removeFound('DBSnapshotNotFound', find, () =>
        call('rds', 'DeleteDBSnapshot', signal, (options) =>
          writes.send(new DeleteDBSnapshotCommand({ DBSnapshotIdentifier }), options),
        ),
      );
    },
  };
}

/**
 * RDS refuses every change of a database whose key it cannot use (`inaccessible-encryption-credentials-recoverable`, "Viewing Amazon RDS DB instance
 * status"), and waiting does not help.
 */
function requireKey(instance: DBInstance | undefined): void {
  const { DBInstanceIdentifier: id, DBInstanceStatus: status = '', KmsKeyId: key } = instance ?? {};
  if (!status.startsWith('inaccessible-encryption-credentials')) return;
  throw new DomainError(
    'conflict',
    `Database ${id} is ${status}: RDS cannot use its key ${key}, and refuses to copy, change or delete it.`,
    {
      context: {
        nextAction: `Enable key ${key} and start database ${id} in RDS, then ask for the same again.`,
      },
    },
  );
}

/**
 * Protection off, which takes effect at once ("Settings for DB instances"). Not with `ApplyImmediately`: RDS would begin with every other change
 * that waits for the maintenance window, and take no deletion until that is done.
 */
async function letGo(rds: RDSClient, instance: DBInstance, signal?: AbortSignal): Promise<void> {
  if (instance.DeletionProtection !== true) return;
  const command = new ModifyDBInstanceCommand({
    DBInstanceIdentifier: instance.DBInstanceIdentifier,
    DeletionProtection: false,
  });
  await unlessGone('DBInstanceNotFound', () =>
    call('rds', 'ModifyDBInstance', signal, (options) => rds.send(command, options)),
  );
}

/** Without a second final snapshot: the one that was read back is it. */
async function remove(
  rds: RDSClient,
  DBInstanceIdentifier: string,
  farewell: DatabaseFarewell,
  signal?: AbortSignal,
): Promise<void> {
  const command = new DeleteDBInstanceCommand({
    DBInstanceIdentifier,
    SkipFinalSnapshot: true,
    // RDS's own backups expire by themselves, 35 days after the last one; of a database that nobody used there is nothing to bring back.
    DeleteAutomatedBackups: !('finalSnapshotId' in farewell),
  });
  await unlessGone('DBInstanceNotFound', () =>
    call('rds', 'DeleteDBInstance', signal, (options) => rds.send(command, options)),
  );
}

function requireFinal(
  snapshot: SnapshotFacts | undefined,
  { DbiResourceId }: DBInstance,
  databaseInstanceId: string,
  { finalSnapshotId, keyArn }: Extract<DatabaseFarewell, { readonly finalSnapshotId: string }>,
): void {
  if (snapshot === undefined) throw notFinal(`there is no snapshot ${finalSnapshotId}`);
  const { status, encrypted } = snapshot;
  if (snapshot.databaseInstanceId !== databaseInstanceId)
    throw notFinal(`${finalSnapshotId} is a snapshot of ${snapshot.databaseInstanceId}`);
  if (snapshot.databaseResourceId !== (DbiResourceId ?? null))
    throw notFinal(
      `${finalSnapshotId} is of another instance that had the name ${databaseInstanceId} before (${snapshot.databaseResourceId ?? 'unknown'}, not ${DbiResourceId ?? 'unknown'})`,
    );
  if (status !== 'available') throw notFinal(`${finalSnapshotId} is ${status}, not available`);
  if (!encrypted || snapshot.keyArn !== keyArn)
    throw notFinal(
      `${finalSnapshotId} is not encrypted with the practice's key but ${snapshot.keyArn ?? 'with none'}`,
    );
}

function notFinal(why: string): DomainError {
  return new DomainError(
    'conflict',
    `The database stays: its final snapshot is not there to be kept, because ${why}. Nothing was removed.`,
    {
      context: {
        nextAction:
          'See the snapshots of the database in RDS, then retry the run: it takes one if there is none.',
      },
    },
  );
}

async function snapshotOf(
  rds: RDSClient,
  DBSnapshotIdentifier: string,
  signal?: AbortSignal,
): Promise<SnapshotFacts | undefined> {
  try {
    const { DBSnapshots = [] } = await call('rds', 'DescribeDBSnapshots', signal, (options) =>
      rds.send(new DescribeDBSnapshotsCommand({ DBSnapshotIdentifier }), options),
    );
    return DBSnapshots[0] === undefined ? undefined : snapshotFacts(DBSnapshots[0]);
  } catch (error) {
    if (isRdsCode(error, 'DBSnapshotNotFound')) return undefined;
    throw error;
  }
}

function snapshotFacts(snapshot: DBSnapshot): SnapshotFacts {
  return {
    id: snapshot.DBSnapshotIdentifier ?? '',
    arn: snapshot.DBSnapshotArn ?? '',
    databaseInstanceId: snapshot.DBInstanceIdentifier ?? '',
    databaseResourceId: snapshot.DbiResourceId ?? null,
    status: snapshot.Status ?? 'unknown',
    percentProgress: snapshot.PercentProgress ?? 0,
    encrypted: snapshot.Encrypted ?? false,
    keyArn: snapshot.KmsKeyId ?? null,
    allocatedGib: snapshot.AllocatedStorage ?? 0,
    engineVersion: snapshot.EngineVersion ?? 'unknown',
    createdAt: snapshot.SnapshotCreateTime?.toISOString() ?? null,
  };
}

/**
 * Removes what is there. It is asked for first: the role may remove what carries the practice's tag, and what is gone carries none, so that IAM would
 * deny the removal where RDS would say that there is nothing to remove.
 */
async function removeFound(
  code: string,
  find: () => Promise<unknown>,
  remove: () => Promise<unknown>,
): Promise<void> {
  await unlessGone(code, async () => {
    await find();
    await remove();
  });
}

async function unlessGone(code: string, change: () => Promise<unknown>): Promise<void> {
  try {
    await change();
  } catch (error) {
    if (!isRdsCode(error, code)) throw passing(error);
  }
}

/** An instance in the middle of something, a group that a deleted instance has not quite left: RDS takes the call a little later. */
function passing(error: unknown): unknown {
  if (!(error instanceof DomainError) || !isRdsCode(error, 'InvalidDB')) return error;
  const { code, publicMessage, context } = error;
  return new DomainError(code, publicMessage, { context, cause: error, retryable: true });
}
