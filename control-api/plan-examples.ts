import type { Plan, PlanDryRun, PlanPreview, PlanVersion } from './contracts/plans.ts';
import { signUpExample, termsExample } from './routes/examples.ts';

const first: PlanVersion = {
  version: 1,
  effectiveFrom: '2026-01-01',
  offeredUntil: null,
  terms: termsExample,
};
const plan: Plan = {
  id: signUpExample.plan,
  name: 'Founding member',
  description: '90 days free, then a rate locked for 24 months',
  promise: { freeDays: 90, lockMonths: 24 },
  versions: [first],
};
const dryRun: PlanDryRun = {
  planId: plan.id,
  version: 2,
  effectiveFrom: '2027-03-01',
  currency: 'USD',
  touched: {
    count: 1,
    monthlyDifferenceCents: 2_200,
    firstFrom: '2027-03-14',
    items: [
      {
        practiceId: 'sunrise-aba',
        from: '2027-03-14',
        clinicians: 6,
        locations: 1,
        monthlyCentsBefore: 34_200,
        monthlyCentsAfter: 36_400,
        monthlyDifferenceCents: 2_200,
      },
    ],
    nextCursor: null,
  },
  locked: { count: 41, firstUntil: '2029-01-07', lastUntil: '2029-05-20' },
  unaffected: 0,
};
const preview: PlanPreview = {
  plan: plan.id,
  version: 1,
  startsOn: '2026-11-22',
  chargedFrom: '2027-02-20',
  lockedFrom: '2027-02-20',
  lockedUntil: '2029-02-20',
  currency: 'USD',
  periods: [
    {
      from: '2027-02-20',
      until: '2027-03-20',
      days: 28,
      basis: 'locked',
      chargedAt: '2027-03-20T05:00:00.000Z',
      charges: [
        {
          component: 'base',
          from: '2027-02-20',
          until: '2027-03-20',
          quantity: 1,
          rateCents: 14_900,
          amountCents: 14_900,
        },
        {
          component: 'per_clinician',
          from: '2027-02-20',
          until: '2027-03-20',
          quantity: 6,
          rateCents: 2_900,
          amountCents: 17_400,
        },
        {
          component: 'per_location',
          from: '2027-02-20',
          until: '2027-03-20',
          quantity: 1,
          rateCents: 1_900,
          amountCents: 1_900,
        },
      ],
      totalCents: 34_200,
    },
  ],
  totalCents: 34_200,
};

/** Of routes/plans.ts, by the schema's name. */
export const planExamples: Readonly<Record<string, unknown>> = {
  Plan: plan,
  PlanPreview: preview,
  PlanVersion: first,
  PlanVersionDryRun: dryRun,
};
