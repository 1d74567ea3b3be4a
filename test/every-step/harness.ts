import { setTimeout as delay } from 'node:timers/promises';
import { openDatabase } from '../../bin/open-database.ts';
import { buildParts } from '../../bin/parts.ts';
import { createLogger } from '../../control-api/logger.ts';
import { readConfig } from '../../lib/config.ts';
import { newestRunOf, type RunWithSteps, readRun } from '../../lib/db/run-store.ts';
import { advanceDue, type OffboardingParts } from '../../lib/reconcilers/advance-offboardings.ts';
import { createRunEngine } from '../../lib/runs/engine.ts';
import { createJobQueue, type JobQueue } from '../../lib/runs/job-queue.ts';
import { recordConfiguredCell } from '../../lib/use-cases/configured-cell.ts';
import type { Core } from '../../lib/use-cases/core.ts';
import { retryRun } from '../../lib/use-cases/retry-run.ts';
import { startPostgres } from '../bench/postgres-process.ts';
import { startSandboxProcess } from '../bench/sandbox-process.ts';
import { lastLines, type Started, type Workspace } from '../bench/workspace.ts';
import { publishTwo } from '../builders/renamed-release.ts';
import { control } from '../builders/sandbox-controls.ts';
import { type Interruption, type Orders, type Report, sameInterruption } from './interruption.ts';
import { type Photographer, type Picture, photographer, unknownTables } from './picture.ts';
import { type OffboardingEnd, operator, type Scenario, type Stage, scenarios } from './scenarios.ts';

/** What a practice came to after each workflow of its life. */
export interface Life {
  readonly practiceId: string;
  readonly after: ReadonlyMap<Scenario['workflow'], Picture>;
}

/** A PostgreSQL server, a sandbox, an operator, and worker processes that come and go. */
export interface Harness {
  /** Names of each workflow's steps, from the code. */
  readonly steps: Stage['core']['steps'];
  /** Tables of which nobody has said whether they are to be compared. */
  readonly unknownTables: readonly string[];
  /**
   * Lets practices live through every scenario at the same time, interrupted as ordered. Worker processes that die are replaced, and
   * an operator retries what fails.
   * @throws Error when a life does not come to its end.
   */
  live(orders: Orders, heard?: (report: Report) => void): Promise<readonly Life[]>;
  /** Worker processes killed so far. */
  readonly deaths: () => number;
  close(): Promise<void>;
}

/** A step that fails again and again, whoever retries it. */
const mostRetries = 12;
/** While some wait for their death and nothing else moves, they hold each other up: the process dies with those. */
const quietMs = 8_000;
const runWithinMs = 300_000;
const lookMs = 50;

export async function startHarness(workspace: Workspace, directory: string): Promise<Harness> {
  const [postgres, sandbox, program] = await Promise.all([
    startPostgres(workspace),
    startSandboxProcess(workspace, 'sandbox', { release: directory, dataPlane: false }),
    workspace.bundle('test/every-step/worker-process.ts'),
  ]);
  const environment = {
    DATABASE_URL: postgres.url,
    AWS_ENDPOINT_URL: sandbox.endpoint,
    LUMENALITY_DATA_DIR: workspace.folder('data'),
    LUMENALITY_LOG_LEVEL: 'warn',
  };
  const config = readConfig(environment);
  const log = createLogger('error');
  const database = await openDatabase(config);
  const { core, cell } = buildParts(config, database, sandbox.endpoint, log);
  await recordConfiguredCell(core, cell);
  // Enqueues and works on nothing: workers are processes of their own.
  const engine = createRunEngine({ database, definitions: [], clock: core.clock, log, concurrency: 0 });
  await engine.start();
  const claims = createJobQueue(database, log);
  await claims.open();
  const operated = { ...core, queue: engine.queue };
  const releases = await publishTwo(operated, directory, operator);
  const camera = photographer(database.db, sandbox.endpoint);
  let deaths = 0;
  return {
    steps: core.steps,
    unknownTables: await unknownTables(database.db),
    live: async (orders, heard = () => undefined) => {
      const workers = createWorkers({ workspace, program, environment, claims, orders, heard });
      workers.start();
      try {
        const names = Object.keys(orders);
        const stage: Stage = {
          ...releases,
          core: operated,
          succeeded: (runId) => succeeded(operated, runId),
          timeIsUp: (practiceId, clock) => timeIsUp({ ...operated, log }, practiceId, clock),
          monthOnAws: together(names.length, () => advanceSandbox(sandbox.endpoint)),
        };
        const lives = names.map((practiceId) => lifeOf({ stage, camera, practiceId }));
        return await Promise.race([Promise.all(lives), workers.broken]);
      } finally {
        deaths += workers.deaths();
        await workers.stop();
      }
    },
    deaths: () => deaths,
    close: async () => {
      camera.close();
      await claims.close();
      await engine.stop();
      await database.close();
    },
  };
}

