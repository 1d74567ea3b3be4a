import { createPublicKey } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { deriveRelease } from '../../bin/demo-rollout-releases.ts';
import { pushImage } from '../../bin/embedded-release.ts';
import { openDatabase } from '../../bin/open-database.ts';
import { buildParts } from '../../bin/parts.ts';
import { readReleaseDirectory } from '../../bin/release-directory.ts';
import type { ReleaseUploadBody } from '../../control-api/contracts/releases.ts';
import { createLogger } from '../../control-api/logger.ts';
import { readConfig } from '../../lib/config.ts';
import { systemActor } from '../../lib/domain/access.ts';
import { recordConfiguredCell } from '../../lib/use-cases/configured-cell.ts';
import { ensureFirstToken } from '../../lib/use-cases/tokens.ts';
import { isReady } from '../bench/control-plane.ts';
import { oneByOne } from '../bench/one-by-one.ts';
import { type PostgresProcess, startPostgres } from '../bench/postgres-process.ts';
import { furnish, launchSandbox } from '../bench/sandbox-process.ts';
import { lastLines, type Started, type Workspace } from '../bench/workspace.ts';
import { freePort } from '../builders/process.ts';
import { publishTwo } from '../builders/renamed-release.ts';
import { control } from '../builders/sandbox-controls.ts';
import { newReleaseKey, signedUpload } from '../builders/signed-release.ts';
import type { Disturbance } from './schedule.ts';

/** A PostgreSQL server, a sandbox and some control planes, all of them processes that can be killed and come back. */
export interface Fleet {
  readonly databaseUrl: string;
  readonly endpoint: string;
  /** The control planes' addresses; any of them may be away. */
  readonly urls: readonly string[];
  /** An administrator's. */
  readonly token: string;
  /** The release to update to. */
  readonly nextRelease: string;
  /** The body of `POST /v1/releases` for a newer one, signed. */
  readonly upload: ReleaseUploadBody;
  /** Resolves when what was disturbed is back. */
  disturb(disturbance: Disturbance): Promise<void>;
  /** No fault is left, and every process runs. */
  calm(): Promise<void>;
  readonly tally: Tally;
}

/** What was done to the fleet. */
interface Tally {
  kills: number;
  pauses: number;
  restarts: number;
  faults: number;
  /** Control planes that ended without having been told to, with their last words; answers that blame an unexpected error. */
  readonly surprises: string[];
}

export async function startFleet(workspace: Workspace, release: string, replicas: number): Promise<Fleet> {
  const [postgres, sandbox, program] = await Promise.all([
    startPostgres(workspace),
    startSandbox(workspace, release),
    workspace.bundle('test/chaos/replica-process.ts'),
  ]);
  const signed = await signUpload(workspace, sandbox.endpoint, release);
  const environment = {
    LUMENALITY_RELEASE_KEYS: signed.keysFile,
    DATABASE_URL: postgres.url,
    AWS_ENDPOINT_URL: sandbox.endpoint,
    LUMENALITY_DATA_DIR: workspace.folder('control-plane-data'),
    LUMENALITY_LOG_LEVEL: 'warn',
    // All sign-ups come from one address.
    LUMENALITY_SIGNUP_RATE: '100000',
    LUMENALITY_DRAIN_SECONDS: '0',
  };
  const prepared = await prepare(environment, sandbox.endpoint, release);
  const tally: Tally = { kills: 0, pauses: 0, restarts: 0, faults: 0, surprises: [] };
  const planes = await Promise.all(
    Array.from({ length: replicas }, (_, number) =>
      startReplica({ workspace, program, environment, number, tally }),
    ),
  );
  return {
    ...prepared,
    upload: signed.upload,
    databaseUrl: postgres.url,
    endpoint: sandbox.endpoint,
    urls: planes.map(({ url }) => url),
    disturb: (disturbance) => disturb({ disturbance, planes, sandbox, postgres, tally }),
    calm: async () => {
      await sandbox.control('DELETE', 'faults');
      for (const plane of planes) plane.resume();
      await Promise.all(planes.map((plane) => plane.ready()));
    },
    tally,
  };
}

