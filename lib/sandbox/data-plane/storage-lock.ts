import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { uptime } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';

const PATIENCE_MS = 10_000;
const POLL_MS = 50;

/**
 * Makes sure that one process at a time opens a storage: PGlite has no lock, and two engines on one directory lose data
 * without an error. An engine whose sandbox was killed needs a moment to notice, so its successor waits for it.
 *
 * @throws Error when the holder is still alive after 10 s.
 */
export async function lockStorage(directory: string): Promise<void> {
  const path = `${directory}.pid`;
  const deadline = Date.now() + PATIENCE_MS;
  for (let holder = holderOf(path); holder !== undefined; holder = holderOf(path)) {
    if (Date.now() > deadline) {
      throw new Error(
        `Process ${holder} still uses the storage ${directory}. End it; if it is no database process of this sandbox, remove ${path}.`,
      );
    }
    await wait(POLL_MS);
  }
  writeFileSync(path, JSON.stringify({ pid: process.pid, bootedAt: bootedAt() }));
  process.once('exit', () => rmSync(path, { force: true }));
}

/** The process that holds the lock and lives; a number from before the machine started again means nothing. */
function holderOf(path: string): number | undefined {
  if (!existsSync(path)) return undefined;
  let lock: { pid: number; bootedAt: number };
  try {
    lock = JSON.parse(readFileSync(path, 'utf8')) as typeof lock;
  } catch {
    // Written in half by a process that was killed, or removed since: nobody holds it.
    return undefined;
  }
  if (lock.pid === process.pid || Math.abs(lock.bootedAt - bootedAt()) > 60_000) return undefined;
  return isAlive(lock.pid) ? lock.pid : undefined;
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Milliseconds since 1970, give or take a clock correction. */
function bootedAt(): number {
  return Math.round(Date.now() - uptime() * 1000);
}
