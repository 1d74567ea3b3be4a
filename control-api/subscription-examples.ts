import type {
  OwnSubscription,
  ShownFact,
  ShownProjection,
  ShownSubscription,
  ShownWaiting,
} from './contracts/subscriptions.ts';
import { signUpExample, termsExample } from './routes/examples.ts';

const practiceId = 'sunrise-aba';
const at = '2026-11-20T16:00:00.000Z';
const quantities = { clinicians: signUpExample.clinicianCount, locations: 1 };

const subscription: ShownSubscription = {
  practiceId,
  state: 'active',
  plan: { id: signUpExample.plan, version: 1 },
  rates: termsExample.rates,
  quantities,
  currency: termsExample.currency,
  interval: termsExample.interval,
  timeZone: signUpExample.timeZone,
  enrolledOn: '2026-11-20',
  activatedOn: '2026-11-20',
  chargedFrom: '2027-02-18',
  locked: true,
  lockedUntil: '2029-02-18',
  period: { from: '2027-02-18', until: '2027-03-18' },
  closedUntil: null,
  endsOn: null,
  coming: [
    {
      from: '2027-03-01',
      plan: { id: signUpExample.plan, version: 1 },
      rates: termsExample.rates,
      quantities: { ...quantities, clinicians: 7 },
    },
  ],
  terms: termsExample,
  signature: { keyIds: ['9f2c'.repeat(16)], good: true, objection: null },
  updatedAt: at,
};
const fact: ShownFact = {
  seq: 2,
  at,
  actor: 'system',
  reason: null,
  fact: { kind: 'activated', on: '2026-11-20' },
};
const projection: ShownProjection = {
  practiceId,
  from: '2027-02-20',
  until: '2027-03-20',
  currency: termsExample.currency,
  assumed: null,
  periods: [{ from: '2027-02-18', until: '2027-03-18', basis: 'locked', totalCents: 34_200 }],
  totalCents: 34_200,
};
const waiting: ShownWaiting = {
  position: 3,
  signUpId: '8f14e45f-ceea-467f-a8b1-6f2d3c4b5a69',
  displayName: signUpExample.displayName,
  since: at,
  placeFree: false,
  objection: null,
};

/** Of routes/subscriptions.ts, by the schema's name. */
export const subscriptionExamples: Readonly<Record<string, unknown>> = {
  OwnSubscription: {
    displayName: signUpExample.displayName,
    subscription,
    projection,
    statements: [],
  } satisfies OwnSubscription,
  Subscription: subscription,
  SubscriptionFact: fact,
  SubscriptionLink: { practiceId, path: '/v1/subscriptions/<key>' },
  SubscriptionProjection: projection,
  WaitingSignUp: waiting,
};