/** Database, cell, two releases and a token, before anything is disturbed. */
async function prepare(
  environment: Readonly<Record<string, string>>,
  endpoint: string,
  directory: string,
): Promise<Pick<Fleet, 'token' | 'nextRelease'>> {
  const config = readConfig(environment);
  const database = await openDatabase(config);
  try {
    const { core, cell, clouds } = buildParts(config, database, endpoint, createLogger('error'));
    await recordConfiguredCell(core, cell);
    const { second } = await publishTwo(core, directory, systemActor);
    let token = '';
    await ensureFirstToken(core, async (secret) => {
      token = secret;
    });
    clouds.close();
    return { token, nextRelease: second.manifest.id };
  } finally {
    await database.close();
  }
}

/** A release with another app, complete but for its publication; and the key that the control planes are to trust. */
async function signUpload(
  workspace: Workspace,
  endpoint: string,
  from: string,
): Promise<{ readonly upload: ReleaseUploadBody; readonly keysFile: string }> {
  const directory = join(workspace.directory, 'newer-release');
  deriveRelease(from, directory, { appVersion: 'newer', notes: 'chaos' });
  const release = await readReleaseDirectory(directory);
  await pushImage(endpoint, { ...release.manifest.image, folder: join(directory, 'image') });
  const compliance = await readFile(join(directory, release.manifest.compliance.file), 'utf8');
  const key = newReleaseKey();
  const keysFile = join(workspace.directory, 'release-keys.pem');
  await writeFile(keysFile, createPublicKey(key.privateKey).export({ type: 'spki', format: 'pem' }));
  return { upload: signedUpload(key, { ...release, compliance }), keysFile };
}

interface Sandbox {
  readonly endpoint: string;
  crash(backAfterMs: number): Promise<void>;
  control(method: 'POST' | 'PUT' | 'DELETE', what: string, body?: object): Promise<Response>;
}

async function startSandbox(workspace: Workspace, release: string): Promise<Sandbox> {
  const place = { port: await freePort(), directory: workspace.folder('sandbox-data'), dataPlane: false };
  const start = () => launchSandbox(workspace, 'sandbox', place);
  let running = await start();
  const { endpoint } = running;
  await furnish(endpoint, release);
  const inTurn = oneByOne();
  return {
    endpoint,
    crash: (backAfterMs) =>
      inTurn(async () => {
        await workspace.kill(running.started);
        await delay(backAfterMs);
        running = await start();
      }),
    control: (...asked) => untilAnswered(() => control(endpoint, ...asked)),
  };
}

/** The sandbox may be away: it comes back. */
async function untilAnswered<T>(ask: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + readyWithinMs;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      // What `fetch` throws when there is nobody, or the connection breaks.
      if (!(error instanceof TypeError) || Date.now() > deadline) throw error;
      await delay(200);
    }
  }
}

interface Replica {
  readonly url: string;
  /** `kill -9`, or SIGTERM, then the same control plane again. */
  end(signal: 'SIGKILL' | 'SIGTERM', backAfterMs: number): Promise<void>;
  /** SIGSTOP. */
  pause(): void;
  /** SIGCONT. */
  resume(): void;
  ready(): Promise<void>;
}

const restartAfterMs = 1_000;
const readyWithinMs = 60_000;

