import { setTimeout as delay } from 'node:timers/promises';
import { stackNameFor } from '../domain/stack-plan.ts';
import type { SiloReads } from '../ports/silo-reads.ts';
import type { SiloRemoval, SnapshotFacts } from '../ports/silo-removal.ts';
import { recordedStack } from './recorded-stacks.ts';
import { settled, type Watch } from './stack-progress.ts';

export const databaseType = 'AWS::RDS::DBInstance';

/** The data stack's id once nothing goes on with it, also of one that somebody has deleted: its database outlives it. Undefined when there never was one. */
export async function dataStackId(watch: Watch): Promise<string | undefined> {
  const { context } = watch;
  const stack = await settled(watch, stackNameFor(context.run.practiceId, 'data'));
  return stack?.stackId ?? (await recordedStack(context, 'data'))?.stackId ?? undefined;
}

/** Ids of the database instances that a stack has made, present or gone. */
export async function databasesOf({ context, stacks }: Watch, stackId: string): Promise<string[]> {
  return (await stacks.resources(stackId, context.signal)).flatMap(({ type, physicalId }) =>
    type === databaseType && physicalId !== null ? [physicalId] : [],
  );
}

/**
 * Names of the log groups that RDS itself made for a database's exported logs ("Publishing PostgreSQL logs to Amazon CloudWatch Logs", Amazon
 * RDS User Guide). No stack has them, and they stay for ever when the database goes.
 */
export async function databaseLogGroups(
  silo: Pick<SiloReads, 'logGroups'>,
  databaseInstanceId: string,
  signal?: AbortSignal,
): Promise<string[]> {
  const groups = await silo.logGroups(`/aws/rds/instance/${databaseInstanceId}/`, signal);
  return groups.map(({ name }) => name);
}

type Waiting = Pick<Watch, 'context' | 'intervalMs'>;

/** Waits until a snapshot is available or has failed; answers it as it was last seen, also when that took longer than `withinMs`. */
export async function endedSnapshot(
  { context, intervalMs }: Waiting,
  removal: Pick<SiloRemoval, 'snapshot'>,
  snapshotId: string,
  withinMs = Number.POSITIVE_INFINITY,
): Promise<SnapshotFacts | undefined> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const snapshot = await removal.snapshot(snapshotId, context.signal);
    const hasEnded = snapshot?.status === 'available' || snapshot?.status === 'failed';
    if (hasEnded || performance.now() > deadline) return snapshot;
    await delay(intervalMs, undefined, { signal: context.signal });
    await context.checkpoint();
  }
}

/** Waits until RDS shows a database instance no more; false when it still does after `withinMs`. */
export async function databaseGone(
  { context, intervalMs }: Waiting,
  silo: Pick<SiloReads, 'databaseExists'>,
  databaseInstanceId: string,
  withinMs = Number.POSITIVE_INFINITY,
): Promise<boolean> {
  const deadline = performance.now() + withinMs;
  while (await silo.databaseExists(databaseInstanceId, context.signal)) {
    if (performance.now() > deadline) return false;
    await delay(intervalMs, undefined, { signal: context.signal });
    await context.checkpoint();
  }
  return true;
}
