import { createHash } from 'node:crypto';
import { constants, existsSync } from 'node:fs';
import { cp, mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { State, Table } from '../model.ts';

interface SnapshotRecord {
  readonly folder: string;
  /** Tells the key that the copied files are encrypted under. */
  readonly keyCheck: string;
}

/** Copies of storages. They stay encrypted as they were: who has no key for the storage has none for its copy. */
export class DatabaseSnapshots {
  readonly #directory: string;
  readonly #records: Table<SnapshotRecord>;

  constructor(directory: string, state: State) {
    this.#directory = directory;
    this.#records = state.table('data-plane-snapshots');
  }

  /** @param copy makes the folder that it is given. A snapshot is there whole or not at all. */
  async take(arn: string, keyCheck: string, copy: (folder: string) => Promise<void>): Promise<void> {
    if (this.#records.get(arn) !== undefined) return;
    const folder = folderOf(arn);
    const path = join(this.#directory, folder);
    const unfinished = `${path}.unfinished`;
    await rm(unfinished, { recursive: true, force: true });
    await rm(path, { recursive: true, force: true });
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    await copy(unfinished);
    await rename(unfinished, path);
    this.#records.put(arn, { folder, keyCheck });
  }

  /** Makes a new storage of the snapshot. @throws Error when it is not there, or was made under another key. */
  async restore(arn: string, keyCheck: string, storage: string): Promise<void> {
    const record = this.#records.get(arn);
    const path = join(this.#directory, record?.folder ?? '');
    if (record === undefined || !existsSync(path)) throw new Error(`There is no copy of ${arn}.`);
    if (record.keyCheck !== keyCheck)
      throw new Error('The snapshot was encrypted with another key than the one that KMS returned.');
    await mkdir(dirname(storage), { recursive: true, mode: 0o700 });
    await copyFolder(path, storage);
  }

  async erase(arn: string): Promise<void> {
    const record = this.#records.get(arn);
    if (record === undefined) return;
    await rm(join(this.#directory, record.folder), { recursive: true, force: true });
    this.#records.delete(arn);
  }
}

/** File systems that can share blocks copy nothing. */
export function copyFolder(from: string, to: string): Promise<void> {
  return cp(from, to, { recursive: true, mode: constants.COPYFILE_FICLONE });
}

/** A folder name that people recognise and that no other ARN gives. */
export function folderOf(arn: string): string {
  const name = arn.slice(arn.lastIndexOf(':') + 1).replaceAll(/[^A-Za-z0-9-]/g, '-');
  return `${name}-${createHash('sha256').update(arn).digest('hex').slice(0, 12)}`;
}
