import type { ExportedCharge, ShownExport } from './contracts/charges.ts';
import type { ShownTransaction } from './contracts/ledger.ts';
import type { ShownStatement, StatementSummary } from './contracts/statements.ts';
import type { ShownApproval } from './contracts/subscription-approvals.ts';

const practiceId = 'sunrise-aba';
const charge: ShownTransaction = {
  id: '8a4e2f0c-5b1d-4a7e-9c3f-2d6b8e1f0a35',
  practiceId,
  kind: 'charge',
  day: '2027-03-19',
  owedCents: 14_900,
  currency: 'USD',
  entries: [
    { account: 'receivable', amountCents: 14_900 },
    { account: 'revenue', amountCents: -14_900 },
  ],
  reason: 'Base, 2027-02-20 to 2027-03-19',
  author: 'control plane',
  approvedBy: null,
  charge: {
    component: 'base',
    from: '2027-02-20',
    until: '2027-03-20',
    quantity: 1,
    rateCents: 14_900,
    planId: 'founding',
    planVersion: 1,
    locked: true,
  },
  reverses: null,
  reversedBy: null,
  at: '2027-03-20T05:00:04.000Z',
};
const summary: StatementSummary = {
  number: `${practiceId}-2027-02-20`,
  practiceId,
  from: '2027-02-20',
  until: '2027-03-20',
  currency: 'USD',
  openingCents: 0,
  totals: { charge: 14_900, credit: 0, adjustment: 0, payment: 0, reversal: 0 },
  costCents: 14_900,
  closingCents: 14_900,
  closedAt: charge.at,
};
const approval: ShownApproval = {
  id: '1d9c7b3a-0e5f-4d28-8b64-c7a9f2e31d50',
  kind: 'credit',
  practiceId,
  state: 'requested',
  input: { kind: 'credit', amountCents: 90_000 },
  valueCents: 90_000,
  currency: 'USD',
  reason: 'Two days without access in March',
  requestedBy: 'plan desk',
  requestedAt: '2027-04-02T15:00:00.000Z',
  expiresAt: '2027-04-16T15:00:00.000Z',
  decision: null,
  result: null,
};

/** Of routes/ledger.ts, routes/statements.ts and routes/subscription-approvals.ts, by the schema's name. */
export const ledgerExamples: Readonly<Record<string, unknown>> = {
  ExportedCharge: {
    id: charge.id,
    statement: summary.number,
    practiceId,
    practice: 'Sunrise ABA',
    kind: 'charge',
    day: charge.day,
    amountCents: charge.owedCents,
    currency: charge.currency,
    charge: charge.charge,
    reverses: null,
    description: charge.reason,
  } satisfies ExportedCharge,
  LedgerTransaction: charge,
  PaymentEventOutcome: { outcome: 'payment_posted' },
  Statement: { ...summary, lines: [charge] } satisfies ShownStatement,
  StatementExport: {
    statement: summary.number,
    practiceId,
    state: 'exported',
    target: 'files',
    externalId: `${summary.number}.json`,
    tries: 1,
    nextTryAt: null,
    lastError: null,
    exportedAt: '2027-03-20T05:00:09.000Z',
  } satisfies ShownExport,
  StatementSummary: summary,
  SubscriptionApproval: approval,
};
