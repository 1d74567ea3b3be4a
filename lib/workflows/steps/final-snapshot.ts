import { z } from 'zod';
import { changeOffboarding } from '../../db/offboarding-store.ts';
import { DomainError } from '../../domain/errors.ts';
import type { Evidence } from '../../domain/evidence.ts';
import { finalSnapshotName } from '../../domain/offboarding.ts';
import { safeguards } from '../../domain/silo-check.ts';
import type { SiloReads } from '../../ports/silo-reads.ts';
import type { SnapshotFacts } from '../../ports/silo-removal.ts';
import type { StepContext, StepDefinition } from '../../runs/workflow.ts';
import { failureWords, keepEvidence } from '../keep-evidence.ts';
import { requireLastState } from '../last-state.ts';
import {
  auditPractice,
  type LifeCycleParts,
  removalOf,
  standardSettledWithinMs,
} from '../life-cycle-parts.ts';
import { recordedOutputs } from '../recorded-stacks.ts';
import { databasesOf, dataStackId, endedSnapshot } from '../silo-database.ts';
import type { Watch } from '../stack-progress.ts';

const snapshotSchema = z.object({
  id: z.string(),
  arn: z.string(),
  allocatedGib: z.number(),
  engineVersion: z.string(),
  createdAt: z.string(),
});

export const snapshotTaken = {
  name: 'final-snapshot',
  output: z.object({
    /** Null when no database was ever made. */
    database: z.object({ instanceId: z.string(), snapshot: snapshotSchema }).nullable(),
    keyArn: z.string().nullable(),
  }),
};

type Taken = z.infer<typeof snapshotTaken.output>;

/**
 * Copies the database into a snapshot that outlives it, and reads it back: whole, of this database, encrypted with the practice's key.
 * Nothing is removed without it.
 */
export function finalSnapshot(parts: LifeCycleParts): StepDefinition<Taken> {
  return {
    ...snapshotTaken,
    run: async (context) => {
      const { practiceId } = context.run;
      const keyArn = (await recordedOutputs(context.db, practiceId)).get('foundation')?.['KeyArn'] ?? null;
      const watch = removalOf(parts, context, context.step);
      const instanceId = await existingDatabase(watch, parts.ports.silo);
      await requireLastState(watch, instanceId);
      if (instanceId === undefined) return { database: null, keyArn };
      const snapshot = await madeSnapshot(parts, context, instanceId);
      await confirm(context, snapshot, { instanceId, keyArn });
      return {
        database: { instanceId, snapshot: { ...snapshot, createdAt: snapshot.createdAt ?? '' } },
        keyArn,
      };
    },
    commit: async (trx, { database, keyArn }, { run, now }) => {
      const snapshot = database?.snapshot ?? null;
      await changeOffboarding(trx, run.practiceId, { finalSnapshot: snapshot, keyArn });
      if (database === null) return;
      const details = { snapshot: database.snapshot.arn, database: database.instanceId };
      await auditPractice(trx, run, 'practice.final_snapshot_taken', details, now());
    },
  };
}

/** The database of the data stack, also of one that somebody has deleted: the database outlives it. */
async function existingDatabase(
  watch: Watch,
  silo: Pick<SiloReads, 'databaseExists'>,
): Promise<string | undefined> {
  const stackId = await dataStackId(watch);
  if (stackId === undefined) return undefined;
  for (const id of await databasesOf(watch, stackId)) {
    if (await silo.databaseExists(id, watch.context.signal)) return id;
  }
  return undefined;
}

/** Joins what an earlier attempt began; begins again where that one failed. */
async function madeSnapshot(
  parts: LifeCycleParts,
  context: StepContext,
  databaseInstanceId: string,
): Promise<SnapshotFacts> {
  const removal = parts.ports.removal(context.run.practiceId);
  const snapshotId = finalSnapshotName(context.run.practiceId, context.run.id);
  const before = await removal.snapshot(snapshotId, context.signal);
  await context.checkpoint();
  if (before?.status === 'failed') await removal.removeSnapshot(snapshotId, context.signal);
  await context.checkpoint();
  await removal.beginFinalSnapshot({ databaseInstanceId, snapshotId }, context.signal);
  const waiting = { context, intervalMs: parts.pollIntervalMs };
  const withinMs = parts.settledWithinMs ?? standardSettledWithinMs;
  const snapshot = await endedSnapshot(waiting, removal, snapshotId, withinMs);
  if (snapshot?.status === 'available') return snapshot;
  const status = snapshot === undefined ? 'not there' : `${snapshot.status}, ${snapshot.percentProgress}%`;
  throw new DomainError('deployment_failed', `The final snapshot ${snapshotId} is ${status}.`, {
    context: {
      nextAction:
        'Nothing was removed. Look at the database instance and its events in RDS, remove the cause, then retry the run: it makes the snapshot again or waits for this one.',
    },
  });
}

/** @throws DomainError `verification_failed`; whatever was read is kept as evidence. */
async function confirm(
  context: StepContext,
  snapshot: SnapshotFacts,
  expected: { readonly instanceId: string; readonly keyArn: string | null },
): Promise<void> {
  const evidence = snapshotEvidence(snapshot, expected, context.now());
  await keepEvidence(context, evidence);
  const failures = evidence.filter(({ passed }) => !passed);
  if (failures.length === 0) return;
  throw new DomainError(
    'verification_failed',
    `The final snapshot cannot be relied on. ${failureWords(failures)}.`,
    {
      context: {
        nextAction: `Nothing was removed. Find out why the database is not as the release makes it and set that right; delete snapshot ${snapshot.id}, then retry the run: it takes another.`,
      },
    },
  );
}

function snapshotEvidence(
  snapshot: SnapshotFacts,
  { instanceId, keyArn }: { readonly instanceId: string; readonly keyArn: string | null },
  now: Date,
): Evidence[] {
  const read = { observedAt: now.toISOString(), source: 'rds:DescribeDBSnapshots' };
  const expectedKey = keyArn ?? "the practice's key";
  const key = snapshot.encrypted ? (snapshot.keyArn ?? 'an unknown key') : 'not encrypted';
  return [
    {
      check: 'final-snapshot-available',
      title: 'The final snapshot of the database is whole',
      safeguards: safeguards.backup,
      expected: `available, of ${instanceId}`,
      observed: `${snapshot.status}, of ${snapshot.databaseInstanceId}`,
      passed: snapshot.status === 'available' && snapshot.databaseInstanceId === instanceId,
      ...read,
    },
    {
      check: 'final-snapshot-encrypted',
      title: "The final snapshot is encrypted with the practice's key",
      safeguards: safeguards.atRest,
      expected: expectedKey,
      observed: key,
      passed: key === expectedKey,
      ...read,
    },
  ];
}