async function lifeOf(of: {
  readonly stage: Stage;
  readonly camera: Photographer;
  readonly practiceId: string;
}): Promise<Life> {
  const { stage, camera, practiceId } = of;
  const after = new Map<Scenario['workflow'], Picture>();
  for (const { workflow, begin } of scenarios) {
    const runId = await begin(stage, practiceId);
    await stage.succeeded(runId);
    after.set(workflow, await camera.of(practiceId));
  }
  return { practiceId, after };
}

/** Waits for a run, and retries it as an operator would. */
async function succeeded(core: Core, runId: string): Promise<void> {
  const deadline = Date.now() + runWithinMs;
  for (let retries = 0; Date.now() < deadline; ) {
    const run = await readRun(core.db, runId);
    if (run?.state === 'succeeded') return;
    if (run?.state === 'cancelled') throw new Error(`Run ${runId} was cancelled.`);
    if (run?.state === 'failed') {
      if (retries >= mostRetries) throw new Error(`Run ${told(run)} failed again and again.`);
      retries += 1;
      await retryRun(core, runId, operator);
    }
    await delay(lookMs);
  }
  const run = await readRun(core.db, runId);
  throw new Error(`Run ${run === undefined ? runId : told(run)} did not end within ${runWithinMs / 1000} s.`);
}

/** Time passes for one practice alone; the reconciler does what is due then, here or in a worker process. */
async function timeIsUp(parts: OffboardingParts, practiceId: string, clock: OffboardingEnd): Promise<string> {
  const { db } = parts;
  const newest = async (): Promise<string | undefined> => (await newestRunOf(db, practiceId))?.id;
  const before = await newest();
  const aMinuteAgo = new Date(Date.now() - 60_000);
  // Further back than the day that KMS may take longer than it said.
  const longAgo = new Date(Date.now() - 10 * 86_400_000);
  await db
    .updateTable('offboarding')
    .set({ [clock]: clock === 'key_deletion_at' ? longAgo : aMinuteAgo })
    .where('practice_id', '=', practiceId)
    .execute();
  const deadline = Date.now() + runWithinMs;
  for (;;) {
    await advanceDue(parts);
    const now = await newest();
    if (now !== undefined && now !== before) return now;
    if (Date.now() > deadline) throw new Error(`${practiceId}: nothing began at ${clock}.`);
    await delay(lookMs);
  }
}

/** Does something once all who take part have asked for it. */
function together(participants: number, act: () => Promise<void>): () => Promise<void> {
  let asked = 0;
  let begin: () => void = () => undefined;
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const done = begun.then(act);
  return () => {
    asked += 1;
    if (asked === participants) begin();
    return done;
  };
}

/** KMS takes 30 days to delete a key, and up to one more. */
async function advanceSandbox(endpoint: string): Promise<void> {
  await control(endpoint, 'PUT', 'clock', { advanceDays: 32 });
}

