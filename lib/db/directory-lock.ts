import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DomainError } from '../domain/errors.ts';

/** Directories taken by this very process: the pid file cannot tell two databases of one process apart. */
const takenHere = new Set<string>();

interface Owner {
  readonly pid: number;
  /** Tells a process from a later one with the same pid (in a container, every process is pid 1). */
  readonly startedAt: string | undefined;
}

/**
 * Takes a directory for this process alone: PGlite has no lock of its own, and two processes on one directory lose data
 * without an error. The lock of a process that is gone (killed) is taken over.
 */
export function lockDirectory(directory: string): { release(): void } {
  const path = resolve(directory);
  const file = join(path, 'control-plane.pid');
  if (takenHere.has(path)) throw inUse(path, process.pid);
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    const owner = readOwner(file);
    if (owner !== undefined && isAlive(owner)) throw inUse(path, owner.pid);
    rmSync(file, { force: true });
    take(file);
  } catch (error) {
    if (error instanceof DomainError) throw error;
    // Another process took it between our look and our write.
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw inUse(path, readOwner(file)?.pid);
    throw unwritable(path, error);
  }
  takenHere.add(path);
  return {
    release: () => {
      takenHere.delete(path);
      rmSync(file, { force: true });
    },
  };
}

function take(file: string): void {
  const descriptor = openSync(file, 'wx', 0o600);
  try {
    writeSync(
      descriptor,
      JSON.stringify({ pid: process.pid, startedAt: startOf(process.pid) } satisfies Owner),
    );
  } finally {
    closeSync(descriptor);
  }
}

function readOwner(file: string): Owner | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Owner;
  } catch (error) {
    // No file, or one that a killed process had not finished: nobody owns the directory.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isAlive({ pid, startedAt }: Owner): boolean {
  if (pid === process.pid) return false; // This process holds nothing here, so the file is an earlier process's.
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: there is such a process, of another user.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  return startedAt === undefined || startedAt === startOf(pid);
}

/** When a process started, in clock ticks since boot: field 22 of `/proc/<pid>/stat` (proc(5)); undefined elsewhere than on Linux. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

function inUse(directory: string, owner: number | undefined): DomainError {
  const by = owner === undefined ? 'another process' : `process ${owner}`;
  return new DomainError(
    'configuration',
    `The data directory ${directory} is in use by ${by}. Stop that process, or set LUMENALITY_DATA_DIR to another directory.`,
    { context: { directory, owner } },
  );
}

/** The refusal of a directory in which files cannot be made, whoever noticed. */
export function unwritable(directory: string, cause: unknown): DomainError {
  return new DomainError(
    'configuration',
    `The data directory ${directory} cannot be written. Check its permissions and free space, or set LUMENALITY_DATA_DIR to another directory.`,
    { cause },
  );
}
