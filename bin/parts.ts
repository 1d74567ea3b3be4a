import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { AppDeps } from '../control-api/app.ts';
import { connectCells, type Pace } from '../lib/aws/index.ts';
import { type Config, sandboxDefaults } from '../lib/config.ts';
import { cellOf } from '../lib/db/cell-store.ts';
import type { Database } from '../lib/db/database.ts';
import { sharedCallBudget } from '../lib/db/shared-call-budget.ts';
import { callLimits } from '../lib/domain/call-budget.ts';
import type { Cell } from '../lib/domain/cell.ts';
import type { ChargeExports } from '../lib/ports/charge-export.ts';
import type { Clock } from '../lib/ports/clock.ts';
import type { CloudPorts } from '../lib/ports/cloud.ts';
import type { Clouds } from '../lib/ports/clouds.ts';
import type { NoticePorts } from '../lib/ports/notice-ports.ts';
import { advanceOffboardings } from '../lib/reconcilers/advance-offboardings.ts';
import { advanceRollouts } from '../lib/reconcilers/advance-rollouts.ts';
import { advanceSubscriptions } from '../lib/reconcilers/advance-subscriptions.ts';
import { deliverNotices } from '../lib/reconcilers/deliver-notices.ts';
import { type DriftParts, detectDrift } from '../lib/reconcilers/detect-drift.ts';
import { exportCharges } from '../lib/reconcilers/export-charges.ts';
import { forgetOldRecords } from '../lib/reconcilers/forget-old-records.ts';
import { placePractices } from '../lib/reconcilers/place-practices.ts';
import { recoverRuns } from '../lib/reconcilers/recover-runs.ts';
import { watchHealth } from '../lib/reconcilers/watch-health.ts';
import { createRunEngine, type RunEngine, type RunEngineParts } from '../lib/runs/engine.ts';
import type { WorkflowDefinition } from '../lib/runs/workflow.ts';
import { recordConfiguredCell } from '../lib/use-cases/configured-cell.ts';
import type { Core } from '../lib/use-cases/core.ts';
import { enrolEarlierPractices } from '../lib/use-cases/enrol-earlier.ts';
import { workflowDefinitions, workflowSteps } from '../lib/workflows/all-workflows.ts';
import type { SiloParts } from '../lib/workflows/silo-steps.ts';
import { chargeExports, paymentEvents } from './charge-exports.ts';
import { ciAccess } from './ci-access.ts';
import { deployingCells } from './embedded-cell.ts';
import { noticePorts } from './notice-ports.ts';
import { readReleaseDirectory } from './release-directory.ts';
import { releaseKeys } from './release-keys.ts';
import { siloShapes } from './silo-shapes.ts';
import { systemClock } from './system-clock.ts';
import { termsSigner } from './terms-key.ts';
import { warningsOf } from './warnings.ts';

/** The control plane's parts, built and not yet working. */
export interface Parts {
  /** What the environment says of the cell `main`. */
  readonly cell: Config['cell'];
  readonly database: Database;
  /** Every cell's ports. */
  readonly clouds: Clouds;
  /** What a practice's workflows are built with: the ports and parameters of its own cell. */
  readonly siloOf: SiloOf;
  readonly engine: RunEngine;
  readonly core: Core;
  readonly drift: DriftParts;
  readonly notices: NoticePorts;
  readonly exports: ChargeExports;
}

type SiloOf = (practiceId: string) => Promise<SiloParts & { readonly ports: CloudPorts }>;

/** What a test puts around a cell's ports and each workflow; and the clock, which a demonstration brings too. */
export interface StandIns {
  readonly clock?: Clock;
  readonly cloud?: (ports: CloudPorts) => CloudPorts;
  readonly workflow?: (definition: WorkflowDefinition) => WorkflowDefinition;
  readonly retry?: NonNullable<RunEngineParts['retry']>;
}

/**
 * Reads the files that the configuration names, as the process will: a mistake in one is told before anything is opened or started.
 * @throws DomainError `configuration`
 */
export async function assertFilesAreUsable(config: Config): Promise<void> {
  ciAccess(config);
  releaseKeys(config, undefined);
  if (config.termsKeyFile !== undefined) termsSigner(config);
  if (config.releaseDirectory !== undefined) await readReleaseDirectory(config.releaseDirectory);
}

