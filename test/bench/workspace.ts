import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { bundle } from '../builders/bundle.ts';

export type Environment = Readonly<Record<string, string>>;

/** A program that was started, and where it writes what it has to say. */
export interface Started {
  readonly name: string;
  readonly process: ChildProcess;
  readonly log: string;
}

/** How long a program gets to stop in order. */
const stopWithinMs = 20_000;

/** Variables of the person's own shell that would change what is measured, or send it to a real account. */
const foreign = /^(AWS_|LUMENALITY_|CDK_|SANDBOX_PORT$|DATABASE_URL$|HOST$|PORT$|NODE_OPTIONS$)/;

/** Owns every process and directory of one benchmark, so that nothing is left of it however it ends. */
export class Workspace {
  /** The root of the checkout. */
  readonly root: string;
  readonly directory: string;
  readonly #running = new Set<Started>();
  #closed = false;

  constructor(root: string) {
    this.root = root;
    this.directory = mkdtempSync(join(tmpdir(), 'lumenality-bench-'));
    // A PostgreSQL server that root starts runs as another user and must be able to get to its files.
    chmodSync(this.directory, 0o711);
  }

  /** Whether what ends from now on was told to. */
  get isClosed(): boolean {
    return this.#closed;
  }

  /** The path of a new directory. */
  folder(name: string): string {
    const path = join(this.directory, name);
    mkdirSync(path);
    return path;
  }

  /** Starts a TypeScript entry point of this checkout, relative to its root, with an IPC channel. */
  startEntry(name: string, entry: string, { args = [], env = {}, flags = [] }: EntryOptions = {}): Started {
    const command = [...flags, '--import', 'tsx', join(this.root, entry), ...args];
    return this.#start(name, command, env, true);
  }

  /** Bundles an entry point that starts many times, for `startFile`: so it starts in a third of the time. */
  async bundle(entry: string): Promise<string> {
    const name = `bin/${basename(entry, '.ts')}`;
    await bundle(this.root, this.directory, { [name]: entry });
    return join(this.directory, `${name}.mjs`);
  }

  /** Starts what `bundle` made, with an IPC channel. */
  startFile(name: string, file: string, env: Environment): Started {
    return this.#start(name, [file], env, true);
  }

  /** Runs a Node program to its end. @throws Error with what it said last when its exit status is not 0. */
  async run(name: string, command: readonly string[], env: Environment = {}): Promise<void> {
    const started = this.#start(name, command, env, false);
    const status = await ended(started.process);
    if (status !== 0) throw new Error(`${name} ended with ${status}:\n${lastLines(started)}`);
  }

  /** Asks a program to stop and waits; one that does not, and whatever it has left behind, is killed. */
  async stop(started: Started): Promise<void> {
    const { process: child } = started;
    const end = ended(child);
    child.kill('SIGTERM');
    const tooLong = setTimeout(() => killGroup(child), stopWithinMs);
    await end;
    clearTimeout(tooLong);
    killGroup(child);
  }

  /** `kill -9` of a program with everything that it has started. */
  async kill({ process: child }: Started): Promise<void> {
    const end = ended(child);
    killGroup(child);
    await end;
  }

  /** Stops what runs, the youngest first, and removes the directory. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const started of [...this.#running].reverse()) await this.stop(started);
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** `close` for somebody who does not want to wait. */
  destroy(): void {
    this.#closed = true;
    for (const { process: child } of this.#running) killGroup(child);
    rmSync(this.directory, { recursive: true, force: true });
  }

  #start(name: string, command: readonly string[], env: Environment, ipc: boolean): Started {
    if (this.#closed) throw new Error('The benchmark was stopped.');
    const log = join(this.directory, `${name}.log`);
    const output = openSync(log, 'a', 0o600);
    // Detached, so that Ctrl-C reaches the benchmark alone and each program with all its children can be ended as one.
    const child = spawn(process.execPath, [...command], {
      cwd: this.root,
      detached: true,
      env: { ...ownEnvironment(), ...env },
      stdio: ['ignore', output, output, ...(ipc ? (['ipc'] as const) : [])],
    });
    closeSync(output);
    const started = { name, process: child, log };
    this.#running.add(started);
    child.once('exit', () => this.#running.delete(started));
    return started;
  }
}

interface EntryOptions {
  readonly args?: readonly string[];
  readonly env?: Environment;
  /** Flags of Node itself. */
  readonly flags?: readonly string[];
}

function ownEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)));
}

/** Exit status, or the signal that ended it. */
function ended(child: ChildProcess): Promise<number | string> {
  if (child.exitCode !== null || child.signalCode !== null) {
    return Promise.resolve(child.exitCode ?? child.signalCode ?? 0);
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? signal ?? 0));
  });
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** The end of what a program wrote, for an error's message. */
export function lastLines({ log }: Started): string {
  return readFileSync(log, 'utf8').trimEnd().split('\n').slice(-25).join('\n');
}

/**
 * The next message of a program that `accept` takes.
 * @throws Error with what the program said last when it ends, or says nothing for `withinMs`.
 */
export function nextMessage<T>(
  started: Started,
  accept: (message: unknown) => T | undefined,
  withinMs = 120_000,
): Promise<T> {
  const { process: child, name } = started;
  return new Promise((resolve, reject) => {
    const settle = (act: () => void): void => {
      clearTimeout(timer);
      child.off('message', heard);
      child.off('exit', gone);
      act();
    };
    const fail = (why: string): void =>
      settle(() => reject(new Error(`${name} ${why}:\n${lastLines(started)}`)));
    const heard = (message: unknown): void => {
      const accepted = accept(message);
      if (accepted !== undefined) settle(() => resolve(accepted));
    };
    const gone = (): void => fail('ended before it answered');
    const timer = setTimeout(() => fail(`did not answer within ${withinMs / 1000} s`), withinMs);
    child.on('message', heard);
    child.once('exit', gone);
    if (child.exitCode !== null || child.signalCode !== null) gone();
  });
}
