import { randomUUID } from 'node:crypto';
import type { Trx } from '../db/database.ts';
import { appendRunEvents } from '../db/run-event-store.ts';
import { insertRun } from '../db/run-store.ts';
import type { Workflow } from '../domain/run.ts';
import type { RunQueue } from './queue.ts';

export interface RunStarts {
  readonly queue: RunQueue;
  /** Names of each workflow's steps, in order: the journal of a new run. */
  readonly steps: Readonly<Record<Workflow, readonly string[]>>;
}

/**
 * Records a run with its steps and enqueues it, in the caller's transaction, which holds the practice's row and has seen that no run of
 * it is open. Answers the run's id.
 */
export async function beginRun(
  trx: Trx,
  { queue, steps }: RunStarts,
  run: {
    readonly workflow: Workflow;
    readonly practiceId: string;
    readonly input: Readonly<Record<string, unknown>>;
    readonly requestedBy: string;
    /** Why, for whoever follows the run. */
    readonly reason: string;
    readonly now: Date;
  },
): Promise<string> {
  const id = randomUUID();
  const { workflow, practiceId, input, requestedBy, reason, now } = run;
  await insertRun(trx, { id, workflow, practiceId, input, steps: steps[workflow], requestedBy, now });
  await appendRunEvents(trx, id, [{ kind: 'run', state: 'queued', message: reason }], now);
  await queue.enqueue(trx, { id, practiceId, generation: 1 });
  return id;
}
