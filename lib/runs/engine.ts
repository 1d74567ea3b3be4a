import { setTimeout as delay } from 'node:timers/promises';
import type { Database } from '../db/database.ts';
import { listOpenRuns, lockRun, openRunStates, type Run } from '../db/run-store.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import type { Claim } from './claim.ts';
import { type DefinitionOf, executeRun } from './execute-run.ts';
import { createJobQueue, type JobQueue } from './job-queue.ts';
import type { RunQueue } from './queue.ts';
import { type RetryPolicy, standardRetry } from './retry-budget.ts';
import type { WorkflowDefinition } from './workflow.ts';

interface EngineParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Log;
  /** Runs at once in this process; 0 for a process that only enqueues. */
  readonly concurrency: number;
  readonly retry?: RetryPolicy;
}

export type RunEngineParts = EngineParts &
  (
    | {
        /** Asked anew whenever a run is taken up. */
        readonly definitionOf: DefinitionOf;
      }
    /** For one cell that all practices live in. */
    | { readonly definitions: readonly WorkflowDefinition[] }
  );

export interface RunEngine {
  /** Usable once `start` has resolved. */
  readonly queue: RunQueue;
  /** Opens the queue, takes up every run that a dead process left behind, and begins to work. */
  start(): Promise<void>;
  /**
   * Takes up no more runs, and gives those in work back to the queue at their next checkpoint, for another worker to go on with at
   * once; resolves when that is done or has taken too long. Enqueueing goes on until `stop`.
   */
  handOver(): Promise<void>;
  /** Hands over, then ends whatever is still in work, and closes the queue. */
  stop(): Promise<void>;
  /** Whether the engine takes work: true between `start` and `stop`. */
  isWorking(): boolean;
  /** Enqueues every open run that has no job; answers their ids. Safe to call at any time, from any process. */
  recover(): Promise<string[]>;
}

/** How long `handOver` waits for steps to come to a checkpoint, and `stop` for those whose signal has aborted. Milliseconds. */
const handOverWithinMs = 5_000;
const stopWithinMs = 3_000;

/** Durable runs: each step once, on a database that is embedded in this process or shared by many. */
export function createRunEngine(parts: RunEngineParts): RunEngine {
  const { database, clock, log } = parts;
  const queue = createJobQueue(database, log);
  const definitionOf = 'definitionOf' in parts ? parts.definitionOf : among(parts.definitions);
  const inWork = new Set<Promise<void>>();
  const execution = { db: database.db, clock, log, retry: parts.retry ?? standardRetry };
  let working = false;
  let handingOver: Promise<unknown> | undefined;

  const work = (claim: Claim): Promise<void> => {
    const done = executeRun(execution, definitionOf, claim);
    const settled = done.then(
      () => undefined,
      () => undefined,
    );
    inWork.add(settled);
    void settled.then(() => inWork.delete(settled));
    return done;
  };
  const handOver = async (): Promise<void> => {
    working = false;
    // A step that comes to no checkpoint, or a database that no longer answers, must not keep the process from ending; once is enough.
    handingOver ??= Promise.race([queue.handOver(), delay(handOverWithinMs, undefined, { ref: false })]);
    await handingOver;
  };

  return {
    queue,
    start: async () => {
      await queue.open();
      // One process owns an embedded database, so a claim found at its start belongs to a process that is gone.
      if (database.engine.kind === 'embedded') await queue.releaseClaims();
      await recoverRuns(database, queue);
      if (parts.concurrency > 0) await queue.work(parts.concurrency, work);
      working = true;
    },
    handOver,
    stop: async () => {
      await handOver();
      await Promise.race([
        Promise.all([queue.close(), ...inWork]),
        delay(stopWithinMs, undefined, { ref: false }),
      ]);
    },
    isWorking: () => working,
    recover: () => recoverRuns(database, queue),
  };
}

function among(definitions: readonly WorkflowDefinition[]): DefinitionOf {
  const byName = new Map(definitions.map((definition) => [definition.name, definition]));
  return async ({ workflow }) => byName.get(workflow);
}

async function recoverRuns(database: Database, queue: JobQueue): Promise<string[]> {
  await queue.unblock();
  const recovered: string[] = [];
  for (const seen of await listOpenRuns(database.db)) {
    const added = await database.db.transaction().execute(async (trx) => {
      // Under the run's lock nobody can end the run or enqueue another generation while we look.
      const run = await lockRun(trx, seen.id);
      if (run === undefined || !isOpen(run) || (await queue.hasJob(trx, run))) return false;
      await queue.enqueue(trx, run);
      return true;
    });
    if (added) recovered.push(seen.id);
  }
  return recovered;
}

function isOpen(run: Run): boolean {
  return (openRunStates as readonly string[]).includes(run.state);
}
