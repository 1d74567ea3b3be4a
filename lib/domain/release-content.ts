import { createHash } from 'node:crypto';
import { canonicalJson } from './json.ts';

/** What a template declares, as far as a release cares. */
export interface TemplateDeclarations {
  readonly Parameters?:
    | Readonly<
        Record<
          string,
          {
            readonly Type: string;
            readonly Default?: string | number | undefined;
            readonly AllowedPattern?: string | undefined;
            readonly AllowedValues?: readonly (string | number)[] | undefined;
            readonly Description?: string | undefined;
          }
        >
      >
    | undefined;
  readonly Outputs?: Readonly<Record<string, unknown>> | undefined;
}

export const sha256 = (body: string): string => createHash('sha256').update(body).digest('hex');

/** What a manifest says of one template, beside the file's name. */
export function templateContent(body: string, template: TemplateDeclarations) {
  return {
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

/** The hash that makes a release what it is: the same templates, image, app and migrations are the same release. */
export function contentHashOf(content: {
  readonly templates: Readonly<Record<string, { readonly sha256: string }>>;
  readonly image: { readonly repository: string; readonly digest: string };
  readonly appVersion: string;
  readonly migration: string;
}): string {
  const { templates, image, appVersion, migration } = content;
  const hashes = Object.fromEntries(Object.entries(templates).map(([name, entry]) => [name, entry.sha256]));
  return sha256(canonicalJson({ templates: hashes, image, appVersion, migration }));
}

export const releaseIdOf = (contentHash: string): string => `r-${contentHash.slice(0, 12)}`;
