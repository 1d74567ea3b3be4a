import { appendAudit } from '../db/audit-store.ts';
import type { Trx } from '../db/database.ts';
import { firstDayOwed } from '../db/ledger-store.ts';
import { findPlan } from '../db/plan-store.ts';
import { lockPractice, type PracticeRow, setPracticePlan } from '../db/practice-store.ts';
import {
  endAnnouncement,
  endingsTold,
  openAnnouncement,
  tellSubscriber,
} from '../db/subscription-notice-store.ts';
import {
  addFact,
  changeSubscription,
  factsOf,
  lockSubscription,
  type Subscription,
  todayOf,
} from '../db/subscription-store.ts';
import { systemActor } from '../domain/access.ts';
import { noticeDaysOf, noticesOn } from '../domain/plan/calendar-of-notices.ts';
import { type Day, dayIn, startOfDay } from '../domain/plan/day.ts';
import { firstStatementDay, type Period, periodAfterEnd, periodAt } from '../domain/plan/periods.ts';
import { type Announcement, priceChangeOn, priceChangeTaken } from '../domain/plan/price-changes.ts';
import { type SubscriptionState, stateOn } from '../domain/plan/state.ts';
import { entryOn, lastDayUpTo, type Timeline, timelineOf } from '../domain/plan/timeline.ts';
import { closePeriod } from '../workflows/close-period.ts';

/** A subscription and its practice, held until the transaction ends, on the practice's own day. */
interface Work {
  readonly trx: Trx;
  readonly practice: PracticeRow;
  readonly subscription: Subscription;
  readonly today: Day;
  readonly now: Date;
}

/** Closed in one transaction at most, so that none holds its locks for long; the next pass goes on. */
const mostPeriods = 24;

/**
 * Brings a subscription to its practice's day. Everything is decided by facts, closed periods and notices on record, so a second process,
 * or one after a crash, does what is left and nothing twice.
 */
export async function advanceSubscription(trx: Trx, practiceId: string, now: Date): Promise<void> {
  const practice = await lockPractice(trx, practiceId);
  const subscription = await lockSubscription(trx, practiceId);
  if (practice === undefined || subscription === undefined) return;
  // Another process was faster.
  if (subscription.nextDueAt === null || subscription.nextDueAt > now) return;
  const work = { trx, practice, subscription, today: todayOf(subscription, now), now };
  // Prices come before periods are closed: they begin with one.
  const { timeline, announced } = await letPriceCome(work, timelineOf(await factsOf(trx, practiceId)));
  const { closedUntil, nextEnd, isDone } = await closePeriods(work, timeline);
  const state = await moveState(work, timeline);
  const isOver = state === 'cancelled' || state === 'pending';
  if (!isOver) await tellOfEnds(work, timeline);
  const priceOn = isOver ? null : (announced?.from ?? (await announcePrice(work, timeline)));
  await followPlan(work, timeline);
  const nextDay = nextDayOf(work, timeline, [nextEnd, priceOn]);
  const nextDueAt = nextDay === null ? null : startOfDay(subscription.timeZone, nextDay);
  await changeSubscription(
    trx,
    practiceId,
    {
      ...(closedUntil === null ? {} : { closedUntil }),
      nextDueAt: isDone ? nextDueAt : now,
    },
    now,
  );
}

/**
 * On the day of an announced price: the price, or the reason why the old one goes on.
 * @returns `announced`, while its day is still to come
 */
async function letPriceCome(
  work: Work,
  timeline: Timeline,
): Promise<{ readonly timeline: Timeline; readonly announced?: Announcement }> {
  const { trx, subscription, today, now } = work;
  const { practiceId, timeZone, closedUntil } = subscription;
  const announcement = await openAnnouncement(trx, practiceId);
  if (announcement === undefined) return { timeline };
  const { data, sentAt, noticeId } = announcement;
  if (data.from > today) return { timeline, announced: data };
  const sentOn = sentAt === null ? null : dayIn(timeZone, sentAt);
  const outcome = priceChangeTaken(timeline, data, { sentOn, closedUntil });
  if ('lapsed' in outcome) {
    await endAnnouncement(trx, noticeId, outcome.lapsed);
    await audit(work, 'subscription.price_lapsed', { ...data, why: outcome.lapsed });
    return { timeline };
  }
  await endAnnouncement(trx, noticeId, 'taken');
  await audit(work, 'subscription.price_changed', { ...data, sentOn });
  const reason = `announced on ${sentOn}`;
  return addFact(trx, subscription, outcome.fact, { actor: systemActor.id, reason, at: now });
}

interface Closed {
  /** The first day that is in no statement; null while none is made. */
  readonly closedUntil: Day | null;
  /** When the next period is over; null when none is open. */
  readonly nextEnd: Day | null;
  /** Whether all were closed that are over. */
  readonly isDone: boolean;
}