/** Where the cell's stacks lie, built. */
export const cellDirectory = (config: Config): string => join(config.dataDirectory, 'cell');

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
  const connection = connectCells({
    region: config.cell.region,
    probe: siloAddress(config, endpoint),
    budget: sharedCallBudget(database.db, callLimits(config.callRates)),
    pace: config.cloud.kind === 'sandbox' ? sandboxPace : awsPace,
    ...(endpoint === undefined ? {} : { endpoint }),
    // The sandbox is never sent the keys of a real account.
    ...(config.cloud.kind === 'sandbox' ? { credentials: sandboxDefaults.credentials } : {}),
  });
  const cellAccess =
    config.cloud.kind === 'sandbox' && endpoint !== undefined
      ? deployingCells(connection.access, endpoint, cellDirectory(config))
      : connection.access;
  const clouds = standIns.cloud === undefined ? connection : around(connection, standIns.cloud);
  const { clock = systemClock } = standIns;
  const siloOf: SiloOf = async (practiceId) => {
    const cell = await cellOf(database.db, practiceId);
    return {
      ports: clouds.of(cell),
      cell: cellParameters(cell),
      shapes: siloShapes,
      pollIntervalMs: config.cloud.kind === 'sandbox' ? 50 : 2_000,
    };
  };
  const standIn = standIns.workflow ?? ((definition: WorkflowDefinition) => definition);
  const engine = createRunEngine({
    database,
    definitionOf: async ({ workflow, practiceId }) => {
      const silo = await siloOf(practiceId);
      return standIn(workflowDefinitions[workflow](silo));
    },
    clock,
    log,
    concurrency: config.workerConcurrency,
    ...(standIns.retry === undefined ? {} : { retry: standIns.retry }),
  });
  const core: Core = {
    db: database.db,
    clock,
    queue: engine.queue,
    cellAccess,
    secondApprovalCents: config.secondApprovalCents,
    steps: workflowSteps,
    shapes: siloShapes,
    termsSigner: termsSigner(config),
  };
  const drift: DriftParts = {
    sourcesOf: async (practiceId) => {
      const { ports: cloud, ...silo } = await siloOf(practiceId);
      return { ...silo, cloud };
    },
    db: database.db,
    clock,
    log,
    everyMs: config.driftIntervalMinutes * 60_000,
  };
  return {
    cell: config.cell,
    database,
    clouds,
    siloOf,
    engine,
    core,
    drift,
    notices: noticePorts(config),
    exports: chargeExports(config, core),
  };
}

/** A pass that waits for a database or a cloud that says nothing must not keep the process from ending. Milliseconds. */
const passEndsWithinMs = 5_000;

/**
 * Records the configured cell and starts the workers and the reconcilers; the function returned stops them in order.
 * @param rolloutsEveryMs how often rollouts are looked at, where that is not the reconciler's own pace
 */
export async function startWork(
  { cell, core, database, clouds, siloOf, engine, drift, notices, exports }: Parts,
  log: Logger,
  { rolloutsEveryMs }: { readonly rolloutsEveryMs?: number } = {},
): Promise<() => Promise<void>> {
  await recordConfiguredCell(core, cell);
  await enrolEarlierPractices(core);
  await engine.start();
  const reconcilers = [
    recoverRuns(engine, log),
    forgetOldRecords({ ...core, log }),
    placePractices(core, log),
    advanceOffboardings({ ...core, log }),
    advanceRollouts({
      ...core,
      log,
      metricsOf: async (id) => (await siloOf(id)).ports.metrics,
      ...(rolloutsEveryMs === undefined ? {} : { everyMs: rolloutsEveryMs }),
    }),
    advanceSubscriptions({ ...core, log }),
    detectDrift(drift),
    deliverNotices({ ...core, log, notices }),
    exportCharges({ ...core, log, exports }),
    watchHealth({
      db: database.db,
      probeOf: async (id) => (await siloOf(id)).ports.probe,
      clock: core.clock,
      log,
    }),
  ];
  return async () => {
    const passesEnd = Promise.all(reconcilers.map((reconciler) => reconciler.stop()));
    await Promise.all([
      engine.handOver(),
      Promise.race([passesEnd, delay(passEndsWithinMs, undefined, { ref: false })]),
    ]);
    await engine.stop();
    clouds.close();
  };
}

export function appDeps(config: Config, parts: Parts, endpoint: string | undefined, log: Logger): AppDeps {
  const { scheme, port } = siloAddress(config, endpoint);
  const authority = port === (scheme === 'https' ? 443 : 80) ? '' : `:${port}`;
  return {
    core: parts.core,
    clouds: parts.clouds,
    notices: parts.notices,
    releaseKeys: releaseKeys(config, endpoint),
    siloOf: parts.siloOf,
    ci: ciAccess(config),
    payments: paymentEvents(config),
    log,
    version: packageVersion(),
    practiceUrl: (hostName) => `${scheme}://${hostName}${authority}`,
    readiness: [
      { part: 'queue', check: async () => assertWorking(parts.engine) },
      { part: 'cloud', check: async () => void (await parts.core.cellAccess.caller()) },
    ],
    warnings: warningsOf(config),
    limits: { signUpsPerMinute: config.signUpRate },
    ...(config.trustProxy === undefined ? {} : { trustProxy: config.trustProxy }),
  };
}

/** AWS lets few reads a second through; what is under way there takes minutes. */
const awsPace: Pace = { listEveryMs: 2_000, eventsEveryMs: 2_000 };
/** A stack of the sandbox takes a second or two. */
const sandboxPace: Pace = { listEveryMs: 50, eventsEveryMs: 150 };

/** What stands around the ports of every cell; made once for each cell, as they are. */
function around(clouds: Clouds, standIn: (ports: CloudPorts) => CloudPorts): Clouds {
  const known = new WeakMap<CloudPorts, CloudPorts>();
  return {
    of: (cell) => {
      const ports = clouds.of(cell);
      const stood = known.get(ports) ?? standIn(ports);
      known.set(ports, stood);
      return stood;
    },
    close: () => clouds.close(),
  };
}

/** What the practices of a cell are deployed with. */
function cellParameters(cell: Cell): SiloParts['cell'] {
  const { hostedZoneId, imageRegistry, s3PrefixListId, backupCopyRegion, alarmEmail } = cell;
  return {
    hostedZoneId,
    imageRegistry,
    backupCopyRegion,
    ...(s3PrefixListId === null ? {} : { s3PrefixListId }),
    ...(alarmEmail === null ? {} : { alarmEmail }),
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