function told({ id, workflow, practiceId, state, error, steps }: RunWithSteps): string {
  const at = steps.map(({ name, state }) => `${name} ${state}`).join(', ');
  return `${id} (${workflow} of ${practiceId}, ${state}; ${at}; ${error?.message ?? 'no error'})`;
}

interface WorkerParts {
  readonly workspace: Workspace;
  /** The file of a worker process. */
  readonly program: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly claims: JobQueue;
  readonly orders: Orders;
  readonly heard: (report: Report) => void;
}

interface Workers {
  start(): void;
  /** Rejects when a worker process ends by itself. */
  readonly broken: Promise<never>;
  readonly deaths: () => number;
  stop(): Promise<void>;
}

/** One worker process at a time; it dies once every practice that is to see a death waits for it. */
function createWorkers({ workspace, program, environment, claims, orders, heard }: WorkerParts): Workers {
  const left = new Map(Object.entries(orders).map(([practiceId, list]) => [practiceId, [...list]]));
  const waiting = new Set<string>();
  let running: Started | undefined;
  let deaths = 0;
  let lastHeard = Date.now();
  const stopping = new AbortController();
  let giveUp: (error: Error) => void = () => undefined;
  const broken = new Promise<never>((_, reject) => {
    giveUp = reject;
  });
  broken.catch(() => undefined);

  const remove = (practiceId: string, interruption: Interruption): void => {
    const list = left.get(practiceId) ?? [];
    const at = list.findIndex((each) => sameInterruption(each, interruption));
    if (at >= 0) list.splice(at, 1);
  };
  const onReport = (report: Report): void => {
    lastHeard = Date.now();
    heard(report);
    if (report.kind !== 'reached' && report.kind !== 'missed') return;
    remove(report.practiceId, report.interruption);
    if (report.kind === 'reached' && report.interruption.kind === 'kill') waiting.add(report.practiceId);
  };
  /** A practice's orders up to its first death: what comes later is for the next process. */
  const untilDeath = (list: readonly Interruption[]): readonly Interruption[] => {
    const death = list.findIndex(({ kind }) => kind === 'kill');
    return death < 0 ? list : list.slice(0, death + 1);
  };
  const spawn = (): void => {
    const now = Object.fromEntries([...left].map(([practiceId, list]) => [practiceId, untilDeath(list)]));
    const started = workspace.startFile('workers', program, {
      ...environment,
      EVERY_STEP_ORDERS: JSON.stringify(now),
    });
    started.process.on('message', (message) => onReport(message as Report));
    started.process.once('exit', () => {
      if (running === started && !stopping.signal.aborted)
        giveUp(new Error(`The workers ended by themselves:\n${lastLines(started)}`));
    });
    running = started;
  };
  const dieWhenDue = async (): Promise<void> => {
    const doomed = [...left].filter(([, list]) => list.some(({ kind }) => kind === 'kill'));
    const others = doomed.filter(([practiceId]) => !waiting.has(practiceId));
    const isQuiet = Date.now() - lastHeard > quietMs;
    if (waiting.size === 0 || (others.length > 0 && !isQuiet) || running === undefined) return;
    const dying = running;
    running = undefined;
    await workspace.kill(dying);
    deaths += 1;
    waiting.clear();
    // What pg-boss would do by itself once it has missed the heartbeats; test/workflows/takeover.test.ts waits for that.
    await claims.releaseClaims();
    spawn();
  };
  const attend = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await dieWhenDue();
      await delay(lookMs);
    }
  };

  let attending: Promise<void> = Promise.resolve();
  return {
    start: () => {
      spawn();
      attending = attend().catch((error: Error) => giveUp(error));
    },
    broken,
    deaths: () => deaths,
    stop: async () => {
      stopping.abort();
      await attending;
      if (running !== undefined) await workspace.stop(running);
    },
  };
}
