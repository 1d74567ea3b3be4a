import { type CsvColumns, csvOf } from '../lib/domain/csv.ts';
import type * as reports from '../lib/use-cases/plan-reports.ts';
import type {
  ChurnReport,
  MarginReport,
  MembersReport,
  PlacesReport,
  ReportName,
  RevenueReport,
} from './contracts/plan-reports.ts';

type Answer<Read extends (...args: never[]) => unknown> = Awaited<ReturnType<Read>>;

/** What the figures of each report mean, in the words of docs/plans.md. */
const notes: Readonly<Record<ReportName, readonly string[]>> = {
  members: ['By the plan that holds on the day and the month of the enrolment.'],
  places: [
    'Whoever changes to a plan later holds a place in it already.',
    'The waiting list is that of the end of the day in UTC.',
  ],
  revenue: [
    'Monthly recurring revenue is what a month costs at the rates and quantities of a day, without what is free, suspended, or not activated yet. Of a yearly price it is a twelfth, rounded down for each practice. Credits do not change it.',
    'A price that was announced counts from its day. Otherwise, after a lock and the notice that the terms ask for, a practice is assumed to pay the price at which its plan is offered on the day of the report.',
    'Quantities are assumed to stay as they are known, suspensions to last, and practices that are not activated yet to pay nothing.',
  ],
  margin: [
    "Rate less the list price of the silo by its release of today, rounded half up to the cent; no discounts, taxes, support, or the control plane's own cost.",
    'A rate counts in full also while it is free or suspended.',
  ],
  churn: [
    'Churn of a month: the subscriptions whose first day that is not charged any more is in it, of those that were activated before it and had not ended before it. Free periods count as active; who was never activated does not count.',
  ],
};

const head = (name: ReportName, { on, plan }: reports.Report) => ({ on, plan, notes: [...notes[name]] });

export function toMembersReport({
  cohorts,
  total,
  ...report
}: Answer<typeof reports.reportMembers>): MembersReport {
  return {
    ...head('members', report),
    cohorts: cohorts.map(({ planId: plan, ...cohort }) => ({ plan, ...cohort })),
    total,
  };
}

export function toPlacesReport({ plans, ...report }: Answer<typeof reports.reportPlaces>): PlacesReport {
  return {
    ...head('places', report),
    plans: plans.map(({ planId: plan, ...places }) => ({ plan, ...places })),
  };
}

export function toRevenueReport({
  totals,
  rows,
  ...report
}: Answer<typeof reports.reportRevenue>): RevenueReport {
  return {
    ...head('revenue', report),
    totals: totals.map((total) => ({ ...total, months: [...total.months] })),
    items: rows.items.map(({ planId: plan, next, ...row }) => ({ plan, ...row, next: next && toNext(next) })),
    nextCursor: rows.nextCursor,
  };
}

const toNext = ({ planId: plan, ...price }: NonNullable<reports.RevenueRow['next']>) => ({ plan, ...price });

export function toMarginReport({
  total,
  rows,
  ...report
}: Answer<typeof reports.reportMargin>): MarginReport {
  return {
    ...head('margin', report),
    total: { currency: 'USD', ...total },
    items: rows.items.map(({ planId: plan, ...row }) => ({ plan, ...row })),
    nextCursor: rows.nextCursor,
  };
}

export function toChurnReport({ months, ...report }: Answer<typeof reports.reportChurn>): ChurnReport {
  return { ...head('churn', report), months: [...months] };
}

type Row<List extends readonly unknown[]> = List[number];

/** Columns stay as they are and where they are: spreadsheets count on it. New ones go to the end. */
const membersColumns: CsvColumns<Row<MembersReport['cohorts']>> = {
  plan: ({ plan }) => plan,
  month: ({ month }) => month,
  enrolled: ({ enrolled }) => enrolled,
  pending: ({ pending }) => pending,
  trialing: ({ trialing }) => trialing,
  active_locked: ({ activeLocked }) => activeLocked,
  active_unlocked: ({ activeUnlocked }) => activeUnlocked,
  past_due: ({ pastDue }) => pastDue,
  suspended: ({ suspended }) => suspended,
  cancelled: ({ cancelled }) => cancelled,
};

const placesColumns: CsvColumns<Row<PlacesReport['plans']>> = {
  plan: ({ plan }) => plan,
  version: ({ version }) => version,
  cap: ({ cap }) => cap,
  members: ({ members }) => members,
  places_left: ({ placesLeft }) => placesLeft,
  waiting: ({ waiting }) => waiting,
};

const revenueColumns: CsvColumns<Row<RevenueReport['items']>> = {
  practice_id: ({ practiceId }) => practiceId,
  display_name: ({ displayName }) => displayName,
  plan: ({ plan }) => plan,
  plan_version: ({ planVersion }) => planVersion,
  state: ({ state }) => state,
  clinicians: ({ clinicians }) => clinicians,
  locations: ({ locations }) => locations,
  currency: ({ currency }) => currency,
  rate_cents: ({ rateCents }) => rateCents,
  monthly_cents: ({ monthlyCents }) => monthlyCents,
  free_until: ({ freeUntil }) => freeUntil,
  free_days_left: ({ freeDaysLeft }) => freeDaysLeft,
  locked_until: ({ lockedUntil }) => lockedUntil,
  locked_days_left: ({ lockedDaysLeft }) => lockedDaysLeft,
  ends_on: ({ endsOn }) => endsOn,
  next_from: ({ next }) => next?.from ?? null,
  next_plan: ({ next }) => next?.plan ?? null,
  next_plan_version: ({ next }) => next?.planVersion ?? null,
  next_rate_cents: ({ next }) => next?.rateCents ?? null,
  next_basis: ({ next }) => next?.basis ?? null,
};

const marginColumns: CsvColumns<Row<MarginReport['items']>> = {
  practice_id: ({ practiceId }) => practiceId,
  display_name: ({ displayName }) => displayName,
  plan: ({ plan }) => plan,
  state: ({ state }) => state,
  currency: ({ currency }) => currency,
  rate_cents: ({ rateCents }) => rateCents,
  cost_cents: ({ costCents }) => costCents,
  margin_cents: ({ marginCents }) => marginCents,
  reason: ({ reason }) => reason,
};

const churnColumns: CsvColumns<Row<ChurnReport['months']>> = {
  month: ({ month }) => month,
  complete: ({ complete }) => String(complete),
  active_at_start: ({ activeAtStart }) => activeAtStart,
  activated: ({ activated }) => activated,
  cancelled: ({ cancelled }) => cancelled,
  cancelled_new: ({ cancelledNew }) => cancelledNew,
  active_at_end: ({ activeAtEnd }) => activeAtEnd,
  churn: ({ churn }) => churn,
};

export const membersCsv = ({ cohorts }: MembersReport): string => csvOf(membersColumns, cohorts);
export const placesCsv = ({ plans }: PlacesReport): string => csvOf(placesColumns, plans);
export const revenueCsv = ({ items }: RevenueReport): string => csvOf(revenueColumns, items);
export const marginCsv = ({ items }: MarginReport): string => csvOf(marginColumns, items);
export const churnCsv = ({ months }: ChurnReport): string => csvOf(churnColumns, months);
