import { addDays, type Day, laterOf } from './day.ts';
import type { FactOf } from './facts.ts';
import { firstPeriodStart } from './periods.ts';
import { earliestPriceChange } from './projection.ts';
import type { PlanTerms, Rates } from './terms.ts';
import { entryOn, type Timeline } from './timeline.ts';

/** A published version of the subscription's plan. */
export interface PublishedVersion {
  readonly version: number;
  readonly effectiveFrom: Day;
  readonly terms: Pick<PlanTerms, 'currency' | 'interval' | 'rates'>;
}

/** What a practice was told of: from the first day of a period on another price of its plan. */
export interface Announcement {
  readonly from: Day;
  readonly planId: string;
  readonly planVersion: number;
  readonly after: Rates;
}

/** So long before the last day on which a notice is in time it is written: its delivery may take days. */
const writtenDaysEarlier = 10;
/** What cannot be written so long before that day aims at the next period. */
const leastDaysEarlier = 3;

/**
 * The change of price that is to be announced on a day, and when to look again where none is. A lock is never touched, whatever
 * was published meanwhile; a version reaches a practice with the first period after its lock, its own first day, and the notice.
 * @param versions of the plan that the subscription has at the end of its timeline
 */
export function priceChangeOn(
  timeline: Timeline,
  day: Day,
  versions: readonly PublishedVersion[],
): { readonly announce: Announcement } | { readonly lookAgainOn: Day | null } {
  const present = timeline.rates.at(-1);
  const plan = timeline.plans.at(-1);
  if (present === undefined || plan === undefined) return { lookAgainOn: null };
  const { noticeDays } = plan.terms.priceChange;
  const newer = versions.filter(
    ({ version, terms }) => version > present.planVersion && isComparable(terms, plan.terms),
  );
  let lookAgainOn: Day | null = null;
  for (const { version, effectiveFrom, terms } of newer.toSorted(
    (one, other) => other.version - one.version,
  )) {
    const from = earliestDayOf(timeline, effectiveFrom, day);
    if (from === null) continue;
    const isSuperseded = newer.some((other) => other.version > version && other.effectiveFrom <= from);
    if (isSuperseded || areSameRates(terms.rates, present.rates)) continue;
    const writeOn = addDays(from, -(noticeDays + writtenDaysEarlier));
    if (writeOn <= day) {
      return { announce: { from, planId: plan.planId, planVersion: version, after: terms.rates } };
    }
    if (lookAgainOn === null || writeOn < lookAgainOn) lookAgainOn = writeOn;
  }
  return { lookAgainOn };
}

/**
 * The first day on which a subscription could have the rates of a version that takes effect on `effectiveFrom`, as seen from a day. Null
 * when no period begins any more, or before activation.
 */
export function earliestDayOf(timeline: Timeline, effectiveFrom: Day, day: Day): Day | null {
  const noticeDays = timeline.plans.at(-1)?.terms.priceChange.noticeDays ?? 0;
  // The announced price of an earlier version, and a plan that is still to come, go first.
  const first = laterOf(effectiveFrom, timeline.rates.at(-1)?.from ?? effectiveFrom);
  return earliestPriceChange(timeline, laterOf(addDays(day, leastDaysEarlier), addDays(first, -noticeDays)));
}

/**
 * What becomes of an announcement on its day: the new rates, or why the old ones go on. It is judged by what is true then, not by what
 * was when it was written.
 * @param sentOn the day on which the practice was sent the notice; null when it was not
 */
export function priceChangeTaken(
  timeline: Timeline,
  announced: Announcement,
  { sentOn, closedUntil }: { readonly sentOn: Day | null; readonly closedUntil: Day | null },
): { readonly fact: FactOf<'rates'> } | { readonly lapsed: string } {
  const { from, planId, planVersion, after } = announced;
  if (firstPeriodStart(timeline, from) !== from) return { lapsed: `no period begins on ${from} any more` };
  const plan = entryOn(timeline.plans, from);
  if (plan.planId !== planId) return { lapsed: `the practice has changed to the plan ${plan.planId}` };
  if (closedUntil !== null && from < closedUntil)
    return { lapsed: `the period from ${from} on is closed already` };
  const lock = timeline.locks.find((each) => each.from <= from && from < each.until);
  if (lock !== undefined) return { lapsed: `the rate is locked until ${lock.until}` };
  const inTimeUntil = addDays(from, -plan.terms.priceChange.noticeDays);
  if (sentOn === null) return { lapsed: 'the notice was not sent' };
  if (sentOn > inTimeUntil)
    return { lapsed: `the notice was sent on ${sentOn}, and had to be by ${inTimeUntil}` };
  if (entryOn(timeline.rates, from).planVersion >= planVersion) return { lapsed: 'a newer rate is in force' };
  return { fact: { kind: 'rates', from, planVersion, rates: after } };
}

const isComparable = (one: PublishedVersion['terms'], other: PlanTerms): boolean =>
  one.currency === other.currency && one.interval === other.interval;

export const areSameRates = (one: Rates, other: Rates): boolean =>
  one.base === other.base && one.perClinician === other.perClinician && one.perLocation === other.perLocation;
