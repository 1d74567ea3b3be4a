import { z } from 'zod';
import { oneLine } from '../../lib/domain/one-line.ts';
import { components } from '../../lib/domain/plan/charges.ts';
import { daySchema } from '../../lib/domain/plan/day.ts';
import { bases } from '../../lib/domain/plan/projection.ts';
import { planTermsSchema, quantitiesSchema } from '../../lib/domain/plan/terms.ts';
import { isTimeZone } from '../../lib/domain/time-zone.ts';
import { pageOf, pageQuerySchema, timeSchema } from './common.ts';

export { planTermsSchema };

const planId = z
  .string()
  .regex(/^[a-z][a-z0-9-]{1,30}$/, 'must be 2 to 31 lower-case letters, digits and hyphens, a letter first');
const promiseSchema = z.strictObject({
  freeDays: planTermsSchema.shape.freeDays,
  lockMonths: planTermsSchema.shape.lock.shape.months,
});
const line = (most: number) =>
  oneLine(
    z
      .string()
      .trim()
      .min(3, 'must have at least 3 characters')
      .max(most, `must have at most ${most} characters`),
  );

export const planParams = z.object({ id: planId });

export const newPlanSchema = z.strictObject({
  id: planId,
  name: line(80),
  description: line(300),
  promise: promiseSchema.describe('What every version of the plan gives at least; it is fixed for ever'),
});

export const newVersionSchema = z.strictObject({
  effectiveFrom: daySchema.describe('The first day on which it is offered, in the zone of each practice'),
  terms: planTermsSchema,
});

export const planVersionSchema = z
  .object({
    version: z.number().int(),
    effectiveFrom: z.iso.date(),
    offeredUntil: z.iso.date().nullable().describe('The day from which the next version is offered instead'),
    terms: planTermsSchema,
  })
  .meta({ id: 'PlanVersion' });
export type PlanVersion = z.infer<typeof planVersionSchema>;

export const planSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    description: z.string(),
    promise: promiseSchema,
    versions: z.array(planVersionSchema).describe('Oldest first; a plan without any is not offered yet'),
  })
  .meta({ id: 'Plan' });
export type Plan = z.infer<typeof planSchema>;
export const planPageSchema = pageOf(planSchema);

export const versionQuerySchema = pageQuerySchema.extend({
  dryRun: z
    .enum(['true', 'false'])
    .default('false')
    .describe(
      'true: publish nothing, and answer whom the version would touch; limit and cursor page that list',
    ),
});

const day = z.iso.date();
const cents = z.number().int();

export const dryRunSchema = z
  .object({
    planId: z.string(),
    version: z.number().int().describe('The number that it would get'),
    effectiveFrom: day,
    currency: z.string(),
    touched: z.object({
      count: z.number().int(),
      monthlyDifferenceCents: cents.describe('Of all of them together'),
      firstFrom: day.nullable().describe('The first day on which any of them could cost the new rates'),
      items: z.array(
        z.object({
          practiceId: z.string(),
          from: day
            .nullable()
            .describe('The first day that could cost the new rates, after notice; null before activation'),
          clinicians: z.number().int(),
          locations: z.number().int(),
          monthlyCentsBefore: cents.describe('Of a yearly price a twelfth, rounded down'),
          monthlyCentsAfter: cents,
          monthlyDifferenceCents: cents,
        }),
      ),
      nextCursor: z.string().nullable(),
    }),
    locked: z
      .object({ count: z.number().int(), firstUntil: day.nullable(), lastUntil: day.nullable() })
      .describe(
        'Not touched: their locks go on beyond the first day of the version. Null where no end is known before activation',
      ),
    unaffected: z.number().int().describe('Those that end before or have these rates already'),
  })
  .meta({ id: 'PlanVersionDryRun' });

export const previewRequestSchema = quantitiesSchema.extend({
  plan: planId,
  version: z.number().int().min(1).optional().describe('The one that is offered on startsOn, unless given'),
  startsOn: daySchema.describe('The day of approval and activation'),
  timeZone: z.string().max(64).refine(isTimeZone, 'must be an IANA time zone, for example America/Chicago'),
  months: z
    .number()
    .int()
    .min(1)
    .max(120, 'must be at most 120')
    .default(36)
    .describe('Calendar months from startsOn on'),
});

export const planPreviewSchema = z
  .object({
    plan: z.string(),
    version: z.number().int(),
    startsOn: day,
    chargedFrom: day.describe('The first day that costs anything'),
    lockedFrom: day.nullable().describe('The first day of the lock; null without one'),
    lockedUntil: day.nullable().describe('The first day after it'),
    currency: z.string(),
    periods: z.array(
      z.object({
        from: day,
        until: day.describe('The first day after it'),
        days: z.number().int(),
        basis: z.enum(bases).describe('agreed: the price can change after notice'),
        chargedAt: timeSchema.describe('When its last day has ended in the zone'),
        charges: z.array(
          z.object({
            component: z.enum(components),
            from: day,
            until: day,
            quantity: z.number().int(),
            rateCents: cents,
            amountCents: cents,
          }),
        ),
        totalCents: cents,
      }),
    ),
    totalCents: cents,
  })
  .meta({ id: 'PlanPreview' });
export type PlanPreview = z.infer<typeof planPreviewSchema>;
export type PlanDryRun = z.infer<typeof dryRunSchema>;
