import fc from 'fast-check';
import { addDays, type Day } from '../../../lib/domain/plan/day.ts';
import type { SubscriptionFact } from '../../../lib/domain/plan/facts.ts';
import { churnOf, memberOn } from '../../../lib/domain/plan/reports.ts';
import { revenueOf } from '../../../lib/domain/plan/revenue-report.ts';
import { timelineOf } from '../../../lib/domain/plan/timeline.ts';
import { type DayNumber, dayNumber, dayText, monthsLater } from '../../independent/civil-days.ts';
import { factSchema } from '../../independent/record.ts';
import { type WhatHolds, whatHolds } from '../../independent/what-holds.ts';
import { histories } from './histories.ts';
import { at, record } from './report-records.ts';

/** Subscriptions of every kind; some have never been activated. */
const fleets = fc.array(
  fc
    .tuple(histories, fc.boolean())
    .map(([{ facts }, isActivated]) =>
      isActivated ? facts : facts.filter(({ kind }) => kind !== 'activated'),
    ),
  { minLength: 1, maxLength: 8 },
);
const anyDay = fc.integer({ min: 0, max: 4_000 }).map((offset) => addDays('2024-01-01', offset));

/** Days on which something begins or ends: there it is decided whether one counts as in or out. */
function turningPoints(facts: readonly SubscriptionFact[]): Day[] {
  const named = facts.map((fact) => ('on' in fact ? fact.on : 'from' in fact ? fact.from : null));
  return [...named, timelineOf(facts).chargedFrom].filter((day) => day !== null);
}

const fleetsOnDays = fleets.chain((fleet) =>
  fc
    .oneof(anyDay, fc.constantFrom(...fleet.flatMap(turningPoints)))
    .map((on): readonly [typeof fleet, Day] => [fleet, on]),
);

/** What is on record of each on a day, as the control plane and as docs/plans.md have it. */
function standingOn(fleet: readonly (readonly SubscriptionFact[])[], on: Day) {
  return fleet.flatMap((facts, place) => {
    const member = memberOn(record(`practice-${place}`, facts), on, at('2200-01-01'));
    const known = facts.filter((fact) => fact.kind !== 'activated' || fact.on <= on);
    return member === null ? [] : [{ member, holds: whatHolds(known.map((fact) => factSchema.parse(fact))) }];
  });
}

/** "What a month costs at its rates and quantities of a day; of a yearly price a twelfth, rounded down." */
function recurring(holds: WhatHolds, day: DayNumber): number {
  const { chargedFrom, endsOn, stretches } = holds;
  if (chargedFrom === null || day < chargedFrom || (endsOn !== null && day >= endsOn)) return 0;
  if (holds.isSuspendedOn(day)) return 0;
  const { rates } = holds.priceOn(day);
  const { clinicians, locations } = holds.quantityOn(day);
  const cents = rates.base + rates.perClinician * clinicians + rates.perLocation * locations;
  const interval = stretches.findLast(({ from }) => from <= day)?.interval;
  return Math.floor(cents / (interval === 'year' ? 12 : 1));
}

const isLocked = ({ stretches }: WhatHolds, day: DayNumber): boolean =>
  stretches.some(
    ({ lock }) => lock !== null && lock.from <= day && (lock.until === null || day < lock.until),
  );
const sum = (amounts: readonly number[]): number => amounts.reduce((total, amount) => total + amount, 0);

test('what recurs is what the written rules say of each day', () => {
  fc.assert(
    fc.property(fleetsOnDays, ([fleet, on]) => {
      const standing = standingOn(fleet, on);
      const { rows, totals } = revenueOf(
        standing.map(({ member }) => member),
        [],
        on,
      );
      const today = dayNumber(on);
      const there = standing
        .map(({ holds }) => holds)
        .filter(({ endsOn }) => endsOn === null || endsOn > today);
      expect(rows.map(({ monthlyCents, freeUntil }) => [monthlyCents, freeUntil])).toEqual(
        there.map((holds) => [
          recurring(holds, today),
          holds.chargedFrom === null ? null : dayText(holds.chargedFrom),
        ]),
      );
      for (const [months, shown] of (totals[0]?.months ?? []).entries()) {
        const day = monthsLater(today, months);
        const locked = there.filter((holds) => isLocked(holds, day));
        expect(shown).toMatchObject({
          on: dayText(day),
          monthlyCents: sum(there.map((holds) => recurring(holds, day))),
          lockedCents: sum(locked.map((holds) => recurring(holds, day))),
        });
      }
    }),
    { numRuns: 60 },
  );
});

test('churn is counted as the written rules say, and each month begins with what the one before ended with', () => {
  fc.assert(
    fc.property(fleetsOnDays, ([fleet, on]) => {
      const standing = standingOn(fleet, on);
      const lives = standing.flatMap(({ member, holds: { endsOn } }) => {
        const { activatedOn } = member.timeline;
        const end = endsOn !== null && dayText(endsOn) <= on ? dayText(endsOn) : null;
        return activatedOn === null ? [] : [{ begin: activatedOn, end }];
      });
      let before = 0;
      for (const shown of churnOf(
        standing.map(({ member }) => member),
        on,
      )) {
        const start = `${shown.month}-01`;
        const isIn = (day: Day | null): boolean => day?.startsWith(shown.month) === true;
        const atStart = lives.filter(({ begin, end }) => begin < start && (end === null || end >= start));
        const activated = lives.filter(({ begin }) => isIn(begin));
        expect(shown).toMatchObject({
          activeAtStart: atStart.length,
          activated: activated.length,
          cancelled: atStart.filter(({ end }) => isIn(end)).length,
          cancelledNew: activated.filter(({ end }) => isIn(end)).length,
        });
        expect(shown.activeAtStart).toBe(before);
        before = shown.activeAtStart + shown.activated - shown.cancelled - shown.cancelledNew;
        expect(shown.activeAtEnd).toBe(before);
      }
    }),
    { numRuns: 60 },
  );
});
