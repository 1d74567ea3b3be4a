import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { extname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { DomainError } from '../lib/domain/errors.ts';

const healthSchema = z.object({ status: z.string(), pid: z.number(), directory: z.string() });
type Health = z.infer<typeof healthSchema>;

const startTimeoutMs = 60_000;
const stopTimeoutMs = 20_000;

export interface EmbeddedSandbox {
  readonly endpoint: string;
  /** False when it was running already. */
  readonly launched: boolean;
  /** Ends the sandbox and everything that it runs; its state stays on disk. */
  stop(): Promise<void>;
}

/**
 * Starts the sandbox cloud as a process of its own, or joins the one that already serves the same directory: like AWS,
 * it goes on when the control plane dies, and a control plane that starts again finds its stack operations under way.
 */
export async function startEmbeddedSandbox(options: {
  readonly directory: string;
  readonly port: number;
  /** Databases and apps are recorded, and not run: a fleet fits one machine. */
  readonly recordOnly?: boolean;
}): Promise<EmbeddedSandbox> {
  const endpoint = `http://127.0.0.1:${options.port}`;
  const running = await healthOf(endpoint);
  if (running !== undefined) {
    if (running.directory === options.directory) return sandboxAt(endpoint, running.pid, false);
    throw portTaken(options.port, `a sandbox for ${running.directory}`);
  }
  const pid = launch(options);
  const deadline = Date.now() + startTimeoutMs;
  for (;;) {
    const health = await healthOf(endpoint);
    if (health?.directory === options.directory) return sandboxAt(endpoint, health.pid, health.pid === pid);
    if (!isRunning(pid)) {
      throw new DomainError(
        'configuration',
        `The sandbox cloud did not start on port ${options.port}. Its reason is in ${logFile(options.directory)}. ` +
          'If the port is in use, set SANDBOX_PORT to a free one.',
      );
    }
    if (Date.now() > deadline) {
      throw new DomainError(
        'unavailable',
        `The sandbox cloud did not answer within a minute; see ${logFile(options.directory)}.`,
      );
    }
    await delay(50);
  }
}

const logFile = (directory: string): string => join(directory, 'sandbox.log');

function launch({ directory, port, recordOnly = false }: Parameters<typeof startEmbeddedSandbox>[0]): number {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const log = openSync(logFile(directory), 'a', 0o600);
  const entry = fileURLToPath(new URL(`./sandbox${extname(import.meta.url)}`, import.meta.url));
  // Detached: Ctrl-C reaches the control plane alone, which then ends the sandbox in order.
  const child = spawn(
    process.execPath,
    [
      ...process.execArgv,
      entry,
      '--port',
      String(port),
      '--data-dir',
      directory,
      ...(recordOnly ? ['--no-data-plane'] : []),
    ],
    {
      detached: true,
      stdio: ['ignore', log, log],
    },
  );
  closeSync(log);
  child.unref();
  if (child.pid === undefined)
    throw new DomainError(
      'configuration',
      `The sandbox cloud could not be started: ${process.execPath} ${entry}`,
    );
  return child.pid;
}

async function healthOf(endpoint: string): Promise<Health | undefined> {
  let response: Response;
  try {
    response = await fetch(`${endpoint}/_sandbox/health`, { signal: AbortSignal.timeout(2_000) });
  } catch {
    // Nothing listens there yet; a listener that is no HTTP server fails the same way and is found by the launch.
    return undefined;
  }
  const health = healthSchema.safeParse(await response.json().catch(() => undefined));
  if (!health.success) throw portTaken(Number(new URL(endpoint).port), 'another program');
  return health.data;
}

function sandboxAt(endpoint: string, pid: number, launched: boolean): EmbeddedSandbox {
  return {
    endpoint,
    launched,
    stop: async () => {
      if (isRunning(pid)) process.kill(pid, 'SIGTERM');
      const deadline = Date.now() + stopTimeoutMs;
      while (isRunning(pid)) {
        if (Date.now() > deadline) {
          throw new DomainError(
            'unavailable',
            `The sandbox cloud (process ${pid}) did not stop within 20 seconds.`,
          );
        }
        await delay(50);
      }
    },
  };
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function portTaken(port: number, by: string): DomainError {
  return new DomainError(
    'configuration',
    `Port ${port} is in use by ${by}. Stop it, or set SANDBOX_PORT to a free port.`,
  );
}
