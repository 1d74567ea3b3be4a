import { randomUUID } from 'node:crypto';
import { siloShapes } from '../../bin/silo-shapes.ts';
import type { Database, Trx } from '../../lib/db/database.ts';
import { publishRelease } from '../../lib/db/release-store.ts';
import type { RunWithSteps } from '../../lib/db/run-store.ts';
import type { Actor } from '../../lib/domain/access.ts';
import type { Release } from '../../lib/domain/release.ts';
import type { Clock } from '../../lib/ports/clock.ts';
import { createRunEngine, type RunEngine } from '../../lib/runs/engine.ts';
import type { WorkflowDefinition } from '../../lib/runs/workflow.ts';
import { cancelRun } from '../../lib/use-cases/cancel-run.ts';
import type { Core } from '../../lib/use-cases/core.ts';
import { requestDeployment } from '../../lib/use-cases/request-deployment.ts';
import { retryRun } from '../../lib/use-cases/retry-run.ts';
import { workflowSteps } from '../../lib/workflows/all-workflows.ts';
import { openAccess } from './cells.ts';
import { openTestDatabase } from './database.ts';
import { insertPracticeRun, runIn, silent } from './runs.ts';
import { testTermsSigner } from './terms-signer.ts';

const actor: Actor = { id: 'token:test', name: 'test', roles: ['security_admin'], requestId: 'test-request' };

type Also = (trx: Trx) => Promise<unknown>;

/** A control plane's core on a database of its own, with a worker in this process. */
export interface CoreWithWorker {
  readonly database: Database;
  /** Stays the same, whichever worker does what it enqueues. */
  readonly core: Core;
  /** Begins to provision a new practice, at the first release; answers the run. */
  begin(practiceId: string, also?: Also): Promise<string>;
  /** The same, to its end. */
  provision(practiceId: string, also?: Also): Promise<RunWithSteps>;
  /** Asks for an update; answers the run. */
  ask(practiceId: string, release: Release): Promise<string>;
  update(practiceId: string, release: Release): Promise<RunWithSteps>;
  retry(runId: string): Promise<RunWithSteps>;
  cancel(runId: string): Promise<RunWithSteps>;
  /** The run once it is over, however it ended. */
  ended(runId: string): Promise<RunWithSteps>;
  /** Ends the worker at once, as a crash would, and starts another when `meanwhile` is over. */
  restartWorker(meanwhile?: () => Promise<unknown>): Promise<void>;
  stop(): Promise<void>;
}

/** What the worker can do, and the releases to publish, in this order. */
export interface CoreWithWorkerParts {
  readonly definitions: readonly WorkflowDefinition[];
  readonly releases: readonly [Release, ...Release[]];
  readonly clock?: Clock;
}

export async function startCoreWithWorker({
  definitions,
  releases,
  clock = { now: () => new Date() },
}: CoreWithWorkerParts): Promise<CoreWithWorker> {
  const database = await openTestDatabase();
  for (const release of releases)
    await publishRelease(database.db, release, { publishedBy: 'test', now: clock.now() });
  const startEngine = async (): Promise<RunEngine> => {
    const started = createRunEngine({ database, definitions, clock, log: silent, concurrency: 4 });
    await started.start();
    return started;
  };
  let engine = await startEngine();
  const core: Core = {
    db: database.db,
    clock,
    queue: { enqueue: (trx, run) => engine.queue.enqueue(trx, run) },
    cellAccess: openAccess,
    secondApprovalCents: 50_000,
    termsSigner: testTermsSigner,
    steps: {
      ...workflowSteps,
      ...Object.fromEntries(definitions.map(({ name, steps }) => [name, steps.map((step) => step.name)])),
    },
    shapes: siloShapes,
  };
  const worked = (runId: string) => runIn(database.db, runId, 'succeeded', 'failed');
  const begin: CoreWithWorker['begin'] = (practiceId, also) =>
    insertPracticeRun(
      database.db,
      { practiceId, steps: core.steps['provision-practice'], input: { releaseId: releases[0].manifest.id } },
      async (trx, run) => {
        await also?.(trx);
        await core.queue.enqueue(trx, run);
      },
    );
  const ask: CoreWithWorker['ask'] = async (practiceId, { manifest }) => {
    const request = { practiceId, releaseId: manifest.id, reason: 'test' };
    const { body } = await requestDeployment(core, request, { idempotencyKey: randomUUID() }, actor);
    return body.runId;
  };
  return {
    database,
    core,
    begin,
    provision: async (...of) => worked(await begin(...of)),
    ask,
    update: async (...of) => worked(await ask(...of)),
    retry: async (runId) => {
      await retryRun(core, runId, actor);
      return worked(runId);
    },
    cancel: async (runId) => {
      await cancelRun(core, { runId, reason: 'withdrawn' }, actor);
      return runIn(database.db, runId, 'cancelled', 'failed');
    },
    ended: (runId) => runIn(database.db, runId, 'succeeded', 'failed', 'cancelled'),
    restartWorker: async (meanwhile) => {
      await engine.stop();
      await meanwhile?.();
      engine = await startEngine();
    },
    stop: async () => {
      await engine.stop();
      await database.close();
    },
  };
}

/** Without the steps that need an app that runs, for what happens to stacks; and without those that the templates at hand give nothing to do. */
export const withoutApp =
  (...idle: readonly string[]) =>
  (definition: WorkflowDefinition): WorkflowDefinition => ({
    ...definition,
    steps: definition.steps.filter(
      ({ name }) => !['probe-app', 'verify', 'confirm-closed', ...idle].includes(name),
    ),
  });
