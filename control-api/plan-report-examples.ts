import type {
  ChurnReport,
  MarginReport,
  MembersReport,
  PlacesReport,
  RevenueReport,
} from './contracts/plan-reports.ts';
import { signUpExample, termsExample } from './routes/examples.ts';

const on = '2027-03-01';
const plan = signUpExample.plan;
const head = (...notes: string[]) => ({ on, plan: null, notes });
const counts = {
  enrolled: 1,
  pending: 0,
  trialing: 0,
  activeLocked: 1,
  activeUnlocked: 0,
  pastDue: 0,
  suspended: 0,
  cancelled: 0,
};
const { base, perClinician, perLocation } = termsExample.rates;
const rateCents = base + signUpExample.clinicianCount * perClinician + perLocation;
const practice = {
  practiceId: 'sunrise-aba',
  displayName: signUpExample.displayName,
  plan,
  state: 'active' as const,
  currency: termsExample.currency,
  rateCents,
};
const members: MembersReport = {
  ...head('By the plan that holds on the day and the month of the enrolment.'),
  cohorts: [{ plan, month: '2026-11', ...counts }],
  total: counts,
};
const places: PlacesReport = {
  ...head('Whoever changes to a plan later holds a place in it already.'),
  plans: [{ plan, version: 1, cap: 100, members: 1, placesLeft: 99, waiting: 0 }],
};
const revenue: RevenueReport = {
  ...head('Suspensions are assumed to last.'),
  totals: [
    {
      currency: 'USD',
      practices: 1,
      rateCents,
      monthlyCents: rateCents,
      months: [{ on, monthlyCents: rateCents, lockedCents: rateCents, agreedCents: 0, assumedCents: 0 }],
    },
  ],
  items: [
    {
      ...practice,
      planVersion: 1,
      clinicians: signUpExample.clinicianCount,
      locations: 1,
      monthlyCents: rateCents,
      freeUntil: '2027-02-18',
      freeDaysLeft: 0,
      lockedUntil: '2029-02-18',
      lockedDaysLeft: 720,
      endsOn: null,
      next: {
        from: '2029-02-18',
        plan,
        planVersion: 2,
        rateCents: rateCents + 1_000,
        basis: 'assumed',
      },
    },
  ],
  nextCursor: null,
};
const costCents = 20_400;
const marginCents = rateCents - costCents;
const margin: MarginReport = {
  ...head('A rate counts in full also while it is free or suspended.'),
  total: { currency: 'USD', practices: 1, rateCents, costCents, marginCents, withoutMargin: 0 },
  items: [{ ...practice, costCents, marginCents, reason: null }],
  nextCursor: null,
};
const churn: ChurnReport = {
  ...head('Free periods count as active; who was never activated does not count.'),
  months: [
    {
      month: '2027-02',
      complete: true,
      activeAtStart: 40,
      activated: 3,
      cancelled: 1,
      cancelledNew: 0,
      activeAtEnd: 42,
      churn: 0.025,
    },
  ],
};

/** Successful answers of the plan reports, by the name of their schema. */
export const planReportExamples = {
  MembersReport: members,
  PlacesReport: places,
  RevenueReport: revenue,
  MarginReport: margin,
  ChurnReport: churn,
};
