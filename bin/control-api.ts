/** `npm start`: the control API with its workers; on embedded defaults the sandbox cloud and a first release too. */
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { buildApp } from '../control-api/app.ts';
import { type Config, readConfig } from '../lib/config.ts';
import { newestRelease } from '../lib/db/release-store.ts';
import { systemActor } from '../lib/domain/access.ts';
import { DomainError } from '../lib/domain/errors.ts';
import type { RunEngine } from '../lib/runs/engine.ts';
import type { Core } from '../lib/use-cases/core.ts';
import { publishRelease } from '../lib/use-cases/publish-release.ts';
import { ensureFirstToken } from '../lib/use-cases/tokens.ts';
import { deployCell } from './embedded-cell.ts';
import { buildOnce, pushImage } from './embedded-release.ts';
import { startEmbeddedSandbox } from './embedded-sandbox.ts';
import { onStopSignal, runUntilStopped, type Stops } from './lifecycle.ts';
import { openDatabase } from './open-database.ts';
import { appDeps, assertFilesAreUsable, buildParts, cellDirectory, startWork } from './parts.ts';
import { readReleaseDirectory } from './release-directory.ts';
import { openStartScreen } from './start-screen.ts';
import { tokenFile } from './token-file.ts';
import { warn } from './warnings.ts';

/** Requests in flight get so long to finish, in milliseconds. */
const finishWithinMs = 10_000;

await runUntilStopped(async (stops) => {
  const config = readConfig();
  await assertFilesAreUsable(config);
  const aborted = onStopSignal();
  await assertPortIsFree(config);
  const screen = openStartScreen(config);
  const { log } = screen;
  warn(config, log);

  const database = await screen.part('database', openDatabase(config), () => 'is open');
  stops.push(() => database.close());

  const releaseBuilt = prepareRelease(config, aborted);
  const [endpoint, releaseDirectory] = await settleBoth(
    screen.part('cloud', startCloud(config, stops), (at) => `answers at ${at ?? 'AWS'}`),
    screen.part('release', releaseBuilt, (directory) =>
      directory === undefined ? 'is the newest that is published' : 'is built',
    ),
  );

  const parts = buildParts(config, database, endpoint, log);
  if (config.cloud.kind === 'sandbox' && endpoint !== undefined)
    await deployCell(endpoint, cellDirectory(config), config.cell);
  await offerRelease(config, parts.core, releaseDirectory, endpoint, log);
  stops.push(await startWork(parts, log));

  const deps = appDeps(config, parts, endpoint, log);
  // Made now where the sandbox has none yet, so that the first release can be signed.
  await deps.releaseKeys();
  const app = await buildApp({ ...deps, stopping: aborted });
  stops.push(() => drain(app, parts.engine, config));
  const administrator = tokenFile(config);
  const isFirst = await ensureFirstToken(parts.core, administrator.save);
  const address = await listen(app, config);
  screen.say(`The control plane is ready at ${address} (reference: ${address}/docs). Ctrl-C stops it.`);
  screen.say(
    isFirst || existsSync(administrator.path)
      ? `The administrator token is in ${administrator.path}. In a second terminal: npx lumenality doctor`
      : 'The administrator token was written where this database had its first start; npm run recover-token makes another.',
  );
});

/**
 * Not ready from the signal on: runs are handed over while load balancers notice, and requests are served until they have; then
 * those in flight finish.
 */
async function drain(app: FastifyInstance, engine: RunEngine, { drainSeconds }: Config): Promise<void> {
  const handedOver = engine.handOver();
  if (onStopSignal().aborted) await delay(drainSeconds * 1000);
  const late = setTimeout(() => app.server.closeAllConnections(), finishWithinMs);
  await app.close();
  clearTimeout(late);
  await handedOver;
}

/** Both run to their end, so that a failure of one never leaves the other half started and unknown. */
async function settleBoth<A, B>(first: Promise<A>, second: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([first, second]);
  return Promise.all([first, second]);
}

/** Where the cloud answers; undefined for AWS's own endpoints. */
async function startCloud(
  { cloud, dataDirectory, databaseUrl }: Config,
  stops: Stops,
): Promise<string | undefined> {
  if (cloud.endpoint !== undefined || cloud.kind === 'aws') return cloud.endpoint;
  const sandbox = await startEmbeddedSandbox({ directory: join(dataDirectory, 'sandbox'), port: cloud.port });
  // With a database server, other replicas of this machine may use the sandbox: only the one that launched it ends it.
  if (databaseUrl === undefined || sandbox.launched) stops.push(() => sandbox.stop());
  return sandbox.endpoint;
}

/** The directory of the release to publish; on the sandbox it is built when nobody named one, and so is the cell. */
async function prepareRelease(config: Config, signal: AbortSignal): Promise<string | undefined> {
  if (config.cloud.kind === 'aws') return config.releaseDirectory;
  const own = config.releaseDirectory === undefined ? join(config.dataDirectory, 'release') : undefined;
  await buildOnce({ release: own, cell: cellDirectory(config) }, signal);
  return config.releaseDirectory ?? own;
}

async function offerRelease(
  config: Config,
  core: Core,
  directory: string | undefined,
  endpoint: string | undefined,
  log: Logger,
): Promise<void> {
  if (directory === undefined) {
    if ((await newestRelease(core.db)) !== undefined) return;
    // It has to be up for somebody to publish one.
    log.warn(
      'No release is published that is not halted, so no sign-up can be approved. Publish one: npx lumenality release publish DIR … (docs/rollouts.md).',
    );
    return;
  }
  const release = await readReleaseDirectory(directory);
  if (config.cloud.kind === 'sandbox' && endpoint !== undefined) {
    await pushImage(endpoint, { ...release.manifest.image, folder: join(directory, 'image') });
  }
  await publishRelease(core, release, systemActor);
}

/** Asked before anything is started: the answer would come after ten seconds of work otherwise. */
async function assertPortIsFree({ host, port }: Config): Promise<void> {
  if (port === 0) return;
  const probe = createServer();
  await new Promise<void>((resolve, reject) => {
    probe.once('error', (error: NodeJS.ErrnoException) => reject(portRefused(host, port, error)));
    probe.listen(port, host, () => probe.close(() => resolve()));
  });
}

async function listen(app: FastifyInstance, { host, port }: Config): Promise<string> {
  try {
    return await app.listen({ host, port });
  } catch (error) {
    throw portRefused(host, port, error as NodeJS.ErrnoException);
  }
}

function portRefused(host: string, port: number, cause: NodeJS.ErrnoException): DomainError {
  const why =
    cause.code === 'EADDRINUSE'
      ? 'is in use by another program'
      : `cannot be listened on (${cause.code ?? cause.message})`;
  return new DomainError(
    'configuration',
    `Port ${port} of ${host} ${why}. Stop that program, or set PORT to a free port.`,
    { cause },
  );
}
