import { readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ReleaseManifest, releaseManifestSchema } from '../lib/domain/release.ts';
import { type BuiltRelease, buildRelease as build } from '../stacks/release/build.ts';
import { migrations } from '../tenant-template/app/migrations/index.ts';

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
    appVersion: packageVersion(),
    migration: newest.name,
    parseManifest: (manifest) => releaseManifestSchema.parse(manifest),
  });
}

function packageVersion(): string {
  // Beside bin/ in a checkout, above dist/ when compiled.
  const file = import.meta.url.endsWith('.js') ? '../../package.json' : '../package.json';
  const { version } = JSON.parse(readFileSync(new URL(file, import.meta.url), 'utf8')) as { version: string };
  return version;
}
