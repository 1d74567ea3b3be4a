import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ReleaseManifest, releaseManifestSchema } from '../lib/domain/release.ts';
import { type BuiltRelease, buildRelease as build } from '../stacks/release/build.ts';
import { migrations } from '../tenant-template/app/migrations/index.ts';
import { APP_VERSION } from '../tenant-template/app/version.ts';

export interface BuildReleaseOptions {
  /** Directory of the release: new, empty, or holding a release that is replaced. */
  readonly out: string;
  /** `repository@sha256:…` in the registry; without it, the image that is bundled here. */
  readonly image?: string | undefined;
}

/**
 * Builds a release of the practice stacks and the practice app of this checkout. It takes some seconds and about
 * 500 MB, which a long-lived process does not get back: run release-build.ts as a child process there.
 * @throws ReleaseError when no release may be built; the message says why and what to do.
 */
export async function buildRelease(options: BuildReleaseOptions): Promise<BuiltRelease<ReleaseManifest>> {
  const newest = migrations.at(-1);
  if (newest === undefined) throw new Error('The practice app has no database migration.');
  return build({
    ...options,
    // Beside this file in the sources and, as JavaScript, in the compiled output.
    appEntry: fileURLToPath(
      new URL(`../tenant-template/app/main${extname(import.meta.url)}`, import.meta.url),
    ),
    appVersion: APP_VERSION,
    // As its file is called: number and name.
    migration: `${String(newest.number).padStart(4, '0')}-${newest.name}`,
    parseManifest: (manifest) => releaseManifestSchema.parse(manifest),
  });
}
