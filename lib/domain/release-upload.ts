import { z } from 'zod';
import { complianceObjections } from './compliance-report.ts';
import { DomainError, type FieldError } from './errors.ts';
import { canonicalJson, parsedJson } from './json.ts';
import { type Component, components, type ReleaseManifest } from './release.ts';
import { contentHashOf, releaseIdOf, sha256, templateContent } from './release-content.ts';
import type { DsseEnvelope, Publication } from './release-publication.ts';
import { signatureObjection, type TrustedKey } from './release-signature.ts';

/** A release as it is handed in: what `release:build` wrote, what is said of it, and the signature over both. */
export interface ReleaseUpload {
  readonly manifest: ReleaseManifest;
  readonly templates: Readonly<Record<Component, string>>;
  /** The text of the compliance report. */
  readonly compliance: string;
  readonly publication: Publication;
  readonly signature: DsseEnvelope;
}

/**
 * Holds everything that was handed in against everything else. It does not make the checks of the build again: that they were made is
 * what the key's owner signs.
 * @throws DomainError `invalid_input` that names everything that is not right.
 */
export function verifyUpload(
  upload: ReleaseUpload,
  { now, trusted }: { readonly now: Date; readonly trusted: readonly TrustedKey[] },
): void {
  const fields = [
    ...contentProblems(upload.manifest),
    ...components.flatMap((component) => templateProblems(upload, component)),
    ...complianceProblems(upload),
    ...publicationProblems(upload.publication, now),
    ...signatureProblems(upload, trusted),
  ];
  if (fields.length === 0) return;
  const list = fields.map(({ pointer, message }) => `${pointer} ${message}`).join('; ');
  throw new DomainError('invalid_input', `The release is refused, and nothing of it is kept: ${list}.`, {
    fields,
  });
}

function contentProblems(manifest: ReleaseManifest): FieldError[] {
  const contentHash = contentHashOf(manifest);
  const id = releaseIdOf(manifest.contentHash);
  return [
    ...(manifest.contentHash === contentHash
      ? []
      : [{ pointer: '/manifest/contentHash', message: `is not the hash of the content, ${contentHash}` }]),
    ...(manifest.id === id
      ? []
      : [{ pointer: '/manifest/id', message: `does not follow from the content hash, which gives ${id}` }]),
  ];
}

/** What of a template the manifest repeats. */
const declarationsSchema = z.object({
  Parameters: z
    .record(
      z.string(),
      z.object({
        Type: z.string(),
        Default: z.union([z.string(), z.number()]).optional(),
        AllowedPattern: z.string().optional(),
        AllowedValues: z.array(z.union([z.string(), z.number()])).optional(),
        Description: z.string().optional(),
      }),
    )
    .optional(),
  Resources: z.record(z.string(), z.object({ Type: z.string() })),
  Outputs: z.record(z.string(), z.unknown()).optional(),
});

function templateProblems({ manifest, templates }: ReleaseUpload, component: Component): FieldError[] {
  const pointer = `/templates/${component}`;
  const body = templates[component];
  const expected = manifest.templates[component];
  if (sha256(body) !== expected.sha256) {
    return [{ pointer, message: 'is not the template whose hash the manifest names' }];
  }
  const template = declarationsSchema.safeParse(parsedJson(body));
  if (!template.success) {
    const [issue] = template.error.issues;
    return [{ pointer, message: `is no template (/${issue?.path.join('/') ?? ''}: ${issue?.message})` }];
  }
  const content = templateContent(body, template.data);
  const asMap = ({ parameters, outputs }: Pick<typeof expected, 'parameters' | 'outputs'>) => ({
    parameters: new Map(parameters.map((parameter) => [parameter.name, canonicalJson(parameter)])),
    outputs: new Map(outputs.map((name) => [name, name])),
  });
  const [declared, named] = [asMap(content), asMap(expected)];
  return [
    ...(content.bytes === expected.bytes
      ? []
      : [{ pointer, message: `has ${content.bytes} bytes, the manifest says ${expected.bytes}` }]),
    ...(['parameters', 'outputs'] as const).flatMap((kind) => {
      const other = differing(declared[kind], named[kind]);
      return other.length === 0
        ? []
        : [{ pointer, message: `does not declare the ${kind} ${other.join(', ')} as the manifest says` }];
    }),
  ];
}

/** The names that two lists do not have alike. */
function differing(one: ReadonlyMap<string, string>, other: ReadonlyMap<string, string>): string[] {
  return [...new Set([...one.keys(), ...other.keys()])].filter((name) => one.get(name) !== other.get(name));
}

function complianceProblems({ manifest, compliance }: ReleaseUpload): FieldError[] {
  const pointer = '/compliance';
  if (sha256(compliance) !== manifest.compliance.sha256) {
    return [{ pointer, message: 'is not the report whose hash the manifest names' }];
  }
  return complianceObjections(compliance, manifest.compliance.acknowledged).map((message) => ({
    pointer,
    message,
  }));
}

function publicationProblems({ kind, severity, deadline }: Publication, now: Date): FieldError[] {
  const given = { severity, deadline };
  const names = ['severity', 'deadline'] as const;
  if (kind !== 'security') {
    return names
      .filter((name) => given[name] !== null)
      .map((name) => ({ pointer: `/${name}`, message: `is for a security release; this one is a ${kind}` }));
  }
  return [
    ...names
      .filter((name) => given[name] === null)
      .map((name) => ({ pointer: `/${name}`, message: 'must be given for a security release' })),
    ...(deadline !== null && deadline <= now
      ? [{ pointer: '/deadline', message: 'must be in the future' }]
      : []),
  ];
}

function signatureProblems(upload: ReleaseUpload, trusted: readonly TrustedKey[]): FieldError[] {
  const objection = signatureObjection(upload.signature, upload, trusted);
  return objection === undefined ? [] : [{ pointer: '/signature', message: objection }];
}
