import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { DomainError } from '../lib/domain/errors.ts';
import { cellMark } from './embedded-cell.ts';

/** What the sandbox needs from CDK, each in a directory of its own. */
export interface EmbeddedBuilds {
  /** Absent: somebody named a release that was built elsewhere. */
  readonly release: string | undefined;
  readonly cell: string;
}

/**
 * Builds a release and a cell of this checkout, unless they lie there. In a process of its own: CDK and its rules take
 * some 500 MB, which a long-lived process would not give back. In one process, because loading them takes most of the time.
 */
export async function buildOnce({ release, cell }: EmbeddedBuilds, signal: AbortSignal): Promise<void> {
  const cellIsThere = existsSync(join(cell, cellMark));
  if (release !== undefined && !existsSync(join(release, 'release.json'))) {
    const more = cellIsThere ? [] : ['--cell', cell];
    await build('release-build', ['--out', release, '--json', ...more], signal);
  } else if (!cellIsThere) {
    await build('cell-build', ['--out', cell], signal);
  }
}

async function build(command: string, options: readonly string[], signal: AbortSignal): Promise<void> {
  const entry = fileURLToPath(new URL(`./${command}${extname(import.meta.url)}`, import.meta.url));
  const child = spawn(process.execPath, [...process.execArgv, entry, ...options], {
    stdio: ['ignore', 'ignore', 'pipe'],
    signal,
  });
  const said: Buffer[] = [];
  child.stderr.on('data', (chunk: Buffer) => said.push(chunk));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) {
    throw new DomainError(
      'configuration',
      `The stacks could not be built:\n${Buffer.concat(said).toString('utf8')}`,
    );
  }
}

const pushedSchema = z.object({ digest: z.string() });

/** Pushes the release's image into the sandbox's registry, where a pushed digest may be pushed again. */
export async function pushImage(
  endpoint: string,
  image: { repository: string; digest: string; folder: string },
): Promise<void> {
  const response = await fetch(`${endpoint}/_sandbox/images`, {
    method: 'PUT',
    body: JSON.stringify({ repository: image.repository, folder: image.folder }),
  });
  const body: unknown = await response.json();
  const pushed = pushedSchema.safeParse(body);
  if (!pushed.success)
    throw new DomainError(
      'configuration',
      `The sandbox refused the release's image: ${JSON.stringify(body)}`,
    );
  if (pushed.data.digest !== image.digest) {
    throw new DomainError(
      'configuration',
      `The image in ${image.folder} is ${pushed.data.digest}; the release names ${image.digest}.`,
    );
  }
}
