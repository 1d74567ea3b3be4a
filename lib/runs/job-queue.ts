import { fromKysely, fromPglite, type Job, PgBoss } from 'pg-boss';
import { type Database, serverPatience, type Trx } from '../db/database.ts';
import { databaseFault, isDatabaseFault } from '../db/faults.ts';
import type { RunClaim } from '../db/run-store.ts';
import type { Log } from '../ports/log.ts';
import type { Claim } from './claim.ts';
import { type Heartbeat, startHeartbeat } from './heartbeat.ts';
import type { RunQueue } from './queue.ts';

const queueName = 'runs';

/**
 * How long a worker may be silent before its job goes to another one. pg-boss takes 10 seconds at least. An embedded database has one
 * process, whose own pauses are no reason to begin anything anew.
 */
const heartbeatSeconds = { server: 10, embedded: 60 } as const;

/** pg-boss has a heartbeat for each job; ours asks for all of them in one statement, and so often that this one never comes. */
const heartbeatOfItsOwnSeconds = 24 * 60 * 60;

/** pg-boss takes a job away after a day, however alive its worker is (`expireInSeconds`): it is handed over before. */
const longestHoldMs = 20 * 60 * 60 * 1000;

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
  work(concurrency: number, work: (claim: Claim) => Promise<void>): Promise<void>;
  /** Whether a job for this generation waits or is being worked on. */
  hasJob(trx: Trx, run: QueuedRun): Promise<boolean>;
  /** Hands on every job that a worker holds. Only for a database that one process owns, before it works itself. */
  releaseClaims(): Promise<void>;
  /** Removes the failed jobs that hold back others of the same practice. */
  unblock(): Promise<void>;
  /**
   * Takes no more jobs and hands over those in work, each at the next checkpoint of its step: another worker may take it up at once.
   * Resolves when all are given back. Enqueueing goes on.
   */
  handOver(): Promise<void>;
  /** Gives back at once what is still in work, and closes. */
  close(): Promise<void>;
}

export function createJobQueue(database: Database, log: Log): JobQueue {
  const { engine } = database;
  const silenceSeconds = heartbeatSeconds[engine.kind];
  const boss = new PgBoss({
    ...(engine.kind === 'embedded'
      ? { db: fromPglite(engine.pglite), backend: 'pglite' as const }
      : {
          ...serverPatience,
          connectionString: engine.connectionString,
          max: 5,
          application_name: 'lumenality-queue',
        }),
    schema: 'queue',
    schedule: false,
    useListenNotify: true,
    superviseIntervalSeconds: 5,
    monitorIntervalSeconds: 5,
    queueCacheIntervalSeconds: 5,
  });
  const tell = outageTeller(log);
  boss.on('error', tell);
  boss.on('warning', (warning) => log.warn({ warning }, 'the run queue reports a warning'));
  let heartbeat: Heartbeat | undefined;

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
        heartbeatSeconds: silenceSeconds,
        expireInSeconds: 24 * 60 * 60,
        // The run's own journal is the record; a finished job is of no more use.
        deleteAfterSeconds: 60 * 60,
      });
      // Fills pg-boss's cache of queues: filling it inside our transaction would wait for that transaction on PGlite.
      await boss.getBlockedKeys(queueName);
    },
    enqueue: async (trx, run) => {
      const data: RunJob = { runId: run.id, generation: run.generation };
      await boss.send(queueName, data, {
        singletonKey: run.practiceId,
        heartbeatSeconds: silenceSeconds,
        db: fromKysely(trx),
      });
    },
    work: async (concurrency, work) => {
      const options = {
        localConcurrency: concurrency,
        pollingIntervalSeconds: 2,
        notifyPollingIntervalSeconds: 2,
        // While runs wait, a worker that has ended one takes the next without a pause.
        burstWhenReadyExceeds: 1,
        heartbeatRefreshSeconds: heartbeatOfItsOwnSeconds,
      };
      const beating = startHeartbeat(silenceSeconds * 1000, (jobs) => touch(boss, jobs), tell);
      heartbeat = beating;
      await boss.work<RunJob>(queueName, options, async ([job]: Job<RunJob>[]) => {
        if (job === undefined) return;
        const claim = beating.hold(job, { id: job.data.runId, generation: job.data.generation });
        const tooLong = setTimeout(() => claim.handOver(), longestHoldMs).unref();
        try {
          await work(claim);
        } finally {
          clearTimeout(tooLong);
          beating.letGo(job);
        }
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
    handOver: async () => {
      for (const claim of heartbeat?.held() ?? []) claim.handOver();
      await boss.offWork(queueName, { wait: true });
    },
    close: async () => {
      for (const claim of heartbeat?.held() ?? []) claim.lose('this process ends');
      heartbeat?.stop();
      await boss.stop({ graceful: false });
    },
  };
}

/** Tells the queue that these jobs live; answers those that are still held. pg-boss's typings leave out what it answers. */
async function touch(boss: PgBoss, jobs: readonly Job[]): Promise<ReadonlySet<string>> {
  try {
    const answer: { readonly settled?: readonly string[] | null } = await boss.touch(queueName, [...jobs]);
    if (answer.settled === undefined) throw new Error('pg-boss does not tell which jobs it touched');
    return new Set(answer.settled);
  } catch (error) {
    throw databaseFault(error) ?? error;
  }
}

/** pg-boss tells of some errors by a plain copy of their fields, which a log does not know as an error. */
function asError(emitted: unknown): unknown {
  if (emitted instanceof Error || typeof emitted !== 'object' || emitted === null) return emitted;
  const { message = '', stack, code } = emitted as Partial<Error> & { readonly code?: unknown };
  return Object.assign(new Error(message), { code, ...(stack === undefined ? {} : { stack }) });
}

/** Between two lines of the log about a database that is away: every worker notices, every two seconds. Milliseconds. */
const quietMs = 30_000;

/** Logs errors of the queue; of a database that is away only now and then. */
function outageTeller(log: Log): (error: unknown) => void {
  let toldAt = Number.NEGATIVE_INFINITY;
  return (emitted) => {
    const error = asError(emitted);
    const outage = isDatabaseFault(error) ? error : databaseFault(error);
    if (outage === undefined) {
      log.error({ err: error }, 'the run queue reports an error');
      return;
    }
    if (performance.now() - toldAt < quietMs) return;
    toldAt = performance.now();
    log.warn({ err: outage }, 'the database does not answer the run queue; work goes on when it does');
  };
}
