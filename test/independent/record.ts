import { z } from 'zod';
import { dayNumber } from './civil-days.ts';

// What the check takes as given, as the API shows it. The shapes are its own: a fact of a kind that it does not know is refused.

const day = z.string().transform(dayNumber);
const count = z.number().int().min(0);
const rates = z.object({ base: count, perClinician: count, perLocation: count });
export type Rates = z.infer<typeof rates>;

/** What is counted with; the rest of the terms is kept as it is, to be held against what was published. */
const terms = z.looseObject({
  currency: z.string(),
  interval: z.enum(['month', 'year']),
  rates,
  freeDays: count,
  freeFrom: z.enum(['activation', 'approval']),
  lock: z.object({ months: count, from: z.enum(['first_charged_day', 'activation']) }),
  priceChange: z.object({ noticeDays: count }),
});
export type Terms = z.infer<typeof terms>;

const quantities = { clinicians: count, locations: count };
export const factSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('enrolled'),
    on: day,
    planId: z.string(),
    planVersion: count,
    terms,
    quantities: z.object(quantities),
  }),
  z.object({ kind: z.literal('activated'), on: day }),
  z.object({ kind: z.literal('quantities'), from: day, ...quantities }),
  z.object({ kind: z.literal('trial_extended'), days: count }),
  z.object({ kind: z.literal('lock_extended'), months: count }),
  z.object({ kind: z.literal('rates'), from: day, planVersion: count, rates }),
  z.object({ kind: z.literal('plan'), from: day, planId: z.string(), planVersion: count, terms }),
  z.object({ kind: z.literal('plan_withdrawn'), from: day }),
  z.object({ kind: z.literal('suspended'), from: day }),
  z.object({ kind: z.literal('resumed'), from: day }),
  z.object({ kind: z.literal('ends'), from: day.nullable() }),
]);
export type Fact = z.infer<typeof factSchema>;
export type FactOf<Kind extends Fact['kind']> = Extract<Fact, { readonly kind: Kind }>;

export const isKind =
  <Kind extends Fact['kind']>(kind: Kind) =>
  (fact: Fact): fact is FactOf<Kind> =>
    fact.kind === kind;

/** One line of what is charged: of the ledger, or recomputed. Days as text, for whoever reads a difference. */
export interface Line {
  /** Of the period that it counts in; its charges stand on the last day of it. */
  readonly lastDay: string;
  readonly component: 'base' | 'per_clinician' | 'per_location';
  readonly from: string;
  readonly until: string;
  readonly quantity: number;
  readonly rateCents: number;
  readonly amountCents: number;
  readonly currency: string;
  readonly plan: string;
  readonly locked: boolean;
}

const cents = z.number().int();
const time = z.string().transform((text) => new Date(text));
const kinds = ['charge', 'credit', 'adjustment', 'reversal', 'payment'] as const;

const transaction = z.object({
  id: z.string(),
  at: time,
  kind: z.enum(kinds),
  day,
  owedCents: cents,
  currency: z.string(),
  entries: z.array(z.object({ account: z.string(), amountCents: cents })),
  charge: z
    .object({
      component: z.enum(['base', 'per_clinician', 'per_location']),
      from: z.string(),
      until: z.string(),
      quantity: count,
      rateCents: cents,
      planId: z.string(),
      planVersion: count,
      locked: z.boolean(),
    })
    .nullable(),
  reverses: z.string().nullable(),
});
export type Transaction = z.infer<typeof transaction>;

const statement = z.object({
  from: day,
  until: day,
  openingCents: cents,
  totals: z.record(z.enum(kinds), cents),
  costCents: cents,
  closingCents: cents,
  closedAt: time,
});

const notice = z.object({
  kind: z.string(),
  about: day.nullable(),
  daysBefore: count.nullable(),
  data: z.record(z.string(), z.unknown()),
  writtenAt: time,
  sentAt: time.nullable(),
  outcome: z.string().nullable(),
});
export type Notice = z.infer<typeof notice>;

const practice = z.object({
  id: z.string(),
  timeZone: z.string(),
  state: z.string(),
  activatedAt: time.nullable(),
});

/** How the control plane says that the subscription stands today. */
const overview = z.object({
  state: z.string(),
  plan: z.object({ id: z.string(), version: count }),
  rates,
  quantities: z.object(quantities),
  activatedOn: day.nullable(),
  chargedFrom: day.nullable(),
  locked: z.boolean(),
  lockedUntil: day.nullable(),
  period: z.object({ from: day, until: day }).nullable(),
  closedUntil: day.nullable(),
  endsOn: day.nullable(),
});

export const shown = {
  practice,
  overview,
  fact: z.object({ at: time, fact: factSchema }),
  transaction,
  statement,
  notice,
  plan: z.object({
    id: z.string(),
    promise: z.object({ freeDays: count, lockMonths: count }),
    versions: z.array(z.object({ version: count, effectiveFrom: day, offeredUntil: day.nullable(), terms })),
  }),
} as const;

export type Plan = z.infer<typeof shown.plan>;
export type Version = Plan['versions'][number];

export const versionOf = (plans: readonly Plan[], planId: string, planVersion: number): Version | undefined =>
  plans.find(({ id }) => id === planId)?.versions.find(({ version }) => version === planVersion);

/** All that is shown of one subscription. Transactions and statements in the order of time. */
export interface Shown {
  readonly practice: z.infer<typeof practice>;
  readonly overview: z.infer<typeof overview>;
  readonly facts: readonly z.infer<typeof shown.fact>[];
  readonly transactions: readonly Transaction[];
  readonly balanceCents: number;
  readonly statements: readonly z.infer<typeof statement>[];
  readonly notices: readonly Notice[];
}
