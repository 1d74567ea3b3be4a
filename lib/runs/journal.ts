import { createHash } from 'node:crypto';
import type { Db, Trx } from '../db/database.ts';
import { appendRunEvents } from '../db/run-event-store.ts';
import { lockRun, type Run, type RunClaim, readStep } from '../db/run-store.ts';
import type { RunEventBody, RunState } from '../domain/run.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import type { Claim } from './claim.ts';
import type { RetryBudget } from './retry-budget.ts';
import { Superseded } from './superseded.ts';
import type { RunContext } from './workflow.ts';

/** What must still be true of a run for its work to go on: its generation and state and, in a step, the attempt. */
export interface Fence extends RunClaim {
  readonly state: RunState;
  readonly step?: { readonly name: string; readonly attempt: number };
}

export interface JournalParts {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Runs `work` in a transaction that holds the run's row, so nobody retries, cancels or takes over in the meantime.
 * @throws Superseded when somebody already did; nothing is written then.
 */
export function fenced<T>(parts: JournalParts, fence: Fence, work: (trx: Trx) => Promise<T>): Promise<T> {
  return parts.db.transaction().execute(async (trx) => {
    await assertHeld(trx, fence);
    return work(trx);
  });
}

async function assertHeld(trx: Trx, fence: Fence): Promise<void> {
  const run = await lockRun(trx, fence.id);
  if (run?.generation !== fence.generation || run.state !== fence.state) {
    throw new Superseded(`run ${fence.id} is at generation ${run?.generation} and ${run?.state}`);
  }
  if (fence.step === undefined) return;
  const step = await readStep(trx, fence.id, fence.step.name);
  if (step?.state !== 'running' || step.attempt !== fence.step.attempt) {
    throw new Superseded(`step ${fence.step.name} of run ${fence.id} is at attempt ${step?.attempt}`);
  }
}

/** One pass of work on a run: by which claim, until which signal, and on whose budget. */
export interface Pass {
  readonly claim: Claim;
  readonly signal: AbortSignal;
  readonly budget: RetryBudget;
}

/** The part of a context that steps and cancellation share. `scope` keeps their tokens apart. */
export function runContext(
  parts: JournalParts,
  run: Run,
  fence: Fence,
  { claim, signal, budget }: Pass,
  scope: string,
): RunContext {
  const write = <T>(work: (trx: Trx) => Promise<T>): Promise<T> => {
    signal.throwIfAborted();
    return fenced(parts, fence, work);
  };
  return {
    run,
    db: parts.db,
    signal,
    log: parts.log,
    now: () => parts.clock.now(),
    token: (action) => createHash('sha256').update(`${run.id}\n${scope}\n${action}`).digest('hex'),
    checkpoint: async () => {
      signal.throwIfAborted();
      claim.assertStays();
      await claim.refresh();
      await write(async () => undefined);
      budget.passCheckpoint();
    },
    write,
    emit: async (...events: readonly RunEventBody[]) => {
      await write((trx) => appendRunEvents(trx, run.id, events, parts.clock.now()));
      if (events.some(({ kind }) => kind === 'resource')) budget.refill();
    },
  };
}
