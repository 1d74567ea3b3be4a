import { z } from 'zod';
import { daySchema } from '../../lib/domain/plan/day.ts';
import { subscriptionFactSchema } from '../../lib/domain/plan/facts.ts';
import { bases } from '../../lib/domain/plan/projection.ts';
import { subscriptionStates } from '../../lib/domain/plan/state.ts';
import { planTermsSchema, quantitiesSchema, ratesSchema } from '../../lib/domain/plan/terms.ts';
import { pageOf, timeSchema } from './common.ts';
import { statementSummarySchema } from './statements.ts';

const day = daySchema;

const compositionSchema = z.object({
  plan: z.object({ id: z.string(), version: z.number().int() }),
  rates: ratesSchema.describe('Integer cents for one whole interval'),
  quantities: quantitiesSchema,
});

export const subscriptionSchema = z
  .object({
    practiceId: z.string(),
    state: z.enum(subscriptionStates),
    ...compositionSchema.shape,
    currency: z.string().describe('ISO 4217'),
    interval: z.enum(['month', 'year']),
    timeZone: z.string().describe('Of the practice: all days are its own'),
    enrolledOn: day,
    activatedOn: day.nullable().describe('Null until the practice is active'),
    chargedFrom: day.nullable().describe('The first day that costs anything; null before activation'),
    locked: z.boolean().describe('Whether the rates cannot change today'),
    lockedUntil: day
      .nullable()
      .describe('The first day after the lock; null before activation, or without one'),
    period: z
      .object({ from: day, until: day.describe('The first day after it') })
      .nullable()
      .describe('What today is paid for with; null while nothing is charged'),
    closedUntil: day.nullable().describe('Periods up to this day are in the ledger'),
    endsOn: day.nullable().describe('The first day that is not charged any more'),
    coming: z
      .array(compositionSchema.extend({ from: day }))
      .describe('What holds from each later day on which something is known to change'),
    terms: planTermsSchema,
    signature: z
      .object({
        keyIds: z.array(z.string()).describe("SHA-256 of each key's SubjectPublicKeyInfo"),
        good: z.boolean(),
        objection: z.string().nullable().describe('Why it is not good'),
      })
      .describe('Whether the terms on record are those that were signed, by registered keys'),
    updatedAt: timeSchema,
  })
  .meta({ id: 'Subscription' });
export type ShownSubscription = z.infer<typeof subscriptionSchema>;

const shownFactSchema = z
  .object({
    seq: z.number().int(),
    at: timeSchema.describe('When it was recorded'),
    actor: z.string(),
    reason: z.string().nullable(),
    fact: subscriptionFactSchema,
  })
  .meta({ id: 'SubscriptionFact' });
export type ShownFact = z.infer<typeof shownFactSchema>;
export const factPageSchema = pageOf(shownFactSchema);

export const subscriptionLinkSchema = z
  .object({
    practiceId: z.string(),
    path: z
      .string()
      .describe('At this control plane. Whoever has it can read the subscription: it is shown this once'),
  })
  .meta({ id: 'SubscriptionLink' });

export const projectionQuerySchema = z.strictObject({
  months: z.coerce.number().int().min(1).max(120).default(24).describe('Calendar months from today on'),
});

const cents = z.number().int();

export const projectionSchema = z
  .object({
    practiceId: z.string(),
    from: day,
    until: day,
    currency: z.string().describe('ISO 4217'),
    assumed: z
      .object({ from: day, planVersion: z.number().int(), rates: ratesSchema })
      .nullable()
      .describe(
        "The plan's present price, from the first period that it could reach; null where it changes nothing",
      ),
    periods: z.array(
      z.object({
        from: day,
        until: day.describe('The first day after it'),
        basis: z.enum(bases).describe('agreed: the price can change after notice'),
        totalCents: cents,
      }),
    ),
    totalCents: cents,
  })
  .meta({ id: 'SubscriptionProjection' });
export type ShownProjection = z.infer<typeof projectionSchema>;

export const ownSubscriptionSchema = z
  .object({
    displayName: z.string(),
    subscription: subscriptionSchema,
    projection: projectionSchema.describe('24 months from today on'),
    statements: z.array(statementSummarySchema).describe('The 24 newest, newest first'),
  })
  .meta({ id: 'OwnSubscription' });
export type OwnSubscription = z.infer<typeof ownSubscriptionSchema>;

const waitingSignUpSchema = z
  .object({
    position: z.number().int().describe('It never changes: those before it may have gone'),
    signUpId: z.uuid(),
    displayName: z.string(),
    since: timeSchema,
    placeFree: z.boolean().describe('Whether a place is kept for it: approve it again'),
    objection: z
      .string()
      .nullable()
      .describe(
        'Why the plan does not take it; those behind it wait until it is rejected or has another plan',
      ),
  })
  .meta({ id: 'WaitingSignUp' });
export type ShownWaiting = z.infer<typeof waitingSignUpSchema>;
export const waitingListSchema = pageOf(waitingSignUpSchema);
