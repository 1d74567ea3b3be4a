import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually, start } from './process.ts';
import { isFirst, shared } from './run-directory.ts';

const root = join(__dirname, '../..');

export interface BuiltDirectories {
  /** What `npm run release:build` writes. */
  readonly release: string;
  /** What `npm run cell:build` writes. */
  readonly cell: string;
}

/** The release and the cell of this checkout, to be read only: the first test file of a run that asks builds them, the others wait. */
export async function builtRelease(): Promise<BuiltDirectories> {
  const [building, built, failure] = [
    shared('release-building'),
    shared('release'),
    shared('release-failure'),
  ];
  if (isFirst('release')) {
    const directories = ['--out', join(building, 'release'), '--cell', join(building, 'release-cell')];
    const build = start(
      process.execPath,
      ['--import', 'tsx', join(root, 'bin/release-build.ts'), ...directories],
      {},
    );
    if ((await build.ended) === 0) renameSync(building, built);
    else writeFileSync(failure, build.output());
  }
  await eventually(
    () => (existsSync(built) || existsSync(failure) ? true : undefined),
    () => 'another test file has not built the release',
    300_000,
  );
  if (existsSync(failure)) throw new Error(`The release was not built:\n${readFileSync(failure, 'utf8')}`);
  return { release: join(built, 'release'), cell: join(built, 'release-cell') };
}
