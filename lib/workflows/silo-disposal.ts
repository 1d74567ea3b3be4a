import { DomainError } from '../domain/errors.ts';
import type { SiloReads } from '../ports/silo-reads.ts';
import type { SiloRemoval } from '../ports/silo-removal.ts';
import { judgeRecords, type RecordsJudgement } from './practice-records.ts';
import type { Retained } from './remove-component.ts';
import {
  databaseGone,
  databaseLogGroups,
  databasesOf,
  databaseType,
  endedSnapshot,
} from './silo-database.ts';
import type { Removal } from './stack-removal.ts';

/** What takes apart the silo of a practice that was never active. */
export type Disposal = Removal & {
  readonly silo: Pick<SiloReads, 'databaseExists' | 'logGroups'>;
  readonly removal: SiloRemoval;
};

/**
 * Removes the databases that a stack made, present or deleted: without a snapshot when nobody can have entered anything, else after a final snapshot that was
 * read back. Answers what stays of them.
 * @throws DomainError `change_refused` for a practice that is or was active; `deployment_failed` when no snapshot could be taken.
 */
export async function disposeOfDatabases(
  disposal: Disposal,
  stackId: string,
  keyArn: string | undefined,
): Promise<string[]> {
  const { context, silo } = disposal;
  const kept: string[] = [];
  for (const id of await databasesOf(disposal, stackId)) {
    if (await silo.databaseExists(id, context.signal)) {
      kept.push(...(await disposeOfDatabase(disposal, id, keyArn)));
    }
    kept.push(...(await disposeOfDatabaseLogs(disposal, id)));
  }
  return kept;
}

/** RDS made them, and no stack has them: they are found by the name of their database, also when that is gone. */
async function disposeOfDatabaseLogs(
  { context, silo, removal }: Disposal,
  instanceId: string,
): Promise<string[]> {
  const { records, because } = await judgeRecords(context.db, context.run.practiceId);
  const names = await databaseLogGroups(silo, instanceId, context.signal);
  if (records !== 'none') return names.map((name) => `Log group ${name} stays as a record: ${because}.`);
  for (const name of names) {
    await context.checkpoint();
    await removal.removeLogGroup(name, context.signal);
  }
  return [];
}

async function disposeOfDatabase(
  disposal: Disposal,
  instanceId: string,
  keyArn: string | undefined,
): Promise<string[]> {
  const { context, silo, removal } = disposal;
  const judged = await judgeRecords(context.db, context.run.practiceId);
  if (judged.records === 'practice') throw holdsRecords(instanceId, judged);
  if (judged.records === 'none') {
    const reason = `provisioning of ${context.run.practiceId} was given up: ${judged.because}`;
    await context.checkpoint();
    await removal.removeDatabase(instanceId, { finalSnapshot: false, reason }, context.signal);
    await databaseGone(disposal, silo, instanceId);
    return [];
  }
  if (keyArn === undefined) throw noSnapshot(instanceId, 'its key is not on record');
  const snapshotId = await finalSnapshot(disposal, instanceId);
  await context.checkpoint();
  await removal.removeDatabase(instanceId, { finalSnapshotId: snapshotId, keyArn }, context.signal);
  await databaseGone(disposal, silo, instanceId);
  return [
    `Database snapshot ${snapshotId} stays, with its key ${keyArn}: ${judged.because}. It costs about a cent a month for each 100 MB. ` +
      'When it is certain that nobody needs it, delete it and schedule the deletion of the key.',
  ];
}

/**
 * Takes the last snapshot of a database and waits until RDS shows it as available; answers its name. May be repeated after a crash. A cancellation that is
 * asked for again takes another: the run may have been retried in between, and people may have entered something since.
 */
async function finalSnapshot(disposal: Disposal, instanceId: string): Promise<string> {
  const { context, removal } = disposal;
  const { id, practiceId, generation } = context.run;
  const snapshotId = `lumenality-${practiceId}-cancelled-${id.slice(0, 8)}-${generation}`;
  await context.checkpoint();
  await removal.beginFinalSnapshot({ databaseInstanceId: instanceId, snapshotId }, context.signal);
  const snapshot = await endedSnapshot(disposal, removal, snapshotId);
  if (snapshot?.status === 'available') return snapshotId;
  throw noSnapshot(instanceId, `RDS says that ${snapshotId} failed`);
}

