import { z } from 'zod';
import { complianceReportSchema as reportSchema } from '../../lib/domain/compliance-report.ts';
import { components, inlineTemplateLimit, releaseManifestSchema } from '../../lib/domain/release.ts';
import {
  dsseEnvelopeSchema,
  type Publication,
  releaseKinds,
  severities,
} from '../../lib/domain/release-publication.ts';
import { pageOf, timeSchema } from './common.ts';
import { reviewedChangeSchema } from './runs.ts';

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
    compliance: z
      .object({ sha256: z.string(), acknowledged: z.number().int() })
      .describe(
        'Its compliance report: the SHA-256 of the text, and how many findings were accepted with a reason',
      ),
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

export const complianceReportSchema = reportSchema.meta({ id: 'ComplianceReport' });
export type ComplianceReport = z.infer<typeof complianceReportSchema>;

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

export const releasePreviewQuerySchema = z.strictObject({
  practice: z
    .string()
    .regex(/^[a-z][a-z0-9-]{2,30}$/, 'must be the id of a practice')
    .describe('Id of an active practice'),
});

export const releasePreviewSchema = z
  .object({
    releaseId: z.string(),
    practiceId: z.string(),
    from: z.string().nullable().describe('The release that the practice has'),
    at: timeSchema,
    stacks: z
      .array(
        z.object({
          component: z.enum(components),
          stackName: z.string(),
          state: z
            .enum(['unchanged', 'changed', 'refused', 'unknown'])
            .describe(
              'Refused: the review objects, so an update would change nothing at all. Unknown: known only once an earlier stack is updated',
            ),
          changes: z.array(reviewedChangeSchema),
        }),
      )
      .describe('In the order of deployment'),
  })
  .meta({ id: 'ReleasePreview' });
export type ReleasePreview = z.infer<typeof releasePreviewSchema>;

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
