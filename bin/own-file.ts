import { randomUUID } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { unwritable } from '../lib/db/directory-lock.ts';

/**
 * A file of the data directory that the first start makes, for its owner alone. Any number of processes may start at once, and any of them
 * may be cut off: whoever finds the file finds all of it, and it stays the same.
 * @throws DomainError `configuration` where it cannot be made
 */
export function ownFile(directory: string, name: string, make: () => string): string {
  const file = join(directory, name);
  if (existsSync(file)) return file;
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    writeWhole(file, make());
  } catch (cause) {
    throw unwritable(directory, cause);
  }
  return file;
}

function writeWhole(file: string, content: string): void {
  const unfinished = `${file}.${randomUUID()}.new`;
  try {
    writeFileSync(unfinished, content, { mode: 0o600, flag: 'wx', flush: true });
    // Unlike a renaming, a link takes no other file's place.
    linkSync(unfinished, file);
  } catch (error) {
    // Where another process has made it meanwhile, that one counts.
    if (!existsSync(file)) throw error;
  } finally {
    rmSync(unfinished, { force: true });
  }
}