/**
 * Removes what CloudFormation retained of a deleted stack (docs/silo.md, "What outlives its stack"). What may be a record stays unless nobody can have
 * made one. Answers what stays, with reason and remedy. May be repeated: what is gone is no error.
 */
export async function disposeOfRetained(
  disposal: Disposal,
  retained: readonly Retained[],
): Promise<string[]> {
  const { context } = disposal;
  const judged = await judgeRecords(context.db, context.run.practiceId);
  const kept: string[] = [];
  // A key goes last: should the process end before, what it encrypts is still found by its stack.
  for (const { type, logicalId, physicalId } of retained.toSorted(
    (a, b) => Number(isKey(a.type)) - Number(isKey(b.type)),
  )) {
    await context.checkpoint();
    const how = ways[type];
    const said =
      how === undefined
        ? `${type} ${physicalId} (${logicalId}) stays: its deletion policy retains it. Delete it by hand when it is not needed.`
        : await how(disposal, physicalId, judged);
    if (said !== undefined) kept.push(said);
  }
  return kept;
}

const isKey = (type: string): boolean => type === 'AWS::KMS::Key';

/** Removes one retained resource; answers why it stays, if it does. */
type Way = (disposal: Disposal, id: string, judged: RecordsJudgement) => Promise<string | undefined>;

const nothingToDo: Way = async () => undefined;

const ways: Readonly<Record<string, Way>> = {
  'AWS::KMS::Key': async ({ removal, context }, id, { records, because }) => {
    if (records !== 'none') return `KMS key ${id} stays: ${because}.`;
    const gone = await removal.scheduleKeyDeletion(id, context.signal);
    return (
      `KMS key ${id} is scheduled for deletion on ${gone.toISOString().slice(0, 10)}: ${because}. ` +
      'Until then kms:CancelKeyDeletion keeps it; it costs nothing meanwhile.'
    );
  },
  'AWS::Logs::LogGroup': async ({ removal, context }, id, { records, because }) => {
    if (records !== 'none')
      return `Log group ${id} stays as a record until its retention is over: ${because}.`;
    await removal.removeLogGroup(id, context.signal);
    return undefined;
  },
  'AWS::S3::Bucket': async ({ removal, context }, id, { records, because }) => {
    if ((await removal.removeBucket(id, context.signal)) === 'gone') return undefined;
    if (records !== 'none') return `Bucket ${id} is not empty and stays: ${because}.`;
    await removal.letBucketExpire(id, context.signal);
    return `Bucket ${id} is emptied by S3 within two days, because nobody reads what is in it. Delete it then.`;
  },
  // It goes with its bucket.
  'AWS::S3::BucketPolicy': nothingToDo,
  // They are removed before their stack.
  [databaseType]: nothingToDo,
  'AWS::RDS::DBSubnetGroup': async ({ removal, context }, id) => {
    await removal.removeDatabaseSubnetGroup(id, context.signal);
    return undefined;
  },
  'AWS::RDS::DBParameterGroup': async ({ removal, context }, id) => {
    await removal.removeDatabaseParameterGroup(id, context.signal);
    return undefined;
  },
  'AWS::Backup::BackupVault': async ({ removal, context }, id) => {
    if ((await removal.removeBackupVault(id, context.signal)) === 'gone') return undefined;
    return (
      `Backup vault ${id} stays: its lock lets nobody remove a recovery point before its time. ` +
      'Delete the vault when the last one has expired.'
    );
  },
};

function holdsRecords(instanceId: string, { because }: RecordsJudgement): DomainError {
  return new DomainError(
    'change_refused',
    `Database instance ${instanceId} is not removed by itself: ${because}.`,
    {
      context: {
        nextAction:
          'Offboard the practice when it is to go (lumenality practice offboard); else restore its stacks.',
      },
    },
  );
}

function noSnapshot(instanceId: string, why: string): DomainError {
  return new DomainError(
    'deployment_failed',
    `There is no final snapshot of database instance ${instanceId}, so it stays: ${why}.`,
    { context: { nextAction: 'Mend what keeps RDS from taking a snapshot, then cancel the run again.' } },
  );
}
