import { addMonths, type Day, dayIn } from './day.ts';
import type { FactOf, SubscriptionFact } from './facts.ts';
import { type Announcement, priceChangeTaken } from './price-changes.ts';
import { type SubscriptionState, stateOn } from './state.ts';
import type { Rates } from './terms.ts';
import { entryOn, isLockedOn, lastDayUpTo, type Timeline, timelineOf } from './timeline.ts';

/** What is on record of a subscription, in the order in which it was recorded. */
export interface SubscriptionRecord {
  readonly practiceId: string;
  readonly displayName: string;
  readonly timeZone: string;
  readonly facts: readonly { readonly fact: SubscriptionFact; readonly at: Date }[];
  /** What people have made of its state. */
  readonly decisions: readonly { readonly state: SubscriptionState; readonly at: Date }[];
  /** Prices that the practice is told of. */
  readonly announcements: readonly AnnouncedPrice[];
}

interface AnnouncedPrice {
  readonly announced: Announcement;
  readonly at: Date;
  /** When its notice was sent; null when it was not. */
  readonly sentAt: Date | null;
  /** When it lapsed before its day, because the practice has a new owner; null when it did not. */
  readonly lapsedAt: Date | null;
}

/** A subscription as it was known at the end of a day. */
export interface Member {
  readonly practiceId: string;
  readonly displayName: string;
  /** With the price that was announced. */
  readonly timeline: Timeline;
  readonly state: SubscriptionState;
  /** Of the plan that holds on the day, or held when the subscription ended. */
  readonly planId: string;
}

/** The version of a plan that is offered on a day. */
export interface OfferedVersion {
  readonly planId: string;
  readonly version: number;
  readonly rates: Rates;
  readonly cap: number | null;
}

/**
 * What was known of a subscription at the end of a day; null before its enrolment. Enrolment and activation count from their own day,
 * everything else from when it was recorded: so a report about a past day stays what it was. What was recorded together with the enrolment
 * counts with it: of practices from before there were subscriptions, that no day was charged until then.
 * @param end when the day has ended in the practice's zone
 */
export function memberOn(record: SubscriptionRecord, on: Day, end: Date): Member | null {
  const { practiceId, displayName } = record;
  const [enrolled] = record.facts;
  const facts = record.facts
    .filter(({ fact, at }) => {
      if (hasDay(fact)) return fact.on <= on;
      return at < end || at.getTime() === enrolled?.at.getTime();
    })
    .map(({ fact }) => fact);
  if (facts[0]?.kind !== 'enrolled') return null;
  const timeline = withAnnounced(facts, record, on, end);
  const decided = record.decisions.findLast(({ at }) => at < end)?.state ?? 'active';
  return {
    practiceId,
    displayName,
    timeline,
    state: stateOn(decided, timeline, on),
    planId: entryOn(timeline.plans, lastDayUpTo(timeline, on)).planId,
  };
}

/** An announced price becomes a fact on its day only. One whose notice was not sent yet counts if it would be in time on the day. */
function withAnnounced(
  facts: readonly SubscriptionFact[],
  { announcements, timeZone }: SubscriptionRecord,
  on: Day,
  end: Date,
): Timeline {
  const timeline = timelineOf(facts);
  const newest = announcements.findLast(({ at }) => at < end);
  if (newest === undefined || newest.announced.from <= on) return timeline;
  const { announced, sentAt, lapsedAt } = newest;
  if (lapsedAt !== null && lapsedAt < end) return timeline;
  const sentOn = sentAt === null || sentAt >= end ? on : dayIn(timeZone, sentAt);
  const outcome = priceChangeTaken(timeline, announced, { sentOn, closedUntil: null });
  return 'fact' in outcome ? timelineOf([...facts, outcome.fact]) : timeline;
}

const hasDay = (fact: SubscriptionFact): fact is FactOf<'enrolled' | 'activated'> =>
  fact.kind === 'enrolled' || fact.kind === 'activated';

/** How a member stands: each is counted once. */
type Standing =
  | Exclude<SubscriptionState, 'active' | 'past_due'>
  | 'activeLocked'
  | 'activeUnlocked'
  | 'pastDue';

export interface MemberCounts extends Readonly<Record<Standing, number>> {
  /** The sum of the others. */
  readonly enrolled: number;
}

/** Those who have one plan and were enrolled in one month. */
export interface Cohort extends MemberCounts {
  readonly planId: string;
  /** `2026-11`. */
  readonly month: string;
}

