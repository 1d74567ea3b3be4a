import { setMaxListeners } from 'node:events';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { DatabasePlane, DatabaseSpec, State, Table } from '../model.ts';
import type { CertificateAuthority } from './certificate-authority.ts';
import { prepareStorage } from './database-engine.ts';
import { DatabaseInstance, keyCheckOf } from './database-instance.ts';
import { copyFolder, DatabaseSnapshots, folderOf } from './database-snapshots.ts';
import { EngineSlots } from './engine-slots.ts';
import { type Endpoint, freeEndpoint } from './loopback.ts';
import { isAlive } from './storage-lock.ts';

const POSTGRESQL_PORT = 5432;

interface DatabaseOptions {
  /** Holds one folder for each instance. */
  readonly directory: string;
  /** Holds one folder for each snapshot. */
  readonly snapshots: string;
  /** The cluster that each new storage starts as; made when it is not there. */
  readonly template: string;
  readonly state: State;
  readonly authority: CertificateAuthority;
  readonly databaseProcess: string;
  readonly idleMs: number;
  readonly maxEngines: number;
}

/** What outlives the sandbox beside the storage itself. */
interface DatabaseRecord extends Endpoint {
  readonly folder: string;
  readonly keyCheck: string;
}

/** Runs RDS instances. Records are kept under the instance's ARN: an address handed out stays the same for good. */
export class Databases implements DatabasePlane {
  readonly #options: DatabaseOptions;
  readonly #records: Table<DatabaseRecord>;
  readonly #instances = new Map<string, Promise<DatabaseInstance>>();
  readonly #opened = new Set<DatabaseInstance>();
  readonly #slots: EngineSlots;
  readonly #stopping = new AbortController();
  readonly #snapshots: DatabaseSnapshots;
  #template: Promise<void> | undefined;

  constructor(options: DatabaseOptions) {
    this.#options = options;
    this.#records = options.state.table('data-plane-databases');
    this.#snapshots = new DatabaseSnapshots(options.snapshots, options.state);
    this.#slots = new EngineSlots(options.maxEngines, () => {
      for (const instance of this.#opened) instance.stopIfIdle();
    });
    // Each preparation under way listens to it.
    setMaxListeners(0, this.#stopping.signal);
    mkdirSync(options.directory, { recursive: true, mode: 0o700 });
    // In the background: `open` waits for it, and tries again if it failed.
    this.#templateReady().catch(() => {});
  }

  async open(spec: DatabaseSpec): Promise<Endpoint> {
    const known = this.#instances.get(spec.arn);
    if (known) {
      const instance = await known;
      instance.respecify(spec);
      return instance.endpoint;
    }
    const opening = this.#openInstance(spec);
    this.#instances.set(spec.arn, opening);
    try {
      return (await opening).endpoint;
    } catch (error) {
      this.#instances.delete(spec.arn);
      throw error;
    }
  }

  async close(arn: string): Promise<void> {
    const opening = this.#instances.get(arn);
    this.#instances.delete(arn);
    // One that failed to open has nothing to close; its own caller was told.
    const instance = await opening?.catch(() => undefined);
    if (instance === undefined) return;
    this.#opened.delete(instance);
    await instance.close();
  }

  async erase(arn: string): Promise<void> {
    await this.close(arn);
    const record = this.#records.get(arn);
    if (record === undefined) return;
    rmSync(join(this.#options.directory, record.folder), { recursive: true, force: true });
    this.#records.delete(arn);
  }

  async evict(arn: string): Promise<void> {
    await (await this.#instances.get(arn))?.evict();
  }

  async snapshot(arn: string, snapshotArn: string): Promise<void> {
    const record = this.#records.get(arn);
    if (record === undefined) throw new Error(`There is no storage of ${arn}.`);
    const instance = await this.#instances.get(arn);
    const storage = this.#storageOf(record.folder);
    await this.#snapshots.take(snapshotArn, record.keyCheck, (folder) =>
      instance === undefined ? copyFolder(storage, folder) : instance.copyStorage(folder),
    );
  }

  async eraseSnapshot(snapshotArn: string): Promise<void> {
    await this.#snapshots.erase(snapshotArn);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all([...this.#instances.keys()].map((arn) => this.close(arn)));
    await this.#template?.catch(() => {});
  }

  async #openInstance(spec: DatabaseSpec): Promise<DatabaseInstance> {
    const record = this.#records.get(spec.arn) ?? (await this.#create(spec));
    const { authority, databaseProcess, idleMs } = this.#options;
    const instance = await DatabaseInstance.open({
      spec,
      endpoint: { address: record.address, port: record.port },
      certificate: await authority.issue([record.address, 'localhost']),
      storage: this.#storageOf(record.folder),
      keyCheck: record.keyCheck,
      databaseProcess,
      idleMs,
      slots: this.#slots,
    });
    this.#opened.add(instance);
    return instance;
  }

  #storageOf(folder: string): string {
    return join(this.#options.directory, folder, 'data');
  }

  async #create(spec: DatabaseSpec): Promise<DatabaseRecord> {
    const key = await spec.storageKey();
    const folder = folderOf(spec.arn);
    const storage = this.#storageOf(folder);
    // Without a record the folder is what an interrupted creation left.
    rmSync(dirname(storage), { recursive: true, force: true });
    const keyCheck = keyCheckOf(key);
    if (spec.restoreFrom === undefined) await this.#initialise(spec, storage, key);
    else await this.#snapshots.restore(spec.restoreFrom, keyCheck, storage);
    const record = { ...(await freeEndpoint(POSTGRESQL_PORT)), folder, keyCheck };
    this.#records.put(spec.arn, record);
    return record;
  }

  async #initialise(spec: DatabaseSpec, storage: string, key: Buffer): Promise<void> {
    await this.#templateReady();
    const release = await this.#slots.take(CREATION_PATIENCE_MS);
    try {
      await this.#prepare({
        type: 'create',
        template: this.#options.template,
        directory: storage,
        key,
        database: spec.databaseName,
        username: spec.masterUsername,
      });
    } finally {
      release();
    }
  }

  #templateReady(): Promise<void> {
    if (existsSync(this.#options.template)) return Promise.resolve();
    this.#template ??= this.#makeTemplate().finally(() => {
      this.#template = undefined;
    });
    return this.#template;
  }

  async #makeTemplate(): Promise<void> {
    const { template } = this.#options;
    const unfinished = `${template}.${process.pid}`;
    removeAbandoned(template);
    mkdirSync(dirname(template), { recursive: true, mode: 0o700 });
    try {
      await this.#prepare({ type: 'template', directory: unfinished });
      renameSync(unfinished, template);
    } catch (error) {
      // Another sandbox that shares the template may have been faster; its one is as good.
      if (!existsSync(template)) throw error;
    } finally {
      rmSync(unfinished, { recursive: true, force: true });
    }
  }

  #prepare(request: Parameters<typeof prepareStorage>[1]): Promise<void> {
    return prepareStorage(this.#options.databaseProcess, request, this.#stopping.signal);
  }
}

/** What sandboxes left that were killed while they made the template `<template>.<pid>`. */
function removeAbandoned(template: string): void {
  const parent = dirname(template);
  if (!existsSync(parent)) return;
  for (const name of readdirSync(parent)) {
    const pid = new RegExp(`^${basename(template)}\\.(\\d+)$`).exec(name)?.[1];
    if (pid !== undefined && !isAlive(Number(pid)))
      rmSync(join(parent, name), { recursive: true, force: true });
  }
}

/** Creations queue behind each other and behind running engines. */
const CREATION_PATIENCE_MS = 10 * 60_000;
