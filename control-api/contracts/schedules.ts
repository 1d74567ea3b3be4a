import { z } from 'zod';
import { freezeStates, holds, rings } from '../../lib/domain/schedule.ts';
import { pageOf, pageQuerySchema, reasonSchema, timeSchema } from './common.ts';

/** A moment that somebody sends: any offset will do. */
const momentSchema = z.iso.datetime({
  offset: true,
  error: 'must be a date and time with offset (RFC 3339), for example 2027-01-04T06:00:00Z',
});
const endSchema = momentSchema.describe('RFC 3339, with any offset');
const releaseIdSchema = z
  .string()
  .regex(/^r-[0-9a-f]{12}$/, 'must be the id of a release, for example r-0123456789ab');

/** Bounds are the core's, which says for each field what would be right. */
const windowSchema = z.strictObject({
  rule: z
    .string()
    .max(1_000)
    .describe(
      'RFC 5545 recurrence rule in local time, without DTSTART: FREQ daily, weekly or monthly, one BYHOUR, one BYMINUTE or none. It has to come at least every 62 days. An INTERVAL counts from Monday 1 January 2024.',
    ),
  durationMinutes: z.number().describe('Elapsed minutes, 30 to 1440'),
  timeZone: z.string().max(64).describe('Name of the IANA time zone database'),
});

export const scheduleChangeSchema = z.strictObject({
  window: windowSchema
    .nullable()
    .describe("Null for the default: Sundays 02:00 for four hours in the practice's zone"),
  ring: z.enum(rings),
  reason: reasonSchema.shape.reason.optional(),
});

export const pinRequestSchema = reasonSchema.extend({
  releaseId: releaseIdSchema,
  until: endSchema.describe('180 days from now at most'),
});

export const deferralRequestSchema = reasonSchema.extend({
  until: endSchema.describe('60 days from now at most'),
});

export const freezeRequestSchema = reasonSchema.extend({
  practiceId: z.string().max(80).nullable().describe('Null for the whole fleet'),
  from: momentSchema.optional().describe('Now unless given'),
  until: endSchema.describe('30 days after the beginning at most'),
});

export const freezeRenewalSchema = reasonSchema.extend({
  until: endSchema.describe('30 days from now at most, or from the beginning when that is to come'),
});

export const freezeQuerySchema = pageQuerySchema.extend({
  practiceId: z
    .string()
    .max(80)
    .optional()
    .describe("Only those that concern this practice: its own and the fleet's"),
  open: z.enum(['true', 'false']).default('false').describe('Only those that hold now or later'),
});

const upcomingWindowSchema = z.object({
  startsAt: timeSchema,
  endsAt: timeSchema,
  heldBy: z
    .array(z.enum(holds))
    .describe(
      'What keeps ordinary updates from starting when it opens, or now that it is open; a security deadline goes over it, but not over a freeze that a security administrator has renewed',
    ),
});
export type ShownWindow = z.infer<typeof upcomingWindowSchema>;

export const upcomingWindowsSchema = z
  .object({
    practiceId: z.string(),
    inWords: z.string().describe('For people, for example: Sundays 02:00 for 4 h, America/Chicago'),
    windows: z
      .array(upcomingWindowSchema)
      .describe('In order; one that is open now counts. None once the practice is gone'),
  })
  .meta({ id: 'UpcomingWindows' });
export type UpcomingWindows = z.infer<typeof upcomingWindowsSchema>;

export const windowQuerySchema = z.strictObject({
  limit: z.coerce.number().int().min(1).max(100).default(10).describe('Windows at most'),
});

export const freezeSchema = z
  .object({
    id: z.uuid(),
    practiceId: z.string().nullable().describe('Null for the whole fleet'),
    state: z.enum(freezeStates),
    reason: z.string(),
    from: timeSchema,
    until: timeSchema,
    renewedBySecurity: z.boolean().describe('Then it holds against the deadline of a security release too'),
    renewal: z.object({ by: z.string(), at: timeSchema, reason: z.string() }).nullable(),
    createdBy: z.string(),
    createdAt: timeSchema,
    liftedBy: z.string().nullable(),
    liftedAt: timeSchema.nullable(),
  })
  .meta({ id: 'Freeze' });
export type ShownFreeze = z.infer<typeof freezeSchema>;
export const freezePageSchema = pageOf(freezeSchema);

export const scheduleSchema = z
  .object({
    practiceId: z.string(),
    window: z.object({
      rule: z.string(),
      durationMinutes: z.number(),
      timeZone: z.string(),
      inWords: z.string(),
    }),
    ring: z.enum(rings),
    pin: z.object({ releaseId: z.string(), until: timeSchema, reason: z.string() }).nullable(),
    deferral: z.object({ until: timeSchema, reason: z.string() }).nullable(),
    freezes: z
      .array(
        freezeSchema.pick({
          id: true,
          practiceId: true,
          reason: true,
          from: true,
          until: true,
          renewedBySecurity: true,
        }),
      )
      .describe('Those of the practice and of the fleet that hold now or later, earliest first'),
    next: upcomingWindowSchema.nullable().describe('Null once the practice is gone'),
  })
  .meta({ id: 'Schedule' });
export type Schedule = z.infer<typeof scheduleSchema>;

export const calendarAddressSchema = z
  .object({
    practiceId: z.string(),
    path: z
      .string()
      .describe('Of the feed, at this control plane. Whoever has it can read it: it is shown this once'),
  })
  .meta({ id: 'CalendarAddress' });