/** Posts what periods cost whose last day is over, one after the other, and tells of their statements. */
async function closePeriods(work: Work, timeline: Timeline): Promise<Closed> {
  const { subscription, today } = work;
  let { closedUntil } = subscription;
  for (let closed = 0; closed < mostPeriods; closed += 1) {
    const period = await openPeriod(work, timeline, closedUntil);
    if (period === null || period.until > today)
      return { closedUntil, nextEnd: period?.until ?? null, isDone: true };
    await closeAndTell(work, timeline, period);
    closedUntil = period.until;
  }
  return { closedUntil, nextEnd: null, isDone: false };
}

/** The period that is to be closed next; null when nothing is charged any more, or yet, and nothing is posted since the end. */
async function openPeriod(
  { trx, subscription: { practiceId } }: Work,
  timeline: Timeline,
  closedUntil: Day | null,
): Promise<Period | null> {
  const from = closedUntil ?? firstStatementDay(timeline);
  if (from === null) return null;
  if (timeline.endsOn === null || from < timeline.endsOn) return periodAt(timeline, from);
  const posted = await firstDayOwed(trx, practiceId, closedUntil);
  return posted === null ? null : periodAfterEnd(from, posted);
}

async function closeAndTell(
  { trx, subscription: { practiceId }, today, now }: Work,
  timeline: Timeline,
  period: Period,
): Promise<void> {
  const statement = await closePeriod(trx, { practiceId, timeline, period, today, now });
  if (statement === undefined) return;
  const { from, until, costCents: totalCents, currency } = statement;
  const data = { from, until, totalCents, currency };
  await tellSubscriber(trx, { kind: 'statement_ready', data }, { practiceId, now });
}

/** What the calendar makes of the state: the end of the free period, or of the subscription. */
async function moveState(work: Work, timeline: Timeline): Promise<SubscriptionState> {
  const { trx, subscription, today, now } = work;
  const from = subscription.state;
  const state = stateOn(from, timeline, today);
  if (state === from) return state;
  await changeSubscription(trx, subscription.practiceId, { state }, now);
  await audit(work, 'subscription.state_changed', { from, to: state, on: today });
  return state;
}

async function tellOfEnds({ trx, subscription, today, now }: Work, timeline: Timeline): Promise<void> {
  const { practiceId } = subscription;
  // Most days bring none, whatever was told.
  if (noticesOn(timeline, today, []).length === 0) return;
  for (const notice of noticesOn(timeline, today, await endingsTold(trx, practiceId))) {
    const { kind, until, daysBefore, daysLeft } = notice;
    await tellSubscriber(trx, { kind, data: { until, daysLeft } }, { practiceId, now, daysBefore });
  }
}

/** Announces the price that is due to be; answers the day on which to look again. */
async function announcePrice(work: Work, timeline: Timeline): Promise<Day | null> {
  const { trx, subscription, today, now } = work;
  const { practiceId } = subscription;
  const present = timeline.rates.at(-1);
  if (present === undefined) return null;
  const plan = await findPlan(trx, present.planId);
  const versions = (plan?.versions ?? []).map(({ version, effective_from: effectiveFrom, terms }) => ({
    version,
    effectiveFrom,
    terms,
  }));
  const decided = priceChangeOn(timeline, today, versions);
  if ('lookAgainOn' in decided) return decided.lookAgainOn;
  const { from, planId, planVersion, after } = decided.announce;
  const data = { from, planId, planVersion, currency: timeline.currency, before: present.rates, after };
  await tellSubscriber(trx, { kind: 'price_change', data }, { practiceId, now });
  await audit(work, 'subscription.price_announced', data);
  return from;
}

/** The practice's own record shows the plan whose rates it has today, or had on its last day. */
async function followPlan({ trx, practice, today, now }: Work, timeline: Timeline): Promise<void> {
  const { planId, planVersion } = entryOn(timeline.rates, lastDayUpTo(timeline, today));
  if (practice.plan_id === planId && practice.plan_version === planVersion) return;
  await setPracticePlan(trx, practice.id, { planId, planVersion }, now);
}

/**
 * The next day on which anything is to be done; null: none, as far as is known.
 * @param others what else may come
 */
function nextDayOf({ today }: Work, timeline: Timeline, others: readonly (Day | null)[]): Day | null {
  const { chargedFrom, endsOn } = timeline;
  const days = [
    chargedFrom,
    endsOn,
    ...others,
    ...timeline.rates.map(({ from }) => from),
    ...noticeDaysOf(timeline),
  ];
  return days.reduce<Day | null>(
    (next, day) => (day !== null && day > today && (next === null || day < next) ? day : next),
    null,
  );
}

function audit(
  { trx, subscription, now }: Work,
  action: string,
  details: Readonly<Record<string, unknown>>,
): Promise<void> {
  const subject = { type: 'subscription', id: subscription.practiceId };
  return appendAudit(trx, { actor: systemActor, action, subject, details, at: now });
}
