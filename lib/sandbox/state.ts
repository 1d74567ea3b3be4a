import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { type Database, open, type RootDatabase } from 'lmdb';
import type { State, Table } from './model.ts';
import { decodeRecord, encodeRecord } from './record-encoding.ts';

/** The recorded state of one sandbox, and the end of it. */
export interface DurableState extends State {
  close(): Promise<void>;
}

/** Sorts after every key that starts with the same prefix: the last code point there is. */
const lastCodePoint = '\u{10FFFF}';
const maxTables = 512;
/** Of everything below a sandbox's directory. It goes up when a record or a file is kept in another way. */
const formatVersion = '2';

/**
 * Opens (or makes) the state kept in `directory`, an LMDB environment, for this process alone.
 *
 * Writes are synchronous and go to the operating system before they return, so nothing acknowledged is lost when the
 * process is killed at any moment. They are not flushed to the disk one by one (`noSync`): a power failure may lose
 * the last seconds. That is the right trade for a sandbox, where a flush per write would cost most of the time.
 *
 * @throws Error with a message for people when the directory cannot be used, belongs to another living sandbox, or was
 *   written in another format.
 */
export function openState(directory: string): DurableState {
  const path = resolve(directory);
  const unlock = usable(path, () => {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    return lockDirectory(path);
  });
  let environment: RootDatabase<Buffer, string>;
  try {
    checkFormat(path);
    environment = open({ path: join(path, 'state'), noSync: true, maxDbs: maxTables });
  } catch (error) {
    unlock();
    throw error;
  }
  const tables = new Map<string, Table<unknown>>();
  return {
    table<T>(name: string): Table<T> {
      let table = tables.get(name);
      if (!table) {
        table = tableOver(environment.openDB<Buffer, string>({ name, encoding: 'binary' }));
        tables.set(name, table);
      }
      return table as Table<T>;
    },
    transaction<R>(work: () => R): R {
      const open = new Set(tables.keys());
      try {
        return environment.transactionSync(() => {
          const result = work();
          if (result instanceof Promise) throw new Error('A state transaction must not be asynchronous.');
          return result;
        });
      } catch (error) {
        // LMDB opens a table inside the transaction that first asks for it: undone, its handle is worth nothing.
        for (const name of tables.keys()) if (!open.has(name)) tables.delete(name);
        throw error;
      }
    },
    async close() {
      await environment.close();
      unlock();
    },
  };
}

function tableOver(database: Database<Buffer, string>): Table<unknown> {
  const bounds = (prefix: string) => (prefix === '' ? {} : { start: prefix, end: prefix + lastCodePoint });
  const range = (prefix: string) => database.getRange(bounds(prefix));
  return {
    get: (key) => {
      const bytes = database.get(key);
      return bytes === undefined ? undefined : decodeRecord(bytes);
    },
    put: (key, value) => database.putSync(key, encodeRecord(value)),
    delete: (key) => {
      database.removeSync(key);
    },
    list: (prefix = '') => [...range(prefix)].map(({ value }) => decodeRecord(value)),
    entries: (prefix = '') => [...range(prefix)].map(({ key, value }) => [key, decodeRecord(value)]),
    *scan(prefix, after) {
      const start = after === undefined ? bounds(prefix) : { ...bounds(prefix), start: after };
      for (const { key, value } of database.getRange(start))
        if (key !== after) yield [key, decodeRecord(value)];
    },
    count: (prefix = '') => database.getKeysCount(bounds(prefix)),
  };
}

/** A directory without state gets this version's mark; state without it, or with another one, is left alone. */
function checkFormat(directory: string): void {
  const mark = join(directory, 'format');
  if (!existsSync(join(directory, 'state'))) writeFileSync(mark, `${formatVersion}\n`, { mode: 0o600 });
  const found = existsSync(mark) ? readFileSync(mark, 'utf8').trim() : 'unmarked';
  if (found !== formatVersion)
    throw new Error(
      `The state in ${directory} was written by another version of the sandbox (format ${found}; this one reads ${formatVersion}). ` +
        'It is left as it is. Move or remove that directory, or give this sandbox a directory of its own; ' +
        'practices in the old one are readable with the version that made them.',
    );
}

/** What keeps the sandbox out of its directory, in words that say which directory and what to do. */
function usable<T>(directory: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    throw new Error(
      `The sandbox cannot keep its state in ${directory} (${(error as Error).message}). Give it a directory that this user may write to.`,
      { cause: error },
    );
  }
}

/** Directories open in this very process: the pid file cannot tell two sandboxes of one process apart. */
const openHere = new Set<string>();

/** Takes `directory` for this process by a pid file. The file of a dead process is taken over. */
function lockDirectory(directory: string): () => void {
  const file = join(directory, 'sandbox.pid');
  const refuse = (pid: number) =>
    new Error(
      `Another sandbox (process ${pid}) uses ${directory}. Stop it, or give this one a directory of its own.`,
    );
  if (openHere.has(directory)) throw refuse(process.pid);
  const holder = readHolder(file);
  if (holder && holder.pid !== process.pid && isAlive(holder)) throw refuse(holder.pid);
  rmSync(file, { force: true });
  let handle: number;
  try {
    handle = openSync(file, 'wx', 0o600);
  } catch (error) {
    const winner = readHolder(file);
    throw winner ? refuse(winner.pid) : error;
  }
  writeSync(handle, JSON.stringify({ pid: process.pid, startedAt: startOf(process.pid) }));
  closeSync(handle);
  openHere.add(directory);
  return () => {
    openHere.delete(directory);
    rmSync(file, { force: true });
  };
}

/** The living process that has the state in `directory`, if any. */
export function holderOf(directory: string): number | undefined {
  const holder = readHolder(join(directory, 'sandbox.pid'));
  return holder !== undefined && isAlive(holder) ? holder.pid : undefined;
}

interface Holder {
  readonly pid: number;
  /** Tells a process from a later one that got the same pid; undefined where the system does not say. */
  readonly startedAt?: string | undefined;
}

function readHolder(file: string): Holder | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Holder;
  } catch (error) {
    // No file, or one that a killed process had not finished: nobody holds the directory.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isAlive(holder: Holder): boolean {
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    // EPERM: it lives, and belongs to somebody else.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  return holder.startedAt === undefined || holder.startedAt === startOf(holder.pid);
}

/** Start time of a process in clock ticks since boot, field 22 of `/proc/<pid>/stat` (proc(5)); Linux only. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined; // Not Linux, or the process has just ended: its pid alone must do.
  }
}
