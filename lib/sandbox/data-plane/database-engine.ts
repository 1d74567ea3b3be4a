import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import type { DatabaseReply, DatabaseRequest, DatabaseRole } from './database-messages.ts';

const STOP_MS = 5000;

/**
 * V8 settings that suit a process which runs one WebAssembly module and is idle most of its life: without the
 * optimising compiler and the helper threads it takes a third less memory.
 */
const V8_FLAGS = ['--max-old-space-size=128', '--single-threaded', '--no-wasm-tier-up'];

/** The process runs as TypeScript through tsx (`.ts`), or as tsc left it (`.js`). */
function startProcess(script: string): ChildProcess {
  const run = script.endsWith('.ts')
    ? ['--require', createRequire(script).resolve('tsx/cjs'), '--eval', `require(${JSON.stringify(script)})`]
    : [script];
  return spawn(process.execPath, [...V8_FLAGS, ...run], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    serialization: 'advanced',
    env: {},
  });
}

type PreparationRequest = Extract<DatabaseRequest, { type: 'template' | 'create' }>;

/** Runs one preparation (a template, a new storage) in a process that ends with it. */
export async function prepareStorage(
  script: string,
  request: PreparationRequest,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const child = startProcess(script);
  const kill = () => child.kill('SIGKILL');
  signal.addEventListener('abort', kill);
  try {
    await new Promise<void>((resolve, reject) => {
      child.on('error', reject);
      child.once('exit', (code, signal) => {
        reject(new Error(`The database process ended early (${signal ?? `exit code ${code}`}).`));
      });
      child.once('message', (reply: DatabaseReply) => {
        if (reply.type === 'done') resolve();
        else reject(new Error(`Preparing the storage failed: ${describe(reply)}`));
      });
      child.send(request);
    });
  } finally {
    signal.removeEventListener('abort', kill);
    // Gone before anybody removes or opens what it wrote.
    if (child.exitCode === null && child.signalCode === null && kill()) await once(child, 'exit');
  }
}

function describe(reply: DatabaseReply): string {
  return reply.type === 'failed' ? reply.message : `unexpected answer "${reply.type}"`;
}

interface Waiting {
  resolve(reply: DatabaseReply): void;
  reject(error: Error): void;
}

/** One running PGlite, in a process of its own because its memory comes back only when the process ends. */
export class DatabaseEngine {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  /** The session whose role the engine acts as. Undefined: nobody's, so the next turn must say whose it is. */
  servedLast: object | undefined;
  /** Resolves when the process is gone, whoever ended it. */
  readonly ended: Promise<void>;
  #nextId = 1;
  #failure: string | undefined;
  #greeting: Uint8Array = new Uint8Array();
  #turn: Promise<void> = Promise.resolve();

  /** @param script lib/sandbox/data-plane/database-process. */
  constructor(script: string) {
    this.#child = startProcess(script);
    this.ended = new Promise((resolve) => {
      const end = (reason: string) => {
        this.#failure ??= `The database engine ended (${reason}).`;
        this.#settleAll(new Error(this.#failure));
        resolve();
      };
      this.#child.on('error', (error) => {
        // A process that never started has no exit to wait for; one that cannot be reached any more is ended.
        if (this.#child.pid === undefined) end(error.message);
        else this.kill();
      });
      this.#child.once('exit', (code, signal) => end(signal ?? `exit code ${code}`));
    });
    this.#child.on('message', (reply: DatabaseReply) => this.#receive(reply));
  }

  /** @throws Error when the storage cannot be opened; the process is gone then. */
  async start(options: Omit<Extract<DatabaseRequest, { type: 'start' }>, 'type'>): Promise<void> {
    const reply = await this.#ask(0, { type: 'start', ...options });
    if (reply.type === 'started') this.#greeting = reply.greeting;
  }

  get running(): boolean {
    return this.#failure === undefined && this.#child.connected;
  }

  /** PostgreSQL's messages that follow a successful authentication. */
  get greeting(): Uint8Array {
    return this.#greeting;
  }

  /** Sends whole front-end messages and returns what PostgreSQL answers to them. */
  async execute(messages: Uint8Array): Promise<Uint8Array> {
    const id = this.#nextId++;
    const reply = await this.#ask(id, { type: 'execute', id, messages });
    if (reply.type !== 'result')
      throw new Error(`The database engine gave an unexpected answer "${reply.type}".`);
    return reply.data;
  }

  /** A role as the cluster knows it. For whoever has the engine's turn; the session is then nobody's. */
  async role(name: string): Promise<DatabaseRole | undefined> {
    const id = this.#nextId++;
    const reply = await this.#ask(id, { type: 'role', id, name });
    if (reply.type !== 'role')
      throw new Error(`The database engine gave an unexpected answer "${reply.type}".`);
    return reply.role;
  }

  /** Copies the storage as it is between two statements. */
  async copyStorage(from: string, to: string): Promise<void> {
    const id = this.#nextId++;
    await this.#ask(id, { type: 'copy', id, from, to });
  }

  /** The engine for one session alone, in order of asking, until the returned function gives it back. */
  async acquire(): Promise<() => void> {
    const before = this.#turn;
    let release: () => void = () => {};
    this.#turn = new Promise((resolve) => {
      release = resolve;
    });
    await before;
    return release;
  }

  /** Ends with a checkpoint; without one if that takes too long, which costs the next start a recovery. */
  async stop(): Promise<void> {
    const timer = setTimeout(() => this.kill(), STOP_MS);
    try {
      if (this.#child.connected) this.#child.send({ type: 'stop' } satisfies DatabaseRequest);
      await this.ended;
    } finally {
      clearTimeout(timer);
    }
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #ask(id: number, request: DatabaseRequest): Promise<DatabaseReply> {
    return new Promise((resolve, reject) => {
      if (!this.#child.connected) {
        reject(new Error(this.#failure ?? 'The database engine has ended.'));
        return;
      }
      this.#waiting.set(id, { resolve, reject });
      this.#child.send(request);
    });
  }

  #receive(reply: DatabaseReply): void {
    if (reply.type === 'failed') {
      this.#failure = reply.message;
      this.#settleAll(new Error(reply.message));
      return;
    }
    const id = 'id' in reply ? reply.id : 0;
    this.#waiting.get(id)?.resolve(reply);
    this.#waiting.delete(id);
  }

  #settleAll(error: Error): void {
    for (const waiting of this.#waiting.values()) waiting.reject(error);
    this.#waiting.clear();
  }
}
