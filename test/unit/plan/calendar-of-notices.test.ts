import fc from 'fast-check';
import { noticeDaysOf, noticesOn } from '../../../lib/domain/plan/calendar-of-notices.ts';
import { addDays } from '../../../lib/domain/plan/day.ts';
import type { SubscriptionFact } from '../../../lib/domain/plan/facts.ts';
import { timelineOf } from '../../../lib/domain/plan/timeline.ts';
import { standardTerms, started, toStandard } from '../../builders/plan-terms.ts';

/** Free until 1 April 2027, locked until 1 April 2029. */
const founding = started('2027-01-01');
type Told = Parameters<typeof noticesOn>[2];

/** Looks on each of these days, and remembers what it told. */
function toldOn(facts: readonly SubscriptionFact[], days: readonly string[]) {
  const timeline = timelineOf(facts);
  return days.reduce<(Told[number] & { day: string; daysLeft: number })[]>(
    (told, day) => [...told, ...noticesOn(timeline, day, told).map((notice) => ({ ...notice, day }))],
    [],
  );
}
const everyDay = (from: string, count: number) => Array.from({ length: count }, (_, at) => addDays(from, at));

test('a practice is told 30, 14 and 3 days before each end, once', () => {
  const told = toldOn(founding, everyDay('2027-01-01', 900));
  expect(told.map(({ kind, day, daysLeft }) => [kind, day, daysLeft])).toEqual([
    ['trial_ending', '2027-03-02', 30],
    ['trial_ending', '2027-03-18', 14],
    ['trial_ending', '2027-03-29', 3],
    ['lock_ending', '2029-03-02', 30],
    ['lock_ending', '2029-03-18', 14],
    ['lock_ending', '2029-03-29', 3],
  ]);
});

test('of notices that are late only the nearest is told, with the days that are left', () => {
  expect(toldOn(founding, ['2027-03-25', '2027-03-26', '2027-03-29', '2027-03-31'])).toMatchObject([
    { day: '2027-03-25', daysBefore: 14, daysLeft: 7 },
    { day: '2027-03-29', daysBefore: 3, daysLeft: 3 },
  ]);
  expect(toldOn(founding, ['2027-04-01', '2029-04-01'])).toEqual([]);
});

test('an end that moves is told anew', () => {
  const before = toldOn(founding, ['2027-03-29']);
  const extended = timelineOf([...founding, { kind: 'trial_extended', days: 10 }]);
  expect(noticesOn(extended, '2027-03-29', before)).toMatchObject([{ until: '2027-04-11', daysBefore: 14 }]);
});

test('whoever leaves, gives the lock up or had nothing free is not told', () => {
  const leaves: SubscriptionFact = { kind: 'ends', from: '2027-04-01' };
  expect(toldOn([...founding, leaves], everyDay('2027-01-01', 900))).toEqual([]);
  expect(toldOn([...founding, toStandard('2029-03-01')], everyDay('2028-01-01', 900))).toEqual([]);
  expect(toldOn(started('2027-01-01', standardTerms), everyDay('2027-01-01', 100))).toEqual([]);
});

test('a lock that ends before another plan begins is told of, and so is the lock of that plan', () => {
  const changes = (from: string, months: number): SubscriptionFact => ({
    kind: 'plan',
    from,
    planId: 'standard',
    planVersion: 1,
    terms: { ...standardTerms, lock: { months, from: 'first_charged_day' } },
  });
  const locksTold = (change: SubscriptionFact) =>
    toldOn([...founding, change], everyDay('2028-01-01', 1_200)).map(({ until, day }) => [until, day]);
  const ofFounding = ['2029-03-02', '2029-03-18', '2029-03-29'].map((day) => ['2029-04-01', day]);
  const ofStandard = ['2030-04-01', '2030-04-17', '2030-04-28'].map((day) => ['2030-05-01', day]);
  expect(locksTold(changes('2029-05-01', 0))).toEqual(ofFounding);
  expect(locksTold(changes('2029-05-01', 12))).toEqual([...ofFounding, ...ofStandard]);
  // Who has another plan from that day on knows.
  expect(locksTold(changes('2029-04-01', 0))).toEqual([]);
});

test('whichever days somebody looks, nothing is told twice, late notices say the days left, and no look between the days that are named finds any', () => {
  const days = fc.uniqueArray(fc.integer({ min: 0, max: 830 }), { minLength: 1, maxLength: 40 });
  const named = new Set(noticeDaysOf(timelineOf(founding)));
  fc.assert(
    fc.property(days, (offsets) => {
      const looks = offsets.toSorted((a, b) => a - b).map((offset) => addDays('2027-01-01', offset));
      const told = toldOn(founding, looks);
      const keys = told.map(({ kind, until, daysBefore }) => `${kind} ${until} ${daysBefore}`);
      expect(new Set(keys).size).toBe(keys.length);
      for (const { day, until, daysLeft, daysBefore } of told) {
        expect(addDays(day, daysLeft)).toBe(until);
        expect(daysLeft).toBeLessThanOrEqual(daysBefore);
      }
      // Looking on the named days beside finds all there is to find.
      const both = [...new Set([...looks, ...named])].toSorted();
      expect(toldOn(founding, both).map(({ day }) => day)).toEqual([...named].toSorted());
    }),
  );
});
