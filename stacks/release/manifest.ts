import { contentHashOf, releaseIdOf, sha256, templateContent } from '../../lib/domain/release-content.ts';
import type { ComplianceReport } from './compliance.ts';
import { ReleaseError } from './release-error.ts';
import { type Component, components, type SynthesisedTemplate } from './synthesis.ts';

/** Where a release's image is kept, relative to the cell's registry. */
const repository = 'lumenality/practice-app';

export const complianceFile = 'compliance/report.json';
export const templateFile = (component: Component): string => `templates/${component}.json`;

interface ManifestInput {
  readonly templates: Readonly<Record<Component, SynthesisedTemplate>>;
  readonly image: { readonly repository: string; readonly digest: string };
  readonly appVersion: string;
  readonly migration: string;
  readonly compliance: ComplianceReport;
  /** The report's bytes as written. */
  readonly complianceBody: string;
}

/** `release.json`, to be held against the schema of lib/domain/release.ts by whoever writes it. */
export function manifestOf(input: ManifestInput): object {
  const templates = Object.fromEntries(
    components.map((component) => {
      const { body, template } = input.templates[component];
      return [component, { file: templateFile(component), ...templateContent(body, template) }] as const;
    }),
  );
  const { image, appVersion, migration } = input;
  const contentHash = contentHashOf({ templates, image, appVersion, migration });
  return {
    formatVersion: 1,
    id: releaseIdOf(contentHash),
    contentHash,
    appVersion,
    migration,
    image,
    templates,
    compliance: {
      file: complianceFile,
      sha256: sha256(input.complianceBody),
      acknowledged: input.compliance.counts.acknowledged,
      unexplained: input.compliance.counts.unexplained,
    },
  };
}

/**
 * The image that a release names: what was bundled, or what somebody pushed to a registry.
 * @param pushed `repository@sha256:…`, with or without a registry's host in front.
 * @throws ReleaseError for anything without a digest: a tag can be moved to another image later.
 */
export function imageOf(
  pushed: string | undefined,
  bundledDigest: string,
): { repository: string; digest: string } {
  if (pushed === undefined) return { repository, digest: bundledDigest };
  const match =
    /^(?:[a-z0-9.-]+\.[a-z0-9.-]+(?::[0-9]+)?\/|localhost(?::[0-9]+)?\/)?([a-z0-9]+(?:[._/-][a-z0-9]+)*)@(sha256:[0-9a-f]{64})$/.exec(
      pushed,
    );
  if (match?.[1] === undefined || match[2] === undefined) {
    throw new ReleaseError(
      `"${pushed}" does not name one image. Give the repository and its digest, for example ${repository}@sha256:<64 hexadecimal digits>; ` +
        'a tag is refused, because it can be moved to another image.',
    );
  }
  if (match[1] !== repository) {
    throw new ReleaseError(
      `The image is in repository "${match[1]}"; a silo may pull from "${repository}" only. Push it there.`,
    );
  }
  return { repository, digest: match[2] };
}
