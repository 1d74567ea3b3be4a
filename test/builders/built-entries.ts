import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundle } from './bundle.ts';
import { eventually } from './process.ts';
import { isFirst, shared } from './run-directory.ts';

const root = join(__dirname, '../..');

/** Programs that tests start as processes of their own. */
const entries = [
  'bin/control-api',
  'bin/sandbox',
  'bin/worker',
  'lib/sandbox/data-plane/database-process',
  'lib/aws/health-probe',
  'test/builders/pausing-worker',
  'test/sandbox/fixtures/data-plane-host',
  'test/sandbox/server-process',
] as const;

/**
 * The file of a program of this checkout without tsx, which takes three quarters of the time that a process needs to start. The first
 * test file of a run that asks builds all of them, the others wait.
 */
export async function builtEntry(entry: (typeof entries)[number]): Promise<string> {
  const [building, built, failed] = [shared('entries-building'), shared('entries'), shared('entries-failed')];
  if (isFirst('entries')) {
    try {
      mkdirSync(building);
      await bundle(root, building, Object.fromEntries(entries.map((each) => [each, `${each}.ts`])));
      renameSync(building, built);
    } catch (error) {
      writeFileSync(failed, '');
      throw error;
    }
  }
  await eventually(
    () => (existsSync(built) || existsSync(failed) ? true : undefined),
    () => 'another test file has not built the programs',
  );
  if (existsSync(failed)) throw new Error('Another test file says why the programs were not built.');
  return join(built, `${entry}.mjs`);
}