/** Members by plan and by the month of their enrolment, in that order. */
export function cohortsOf(
  members: readonly Member[],
  on: Day,
): { readonly cohorts: readonly Cohort[]; readonly total: MemberCounts } {
  const groups = groupBy(members, ({ planId, timeline }) => `${planId} ${monthOf(timeline.enrolledOn)}`);
  const cohorts = groups.map(([name, group]) => {
    const [planId = '', month = ''] = name.split(' ');
    return { planId, month, ...countsOf(group, on) };
  });
  return { cohorts, total: countsOf(members, on) };
}

function countsOf(members: readonly Member[], on: Day): MemberCounts {
  const counts: Record<Standing, number> = {
    pending: 0,
    trialing: 0,
    activeLocked: 0,
    activeUnlocked: 0,
    pastDue: 0,
    suspended: 0,
    cancelled: 0,
  };
  for (const member of members) counts[standingOf(member, on)] += 1;
  return { enrolled: members.length, ...counts };
}

function standingOf({ state, timeline }: Member, on: Day): Standing {
  if (state === 'active') return isLockedOn(timeline, on) ? 'activeLocked' : 'activeUnlocked';
  return state === 'past_due' ? 'pastDue' : state;
}

export interface PlanPlaces {
  readonly planId: string;
  /** The one that is offered, whose cap holds. */
  readonly version: number;
  readonly cap: number | null;
  /** Who holds a place: whoever changes to the plan later, too. */
  readonly members: number;
  /** Null without a cap. */
  readonly placesLeft: number | null;
  /** Sign-ups that wait for a place. */
  readonly waiting: number;
}

/** What is left of each plan that is offered. */
export function placesOf(
  offered: readonly OfferedVersion[],
  members: readonly Member[],
  waiting: ReadonlyMap<string, number>,
): PlanPlaces[] {
  const holders = members.filter(({ state }) => state !== 'cancelled');
  return offered.map(({ planId, version, cap }) => {
    const held = holders.filter(({ timeline }) => timeline.plans.at(-1)?.planId === planId).length;
    return {
      planId,
      version,
      cap,
      members: held,
      placesLeft: cap === null ? null : Math.max(0, cap - held),
      waiting: waiting.get(planId) ?? 0,
    };
  });
}

export interface ChurnMonth {
  /** `2026-11`. */
  readonly month: string;
  /** Whether the month is over: the last one goes up to the day of the report. */
  readonly complete: boolean;
  /** Activated before the month, and not ended before it. */
  readonly activeAtStart: number;
  /** For the first time, in the month. */
  readonly activated: number;
  /** Of those at its start: their first day that is not charged any more is in the month. */
  readonly cancelled: number;
  /** Of those that were activated in the month. */
  readonly cancelledNew: number;
  readonly activeAtEnd: number;
  /** `cancelled` of `activeAtStart`, from 0 to 1, to four digits; null when nobody was there. */
  readonly churn: number | null;
}

/** Month by month from the first activation to a day. Free periods count as active; who was never activated does not count. */
export function churnOf(members: readonly Member[], on: Day): ChurnMonth[] {
  const lives = members.flatMap(({ timeline: { activatedOn, endsOn } }) =>
    activatedOn === null
      ? []
      : [{ from: activatedOn, until: endsOn !== null && endsOn <= on ? endsOn : null }],
  );
  const [first] = lives.map(({ from }) => from).toSorted();
  if (first === undefined) return [];
  const months: ChurnMonth[] = [];
  let activeAtStart = 0;
  for (let from = `${monthOf(first)}-01`; from <= on; from = addMonths(from, 1)) {
    const month = monthOf(from);
    const isNew = (life: { readonly from: Day }): boolean => monthOf(life.from) === month;
    const ended = lives.filter(({ until }) => until !== null && monthOf(until) === month);
    const activated = lives.filter(isNew).length;
    const cancelledNew = ended.filter(isNew).length;
    const cancelled = ended.length - cancelledNew;
    const activeAtEnd = activeAtStart + activated - ended.length;
    months.push({
      month,
      complete: month < monthOf(on),
      activeAtStart,
      activated,
      cancelled,
      cancelledNew,
      activeAtEnd,
      churn: activeAtStart === 0 ? null : Math.round((cancelled / activeAtStart) * 10_000) / 10_000,
    });
    activeAtStart = activeAtEnd;
  }
  return months;
}

/** By what each is sorted under, in the order of that. */
export function groupBy<Row>(
  rows: readonly Row[],
  nameOf: (row: Row) => string,
): (readonly [name: string, rows: readonly Row[]])[] {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const name = nameOf(row);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [row]);
    else group.push(row);
  }
  return [...groups].toSorted(([one], [other]) => (one < other ? -1 : 1));
}

const monthOf = (day: Day): string => day.slice(0, 7);
