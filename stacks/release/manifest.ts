import { createHash } from 'node:crypto';
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
  const entries = components.map(
    (component) => [component, templateEntry(component, input.templates[component])] as const,
  );
  const { image, appVersion, migration } = input;
  const contentHash = sha256(
    canonicalJson({
      templates: Object.fromEntries(entries.map(([component, entry]) => [component, entry.sha256])),
      image,
      appVersion,
      migration,
    }),
  );
  return {
    formatVersion: 1,
    id: `r-${contentHash.slice(0, 12)}`,
    contentHash,
    appVersion,
    migration,
    image,
    templates: Object.fromEntries(entries),
    compliance: {
      file: complianceFile,
      sha256: sha256(input.complianceBody),
      acknowledged: input.compliance.counts.acknowledged,
      unexplained: input.compliance.counts.unexplained,
    },
  };
}

function templateEntry(component: Component, { body, template }: SynthesisedTemplate) {
  return {
    file: templateFile(component),
    sha256: sha256(body),
    bytes: Buffer.byteLength(body),
    parameters: Object.entries(template.Parameters ?? {}).map(([name, declaration]) => ({
      name,
      type: declaration.Type,
      ...(declaration.Default !== undefined && { default: String(declaration.Default) }),
      ...(declaration.AllowedPattern !== undefined && { allowedPattern: declaration.AllowedPattern }),
      ...(declaration.AllowedValues !== undefined && {
        allowedValues: declaration.AllowedValues.map(String),
      }),
      ...(declaration.Description !== undefined && { description: declaration.Description }),
    })),
    outputs: Object.keys(template.Outputs ?? {}),
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

/** JSON with sorted keys and no spaces, so that equal content has one hash. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    part !== null && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

function sha256(body: string): string {
  return createHash('sha256').update(body).digest('hex');
}
