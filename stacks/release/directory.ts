import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { ReleaseError } from './release-error.ts';

/**
 * Fills a directory as a whole: `fill` writes beside it, and only what is complete takes its place.
 * @param mark file that says what an earlier run wrote: a directory that holds other things is left alone.
 * @throws ReleaseError when the directory holds something else.
 */
export async function replaceDirectory<T>(
  out: string,
  mark: string,
  fill: (folder: string) => Promise<T>,
): Promise<T> {
  const target = resolve(out);
  refuseForeign(target, mark);
  mkdirSync(dirname(target), { recursive: true });
  // Beside the target, because a rename does not cross file systems.
  const staging = mkdtempSync(join(dirname(target), `.${basename(target)}-`));
  const clear = () => rmSync(staging, { recursive: true, force: true });
  // Also when the process is told to end in the middle.
  process.once('exit', clear);
  try {
    const result = await fill(join(staging, 'new'));
    refuseForeign(target, mark);
    const previous = join(staging, 'previous');
    const replaces = existsSync(target);
    if (replaces) renameSync(target, previous);
    try {
      renameSync(join(staging, 'new'), target);
    } catch (cause) {
      if (replaces) renameSync(previous, target);
      throw cause;
    }
    return result;
  } finally {
    process.off('exit', clear);
    clear();
  }
}

function refuseForeign(target: string, mark: string): void {
  let names: string[];
  try {
    names = readdirSync(target);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return;
    if (code === 'ENOTDIR')
      throw new ReleaseError(`${target} is a file, or lies under one. Name a directory.`, {
        cause: error,
      });
    throw error;
  }
  if (names.length > 0 && !names.includes(mark)) {
    throw new ReleaseError(
      `${target} is not empty and holds no ${mark}, so nothing was written. Name a new or empty directory, or one that was written before.`,
    );
  }
}
