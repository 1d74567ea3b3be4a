import { z } from 'zod';
import { daySchema } from './day.ts';
import { planTermsSchema, quantitiesSchema, ratesSchema } from './terms.ts';

const count = z.number().int().positive();

/**
 * What happened to a subscription, in the order in which it was recorded. Facts are only ever added; when one speaks of the same day
 * as an earlier one, it holds. `from` is the first day that the fact is true of, `on` the day of an event; all in the practice's zone.
 */
export const subscriptionFactSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('enrolled'),
    on: daySchema,
    planId: z.string(),
    planVersion: count,
    terms: planTermsSchema,
    quantities: quantitiesSchema,
  }),
  /** The silo was verified: the practice is active for the first time. */
  z.strictObject({ kind: z.literal('activated'), on: daySchema }),
  z.strictObject({ kind: z.literal('quantities'), from: daySchema, ...quantitiesSchema.shape }),
  z.strictObject({ kind: z.literal('trial_extended'), days: count }),
  z.strictObject({ kind: z.literal('lock_extended'), months: count }),
  /** Another price of the same plan, after the lock. */
  z.strictObject({ kind: z.literal('rates'), from: daySchema, planVersion: count, rates: ratesSchema }),
  /** Another plan; its first period begins on that day. */
  z.strictObject({
    kind: z.literal('plan'),
    from: daySchema,
    planId: z.string(),
    planVersion: count,
    terms: planTermsSchema,
  }),
  /** The change of plan that was to come on that day does not. */
  z.strictObject({ kind: z.literal('plan_withdrawn'), from: daySchema }),
  z.strictObject({ kind: z.literal('suspended'), from: daySchema }),
  z.strictObject({ kind: z.literal('resumed'), from: daySchema }),
  /** The first day that is not charged any more; null takes a cancellation back. */
  z.strictObject({ kind: z.literal('ends'), from: daySchema.nullable() }),
]);
export type SubscriptionFact = Readonly<z.infer<typeof subscriptionFactSchema>>;
export type FactOf<Kind extends SubscriptionFact['kind']> = Extract<
  SubscriptionFact,
  { readonly kind: Kind }
>;

/** A fact as it is kept: who recorded it, when and why. */
export type RecordedFact = SubscriptionFact & {
  /** Counts from 1 in each subscription. */
  readonly seq: number;
  readonly at: Date;
  readonly actor: string;
  readonly reason: string | null;
};
