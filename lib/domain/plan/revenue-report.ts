import { addDays, addMonths, type Day, daysBetween } from './day.ts';
import { basisOf, expectedOf, type Projection } from './projection.ts';
import { groupBy, type Member, type OfferedVersion } from './reports.ts';
import type { SubscriptionState } from './state.ts';
import { entryOn, isSuspendedOn, type Timeline } from './timeline.ts';
import { monthlyCents } from './version-reach.ts';

/** How far revenue is projected. */
const projectedMonths = 24;

/** What one practice pays a month, and how long nobody can change that. Of a yearly price a twelfth, rounded down. */
export interface RevenueRow {
  readonly practiceId: string;
  readonly displayName: string;
  readonly planId: string;
  readonly planVersion: number;
  readonly state: SubscriptionState;
  readonly clinicians: number;
  readonly locations: number;
  /** ISO 4217. */
  readonly currency: string;
  /** At the rates and quantities of the day, also where nothing is charged. */
  readonly rateCents: number;
  /** What of it recurs on the day: 0 before the first charged day and while suspended. */
  readonly monthlyCents: number;
  /** First charged day; null before activation. */
  readonly freeUntil: Day | null;
  readonly freeDaysLeft: number | null;
  /** First day after the lock; null without one, and before activation. */
  readonly lockedUntil: Day | null;
  readonly lockedDaysLeft: number | null;
  readonly endsOn: Day | null;
  /** The price that comes next; null when none does. */
  readonly next: NextPriceRow | null;
}

interface NextPriceRow {
  readonly from: Day;
  readonly planId: string;
  readonly planVersion: number;
  /** At the quantities of its first day. */
  readonly rateCents: number;
  /** Of a plan that was chosen or a price that was announced; or the plan's present price, which is assumed after lock and notice. */
  readonly basis: 'agreed' | 'assumed';
}

/** Monthly recurring revenue on a day: the sum of its three parts. */
interface RevenueDay {
  readonly on: Day;
  readonly monthlyCents: number;
  readonly lockedCents: number;
  /** In force or announced, and may change after notice. */
  readonly agreedCents: number;
  /** At the plan's present price, after lock and notice. */
  readonly assumedCents: number;
}

export interface RevenueTotal {
  readonly currency: string;
  readonly practices: number;
  /** Sums of the practices' rows. */
  readonly rateCents: number;
  readonly monthlyCents: number;
  /** The day of the report, and the same day of each of the months that follow. */
  readonly months: readonly RevenueDay[];
}

/** Monthly recurring revenue of all members that are not cancelled, a row each in the order given, and by currency. */
export function revenueOf(
  members: readonly Member[],
  offered: readonly OfferedVersion[],
  on: Day,
): { readonly rows: readonly RevenueRow[]; readonly totals: readonly RevenueTotal[] } {
  const offers = new Map(offered.map((version) => [version.planId, version]));
  const outlooks = members
    .filter(({ state }) => state !== 'cancelled')
    .map((member) => outlookOf(member, offers, on));
  return {
    rows: outlooks.map(({ row }) => row),
    totals: groupBy(outlooks, ({ row }) => row.currency).map(([currency, group]) =>
      totalOf(currency, group, on),
    ),
  };
}

interface Outlook {
  readonly row: RevenueRow;
  readonly timeline: Timeline;
  /** With the price that is assumed. */
  readonly expected: Timeline;
  readonly assumed: Projection['assumed'];
}

function outlookOf(
  { practiceId, displayName, state, timeline }: Member,
  offers: ReadonlyMap<string, OfferedVersion>,
  on: Day,
): Outlook {
  const offer = offers.get(timeline.plans.at(-1)?.planId ?? '');
  // The day of the report is over: a notice goes out on the next one.
  const present =
    offer === undefined
      ? undefined
      : { planVersion: offer.version, rates: offer.rates, noticeOn: addDays(on, 1) };
  const { expected, assumed } = expectedOf(timeline, present);
  const { planId, planVersion } = entryOn(timeline.rates, on);
  const { clinicians, locations } = entryOn(timeline.quantities, on);
  const { currency, chargedFrom, lockedUntil, endsOn } = timeline;
  const row: RevenueRow = {
    practiceId,
    displayName,
    planId,
    planVersion,
    state,
    clinicians,
    locations,
    currency,
    rateCents: rateOn(timeline, on),
    monthlyCents: recurringOn(timeline, on),
    freeUntil: chargedFrom,
    freeDaysLeft: daysLeft(on, chargedFrom),
    lockedUntil,
    lockedDaysLeft: daysLeft(on, lockedUntil),
    endsOn,
    next: nextPriceOf(expected, assumed, on),
  };
  return { row, timeline, expected, assumed };
}

function nextPriceOf(expected: Timeline, assumed: Projection['assumed'], on: Day): NextPriceRow | null {
  const { rates, endsOn } = expected;
  const next = rates.find(({ from }) => from > on && (endsOn === null || from < endsOn));
  if (next === undefined) return null;
  const { from, planId, planVersion } = next;
  const basis = assumed !== null && from >= assumed.from ? 'assumed' : 'agreed';
  return { from, planId, planVersion, rateCents: rateOn(expected, from), basis };
}

function totalOf(currency: string, outlooks: readonly Outlook[], on: Day): RevenueTotal {
  return {
    currency,
    practices: outlooks.length,
    rateCents: sumOf(outlooks, ({ row }) => row.rateCents),
    monthlyCents: sumOf(outlooks, ({ row }) => row.monthlyCents),
    months: Array.from({ length: projectedMonths + 1 }, (_, months) =>
      revenueOn(outlooks, addMonths(on, months)),
    ),
  };
}

function revenueOn(outlooks: readonly Outlook[], on: Day): RevenueDay {
  const cents = { locked: 0, agreed: 0, assumed: 0 };
  for (const { timeline, expected, assumed } of outlooks) {
    cents[basisOf(timeline, on, assumed)] += recurringOn(expected, on);
  }
  return {
    on,
    monthlyCents: cents.locked + cents.agreed + cents.assumed,
    lockedCents: cents.locked,
    agreedCents: cents.agreed,
    assumedCents: cents.assumed,
  };
}

/** What recurs on a day: nothing while it is free or suspended, and nothing from the end on. */
function recurringOn(timeline: Timeline, day: Day): number {
  const { chargedFrom, endsOn } = timeline;
  const isCharged = chargedFrom !== null && chargedFrom <= day && (endsOn === null || day < endsOn);
  return isCharged && !isSuspendedOn(timeline, day) ? rateOn(timeline, day) : 0;
}

/** A month's price at the rates and quantities of a day. */
export function rateOn({ rates, plans, quantities }: Timeline, day: Day): number {
  const { interval } = entryOn(plans, day).terms;
  return monthlyCents(entryOn(rates, day).rates, interval, entryOn(quantities, day));
}

const daysLeft = (on: Day, until: Day | null): number | null =>
  until === null ? null : Math.max(0, daysBetween(on, until));

export function sumOf<Row>(rows: readonly Row[], cents: (row: Row) => number): number {
  return rows.reduce((sum, row) => sum + cents(row), 0);
}