/** A control plane that is started again whenever it ends, as a supervisor does. */
async function startReplica(of: {
  readonly workspace: Workspace;
  /** The file of a control plane. */
  readonly program: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly number: number;
  readonly tally: Tally;
}): Promise<Replica> {
  const { workspace, program, environment, number, tally } = of;
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const name = `replica-${number + 1}`;
  let running: Started;
  let backAfterMs: number | undefined;
  const start = (): void => {
    const started = workspace.startFile(name, program, { ...environment, PORT: String(port) });
    running = started;
    let wasReady = false;
    started.process.once('message', () => {
      wasReady = true;
    });
    started.process.once('exit', (code, signal) => {
      if (workspace.isClosed) return;
      // While the database or the cloud is away it refuses to start, and says so.
      if (backAfterMs === undefined && wasReady)
        tally.surprises.push(`${name} ended by itself with ${code ?? signal}: ${lastLines(started)}`);
      setTimeout(start, backAfterMs ?? restartAfterMs);
      backAfterMs = undefined;
    });
  };
  start();
  const replica: Replica = {
    url,
    end: async (signal, back) => {
      const { process: child } = running;
      if (child.exitCode !== null || child.signalCode !== null || backAfterMs !== undefined) return;
      backAfterMs = back;
      // One that is paused does not hear SIGTERM before it goes on.
      child.kill('SIGCONT');
      child.kill(signal);
    },
    pause: () => void running.process.kill('SIGSTOP'),
    resume: () => void running.process.kill('SIGCONT'),
    ready: () => untilReady(url, () => lastLines(running)),
  };
  await replica.ready();
  return replica;
}

async function untilReady(url: string, lastWords: () => string): Promise<void> {
  const deadline = Date.now() + readyWithinMs;
  for (;;) {
    if (await isReady(url)) return;
    if (Date.now() > deadline) throw new Error(`${url} was not ready in time:\n${lastWords()}`);
    await delay(100);
  }
}

async function disturb(what: {
  readonly disturbance: Disturbance;
  readonly planes: readonly Replica[];
  readonly sandbox: Sandbox;
  readonly postgres: PostgresProcess;
  readonly tally: Tally;
}): Promise<void> {
  const { disturbance, planes, sandbox, postgres, tally } = what;
  switch (disturbance.kind) {
    case 'kill':
    case 'stop': {
      if (disturbance.kind === 'kill') tally.kills += 1;
      else tally.restarts += 1;
      const signal = disturbance.kind === 'kill' ? 'SIGKILL' : 'SIGTERM';
      return planes[disturbance.replica]?.end(signal, disturbance.backAfterMs);
    }
    case 'pause':
      tally.pauses += 1;
      planes[disturbance.replica]?.pause();
      await delay(disturbance.forMs);
      return planes[disturbance.replica]?.resume();
    case 'kill-sandbox':
      tally.kills += 1;
      return sandbox.crash(disturbance.backAfterMs);
    case 'kill-database':
      tally.kills += 1;
      return postgres.crash();
    case 'fault': {
      tally.faults += 1;
      const ids: string[] = [];
      for (const rule of disturbance.rules) ids.push(await idOf(sandbox.control('POST', 'faults', rule)));
      await delay(disturbance.forMs);
      // A sandbox that was restarted has no rules.
      for (const id of ids) await sandbox.control('DELETE', `faults?id=${id}`).catch(() => undefined);
      return;
    }
    case 'quota': {
      tally.faults += 1;
      const { quota, forMs } = disturbance;
      await sandbox.control('PUT', 'quotas', { quota, limit: 0 });
      await delay(forMs);
      await sandbox.control('PUT', 'quotas', { quota, limit: 10_000 });
      return;
    }
    case 'rate': {
      tally.faults += 1;
      const { operation, perSecond, forMs } = disturbance;
      const rate = { service: 'cloudformation', operation, perSecond, burst: perSecond };
      const id = await idOf(sandbox.control('PUT', 'rates', rate));
      await delay(forMs);
      await sandbox.control('DELETE', `rates?id=${id}`).catch(() => undefined);
    }
  }
}

const idOf = async (answer: Promise<Response>): Promise<string> =>
  ((await (await answer).json()) as { readonly id: string }).id;
