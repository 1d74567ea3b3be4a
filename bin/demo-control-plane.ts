import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { healthSchema, readinessSchema } from '../control-api/contracts/health.ts';
import { meSchema } from '../control-api/contracts/tokens.ts';
import type { Config } from '../lib/config.ts';
import { ApiClient } from './commands/api-client.ts';
import { CommandError, commandError } from './commands/command-error.ts';

/** The first start builds a release and opens two databases: seconds on a good day, more on a busy machine. */
const startTimeoutMs = 180_000;
const stopTimeoutMs = 60_000;

/** A control plane that serves the demo's data directory. */
export interface DemoControlPlane {
  readonly url: string;
  readonly tokenFile: string;
  /** False when it ran already: then it is not the demo's to stop. */
  readonly isOurs: boolean;
  /** Settles, with what to tell, when a control plane of the demo's own ends by itself. */
  readonly died: Promise<string>;
  /** Stops it if it is the demo's own, and waits for its end. */
  stop(): Promise<void>;
}

/**
 * Starts the control plane as `npm start` does, or joins the one that serves the same data directory already.
 * @throws CommandError when something else listens on the port, or it does not become ready
 */
export async function startControlPlane(config: Config, signal: AbortSignal): Promise<DemoControlPlane> {
  const url = `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${config.port}`;
  const tokenFile = join(config.dataDirectory, 'admin.token');
  if (await answers(url)) {
    await requireSameDirectory(url, tokenFile, config);
    return { url, tokenFile, isOurs: false, died: new Promise(() => {}), stop: async () => {} };
  }
  const child = launch(config);
  try {
    await Promise.race([
      untilReady(url, signal),
      child.died.then((reason) => Promise.reject(failedStart(reason))),
    ]);
  } catch (error) {
    await child.stop();
    throw error;
  }
  return { url, tokenFile, isOurs: true, ...child };
}

/** Whether the control plane answers at `url`. @throws CommandError when something else does. */
async function answers(url: string): Promise<boolean> {
  let body: unknown;
  try {
    const response = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(5_000) });
    body = await response.json().catch(() => undefined);
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined;
    if (cause instanceof Error && 'code' in cause && cause.code === 'ECONNREFUSED') return false;
    throw portTaken(url, error);
  }
  if (!healthSchema.safeParse(body).success) throw portTaken(url);
  return true;
}

const portTaken = (url: string, cause?: unknown) =>
  commandError('wrong_state', `Something that is not the control plane listens at ${url}.`, {
    hint: 'Stop it, or give the demo another port: PORT=8081 npm run demo',
    cause,
  });

/** The token in our data directory works there, or it is somebody else's control plane. */
async function requireSameDirectory(url: string, tokenFile: string, config: Config): Promise<void> {
  const elsewhere = commandError(
    'wrong_state',
    `A control plane of another data directory listens at ${url}.`,
    {
      hint: `Stop it, or give the demo another port: PORT=8081 npm run demo (its data is in ${config.dataDirectory})`,
    },
  );
  if (!existsSync(tokenFile)) throw elsewhere;
  const api = new ApiClient(url, () => readFileSync(tokenFile, 'utf8').trim());
  try {
    await api.get('/v1/me', meSchema);
  } catch (error) {
    throw error instanceof CommandError && error.problem.status === 401 ? elsewhere : error;
  }
}

function launch(config: Config): Pick<DemoControlPlane, 'died' | 'stop'> {
  mkdirSync(config.dataDirectory, { recursive: true, mode: 0o700 });
  const logFile = join(config.dataDirectory, 'control-plane.log');
  const log = openSync(logFile, 'a', 0o600);
  const from = statSync(logFile).size;
  const entry = fileURLToPath(new URL(`./control-api${extname(import.meta.url)}`, import.meta.url));
  const child = spawn(process.execPath, [...process.execArgv, entry], {
    stdio: ['ignore', log, log],
    // Ctrl-C on the terminal is for the demo, which then stops the control plane in order.
    detached: true,
  });
  closeSync(log);
  const killAtExit = () => child.kill('SIGTERM');
  process.once('exit', killAtExit);
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => {
      process.off('exit', killAtExit);
      resolve(`it ended (${signal ?? `exit code ${code}`})${lastWords(logFile, from)}\nIts log: ${logFile}`);
    });
  });
  return {
    died: ended,
    stop: async () => {
      child.kill('SIGTERM');
      const late = delay(stopTimeoutMs, 'late' as const, { ref: false });
      if ((await Promise.race([ended, late])) !== 'late') return;
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** What it said last: the messages of its log lines, and of a stack trace only the head. */
function lastWords(logFile: string, from: number): string {
  const lines = readFileSync(logFile).subarray(from).toString('utf8').split('\n');
  return lines
    .filter((line) => line.trim() !== '' && !/^(\s+at |\s+\^|Node\.js v|\S*:\d+$)/.test(line))
    .slice(-5)
    .map((line) => `\n  ${messageOf(line)}`)
    .join('');
}

function messageOf(line: string): string {
  const parsed = /^\{.*"msg":("(?:[^"\\]|\\.)*")/.exec(line)?.[1];
  return parsed === undefined ? line : String(JSON.parse(parsed));
}

const failedStart = (reason: string) =>
  commandError('internal', 'The control plane did not start.', { hint: reason });

async function untilReady(url: string, signal: AbortSignal): Promise<void> {
  const deadline = Date.now() + startTimeoutMs;
  let missing = 'it does not answer';
  while (Date.now() < deadline) {
    signal.throwIfAborted();
    const answer: unknown = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(10_000) })
      .then((response) => response.json())
      .catch(() => undefined);
    const readiness = readinessSchema.safeParse(answer);
    if (readiness.success) {
      if (readiness.data.status === 'ready') return;
      missing = `not ready: ${readiness.data.parts.flatMap(({ part, ready }) => (ready ? [] : [part])).join(', ')}`;
    }
    await delay(100);
  }
  throw commandError(
    'timed_out',
    `The control plane was not ready within ${startTimeoutMs / 1_000} s (${missing}).`,
  );
}
