import { siloShapes } from '../../bin/silo-shapes.ts';
import { sandboxDefaults } from '../../lib/config.ts';
import type { Database } from '../../lib/db/database.ts';
import { publishRelease } from '../../lib/db/release-store.ts';
import type { RunWithSteps } from '../../lib/db/run-store.ts';
import { listSiloStacks } from '../../lib/db/silo-stack-store.ts';
import type { Clock } from '../../lib/ports/clock.ts';
import { createRunEngine, type RunEngine } from '../../lib/runs/engine.ts';
import type { Core } from '../../lib/use-cases/core.ts';
import { workflowDefinitions, workflowSteps } from '../../lib/workflows/all-workflows.ts';
import { openAccess } from './cells.ts';
import { openTestDatabase } from './database.ts';
import { insertPracticeRun, runIn, silent } from './runs.ts';
import { type SandboxCloud, startSandboxCloud } from './sandbox-cloud.ts';

const systemClock: Clock = { now: () => new Date() };

/** What workflows and reconcilers on the sandbox are built with. */
export const siloParts = { shapes: siloShapes, cell: sandboxDefaults, pollIntervalMs: 100 };

/** A control plane's core with its workers on a sandbox of its own, and one practice that is active there. */
export interface ProvisionedSilo {
  readonly cloud: SandboxCloud;
  readonly database: Database;
  readonly core: Core;
  /** What a practice's stacks give out, as recorded; of the first practice unless told. */
  readonly outputs: (practiceId?: string) => Promise<Record<string, string>>;
  /** Provisions another practice; answers its run as it ended. */
  provision(practiceId: string): Promise<RunWithSteps>;
  stop(): Promise<void>;
}

/** @param clock the core's and its workers' time; the cloud has its own */
export async function startProvisionedSilo(
  practiceId: string,
  clock: Clock = systemClock,
): Promise<ProvisionedSilo> {
  const cloud = await startSandboxCloud();
  const stops = [() => cloud.stop()];
  const stop = async () => {
    for (const each of stops.toReversed()) await each();
  };
  try {
    const database = await openTestDatabase();
    stops.push(() => database.close());
    await publishRelease(database.db, cloud.release, { publishedBy: 'test', now: clock.now() });
    const parts = { ...siloParts, ports: cloud.ports };
    const definitions = Object.values(workflowDefinitions).map((definition) => definition(parts));
    const engine = createRunEngine({ database, definitions, clock, log: silent, concurrency: 2 });
    stops.push(() => engine.stop());
    await engine.start();
    const { error } = await provisioned(database, engine, cloud.release.manifest.id, practiceId);
    if (error !== null) throw new Error(error.message);
    return {
      cloud,
      database,
      core: coreOf(database, engine, clock),
      outputs: (of = practiceId) => outputsOf(database, of),
      provision: (another) => provisioned(database, engine, cloud.release.manifest.id, another),
      stop,
    };
  } catch (error) {
    // A sandbox that nobody stops keeps jest from ending.
    await stop();
    throw error;
  }
}

async function provisioned(
  database: Database,
  engine: RunEngine,
  releaseId: string,
  practiceId: string,
): Promise<RunWithSteps> {
  const runId = await insertPracticeRun(
    database.db,
    { practiceId, steps: workflowSteps['provision-practice'], input: { releaseId } },
    (trx, run) => engine.queue.enqueue(trx, run),
  );
  return runIn(database.db, runId, 'succeeded', 'failed');
}

function coreOf(database: Database, engine: RunEngine, clock: Clock): Core {
  return {
    db: database.db,
    clock,
    queue: engine.queue,
    cellAccess: openAccess,
    steps: workflowSteps,
    shapes: siloShapes,
  };
}

async function outputsOf(database: Database, practiceId: string): Promise<Record<string, string>> {
  const stacks = await listSiloStacks(database.db, [practiceId]);
  return Object.assign({}, ...stacks.map((stack) => stack.outputs)) as Record<string, string>;
}
