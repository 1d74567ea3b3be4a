import { fromKysely, fromPglite, type Job, PgBoss } from 'pg-boss';
import type { Database, Trx } from '../db/database.ts';
import type { RunClaim } from '../db/run-store.ts';
import type { Log } from '../ports/log.ts';
import type { RunQueue } from './queue.ts';

const queueName = 'runs';

/** How long a worker may be silent before its job goes to another one. pg-boss takes 10 seconds at least. */
const heartbeatSeconds = 10;

/** A job names a run and the generation it was sent for, and holds nothing else. */
interface RunJob {
  readonly runId: string;
  readonly generation: number;
}

interface QueuedRun extends RunClaim {
  readonly practiceId: string;
}

/** The durable queue: one job for each generation of a run, one at a time per practice, handed on when a worker dies. */
export interface JobQueue extends RunQueue {
  open(): Promise<void>;
  /** Works on jobs, at most `concurrency` at once. What `work` throws sends the job to another worker. */
  work(concurrency: number, work: (claim: RunClaim, signal: AbortSignal) => Promise<void>): Promise<void>;
  /** Whether a job for this generation waits or is being worked on. */
  hasJob(trx: Trx, run: QueuedRun): Promise<boolean>;
  /** Hands on every job that a worker holds. Only for a database that one process owns, before it works itself. */
  releaseClaims(): Promise<void>;
  /** Removes the failed jobs that hold back others of the same practice. */
  unblock(): Promise<void>;
  /** Stops taking jobs and gives back at once those in work; their `signal` aborts. */
  close(): Promise<void>;
}

export function createJobQueue(database: Database, log: Log): JobQueue {
  const boss = new PgBoss({
    ...(database.engine.kind === 'embedded'
      ? { db: fromPglite(database.engine.pglite), backend: 'pglite' as const }
      : { connectionString: database.engine.connectionString, max: 5, application_name: 'lumenality-queue' }),
    schema: 'queue',
    schedule: false,
    useListenNotify: true,
    superviseIntervalSeconds: 5,
    monitorIntervalSeconds: 5,
    queueCacheIntervalSeconds: 5,
  });
  boss.on('error', (error) => log.error({ err: error }, 'the run queue reports an error'));
  boss.on('warning', (warning) => log.warn({ warning }, 'the run queue reports a warning'));

  return {
    open: async () => {
      await boss.start();
      await boss.createQueue(queueName, {
        policy: 'key_strict_fifo',
        notify: true,
        // A job fails only with its worker (crash, lost database); a run that fails completes its job. So it is tried
        // again and again, and recovery takes over where pg-boss gives up.
        retryLimit: 1_000,
        retryDelay: 0,
        heartbeatSeconds,
        expireInSeconds: 24 * 60 * 60,
        // The run's own journal is the record; a finished job is of no more use.
        deleteAfterSeconds: 60 * 60,
      });
      // Fills pg-boss's cache of queues: filling it inside our transaction would wait for that transaction on PGlite.
      await boss.getBlockedKeys(queueName);
    },
    enqueue: async (trx, run) => {
      const data: RunJob = { runId: run.id, generation: run.generation };
      await boss.send(queueName, data, { singletonKey: run.practiceId, db: fromKysely(trx) });
    },
    work: async (concurrency, work) => {
      const options = {
        localConcurrency: concurrency,
        pollingIntervalSeconds: 2,
        notifyPollingIntervalSeconds: 2,
        heartbeatRefreshSeconds: 3,
      };
      await boss.work<RunJob>(queueName, options, async ([job]: Job<RunJob>[]) => {
        if (job === undefined) return;
        await work({ id: job.data.runId, generation: job.data.generation }, job.signal);
      });
    },
    hasJob: async (trx, run) => {
      const data: RunJob = { runId: run.id, generation: run.generation };
      const jobs = await boss.findJobs(queueName, { key: run.practiceId, data, db: fromKysely(trx) });
      return jobs.some(({ state }) => state === 'created' || state === 'retry' || state === 'active');
    },
    releaseClaims: async () => {
      for (const job of await boss.findJobs(queueName)) {
        if (job.state === 'active') await boss.fail(queueName, job, { reason: 'its worker is gone' });
      }
    },
    unblock: async () => {
      for (const key of await boss.getBlockedKeys(queueName)) {
        for (const job of await boss.findJobs(queueName, { key })) {
          if (job.state === 'failed') await boss.deleteJob(queueName, job.id);
        }
      }
    },
    close: () => boss.stop({ graceful: false }),
  };
}
