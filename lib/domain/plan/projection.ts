import { type Charge, chargesOf } from './charges.ts';
import { addDays, addMonths, type Day, laterOf } from './day.ts';
import { firstPeriodStart, periodsOf } from './periods.ts';
import type { Rates } from './terms.ts';
import { isLockedOn, type Timeline } from './timeline.ts';

/** A price of the subscription's plan that it may get when its lock is over. */
interface NextPrice {
  readonly planVersion: number;
  readonly rates: Rates;
  /** The day on which its notice was sent, or could be sent at the earliest. */
  readonly noticeOn: Day;
}

/**
 * Where the rates of a period come from. `locked`: promised. `agreed`: in force or announced, and may change after notice. `assumed`:
 * the plan's present price, from the first period that it could reach.
 */
export const bases = ['locked', 'agreed', 'assumed'] as const;
type Basis = (typeof bases)[number];

export interface ProjectedPeriod {
  readonly from: Day;
  readonly until: Day;
  readonly basis: Basis;
  readonly charges: readonly Charge[];
  /** Sum of the charges. */
  readonly totalCents: number;
}

export interface Projection {
  readonly from: Day;
  readonly until: Day;
  readonly currency: string;
  /** Null where nothing had to be assumed but that quantities stay as they are known. */
  readonly assumed: { readonly from: Day; readonly planVersion: number; readonly rates: Rates } | null;
  readonly periods: readonly ProjectedPeriod[];
  readonly totalCents: number;
}

/**
 * What a subscription will cost by what is known of it: all periods that share a day with the `months` calendar months from `from` on.
 * None before activation, since its day is not known (`preview` shows what a start would mean).
 */
export function project(
  timeline: Timeline,
  span: { readonly from: Day; readonly months: number },
  nextPrice?: NextPrice,
): Projection {
  const until = addMonths(span.from, span.months);
  const { expected, assumed } = expectedOf(timeline, nextPrice);
  const periods = periodsOf(expected, { from: span.from, until }).map((period) => {
    const charges = chargesOf(expected, period);
    return {
      from: period.from,
      until: period.until,
      basis: basisOf(timeline, period.from, assumed),
      charges,
      totalCents: charges.reduce((sum, { amountCents }) => sum + amountCents, 0),
    };
  });
  const totalCents = periods.reduce((sum, period) => sum + period.totalCents, 0);
  return { from: span.from, until, currency: timeline.currency, assumed, periods, totalCents };
}

/**
 * The first day on which a price can reach a subscription whose notice is sent on `noticeOn`: the beginning of a period, when the lock
 * and the plan's notice are over. Null when no period begins any more, or before activation.
 */
export function earliestPriceChange(timeline: Timeline, noticeOn: Day): Day | null {
  const noticeDays = timeline.plans.at(-1)?.terms.priceChange.noticeDays ?? 0;
  return firstPeriodStart(timeline, laterOf(addDays(noticeOn, noticeDays), timeline.lockedUntil ?? noticeOn));
}

/** A timeline with the price that is assumed for it. */
export function expectedOf(
  timeline: Timeline,
  nextPrice: NextPrice | undefined,
): { readonly expected: Timeline; readonly assumed: Projection['assumed'] } {
  const assumed = nextPrice === undefined ? null : assumptionOf(timeline, nextPrice);
  return { expected: assumed === null ? timeline : withPrice(timeline, assumed), assumed };
}

function assumptionOf(
  timeline: Timeline,
  { planVersion, rates, noticeOn }: NextPrice,
): Projection['assumed'] {
  const last = timeline.rates.at(-1);
  const earliest = earliestPriceChange(timeline, noticeOn);
  if (earliest === null || last === undefined || last.planVersion >= planVersion) return null;
  // A price that is announced already comes first.
  return { from: laterOf(earliest, last.from), planVersion, rates };
}

function withPrice(timeline: Timeline, price: NonNullable<Projection['assumed']>): Timeline {
  const planId = timeline.plans.at(-1)?.planId ?? '';
  // Those that are known begin before it, but for one that it takes the place of on the same day.
  const before = timeline.rates.filter(({ from }) => from < price.from);
  return { ...timeline, rates: [...before, { ...price, planId }] };
}

/** Where the rates of a day come from. */
export function basisOf(timeline: Timeline, day: Day, assumed: Projection['assumed']): Basis {
  if (isLockedOn(timeline, day)) return 'locked';
  return assumed !== null && day >= assumed.from ? 'assumed' : 'agreed';
}
