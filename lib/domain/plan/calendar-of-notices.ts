import { addDays, type Day, daysBetween } from './day.ts';
import type { Timeline } from './timeline.ts';

/** So many days before a free period or a lock ends the practice is told. */
const noticeDaysBefore = [30, 14, 3] as const;

/** A notice that an end is near. `until` is the first day after it. */
export interface EndingNotice {
  readonly kind: 'trial_ending' | 'lock_ending';
  readonly until: Day;
  /** Which of `noticeDaysBefore` it is for. */
  readonly daysBefore: number;
  readonly daysLeft: number;
}

/**
 * What a practice is to be told on a day, each once. Of several that are late only the nearest is told: nobody needs to hear on one day
 * that an end is 30, 14 and 3 days away. An end that moves is told anew.
 * @param told the notices that were written already
 */
export function noticesOn(
  timeline: Timeline,
  day: Day,
  told: readonly Pick<EndingNotice, 'kind' | 'until' | 'daysBefore'>[],
): EndingNotice[] {
  return endsOf(timeline).flatMap(({ kind, until }) => {
    const daysLeft = daysBetween(day, until);
    const daysBefore = noticeDaysBefore.findLast((days) => daysLeft <= days);
    if (daysLeft <= 0 || daysBefore === undefined) return [];
    const isTold = told.some(
      (each) => each.kind === kind && each.until === until && each.daysBefore <= daysBefore,
    );
    return isTold ? [] : [{ kind, until, daysBefore, daysLeft }];
  });
}

/** Days on which notices may become due. */
export function noticeDaysOf(timeline: Timeline): Day[] {
  return endsOf(timeline).flatMap(({ until }) => noticeDaysBefore.map((days) => addDays(until, -days)));
}

/** Whoever has left by then, or does so on that day, is not told: nothing changes for them. */
function endsOf({ chargedFrom, freeFrom, locks, endsOn, plans }: Timeline) {
  const ends: { readonly kind: EndingNotice['kind']; readonly until: Day }[] = [];
  if (chargedFrom !== null && freeFrom !== null && freeFrom < chargedFrom) {
    ends.push({ kind: 'trial_ending', until: chargedFrom });
  }
  for (const { until } of locks) {
    // One that a change of plan ends was given up, and who has another plan from that day on knows: there is nothing to tell.
    if (plans.every(({ from }) => from !== until)) ends.push({ kind: 'lock_ending', until });
  }
  return ends.filter(({ until }) => endsOn === null || until < endsOn);
}
