import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DomainError } from '../lib/domain/errors.ts';
import { components, type Release, releaseManifestSchema } from '../lib/domain/release.ts';
import { sha256 } from '../lib/domain/release-content.ts';

/**
 * Reads a release as `npm run release:build` wrote it.
 * @throws DomainError `configuration` when the directory holds none, or one that was changed by hand.
 */
export async function readReleaseDirectory(
  directory: string,
): Promise<Release & { readonly compliance: string }> {
  const parsed = releaseManifestSchema.safeParse(parseJson(directory, await read(directory, 'release.json')));
  if (!parsed.success) {
    throw unusable(
      directory,
      `release.json is not a manifest of this version (${parsed.error.issues[0]?.message})`,
    );
  }
  const manifest = parsed.data;
  const compliance = await read(directory, manifest.compliance.file);
  if (sha256(compliance) !== manifest.compliance.sha256) {
    throw unusable(directory, `${manifest.compliance.file} is not the report that release.json names`);
  }
  const bodies = await Promise.all(
    components.map(
      async (component) => [component, await read(directory, manifest.templates[component].file)] as const,
    ),
  );
  return { manifest, templates: Object.fromEntries(bodies) as Release['templates'], compliance };
}

async function read(directory: string, file: string): Promise<string> {
  try {
    return await readFile(join(directory, file), 'utf8');
  } catch (cause) {
    throw unusable(directory, `${file} cannot be read`, cause);
  }
}

function parseJson(directory: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw unusable(directory, 'release.json is not JSON', cause);
  }
}

function unusable(directory: string, why: string, cause?: unknown): DomainError {
  return new DomainError(
    'configuration',
    `${directory} holds no usable release: ${why}. Build one with: npm run release:build -- --out ${directory}`,
    { cause },
  );
}
