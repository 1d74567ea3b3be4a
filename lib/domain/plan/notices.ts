import { z } from 'zod';

/** ISO date, of the practice's own calendar. */
const day = z.iso.date();
const cents = z.int();
const currency = z.string().length(3);
const rates = z.strictObject({ base: cents, perClinician: cents, perLocation: cents });

/** What was changed in a subscription; the notice tells how it stands since. */
const subscriptionChanges = [
  'quantities',
  'plan',
  'plan_withdrawn',
  'trial_extended',
  'lock_extended',
  'settled',
  'resumed',
  'cancellation_taken_back',
  'transferred',
] as const;
export type SubscriptionChange = (typeof subscriptionChanges)[number];

/**
 * What notices about a subscription say, beside the practice's id. `until` is the first day after what ends, as everywhere in the plan's
 * calendar; amounts are integer cents.
 */
export const planNoticeSchemas = {
  trial_ending: z.strictObject({ until: day, daysLeft: z.int().positive() }),
  lock_ending: z.strictObject({ until: day, daysLeft: z.int().positive() }),
  /** Rates of one interval of the plan, before and from that day on. */
  price_change: z.strictObject({
    from: day,
    planId: z.string(),
    planVersion: z.int(),
    currency,
    before: rates,
    after: rates,
  }),
  subscription_changed: z.strictObject({
    change: z.enum(subscriptionChanges),
    /** The day from which it counts; null where the change has none. */
    from: day.nullable(),
    planId: z.string(),
    planVersion: z.int(),
    clinicians: z.int(),
    locations: z.int(),
    chargedFrom: day.nullable(),
    lockedUntil: day.nullable(),
  }),
  payment_overdue: z.strictObject({ since: day }),
  subscription_suspended: z.strictObject({ from: day }),
  subscription_cancelled: z.strictObject({ until: day }),
  /** Of one period: what it cost after credits; the balance stands in the statement. */
  statement_ready: z.strictObject({ from: day, until: day, totalCents: cents, currency }),
} as const;

export const planNoticeKinds = [
  'trial_ending',
  'lock_ending',
  'price_change',
  'subscription_changed',
  'payment_overdue',
  'subscription_suspended',
  'subscription_cancelled',
  'statement_ready',
] as const satisfies readonly (keyof typeof planNoticeSchemas)[];

export type PlanNoticeKind = (typeof planNoticeKinds)[number];
export type PlanNoticeData<Kind extends PlanNoticeKind> = z.infer<(typeof planNoticeSchemas)[Kind]>;

/**
 * What a practice has to hear whatever its contacts chose: without it a price does not change and access is not blocked. If no contact
 * asked for the kind, the one of the sign-up is told.
 */
export const mustBeTold: readonly PlanNoticeKind[] = [
  'price_change',
  'payment_overdue',
  'subscription_suspended',
  'subscription_cancelled',
];
