import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

/** A path in the directory that all test files of one run share (test/run-directory.cjs). */
export function shared(name: string): string {
  const directory = process.env['LUMENALITY_TEST_RUN_DIR'];
  if (directory === undefined)
    throw new Error('test/run-directory.cjs has not run: start the tests by jest.config.cjs.');
  return join(directory, name);
}

/** Whether the caller is the first of the run to ask for this, and therefore the one to make it. */
export function isFirst(name: string): boolean {
  try {
    mkdirSync(shared(`${name}-claimed`));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}
