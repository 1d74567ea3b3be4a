import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { readReleaseDirectory } from '../../bin/release-directory.ts';
import type { Actor } from '../../lib/domain/access.ts';
import { type Release, releaseManifestSchema } from '../../lib/domain/release.ts';
import type { Core } from '../../lib/use-cases/core.ts';
import { publishRelease } from '../../lib/use-cases/publish-release.ts';

/** The same templates and image under another name: an update to it changes tags and little else, of every stack. */
export function renamedRelease({ manifest, templates }: Release): Release {
  const contentHash = createHash('sha256').update(`renamed ${manifest.contentHash}`).digest('hex');
  const renamed = { ...manifest, id: `r-${contentHash.slice(0, 12)}`, contentHash };
  return { manifest: releaseManifestSchema.parse(renamed), templates };
}

/** Publishes the release in a directory, and before it the renamed one to update to: the newest is what an approval deploys. */
export async function publishTwo(
  core: Core,
  directory: string,
  by: Actor,
): Promise<{ readonly first: Release; readonly second: Release }> {
  const first = await readReleaseDirectory(directory);
  const second = renamedRelease(first);
  await publishRelease(core, second, by);
  // So that their times differ.
  await delay(5);
  await publishRelease(core, first, by);
  return { first, second };
}
