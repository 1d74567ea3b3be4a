import fc from 'fast-check';
import { type Charge, chargesOf } from '../../lib/domain/plan/charges.ts';
import type { SubscriptionFact } from '../../lib/domain/plan/facts.ts';
import { periodsOf } from '../../lib/domain/plan/periods.ts';
import { isLockedOn as isLockedInDomain } from '../../lib/domain/plan/timeline.ts';
import { started } from '../builders/plan-terms.ts';
import { histories } from '../unit/plan/histories.ts';
import { chargesByDay, isLockedOn, lockedUntil } from './charges-by-day.ts';
import { dayNumber, dayText, monthsLater } from './civil-days.ts';
import { factSchema, type Line } from './record.ts';
import { whatHolds } from './what-holds.ts';

const recomputed = (facts: readonly SubscriptionFact[], today: string): Line[] =>
  chargesByDay(
    facts.map((fact) => factSchema.parse(fact)),
    dayNumber(today),
  );
const asLine = ({ period, planId, planVersion, ...rest }: Charge): Line => ({
  ...rest,
  lastDay: dayText(dayNumber(period.until) - 1),
  plan: `${planId} ${planVersion}`,
});

test('day numbers are those of the calendar', () => {
  expect(dayNumber('1970-01-01')).toBe(0);
  expect(dayNumber('2000-03-01')).toBe(11_017);
  const thousands = Array.from({ length: 200 * 366 }, (_, days) => dayNumber('2000-01-01') + days);
  expect(
    thousands.every((day) => dayText(day) === new Date(day * 86_400_000).toISOString().slice(0, 10)),
  ).toBe(true);
  expect(() => dayNumber('2027-02-29')).toThrow('2027-02-29 is no date');
});

test.each([
  ['2027-01-31', 1, '2027-02-28'],
  ['2027-01-31', 2, '2027-03-31'],
  ['2028-01-31', 1, '2028-02-29'],
  ['2028-02-29', 12, '2029-02-28'],
  ['2027-12-15', 1, '2028-01-15'],
])('%s and %i months are %s', (from, months, day) => {
  expect(dayText(monthsLater(dayNumber(from), months))).toBe(day);
});

// The example of docs/plans.md, by its own figures.
const example = started('2026-11-22');
const sixth: SubscriptionFact = { kind: 'quantities', from: '2027-03-30', clinicians: 6, locations: 1 };

test('the example of the plan document comes to its own figures', () => {
  const lines = recomputed([...example, sixth], '2027-04-20').filter(
    ({ lastDay }) => lastDay === '2027-04-19',
  );
  expect(
    lines.map(({ component, from, until, amountCents }) => [component, from, until, amountCents]),
  ).toEqual([
    ['base', '2027-03-20', '2027-04-20', 14_900],
    ['per_clinician', '2027-03-20', '2027-03-30', 4_675],
    ['per_clinician', '2027-03-30', '2027-04-20', 11_790],
    ['per_location', '2027-03-20', '2027-04-20', 1_900],
  ]);
  const suspended = recomputed(
    [...example, { kind: 'suspended', from: '2027-03-22' }, { kind: 'resumed', from: '2027-04-18' }],
    '2027-04-20',
  );
  expect(
    suspended
      .filter(({ component, lastDay }) => component === 'base' && lastDay === '2027-04-19')
      .map(({ amountCents }) => amountCents),
  ).toEqual([961, 962]);
});

test('the first charged day of the example is 20 February 2027, and its lock has 24 periods of 313.00', () => {
  const lines = recomputed(example, '2029-02-20');
  expect(lines[0]).toMatchObject({ from: '2027-02-20', until: '2027-03-20', locked: true });
  expect(lines.reduce((sum, { amountCents }) => sum + amountCents, 0)).toBe(24 * 31_300);
  expect(recomputed(example, '2027-03-19')).toEqual([]);
});

test('charges and locks that are counted day by day are those of the domain, for any subscription', () => {
  fc.assert(
    fc.property(histories, ({ facts, timeline, chargedFrom }) => {
      const today = dayText(monthsLater(dayNumber(chargedFrom), 40));
      const periods = periodsOf(timeline, { from: chargedFrom, until: today });
      const byFormulas = periods
        .filter(({ until }) => until <= today)
        .flatMap((period) => chargesOf(timeline, period).map((charge) => asLine(charge)));
      expect(recomputed(facts, today)).toEqual(byFormulas);
      const { stretches } = whatHolds(facts.map((fact) => factSchema.parse(fact)));
      const until = lockedUntil(stretches);
      expect(until === null ? null : dayText(until)).toBe(timeline.lockedUntil);
      for (const day of timeline.locks.flatMap((lock) => [lock.from, lock.until])) {
        for (const near of [dayNumber(day) - 1, dayNumber(day)]) {
          expect(isLockedOn(stretches, near)).toBe(isLockedInDomain(timeline, dayText(near)));
        }
      }
    }),
    { numRuns: 100 },
  );
});
