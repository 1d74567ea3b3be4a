import type { Say } from './checks.ts';
import { type DayNumber, dayText, localDay } from './civil-days.ts';
import type { Fact, Shown } from './record.ts';
import { whatHolds } from './what-holds.ts';

/** Of each notice before an end: so many days before, and how many of them are left when the next one takes its place. */
const marks = [
  { days: 30, next: 14 },
  { days: 14, next: 3 },
  { days: 3, next: 0 },
] as const;

interface End {
  readonly kind: 'trial_ending' | 'lock_ending';
  readonly until: DayNumber;
}

/** What ends by these facts. "Not to whoever leaves before, has given the lock up, or has another plan from that day on." */
function endsBy(facts: readonly Fact[]): End[] {
  if (facts.length === 0) return [];
  const { chargedFrom, stretches, endsOn } = whatHolds(facts);
  const ends: { readonly kind: End['kind']; readonly until: DayNumber | null }[] = [
    { kind: 'trial_ending', until: chargedFrom },
    ...stretches
      .filter(({ lock, until }) => lock?.isGivenUp === false && lock.until !== until)
      .map(({ lock }) => ({ kind: 'lock_ending' as const, until: lock?.until ?? null })),
  ];
  return ends.flatMap(({ kind, until }) =>
    until === null || (endsOn !== null && endsOn <= until) ? [] : [{ kind, until }],
  );
}

const nameOf = ({ kind, until }: End, days: number | null): string =>
  `${kind} ${dayText(until)}, ${days} days before`;

/**
 * Each notice that was due, once, between its day and that of the next one ("of those that are late only the nearest is sent"), and none
 * of an end that did not stand.
 */
export function examineNotices(say: Say, record: Shown, today: DayNumber): void {
  const { facts, notices } = record;
  const { timeZone } = record.practice;
  const dayOf = (at: Date) => localDay(timeZone, at);
  const told = notices.flatMap(({ kind, about, daysBefore, writtenAt, sentAt }) =>
    (kind === 'trial_ending' || kind === 'lock_ending') && about !== null
      ? [{ end: { kind, until: about } as const, daysBefore, writtenAt, sentAt }]
      : [],
  );
  const names = new Set<string>();
  for (const { end, daysBefore, writtenAt, sentAt } of told) {
    const name = nameOf(end, daysBefore);
    if (names.has(name)) say('notices', `${name}: written twice`);
    names.add(name);
    const mark = marks.find(({ days }) => days === daysBefore);
    const left = end.until - dayOf(writtenAt);
    if (mark === undefined || left > mark.days) say('notices', `${name}: written before its day`);
    else if (left <= mark.next) say('notices', `${name}: written too late`);
    if (sentAt === null) say('notices', `${name}: not sent`);
    else if (dayOf(sentAt) >= end.until) say('notices', `${name}: sent when it had ended`);
    const stood = (isKnown: (at: Date) => boolean) =>
      endsBy(facts.filter(({ at }) => isKnown(at)).map(({ fact }) => fact)).some(
        ({ kind, until }) => kind === end.kind && until === end.until,
      );
    // Facts of that same day may have been recorded before or after.
    if (!stood((at) => at < writtenAt) && !stood((at) => dayOf(at) <= dayOf(writtenAt)))
      say('notices', `${name}: nothing ends then`);
  }
  for (const { end, days } of dueUntil(record, today)) {
    const name = nameOf(end, days);
    if (!names.has(name)) say('notices', `${name}: missing`);
  }
}

/** What is known at the end of a day stays until the next day on which something is recorded; what is due in between has to be written. */
function dueUntil(
  { facts, practice }: Shown,
  today: DayNumber,
): { readonly end: End; readonly days: number }[] {
  const recorded = facts.map(({ at }) => localDay(practice.timeZone, at));
  return [...new Set(recorded)].flatMap((day, place, days) => {
    const before = days[place + 1] ?? today + 1;
    const known = facts.filter((_fact, at) => (recorded[at] ?? day) <= day).map(({ fact }) => fact);
    return endsBy(known).flatMap((end) =>
      marks
        .filter((mark) => Math.max(day, end.until - mark.days) < Math.min(before, end.until - mark.next))
        .map((mark) => ({ end, days: mark.days })),
    );
  });
}
