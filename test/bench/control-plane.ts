import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../builders/process.ts';
import { lastLines, type Started, type Workspace } from './workspace.ts';

/** A running control plane, as its clients see it. */
export interface ControlPlane {
  readonly url: string;
  /** The first administrator's. */
  readonly token: string;
  readonly started: Started;
}

const startWithinMs = 120_000;

/**
 * Starts a control plane as a process of its own, on an empty database, and waits until it is ready.
 * `entry` is the product's own, or the one of test/bench that answers for apps which the sandbox does not run.
 */
export async function startControlPlane(
  workspace: Workspace,
  entry: 'bin/control-api.ts' | 'test/bench/processes/control-plane.ts',
  options: {
    readonly endpoint: string;
    readonly release: string;
    readonly databaseUrl?: string;
    /** The name of its folder; a benchmark that starts several names each. */
    readonly dataDirectory?: string;
  },
): Promise<ControlPlane> {
  const port = await freePort();
  const dataDirectory = workspace.folder(options.dataDirectory ?? 'control-plane-data');
  const started = workspace.startEntry('control-plane', entry, {
    flags: ['--expose-gc'],
    env: {
      PORT: String(port),
      LUMENALITY_DATA_DIR: dataDirectory,
      LUMENALITY_RELEASE_DIR: options.release,
      // What a whole benchmark sends comes from one address.
      LUMENALITY_SIGNUP_RATE: '100000',
      LUMENALITY_LOG_LEVEL: 'warn',
      AWS_ENDPOINT_URL: options.endpoint,
      ...(options.databaseUrl === undefined ? {} : { DATABASE_URL: options.databaseUrl }),
    },
  });
  const url = `http://127.0.0.1:${port}`;
  await untilReady(started, url);
  const token = (await readFile(join(dataDirectory, 'admin.token'), 'utf8')).trim();
  return { url, token, started };
}

async function untilReady(started: Started, url: string): Promise<void> {
  const deadline = performance.now() + startWithinMs;
  while (!(await isReady(url))) {
    if (started.process.exitCode !== null || started.process.signalCode !== null) {
      const end = started.process.exitCode ?? started.process.signalCode;
      throw new Error(`The control plane ended with ${end} before it was ready:\n${lastLines(started)}`);
    }
    if (performance.now() > deadline) {
      throw new Error(
        `The control plane was not ready within ${startWithinMs / 1000} s:\n${lastLines(started)}`,
      );
    }
    await delay(100);
  }
}

export async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(5_000) })).ok;
  } catch {
    // It does not listen yet; one that never does is found by the caller's deadline.
    return false;
  }
}
