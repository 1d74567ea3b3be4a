import { join } from 'node:path';
import type { Workspace } from './workspace.ts';

/** Where the cell's templates lie that were built with the release. */
export const cellBeside = (release: string): string => `${release}-cell`;

/** Builds a release and a cell of this checkout. In a process of its own, as `npm run release:build`: CDK and its rules take some 500 MB. */
export async function buildRelease(workspace: Workspace): Promise<string> {
  const directory = join(workspace.directory, 'release');
  const entry = join(workspace.root, 'bin', 'release-build.ts');
  const output = ['--out', directory, '--cell', cellBeside(directory), '--json'];
  await workspace.run('release-build', ['--import', 'tsx', entry, ...output]);
  return directory;
}
