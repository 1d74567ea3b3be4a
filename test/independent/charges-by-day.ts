import { type DayNumber, dayText, monthsLater } from './civil-days.ts';
import type { Fact, Line } from './record.ts';
import { type Stretch, type WhatHolds, whatHolds } from './what-holds.ts';

/** `[from, until)`; `wholeUntil` is where it would end if nothing stopped it. */
export interface Period {
  readonly from: DayNumber;
  readonly until: DayNumber;
  readonly wholeUntil: DayNumber;
}

/** Days of the longest interval. */
export const longestPeriod = 366;

const components = [
  { component: 'base', rate: 'base', quantity: () => 1 },
  { component: 'per_clinician', rate: 'perClinician', quantity: ({ clinicians }) => clinicians },
  { component: 'per_location', rate: 'perLocation', quantity: ({ locations }) => locations },
] as const satisfies readonly {
  component: Line['component'];
  rate: string;
  quantity: (of: ReturnType<WhatHolds['quantityOn']>) => number;
}[];

/** The periods of a subscription that are over on a day, which is that of its practice's calendar. */
export function periodsOver({ stretches, endsOn }: WhatHolds, today: DayNumber): Period[] {
  const periods: Period[] = [];
  for (const { from: first, until: replacedOn, interval } of stretches) {
    const months = interval === 'month' ? 1 : 12;
    for (let place = 0; ; place += 1) {
      const from = monthsLater(first, place * months);
      const wholeUntil = monthsLater(first, (place + 1) * months);
      if (endsOn !== null && from >= endsOn) break;
      if (replacedOn !== null && from >= replacedOn) break;
      const until = Math.min(wholeUntil, replacedOn ?? wholeUntil, endsOn ?? wholeUntil);
      if (until > today) break;
      periods.push({ from, until, wholeUntil });
    }
  }
  return periods;
}

/**
 * Every charge of the periods that are over, counted day by day: each day one of what is counted earns `rate / D` cents exactly, and what
 * has come to whole cents by then costs them on that day. Days in a row that are alike are one line.
 */
export function chargesByDay(facts: readonly Fact[], today: DayNumber): Line[] {
  const holds = whatHolds(facts);
  return periodsOver(holds, today).flatMap((period) =>
    components.flatMap((component) => linesOf(holds, period, component)),
  );
}

interface OpenLine {
  readonly alike: string;
  readonly from: DayNumber;
  readonly line: Pick<Line, 'quantity' | 'rateCents' | 'plan' | 'locked'>;
  cents: bigint;
  until: DayNumber;
}

function linesOf(
  holds: WhatHolds,
  { from, until, wholeUntil }: Period,
  { component, rate, quantity }: (typeof components)[number],
): Line[] {
  const wholeDays = BigInt(wholeUntil - from);
  const lines: OpenLine[] = [];
  let open: OpenLine | undefined;
  for (let day = from; day < until; day += 1) {
    const price = holds.priceOn(day);
    // A cent has `wholeDays` parts, so that a day earns `rate` of them; those of the days before that were no whole cent come with it.
    const earned = BigInt(price.rates[rate]);
    const left = (earned * BigInt(day - from)) % wholeDays;
    const cents = (left + earned) / wholeDays;
    if (holds.isSuspendedOn(day)) {
      open = undefined;
      continue;
    }
    const counted = quantity(holds.quantityOn(day));
    const alike = `${counted} ${price.rates[rate]} ${price.planId} ${price.planVersion}`;
    if (open?.alike !== alike) {
      open = {
        alike,
        from: day,
        line: {
          quantity: counted,
          rateCents: price.rates[rate],
          plan: `${price.planId} ${price.planVersion}`,
          locked: isLockedOn(holds.stretches, day),
        },
        cents: 0n,
        until: day,
      };
      lines.push(open);
    }
    open.cents += cents * BigInt(counted);
    open.until = day + 1;
  }
  return lines
    .filter(({ cents }) => cents > 0n)
    .map((line) => ({
      lastDay: dayText(until - 1),
      component,
      from: dayText(line.from),
      until: dayText(line.until),
      amountCents: Number(line.cents),
      currency: holds.currency,
      ...line.line,
    }));
}

export const isLockedOn = (stretches: readonly Stretch[], day: DayNumber): boolean =>
  stretches.some(({ lock }) => lock !== null && lock.from <= day && lock.until !== null && day < lock.until);

/** The end of the newest lock of at least a day; null where there is none. */
export function lockedUntil(stretches: readonly Stretch[]): DayNumber | null {
  const locks = stretches.flatMap(({ lock }) => (lock === null ? [] : [lock]));
  return locks.findLast(({ from, until }) => until !== null && from < until)?.until ?? null;
}
