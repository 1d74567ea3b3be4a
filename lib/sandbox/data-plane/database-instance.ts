import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { DatabaseSpec } from '../model.ts';
import type { ServerCertificate } from './certificate-authority.ts';
import { DatabaseEngine } from './database-engine.ts';
import { serveSession } from './database-session.ts';
import { copyFolder } from './database-snapshots.ts';
import type { EngineSlots } from './engine-slots.ts';
import { type Endpoint, listen } from './loopback.ts';

const SLOT_PATIENCE_MS = 60_000;

interface InstanceOptions {
  readonly spec: DatabaseSpec;
  readonly endpoint: Endpoint;
  readonly certificate: ServerCertificate;
  /** The encrypted data directory. */
  readonly storage: string;
  readonly keyCheck: string;
  readonly databaseProcess: string;
  readonly idleMs: number;
  readonly slots: EngineSlots;
}

/** Tells a wrong storage key from a right one without keeping it. Hex. */
export function keyCheckOf(key: Buffer): string {
  return createHmac('sha256', key).update('lumenality sandbox storage').digest('hex');
}

/** One RDS instance: a listener that is always there, and an engine that runs while somebody is connected. */
export class DatabaseInstance {
  readonly #options: InstanceOptions;
  readonly #server: Server;
  readonly #secureContext: SecureContext;
  readonly #sockets = new Set<Socket>();
  readonly #sessions = new Set<Duplex>();
  #spec: DatabaseSpec;
  #engine: Promise<DatabaseEngine> | undefined;
  /** The process before: two engines must never have the storage open at once. */
  #previousEnded: Promise<void> = Promise.resolve();
  #idleTimer: NodeJS.Timeout | undefined;
  #closed = false;

  private constructor(options: InstanceOptions) {
    this.#options = options;
    this.#spec = options.spec;
    const { certificate, privateKey } = options.certificate;
    this.#secureContext = createSecureContext({ cert: certificate, key: privateKey, minVersion: 'TLSv1.2' });
    this.#server = createServer((socket) => void this.#serve(socket));
  }

  static async open(options: InstanceOptions): Promise<DatabaseInstance> {
    const instance = new DatabaseInstance(options);
    await listen(instance.#server, options.endpoint);
    return instance;
  }

  get endpoint(): Endpoint {
    return this.#options.endpoint;
  }

  /** Takes effect at the next session. */
  respecify(spec: DatabaseSpec): void {
    this.#spec = spec;
  }

  stopIfIdle(): void {
    if (this.#sockets.size === 0) void this.evict();
  }

  /** Ends the engine and its sessions. The next session starts a new one, with the key asked for again. */
  async evict(): Promise<void> {
    clearTimeout(this.#idleTimer);
    const engine = this.#engine;
    this.#engine = undefined;
    // A start that fails has told its session, and leaves nothing to stop.
    const running = await engine?.catch(() => undefined);
    await running?.stop();
    await this.#previousEnded;
  }

  /** Copies the storage to a folder that does not exist; an engine that runs goes on, one that does not starts later. */
  async copyStorage(folder: string): Promise<void> {
    const { storage } = this.#options;
    const engine = await this.#engine?.catch(() => undefined);
    if (engine?.running) {
      await engine.copyStorage(storage, folder);
      return;
    }
    const copied = this.#previousEnded.then(() => copyFolder(storage, folder));
    this.#previousEnded = copied.catch(() => {});
    await copied;
  }

  async close(): Promise<void> {
    this.#closed = true;
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    await this.evict();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async #serve(socket: Socket): Promise<void> {
    this.#sockets.add(socket);
    clearTimeout(this.#idleTimer);
    socket.setNoDelay(true);
    // The session sees the closed stream; a client that resets its connection is no event for anybody else.
    socket.on('error', () => socket.destroy());
    socket.once('close', () => this.#left(socket));
    await serveSession(socket, {
      spec: this.#spec,
      secureContext: this.#secureContext,
      engine: () => this.#runningEngine(),
      sessions: this.#sessions,
    });
  }

  #left(socket: Socket): void {
    this.#sockets.delete(socket);
    if (this.#sockets.size > 0 || this.#closed) return;
    const idleMs = this.#options.slots.crowded ? 0 : this.#options.idleMs;
    clearTimeout(this.#idleTimer);
    this.#idleTimer = setTimeout(() => this.stopIfIdle(), idleMs);
  }

  async #runningEngine(): Promise<DatabaseEngine> {
    for (;;) {
      this.#engine ??= this.#start();
      const starting = this.#engine;
      try {
        const engine = await starting;
        if (engine.running) return engine;
      } finally {
        // Failed or ended: whoever comes next starts another.
        const engine = await starting.catch(() => undefined);
        if (this.#engine === starting && !engine?.running) this.#engine = undefined;
      }
    }
  }

  async #start(): Promise<DatabaseEngine> {
    if (this.#closed) throw new Error('The instance is being closed.');
    await this.#previousEnded;
    const { databaseProcess, storage, slots, keyCheck } = this.#options;
    const { databaseName, masterUsername } = this.#spec;
    const key = await this.#spec.storageKey();
    if (!timingSafeEqual(Buffer.from(keyCheckOf(key)), Buffer.from(keyCheck))) {
      throw new Error('The storage was encrypted with another key than the one that KMS returned.');
    }
    const release = await slots.take(SLOT_PATIENCE_MS);
    if (this.#closed) {
      release();
      throw new Error('The instance is being closed.');
    }
    const engine = new DatabaseEngine(databaseProcess);
    this.#previousEnded = engine.ended.then(release);
    await engine.start({ directory: storage, key, database: databaseName, username: masterUsername });
    return engine;
  }
}
