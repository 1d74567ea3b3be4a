import { readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type Logger, pino } from 'pino';
import { buildApp } from '../control-api/app.ts';
import { createLogger } from '../control-api/logger.ts';
import type { Config } from '../lib/config.ts';
import { lockDirectory } from '../lib/db/directory-lock.ts';
import { systemActor } from '../lib/domain/access.ts';
import { holderOf } from '../lib/sandbox/state.ts';
import { publishRelease } from '../lib/use-cases/publish-release.ts';
import { ensureFirstToken } from '../lib/use-cases/tokens.ts';
import { AcceleratedClock } from './accelerated-clock.ts';
import { commandError } from './commands/command-error.ts';
import { deployCell } from './embedded-cell.ts';
import { buildOnce, pushImage } from './embedded-release.ts';
import { startEmbeddedSandbox } from './embedded-sandbox.ts';
import type { Stops } from './lifecycle.ts';
import { openDatabase } from './open-database.ts';
import { appDeps, buildParts, cellDirectory, type Parts, type StandIns, startWork } from './parts.ts';
import { readReleaseDirectory } from './release-directory.ts';
import { tokenFile } from './token-file.ts';

/** A control plane in this process, with a sandbox of its own, whose time can be moved ahead. */
export interface AcceleratedControlPlane {
  readonly url: string;
  readonly tokenFile: string;
  /** Where its sandbox answers. */
  readonly endpoint: string;
  readonly clock: AcceleratedClock;
  /** Directory of the release that new practices get. */
  readonly releaseDirectory: string;
}

/** Where a demonstration differs from `npm start`, beside its time. */
interface Ways {
  /** Databases and apps are recorded, and not run. */
  readonly recordOnly?: boolean;
  readonly standIns?: (endpoint: string) => StandIns;
  /** What works by itself, in place of everything that does; answers what stops it. */
  readonly work?: (parts: Parts, log: Logger) => Promise<() => Promise<void>>;
}

/** Rollouts are looked at so often: days pass in a moment here, so nothing else is to be waited for. */
const rolloutsEveryMs = 250;

/**
 * The configuration of a control plane beside the one that the environment describes: the same but for its place, ports and database. Its
 * keys are its own, and nobody is written to or charged: its practices are made up.
 */
export async function configurationOf(config: Config, dataDirectory: string): Promise<Config> {
  return {
    ...config,
    host: '127.0.0.1',
    port: 0,
    dataDirectory,
    databaseUrl: undefined,
    cloud: { kind: 'sandbox', port: await freePort(), endpoint: undefined },
    mail: { server: undefined, from: config.mail.from },
    billingDirectory: join(dataDirectory, 'billing'),
    stripe: undefined,
    stripeWebhookSecret: undefined,
    termsKeyFile: undefined,
    releaseKeysFile: undefined,
    drainSeconds: 0,
    // All practices of a demonstration sign up from one address.
    signUpRate: 100_000,
    // Every jump would make all silos due at once.
    driftIntervalMinutes: 10_080,
  };
}

/** Empties a data directory that no living control plane or sandbox uses. @throws DomainError or CommandError when one does */
export function makeAnew(directory: string): void {
  const lock = lockDirectory(directory);
  try {
    requireNoSandbox(directory);
    for (const name of readdirSync(directory)) {
      rmSync(join(directory, name), { recursive: true, force: true });
    }
  } finally {
    lock.release();
  }
}

/** A sandbox outlives its control plane when that one is killed. */
function requireNoSandbox(directory: string): void {
  const pid = holderOf(join(directory, 'sandbox'));
  if (pid === undefined) return;
  throw commandError('wrong_state', `The sandbox of an earlier demo (process ${pid}) is still there.`, {
    hint: `Stop it, then start again: kill ${pid}`,
  });
}

/**
 * Starts everything that `npm start` starts, under a clock that can be moved ahead.
 * @param stops receives what ends it again, in the order of starting; also when the start fails half-way
 */
export async function startAccelerated(
  config: Config,
  stops: Stops,
  interrupt: AbortSignal,
  {
    recordOnly = false,
    standIns = () => ({}),
    work = (parts, log) => startWork(parts, log, { rolloutsEveryMs }),
  }: Ways = {},
): Promise<AcceleratedControlPlane> {
  const { dataDirectory, cloud } = config;
  if (cloud.kind !== 'sandbox') throw new Error('only a sandbox has a clock that can be moved');
  const log = createLogger(
    config.logLevel,
    pino.destination({ dest: join(dataDirectory, 'control-plane.log'), sync: true, mode: 0o600 }),
  );
  const database = await openDatabase(config);
  stops.push(() => database.close());
  const sandbox = await startEmbeddedSandbox({
    directory: join(dataDirectory, 'sandbox'),
    port: cloud.port,
    recordOnly,
  });
  stops.push(() => sandbox.stop());
  const { endpoint } = sandbox;
  const releaseDirectory = join(dataDirectory, 'release');
  await buildOnce({ release: releaseDirectory, cell: cellDirectory(config) }, interrupt);

  const clock = new AcceleratedClock(endpoint);
  const parts = buildParts(config, database, endpoint, log, { ...standIns(endpoint), clock });
  await deployCell(endpoint, cellDirectory(config), config.cell);
  const release = await readReleaseDirectory(releaseDirectory);
  await pushImage(endpoint, { ...release.manifest.image, folder: join(releaseDirectory, 'image') });
  await publishRelease(parts.core, release, systemActor);
  stops.push(await work(parts, log));

  const deps = appDeps(config, parts, endpoint, log);
  // Made now, so that there is a key to sign releases with.
  await deps.releaseKeys();
  const app = await buildApp({ ...deps, stopping: interrupt });
  stops.push(async () => {
    app.server.closeAllConnections();
    await app.close();
  });
  const administrator = tokenFile(config);
  await ensureFirstToken(parts.core, administrator.save);
  const url = await app.listen({ host: config.host, port: config.port });
  return { url, tokenFile: administrator.path, endpoint, clock, releaseDirectory };
}

function freePort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' ? (address?.port ?? 0) : 0));
    });
  });
}
