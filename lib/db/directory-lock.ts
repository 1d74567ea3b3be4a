import { closeSync, mkdirSync, openSync, readFileSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DomainError } from '../domain/errors.ts';

/**
 * Takes a directory for this process alone: PGlite has no lock of its own, and two processes on one directory lose data
 * without an error. A lock whose process is gone (killed) is taken over.
 */
export function lockDirectory(directory: string): { release(): void } {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const file = join(directory, 'control-plane.pid');
  for (let attempt = 0; attempt < 3; attempt += 1) {
    try {
      const descriptor = openSync(file, 'wx', 0o600);
      writeSync(descriptor, `${process.pid}\n`);
      closeSync(descriptor);
      return { release: () => unlinkSync(file) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw unwritable(directory, error);
    }
    const owner = Number.parseInt(readFileSync(file, 'utf8'), 10);
    if (isRunning(owner)) throw inUse(directory, owner);
    unlinkSync(file);
  }
  throw inUse(directory, Number.NaN);
}

function isRunning(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: there is such a process, of another user.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function inUse(directory: string, owner: number): DomainError {
  return new DomainError(
    'configuration',
    `The data directory ${directory} is in use by process ${owner}. Stop that process, or set LUMENALITY_DATA_DIR to another directory.`,
    { context: { directory, owner } },
  );
}

function unwritable(directory: string, cause: unknown): DomainError {
  return new DomainError(
    'configuration',
    `The data directory ${directory} cannot be written. Check its permissions and free space, or set LUMENALITY_DATA_DIR to another directory.`,
    { cause },
  );
}
