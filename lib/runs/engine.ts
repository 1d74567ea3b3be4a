import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { Database } from '../db/database.ts';
import { listOpenRuns, lockRun, openRunStates, type Run, type RunClaim } from '../db/run-store.ts';
import { DomainError } from '../domain/errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import { executeRun, type RetryPolicy } from './execute-run.ts';
import { createJobQueue, type JobQueue } from './job-queue.ts';
import type { RunQueue } from './queue.ts';
import type { WorkflowDefinition } from './workflow.ts';

/** How the engine comes to a run's workflow: a definition is a closure over the ports of the cell that the practice lives in. */
export type DefinitionOf = (
  run: Pick<Run, 'id' | 'workflow' | 'practiceId'>,
) => Promise<WorkflowDefinition | undefined>;

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
  /** Gives runs in work back to the queue and waits, for a bounded time, until their steps have noticed. */
  stop(): Promise<void>;
  /** Whether the engine takes work: true between `start` and `stop`. */
  isWorking(): boolean;
  /** Enqueues every open run that has no job; answers their ids. Safe to call at any time, from any process. */
  recover(): Promise<string[]>;
}

/** More calls than any step makes at the same time. */
const callsAtOnce = 100;

/** How long `stop` waits for steps to notice; each one looks at its signal at every checkpoint. */
const stopWithinMs = 10_000;

const standardRetry: RetryPolicy = { attempts: 4, firstDelayMs: 1_000 };

/** Durable runs: each step once, on a database that is embedded in this process or shared by many. */
export function createRunEngine(parts: RunEngineParts): RunEngine {
  const { database, clock, log } = parts;
  const queue = createJobQueue(database, log);
  const definitionOf = 'definitionOf' in parts ? parts.definitionOf : among(parts.definitions);
  const inWork = new Set<Promise<void>>();
  const execution = { db: database.db, clock, log, retry: parts.retry ?? standardRetry };
  let working = false;

  const execute = async (claim: RunClaim, signal: AbortSignal): Promise<void> => {
    const run = await database.db
      .selectFrom('run')
      .select(['id', 'workflow', 'practice_id as practiceId'])
      .where('id', '=', claim.id)
      .executeTakeFirst();
    const definition = run && (await definitionOf(run));
    if (definition === undefined) {
      throw new DomainError('configuration', `This process has no workflow for run ${claim.id}.`);
    }
    await executeRun(execution, definition, claim, signal);
  };
  const work = (claim: RunClaim, signal: AbortSignal): Promise<void> => {
    // Each call in flight listens to the signal, and a verification reads some twenty things at once: no leak.
    setMaxListeners(callsAtOnce, signal);
    const done = execute(claim, signal);
    const settled = done.then(
      () => undefined,
      () => undefined,
    );
    inWork.add(settled);
    void settled.then(() => inWork.delete(settled));
    return done;
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
    stop: async () => {
      working = false;
      await queue.close();
      // A database that no longer answers must not keep the process from ending.
      await Promise.race([Promise.all(inWork), delay(stopWithinMs, undefined, { ref: false })]);
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
