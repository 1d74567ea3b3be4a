import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type BuiltImage, buildImage } from '../../tenant-template/image.ts';
import { type Acknowledgement, acknowledgements } from '../acknowledgements.ts';
import type { PracticeStacks } from '../practice-app.ts';
import { type ComplianceReport, check, type Finding, judge } from './compliance.ts';
import { replaceDirectory } from './directory.ts';
import { complianceFile, imageOf, manifestOf, templateFile } from './manifest.ts';
import { ReleaseError } from './release-error.ts';
import { components, synthesise } from './synthesis.ts';

export interface BuildOptions<Manifest> {
  readonly out: string;
  /** Entry point of the practice app. */
  readonly appEntry: string;
  readonly appVersion: string;
  /** Name of the newest database migration of the practice app. */
  readonly migration: string;
  /** `repository@sha256:…` of an image that is already in the registry; the bundled one is then for the sandbox only. */
  readonly image?: string | undefined;
  /** Returns the manifest if it is one, and throws if it is not (lib/domain/release.ts holds the schema). */
  readonly parseManifest: (manifest: unknown) => Manifest;
  /** Other stacks and other acknowledgements than the product's, for tests of the checks. */
  readonly create?: (outdir: string) => PracticeStacks;
  readonly acknowledgements?: readonly Acknowledgement[];
}

export interface BuiltRelease<Manifest> {
  /** Absolute. */
  readonly directory: string;
  readonly manifest: Manifest;
  /** Number of resources of each template. */
  readonly resources: Readonly<Record<(typeof components)[number], number>>;
}

/**
 * Synthesises, checks and writes one release. Nothing is written unless every finding of the checks is acknowledged.
 * The same sources give the same release id on every machine.
 * @throws ReleaseError when a check finds something unexplained, the image is named by a tag, or `out` is in other use.
 */
export async function buildRelease<Manifest>(
  options: BuildOptions<Manifest>,
): Promise<BuiltRelease<Manifest>> {
  return replaceDirectory(options.out, 'release.json', async (folder) => {
    // A wrong image name is the cheapest mistake to find: before the checks, which take seconds.
    imageOf(options.image, '');
    const synthesis = synthesise(options.create);
    const compliance = judge(check(synthesis), options.acknowledgements ?? acknowledgements);
    refuseUnexplained(compliance);
    const built = await bundle(options.appEntry, join(folder, 'image'));
    const complianceBody = json(compliance);
    const manifest = options.parseManifest(
      manifestOf({
        templates: synthesis.templates,
        image: imageOf(options.image, built.digest),
        appVersion: options.appVersion,
        migration: options.migration,
        compliance,
        complianceBody,
      }),
    );
    for (const component of components)
      write(folder, templateFile(component), synthesis.templates[component].body);
    write(folder, complianceFile, complianceBody);
    write(folder, 'release.json', json(manifest));
    const count = (component: (typeof components)[number]) =>
      Object.keys(synthesis.templates[component].template.Resources).length;
    return {
      directory: resolve(options.out),
      manifest,
      resources: { foundation: count('foundation'), data: count('data'), service: count('service') },
    };
  });
}

async function bundle(entry: string, out: string): Promise<BuiltImage> {
  try {
    return await buildImage({ entry, out });
  } catch (cause) {
    throw new ReleaseError(
      `The practice app cannot be bundled. ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  }
}

export function refuseUnexplained({ unexplained }: ComplianceReport): void {
  if (unexplained.length === 0) return;
  const line = ({ resource, rule, description }: Finding): string =>
    `  ${resource}\n    ${rule}: ${description}`;
  throw new ReleaseError(
    `${unexplained.length} finding${unexplained.length === 1 ? '' : 's'} without an explanation, so nothing was built:\n` +
      `${unexplained.map(line).join('\n')}\n` +
      'Repair the construct in stacks/, or add the rule and the resource to stacks/acknowledgements.ts with a reason that an auditor can accept.',
  );
}

const json = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;

function write(folder: string, file: string, body: string): void {
  const path = join(folder, file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, body);
}
