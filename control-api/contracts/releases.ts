import { z } from 'zod';
import { inlineTemplateLimit, releaseManifestSchema } from '../../lib/domain/release.ts';
import {
  dsseEnvelopeSchema,
  type Publication,
  releaseKinds,
  severities,
} from '../../lib/domain/release-publication.ts';
import { pageOf, timeSchema } from './common.ts';

/** For those who sign releases. */
export { toBeSigned, trustedKey } from '../../lib/domain/release-signature.ts';

export const releaseSchema = z
  .object({
    id: z.string(),
    /** A release with a greater one was published later. */
    ordinal: z.number().int(),
    contentHash: z.string(),
    appVersion: z.string(),
    imageDigest: z.string(),
    migration: z.string(),
    kind: z.enum(releaseKinds),
    severity: z.enum(severities).nullable().describe('Of a security release'),
    deadline: timeSchema
      .nullable()
      .describe('Of a security release: until then every practice shall have it'),
    notes: z.string(),
    changelogUrl: z.string().nullable(),
    state: z
      .enum(['published', 'halted', 'superseded'])
      .describe('Superseded: a newer one is published and not halted'),
    halted: z.object({ by: z.string(), at: timeSchema, reason: z.string() }).nullable(),
    signedBy: z
      .array(z.string())
      .describe("Ids of the keys that signed it (SHA-256 of SPKI); none for the control plane's own"),
    publishedBy: z.string(),
    publishedAt: timeSchema,
  })
  .meta({ id: 'Release' });
export type Release = z.infer<typeof releaseSchema>;
export const releasePageSchema = pageOf(releaseSchema);

const template = z.string().max(inlineTemplateLimit);

export const releaseUploadSchema = z.strictObject({
  manifest: releaseManifestSchema.describe('release.json'),
  templates: z
    .strictObject({ foundation: template, data: template, service: template })
    .describe('The bodies, byte for byte'),
  compliance: z.string().max(500_000).describe('The text of compliance/report.json, byte for byte'),
  kind: z.enum(releaseKinds),
  severity: z.enum(severities).optional().describe('Of a security release, as its deadline'),
  deadline: z.iso.datetime({ offset: true }).optional(),
  // Not trimmed: it is signed as it is.
  notes: z.string().regex(/\S/, 'must say what the release brings').max(10_000),
  changelogUrl: z
    .url({ protocol: /^https?$/, error: 'must be an http(s) address' })
    .max(2_000)
    .optional(),
  signature: dsseEnvelopeSchema.describe(
    'DSSE envelope over the canonical JSON of {manifest, kind, severity, deadline, notes, changelogUrl}, null for what is not given',
  ),
});
export type ReleaseUploadBody = z.infer<typeof releaseUploadSchema>;

/** What is said of a release, in the form that is signed. */
export function publicationOf(
  said: Pick<ReleaseUploadBody, 'kind' | 'severity' | 'deadline' | 'notes' | 'changelogUrl'>,
): Publication {
  return {
    kind: said.kind,
    severity: said.severity ?? null,
    deadline: said.deadline === undefined ? null : new Date(said.deadline),
    notes: said.notes,
    changelogUrl: said.changelogUrl ?? null,
  };
}
