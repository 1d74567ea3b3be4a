import { z } from 'zod';
import { daySchema } from '../../lib/domain/plan/day.ts';
import { subscriptionStates } from '../../lib/domain/plan/state.ts';
import { planParams } from './plans.ts';

/** The reports, each at `/v1/plan-reports/<name>`. */
export const reportNames = ['members', 'places', 'revenue', 'margin', 'churn'] as const;
export type ReportName = (typeof reportNames)[number];

export const reportQuerySchema = z.strictObject({
  on: daySchema
    .optional()
    .describe("As of the end of this day of each practice's calendar; today (UTC) unless given"),
  plan: planParams.shape.id.optional().describe('Only those who have this plan on the day; all unless given'),
  format: z.enum(['json', 'csv']).default('json').describe('csv: every row, with the names of the columns'),
});

export const pagedReportQuerySchema = reportQuerySchema.extend({
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(10_000)
    .default(200)
    .describe('Rows a page. Each page is worked out anew, so take large ones'),
  cursor: z.string().max(200).optional().describe('nextCursor of the page before'),
});

const day = z.iso.date();
const count = z.number().int();
const cents = z.number().int();
const month = z.string().describe('Such as 2026-11');
const currency = z.string().describe('ISO 4217');
const state = z.enum(subscriptionStates);

const report = z.object({
  on: day.describe('As of the end of this day'),
  plan: z.string().nullable().describe('Of this plan only; null: of all'),
  notes: z.array(z.string()).describe('What the figures mean and what is assumed'),
});
const pageParts = { nextCursor: z.string().nullable() };

const memberCounts = z.object({
  enrolled: count.describe('The sum of the others'),
  pending: count.describe('Not activated yet'),
  trialing: count,
  activeLocked: count,
  activeUnlocked: count,
  pastDue: count,
  suspended: count,
  cancelled: count,
});

export const membersReportSchema = report
  .extend({
    cohorts: z
      .array(memberCounts.extend({ plan: z.string(), month }))
      .describe('By plan and month of enrolment'),
    total: memberCounts,
  })
  .meta({ id: 'MembersReport' });
export type MembersReport = z.infer<typeof membersReportSchema>;

export const placesReportSchema = report
  .extend({
    plans: z.array(
      z.object({
        plan: z.string(),
        version: count.describe('The one that is offered on the day'),
        cap: count.nullable().describe('null: no limit'),
        members: count.describe('Who holds a place, those who change to the plan later included'),
        placesLeft: count.nullable(),
        waiting: count.describe('Sign-ups on the waiting list'),
      }),
    ),
  })
  .meta({ id: 'PlacesReport' });
export type PlacesReport = z.infer<typeof placesReportSchema>;

const revenueDay = z.object({
  on: day,
  monthlyCents: cents.describe('The sum of the three'),
  lockedCents: cents,
  agreedCents: cents.describe('In force or announced, and may change after notice'),
  assumedCents: cents.describe("At the plan's present price, after lock and notice"),
});

const revenueRow = z.object({
  practiceId: z.string(),
  displayName: z.string(),
  plan: z.string(),
  planVersion: count.describe('Whose rates hold'),
  state,
  clinicians: count,
  locations: count,
  currency,
  rateCents: cents.describe('A month at the rates and quantities of the day, also where nothing is charged'),
  monthlyCents: cents.describe('What of it recurs: 0 before the first charged day and while suspended'),
  freeUntil: day.nullable().describe('First charged day; null before activation'),
  freeDaysLeft: count.nullable(),
  lockedUntil: day.nullable().describe('First day after the lock; null without one, and before activation'),
  lockedDaysLeft: count.nullable(),
  endsOn: day.nullable().describe('First day that is not charged any more'),
  next: z
    .object({
      from: day,
      plan: z.string(),
      planVersion: count,
      rateCents: cents.describe('A month at the quantities of its first day'),
      basis: z
        .enum(['agreed', 'assumed'])
        .describe("agreed: announced, or of a plan that was chosen; assumed: the plan's present price"),
    })
    .nullable()
    .describe('The price that comes next; null: none does'),
});

export const revenueReportSchema = report
  .extend({
    totals: z.array(
      z.object({
        currency,
        practices: count,
        rateCents: cents.describe('Sum over all practices'),
        monthlyCents: cents.describe('Monthly recurring revenue'),
        months: z.array(revenueDay).describe('The day of the report, and that day of the 24 months after it'),
      }),
    ),
    items: z.array(revenueRow).describe('By practice id; nobody who is cancelled'),
    ...pageParts,
  })
  .meta({ id: 'RevenueReport' });
export type RevenueReport = z.infer<typeof revenueReportSchema>;

const marginRow = z.object({
  practiceId: z.string(),
  displayName: z.string(),
  plan: z.string(),
  state,
  currency,
  rateCents: cents.describe('A month at the rates and quantities of the day, also where nothing is charged'),
  costCents: cents.nullable().describe('Of the silo a month, in US cents'),
  marginCents: cents.nullable().describe('Rate less cost'),
  reason: z.string().nullable().describe('Why there is no margin'),
});

export const marginReportSchema = report
  .extend({
    total: z
      .object({
        currency: z.literal('USD'),
        practices: count,
        rateCents: cents,
        costCents: cents,
        marginCents: cents,
        withoutMargin: count.describe('Practices that are not in these sums'),
      })
      .describe('Over all practices that have a margin'),
    items: z.array(marginRow).describe('By practice id; nobody who is cancelled'),
    ...pageParts,
  })
  .meta({ id: 'MarginReport' });
export type MarginReport = z.infer<typeof marginReportSchema>;

export const churnReportSchema = report
  .extend({
    months: z.array(
      z.object({
        month,
        complete: z.boolean().describe('false: up to the day of the report'),
        activeAtStart: count,
        activated: count,
        cancelled: count.describe('Of those at the start'),
        cancelledNew: count.describe('Of those activated in the same month'),
        activeAtEnd: count,
        churn: z
          .number()
          .nullable()
          .describe('cancelled of activeAtStart, 0 to 1, to four digits; null when nobody was there'),
      }),
    ),
  })
  .meta({ id: 'ChurnReport' });
export type ChurnReport = z.infer<typeof churnReportSchema>;
