import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { deployCell } from '../../bin/embedded-cell.ts';
import { readReleaseDirectory } from '../../bin/release-directory.ts';
import { siloShapes } from '../../bin/silo-shapes.ts';
import { readConfig, sandboxDefaults } from '../../lib/config.ts';
import type { Database, Trx } from '../../lib/db/database.ts';
import { publishRelease } from '../../lib/db/release-store.ts';
import type { RunWithSteps } from '../../lib/db/run-store.ts';
import type { Actor } from '../../lib/domain/access.ts';
import type { Release } from '../../lib/domain/release.ts';
import type { CloudPorts } from '../../lib/ports/cloud.ts';
import { createRunEngine, type RunEngine } from '../../lib/runs/engine.ts';
import type { WorkflowDefinition } from '../../lib/runs/workflow.ts';
import { startSandbox } from '../../lib/sandbox/server.ts';
import { cancelRun } from '../../lib/use-cases/cancel-run.ts';
import type { Core } from '../../lib/use-cases/core.ts';
import { retryRun } from '../../lib/use-cases/retry-run.ts';
import { provisionPractice } from '../../lib/workflows/provision-practice.ts';
import { updatePractice } from '../../lib/workflows/update-practice.ts';
import { builtRelease } from '../builders/built-release.ts';
import { openAccess } from '../builders/cells.ts';
import { openTestDatabase } from '../builders/database.ts';
import { insertPracticeRun, runIn, silent } from '../builders/runs.ts';
import { sandboxPorts } from '../builders/sandbox-cell.ts';

const actor: Actor = {
  id: 'token:test',
  name: 'test',
  roles: ['security_admin'],
  requestId: 'test-request',
};
const clock = { now: () => new Date() };

/** Without the steps that need an app that runs: what is tested here is what happens to stacks. */
const withoutApp = (definition: WorkflowDefinition): WorkflowDefinition => ({
  ...definition,
  steps: definition.steps.filter(({ name }) => !['probe-app', 'verify'].includes(name)),
});

/** A control plane with the practice templates of this checkout, on a sandbox in this process without data plane. */
export interface SiloCloud {
  readonly endpoint: string;
  readonly database: Database;
  readonly ports: CloudPorts;
  readonly release: Release;
  readonly cloudFormation: CloudFormationClient;
  readonly core: Core;
  /** `POST` or `PUT` to a control of the sandbox (docs/sandbox.md, "Controls"). */
  control(method: 'POST' | 'PUT' | 'DELETE', what: string, body?: object): Promise<void>;
  fault(rule: object): Promise<void>;
  /** Begins a provisioning of a release; answers its run. */
  begin(practiceId: string, release?: Release, also?: (trx: Trx) => Promise<unknown>): Promise<string>;
  provision(
    practiceId: string,
    release?: Release,
    also?: (trx: Trx) => Promise<unknown>,
  ): Promise<RunWithSteps>;
  retry(runId: string): Promise<RunWithSteps>;
  cancel(runId: string): Promise<RunWithSteps>;
  /** Ends the worker at once, as a crash would, and starts another when `meanwhile` is over. */
  restartWorker(meanwhile?: () => Promise<unknown>): Promise<void>;
  /** ARNs of all that carries the practice's tag. */
  tagged(practiceId: string): Promise<string[]>;
  stop(): Promise<void>;
}

export async function startSiloCloud(...releases: readonly Release[]): Promise<SiloCloud> {
  const directory = mkdtempSync(join(tmpdir(), 'lumenality-faults-'));
  const [built, database, sandbox] = await Promise.all([
    builtRelease(),
    openTestDatabase(),
    startSandbox({ port: 0, directory, dataPlane: false, log: () => undefined }),
  ]);
  const { endpoint } = sandbox;
  const release = await readReleaseDirectory(built.release);
  await deployCell(endpoint, built.cell, readConfig({}).cell);
  for (const each of [release, ...releases]) {
    await publishRelease(database.db, each, { publishedBy: 'test', now: clock.now() });
  }
  const at = { region: sandboxDefaults.region, endpoint, credentials: sandboxDefaults.credentials };
  const cloudFormation = new CloudFormationClient(at);
  const ports = sandboxPorts(endpoint);
  const parts = { ports, shapes: siloShapes, cell: sandboxDefaults, pollIntervalMs: 20 };
  const definitions = [withoutApp(provisionPractice(parts)), withoutApp(updatePractice(parts))];
  const stepsOf = Object.fromEntries(
    definitions.map(({ name, steps }) => [name, steps.map((step) => step.name)]),
  ) as unknown as Core['steps'];
  const startEngine = async (): Promise<RunEngine> => {
    const started = createRunEngine({ database, definitions, clock, log: silent, concurrency: 4 });
    await started.start();
    return started;
  };
  const control: SiloCloud['control'] = async (method, what, body) => {
    const answer = await fetch(`${endpoint}/_sandbox/${what}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(`The sandbox answered ${answer.status}: ${await answer.text()}`);
  };
  const { repository } = release.manifest.image;
  await control('PUT', 'images', { repository, folder: join(built.release, 'image') });
  let engine = await startEngine();
  const core = (): Core => ({
    db: database.db,
    clock,
    queue: engine.queue,
    cellAccess: openAccess,
    steps: stepsOf,
    shapes: siloShapes,
  });
  const begin: SiloCloud['begin'] = (practiceId, of = release, also) =>
    insertPracticeRun(
      database.db,
      { practiceId, steps: stepsOf['provision-practice'], input: { releaseId: of.manifest.id } },
      async (trx, run) => {
        await also?.(trx);
        await engine.queue.enqueue(trx, run);
      },
    );
  const ended = (runId: string) => runIn(database.db, runId, 'succeeded', 'failed', 'cancelled');
  return {
    endpoint,
    database,
    ports,
    release,
    cloudFormation,
    get core() {
      return core();
    },
    control,
    fault: (rule) => control('POST', 'faults', rule),
    begin,
    provision: async (...of) => ended(await begin(...of)),
    retry: async (runId) => {
      await retryRun(core(), runId, actor);
      return ended(runId);
    },
    cancel: async (runId) => {
      await cancelRun(core(), { runId, reason: 'withdrawn' }, actor);
      return ended(runId);
    },
    restartWorker: async (meanwhile) => {
      await engine.stop();
      await meanwhile?.();
      engine = await startEngine();
    },
    tagged: async (practiceId) =>
      (await ports.tagged.ofPractices()).flatMap(({ arn, tags }) =>
        tags['lumenality:practice'] === practiceId ? [arn] : [],
      ),
    stop: async () => {
      await engine.stop();
      ports.close();
      cloudFormation.destroy();
      await sandbox.stop();
      await database.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
