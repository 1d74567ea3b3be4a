import { z } from 'zod';
import { releaseKinds, severities } from '../../lib/domain/release-publication.ts';
import { pageOf, pageQuerySchema, releaseIdSchema, timeSchema } from './common.ts';

const count = (what: string) => z.number().int().nonnegative().describe(what);
const days = (what: string) => z.number().describe(`${what}, in days`);

/** Which releases the fleet runs. */
export const fleetVersionsSchema = z
  .object({
    asOf: timeSchema,
    practices: count('Practices that have a silo and run a release'),
    newestReleaseId: z.string().nullable().describe('The newest that is not halted'),
    behind: count('Practices that run an older release than the newest: the version skew'),
    oldest: z
      .object({ releaseId: z.string(), publishedAt: timeSchema, ageDays: days('Since its publication') })
      .nullable()
      .describe('The oldest release that a practice runs'),
    releases: z
      .array(
        z.object({
          releaseId: z.string(),
          appVersion: z.string(),
          kind: z.enum(releaseKinds),
          halted: z.boolean(),
          publishedAt: timeSchema,
          practices: count('Practices that run it'),
          share: z.number().min(0).max(1).describe('Of all practices that run a release'),
          firstUpdateAt: timeSchema.nullable().describe('When the first of them came to it'),
          newestUpdateAt: timeSchema.nullable(),
        }),
      )
      .describe('Those that a practice runs, newest first'),
  })
  .meta({ id: 'FleetVersions' });
export type FleetVersions = z.infer<typeof fleetVersionsSchema>;

export const patchLatencyQuerySchema = pageQuerySchema.extend({
  release: releaseIdSchema.optional().describe('The newest security release that is not halted unless given'),
});

/** From a release's publication to the practices: a page of them, and figures of all. */
export const patchLatencySchema = pageOf(
  z.object({
    practiceId: z.string(),
    patchedAt: timeSchema
      .nullable()
      .describe('Since when it runs this release or a newer; null while it does not'),
    days: days('From the publication until then, or until now'),
    late: z.boolean().describe('After the deadline'),
  }),
)
  .extend({
    asOf: timeSchema,
    releaseId: z.string(),
    kind: z.enum(releaseKinds),
    severity: z.enum(severities).nullable(),
    publishedAt: timeSchema,
    deadline: timeSchema.nullable(),
    practices: count('Practices with a silo that ran an older release'),
    patched: count('Practices of these that run this release or a newer'),
    open: count('Practices of these that do not'),
    late: count('Practices that got it after its deadline, or have it not although it is over'),
    medianDays: days('To half of the patched practices').nullable(),
    p95Days: days('To 95 in a hundred of the patched practices').nullable(),
  })
  .meta({ id: 'PatchLatency' });
export type PatchLatency = z.infer<typeof patchLatencySchema>;
