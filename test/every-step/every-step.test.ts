import { join } from 'node:path';
import { builtRelease } from '../builders/built-release.ts';
import { start } from '../builders/process.ts';

test('a death, a fault of each kind and a repetition at every step of every workflow come to the same as an undisturbed run', async () => {
  const { release } = await builtRelease();
  const main = ['--import', 'tsx', join(__dirname, 'main.ts'), '--sample', '--release', release];
  const run = start(process.execPath, main, {});
  const status = await run.ended;
  // Its output says what differs.
  if (status !== 0) throw new Error(run.output());
}, 600_000);
