import fc from 'fast-check';
import { addDays, type Day } from '../../../lib/domain/plan/day.ts';
import { priceChangeOn } from '../../../lib/domain/plan/price-changes.ts';
import { type Timeline, timelineOf } from '../../../lib/domain/plan/timeline.ts';
import { reachOf } from '../../../lib/domain/plan/version-reach.ts';
import { enrolment, foundingTerms, started } from '../../builders/plan-terms.ts';

const unlocked = { freeDays: 0, lock: { months: 0, from: 'first_charged_day' } } as const;
const dearer = { ...foundingTerms, rates: { ...foundingTerms.rates, base: 15_900, perClinician: 3_000 } };
const version = (effectiveFrom: Day) => ({ effectiveFrom, terms: dearer });

test('who is not locked is touched by a period after the notice, at the quantities of that day', () => {
  const timeline = timelineOf([
    ...started('2026-11-22', unlocked),
    { kind: 'quantities', from: '2027-03-22', clinicians: 7, locations: 1 },
  ]);
  const touched = {
    kind: 'touched',
    quantities: { clinicians: 7, locations: 1 },
    before: 14_900 + 7 * 2_900 + 1_900,
    after: 15_900 + 7 * 3_000 + 1_900,
  };
  // Told 60 days before the version's first day; periods begin on the 22nd.
  expect(reachOf(timeline, version('2027-03-01'), '2026-12-01')).toEqual({ ...touched, from: '2027-03-22' });
  // Published so late that the notice is not in time for that period and the next one.
  expect(reachOf(timeline, version('2027-03-01'), '2027-02-20')).toMatchObject({
    ...touched,
    from: '2027-05-22',
  });
});

test('a lock that goes on beyond the first day of the version keeps it away, one that has ended does not', () => {
  const timeline = timelineOf(started('2026-11-22'));
  const published = '2028-11-01';
  expect(reachOf(timeline, version('2029-02-19'), published)).toEqual({
    kind: 'locked',
    until: '2029-02-20',
  });
  expect(reachOf(timeline, version('2029-02-20'), published)).toMatchObject({
    kind: 'touched',
    from: '2029-02-20',
  });
});

test('before activation no day is known', () => {
  const today = '2026-12-01';
  const locked = timelineOf([enrolment()]);
  expect(reachOf(locked, version('2027-03-01'), today)).toEqual({ kind: 'locked', until: null });
  const free = timelineOf([enrolment({ terms: { ...foundingTerms, ...unlocked } })]);
  expect(reachOf(free, version('2027-03-01'), today)).toMatchObject({ kind: 'touched', from: null });
});

test('who ends before or has the rates already is not affected', () => {
  const facts = started('2026-11-22', unlocked);
  const ending = timelineOf([...facts, { kind: 'ends', from: '2027-03-10' }]);
  expect(reachOf(ending, version('2027-03-01'), '2026-12-01')).toEqual({ kind: 'unaffected' });
  const same = { effectiveFrom: '2027-03-01', terms: { ...foundingTerms, freeDays: 0 } };
  expect(reachOf(timelineOf(facts), same, '2026-12-01')).toEqual({ kind: 'unaffected' });
});

test('a yearly price is told by the month', () => {
  const timeline = timelineOf(started('2026-11-22', { ...unlocked, interval: 'year' }));
  expect(reachOf(timeline, version('2027-03-01'), '2026-12-01')).toMatchObject({
    from: '2027-11-22',
    before: Math.floor(31_300 / 12),
    after: Math.floor(32_800 / 12),
  });
});

test('the day that is told is the one that is announced when the version is published', () => {
  const day = fc.integer({ min: 0, max: 1_500 }).map((days) => addDays('2026-01-01', days));
  const lockMonths = fc.integer({ min: 0, max: 24 });
  fc.assert(
    fc.property(
      day,
      day,
      fc.integer({ min: 0, max: 400 }),
      lockMonths,
      (activatedOn, today, ahead, months) => {
        fc.pre(activatedOn <= today);
        const timeline = timelineOf(started(activatedOn, { lock: { months, from: 'first_charged_day' } }));
        const published = version(addDays(today, ahead));
        const reach = reachOf(timeline, published, today);
        if (reach.kind !== 'touched') return reach.kind === 'locked';
        return announcedDay(timeline, published, today) === reach.from;
      },
    ),
  );
});

/** Looks as the reconciler does, until the change of price is announced. */
function announcedDay(timeline: Timeline, { effectiveFrom, terms }: ReturnType<typeof version>, today: Day) {
  let day = today;
  for (;;) {
    const change = priceChangeOn(timeline, day, [{ version: 2, effectiveFrom, terms }]);
    if ('announce' in change) return change.announce.from;
    if (change.lookAgainOn === null) return null;
    day = change.lookAgainOn;
  }
}
