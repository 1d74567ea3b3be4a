import { addDays, addMonths, type Day, earlierOf, monthsOf } from './day.ts';
import type { Timeline } from './timeline.ts';

/** What is paid for together: `[from, until)`. It ends early where a plan is changed or the subscription ends. */
export interface Period {
  readonly from: Day;
  readonly until: Day;
  /** Where it would end by its interval. Rates are those of `[from, wholeUntil)`. */
  readonly wholeUntil: Day;
}

/** The periods that share a day with `[from, until)`, in order. None before activation. */
export function periodsOf(
  { anchors, endsOn }: Timeline,
  span: { readonly from: Day; readonly until: Day },
): Period[] {
  return anchors.flatMap((anchor, at) => {
    const ends = [anchors[at + 1]?.from ?? null, endsOn];
    const months = anchor.interval === 'year' ? 12 : 1;
    const periods: Period[] = [];
    let begun = Math.max(0, Math.floor((monthsOf(span.from) - monthsOf(anchor.from)) / months) - 1);
    // Each is counted from the anchor itself: 31 January, 28 February, 31 March.
    let from = addMonths(anchor.from, begun * months);
    while (from < earliestOf(span.until, ends)) {
      begun += 1;
      const wholeUntil = addMonths(anchor.from, begun * months);
      const until = earliestOf(wholeUntil, ends);
      if (until > span.from) periods.push({ from, until, wholeUntil });
      from = wholeUntil;
    }
    return periods;
  });
}

/** The period that a day belongs to; null before the first charged day and after the end. */
export function periodAt(timeline: Timeline, day: Day): Period | null {
  return periodsOf(timeline, { from: day, until: addDays(day, 1) })[0] ?? null;
}

/** The first day on or after `day` on which a period begins; null when none does any more, or activation is still to come. */
export function firstPeriodStart(timeline: Timeline, day: Day): Day | null {
  const [first] = timeline.anchors;
  if (first === undefined) return null;
  if (day < first.from) return firstPeriodStart(timeline, first.from);
  const period = periodAt(timeline, day);
  if (period === null || period.from === day) return period?.from ?? null;
  return periodAt(timeline, period.until)?.from ?? null;
}

/**
 * After the end nothing is charged, but what is posted stands in a statement: of whole months, as many as it takes to have that day.
 * @param from the first day that is in no statement
 * @param posted the first day on which something was posted that is in none; earlier than `from` where there is no statement yet
 */
export function periodAfterEnd(from: Day, posted: Day): Period {
  let months = 1;
  while (addMonths(from, months) <= posted) months += 1;
  const until = addMonths(from, months);
  return { from, until, wholeUntil: until };
}

/** The first day of the first statement; null while it is not known. */
export function firstStatementDay({ chargedFrom, endsOn }: Timeline): Day | null {
  return endsOn !== null && (chargedFrom === null || endsOn < chargedFrom) ? endsOn : chargedFrom;
}

function earliestOf(day: Day, ends: readonly (Day | null)[]): Day {
  return ends.reduce<Day>((earliest, end) => (end === null ? earliest : earlierOf(earliest, end)), day);
}
