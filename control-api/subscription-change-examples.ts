import type { ShownChange } from './contracts/subscription-changes.ts';
import type { ShownSubscriptionNotice } from './contracts/subscription-notices.ts';

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

const notice: ShownSubscriptionNotice = {
  noticeId: '5c1d2f47-6f1c-4b8c-8d3a-0b7f3c2e9a64',
  kind: 'lock_ending',
  about: '2029-02-20',
  daysBefore: 30,
  data: { until: '2029-02-20', daysLeft: 30 },
  writtenAt: '2029-01-21T06:00:02.000Z',
  sentAt: '2029-01-21T06:00:03.000Z',
  outcome: null,
};

/** Of routes/subscription-changes.ts and routes/subscription-notices.ts, by the schema's name. */
export const subscriptionChangeExamples: Readonly<Record<string, unknown>> = {
  SubscriptionChange: change,
  SubscriptionNotice: notice,
};
