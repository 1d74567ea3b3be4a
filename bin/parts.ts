import { readFileSync } from 'node:fs';
import type { Logger } from 'pino';
import type { AppDeps } from '../control-api/app.ts';
import { connectAws } from '../lib/aws/index.ts';
import { type Config, sandboxDefaults } from '../lib/config.ts';
import { type Database, migrate, openEmbedded, openServer } from '../lib/db/database.ts';
import type { Clock } from '../lib/ports/clock.ts';
import type { CloudPorts } from '../lib/ports/cloud.ts';
import { type DriftParts, detectDrift } from '../lib/reconcilers/detect-drift.ts';
import { recoverRuns } from '../lib/reconcilers/recover-runs.ts';
import { watchHealth } from '../lib/reconcilers/watch-health.ts';
import { createRunEngine, type RunEngine, type RunEngineParts } from '../lib/runs/engine.ts';
import type { WorkflowDefinition } from '../lib/runs/workflow.ts';
import type { Core } from '../lib/use-cases/core.ts';
import { provisioningSteps, provisionPractice } from '../lib/workflows/provision-practice.ts';
import { updatePractice, updateSteps } from '../lib/workflows/update-practice.ts';
import { siloShapes } from './silo-shapes.ts';

export const systemClock: Clock = { now: () => new Date() };

/** The control plane's parts, built and not yet working. */
export interface Parts {
  readonly database: Database;
  readonly ports: CloudPorts;
  readonly engine: RunEngine;
  readonly core: Core;
  readonly drift: DriftParts;
}

/** What a test puts around a cell's ports and each workflow. */
export interface StandIns {
  readonly cloud?: (ports: CloudPorts) => CloudPorts;
  readonly workflow?: (definition: WorkflowDefinition) => WorkflowDefinition;
  readonly retry?: NonNullable<RunEngineParts['retry']>;
}

/** The database as it stands, whatever its migrations. */
export async function connectDatabase(config: Config): Promise<Database> {
  return config.databaseUrl === undefined
    ? openEmbedded(config.dataDirectory)
    : openServer(config.databaseUrl);
}

export async function openDatabase(config: Config): Promise<Database> {
  const database = await connectDatabase(config);
  try {
    await migrate(database.db);
  } catch (error) {
    await database.close();
    throw error;
  }
  return database;
}

/**
 * @param endpoint where the cloud answers when it is not AWS's own endpoints.
 * @param standIns what tests put around parts or in their place; the product has none.
 */
export function buildParts(
  config: Config,
  database: Database,
  endpoint: string | undefined,
  log: Logger,
  standIns: StandIns = {},
): Parts {
  const connected = connectAws({
    region: config.cell.region,
    probe: siloAddress(config, endpoint),
    ...(endpoint === undefined ? {} : { endpoint }),
    // The sandbox is never sent the keys of a real account.
    ...(config.cloud.kind === 'sandbox' ? { credentials: sandboxDefaults.credentials } : {}),
  });
  const ports = standIns.cloud?.(connected) ?? connected;
  const around = standIns.workflow ?? ((definition: WorkflowDefinition) => definition);
  const silo = {
    ports,
    shapes: siloShapes,
    cell: config.cell,
    pollIntervalMs: config.cloud.kind === 'sandbox' ? 50 : 2_000,
  };
  const engine = createRunEngine({
    database,
    definitions: [provisionPractice(silo), updatePractice(silo)].map(around),
    clock: systemClock,
    log,
    concurrency: config.workerConcurrency,
    ...(standIns.retry === undefined ? {} : { retry: standIns.retry }),
  });
  const core: Core = {
    db: database.db,
    clock: systemClock,
    queue: engine.queue,
    domain: config.cell.domain,
    steps: { 'provision-practice': provisioningSteps, 'update-practice': updateSteps },
    shapes: siloShapes,
  };
  const drift: DriftParts = {
    ...silo,
    db: database.db,
    cloud: ports,
    clock: systemClock,
    log,
    everyMs: config.driftIntervalMinutes * 60_000,
  };
  return { database, ports, engine, core, drift };
}

/** Starts the workers and the reconcilers; the function returned stops them in order. */
export async function startWork(
  { database, ports, engine, drift }: Parts,
  log: Logger,
): Promise<() => Promise<void>> {
  await engine.start();
  const reconcilers = [
    recoverRuns(engine, log),
    detectDrift(drift),
    watchHealth({ db: database.db, probe: ports.probe, clock: systemClock, log }),
  ];
  return async () => {
    await Promise.all(reconcilers.map((reconciler) => reconciler.stop()));
    await engine.stop();
  };
}

export function appDeps(config: Config, parts: Parts, endpoint: string | undefined, log: Logger): AppDeps {
  const { scheme, port } = siloAddress(config, endpoint);
  const authority = port === (scheme === 'https' ? 443 : 80) ? '' : `:${port}`;
  return {
    core: parts.core,
    log,
    version: packageVersion(),
    practiceUrl: (hostName) => `${scheme}://${hostName}${authority}`,
    readiness: [
      { part: 'queue', check: async () => assertWorking(parts.engine) },
      { part: 'cloud', check: () => parts.ports.reachable() },
    ],
    limits: { signUpsPerMinute: config.signUpRate },
    ...(config.trustProxy === undefined ? {} : { trustProxy: config.trustProxy }),
  };
}

/** The sandbox's load balancers answer on its own port, by host name and without TLS. */
function siloAddress(
  config: Config,
  endpoint: string | undefined,
): { scheme: 'http' | 'https'; port: number } {
  if (config.cloud.kind === 'aws' || endpoint === undefined) return { scheme: 'https', port: 443 };
  return { scheme: 'http', port: Number(new URL(endpoint).port || 80) };
}

function assertWorking(engine: RunEngine): void {
  if (!engine.isWorking()) throw new Error('the run engine is not working');
}

function packageVersion(): string {
  // Beside bin/ in a checkout, above dist/ when compiled.
  const file = import.meta.url.endsWith('.js') ? '../../package.json' : '../package.json';
  return (JSON.parse(readFileSync(new URL(file, import.meta.url), 'utf8')) as { version: string }).version;
}
