import type { ShownChange } from './contracts/subscription-changes.ts';

const change: ShownChange = {
  practiceId: 'sunrise-aba',
  state: 'active',
  plan: { id: 'founding', version: 1 },
  chargedFrom: '2027-02-20',
  lockedUntil: '2029-02-20',
  endsOn: null,
  runId: null,
  approvalId: null,
};

/** Of routes/subscription-changes.ts, by the schema's name. */
export const subscriptionChangeExamples: Readonly<Record<string, unknown>> = { SubscriptionChange: change };
