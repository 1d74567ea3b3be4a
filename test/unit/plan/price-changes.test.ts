import fc from 'fast-check';
import { addDays, daysBetween } from '../../../lib/domain/plan/day.ts';
import type { SubscriptionFact } from '../../../lib/domain/plan/facts.ts';
import { firstPeriodStart } from '../../../lib/domain/plan/periods.ts';
import {
  type Announcement,
  type PublishedVersion,
  priceChangeOn,
  priceChangeTaken,
} from '../../../lib/domain/plan/price-changes.ts';
import { timelineOf } from '../../../lib/domain/plan/timeline.ts';
import { foundingTerms, started } from '../../builders/plan-terms.ts';

/** Free until 1 April 2027, locked until 1 April 2029, 60 days' notice of a price. */
const founding = started('2027-01-01');
const lockedUntil = '2029-04-01';
const { rates } = foundingTerms;
const dearer = { ...rates, base: rates.base + 1_000 };

const published = (version: number, effectiveFrom: string, changes: object = {}): PublishedVersion => ({
  version,
  effectiveFrom,
  terms: { ...foundingTerms, rates: dearer, ...changes },
});
const versions = [published(1, '2026-01-01', { rates }), published(2, '2027-02-01')];
const lookOn = (day: string, of = versions, facts: readonly SubscriptionFact[] = founding) =>
  priceChangeOn(timelineOf(facts), day, of);
const announcement: Announcement = { from: lockedUntil, planId: 'founding', planVersion: 2, after: dearer };

describe('a new price is announced', () => {
  test('for the day after the lock, 70 days before, and not earlier', () => {
    expect(lookOn('2027-06-01')).toEqual({ lookAgainOn: '2029-01-21' });
    expect(lookOn('2029-01-20')).toEqual({ lookAgainOn: '2029-01-21' });
    expect(lookOn('2029-01-21')).toEqual({ announce: announcement });
  });

  test('for a later period when it is late', () => {
    expect(lookOn('2029-01-28')).toMatchObject({ announce: { from: lockedUntil } });
    // 63 days before the first of May, counted back.
    expect(lookOn('2029-02-05')).toEqual({ lookAgainOn: '2029-02-20' });
    expect(lookOn('2029-02-20')).toMatchObject({ announce: { from: '2029-05-01' } });
  });

  test('as the newest version has it that is in effect by then', () => {
    const third = published(3, '2029-04-02', { rates: { ...rates, base: 1 } });
    expect(lookOn('2029-01-21', [...versions, third])).toEqual({ announce: announcement });
    const before = { ...third, effectiveFrom: '2029-04-01' };
    expect(lookOn('2029-01-21', [...versions, before])).toMatchObject({ announce: { planVersion: 3 } });
    // The price went up and down again before anybody was touched.
    expect(lookOn('2029-01-21', [...versions, published(3, '2028-01-01', { rates })])).toEqual({
      lookAgainOn: null,
    });
  });

  test('never for another currency or interval, for whoever leaves, or before activation', () => {
    const currency = [published(2, '2027-02-01', { currency: 'EUR' })];
    expect(lookOn('2029-01-21', currency)).toEqual({ lookAgainOn: null });
    expect(lookOn('2029-01-21', [published(2, '2027-02-01', { interval: 'year' })])).toEqual({
      lookAgainOn: null,
    });
    const leaves: SubscriptionFact = { kind: 'ends', from: lockedUntil };
    expect(lookOn('2029-01-21', versions, [...founding, leaves])).toEqual({ lookAgainOn: null });
    expect(lookOn('2029-01-21', versions, founding.slice(0, 1))).toEqual({ lookAgainOn: null });
  });
});

describe('on its day an announced price', () => {
  const taken = (sentOn: string | null, facts: readonly SubscriptionFact[] = [], closedUntil = lockedUntil) =>
    priceChangeTaken(timelineOf([...founding, ...facts]), announcement, { sentOn, closedUntil });

  test('comes when its notice was sent in time', () => {
    expect(taken('2029-01-31')).toEqual({
      fact: { kind: 'rates', from: lockedUntil, planVersion: 2, rates: dearer },
    });
  });

  test('does not come when the notice was late or not sent', () => {
    expect(taken('2029-02-01')).toEqual({ lapsed: expect.stringContaining('had to be by 2029-01-31') });
    expect(taken(null)).toEqual({ lapsed: 'the notice was not sent' });
  });

  test('does not come into a lock that was made longer, a closed period, another plan or after the end', () => {
    expect(taken('2029-01-25', [{ kind: 'lock_extended', months: 1 }])).toEqual({
      lapsed: 'the rate is locked until 2029-05-01',
    });
    expect(taken('2029-01-25', [], '2029-05-01')).toEqual({ lapsed: expect.stringContaining('closed') });
    expect(taken('2029-01-25', [{ kind: 'ends', from: '2029-03-01' }])).toEqual({
      lapsed: expect.stringContaining('no period begins'),
    });
    const other: SubscriptionFact = {
      kind: 'plan',
      from: '2029-03-01',
      planId: 'standard',
      planVersion: 1,
      terms: { ...foundingTerms, lock: { months: 0, from: 'activation' } },
    };
    expect(taken('2029-01-25', [other])).toEqual({ lapsed: 'the practice has changed to the plan standard' });
  });
});

test('whatever is published and whenever somebody looks: at the start of a period, after the lock, after the notice', () => {
  const offset = fc.integer({ min: 0, max: 1_500 });
  fc.assert(
    fc.property(fc.array(offset, { minLength: 1, maxLength: 6 }), offset, (days, look) => {
      const timeline = timelineOf(founding);
      const of = days
        .toSorted((a, b) => a - b)
        .map((day, at) =>
          published(at + 2, addDays('2026-12-01', day), { rates: { ...rates, base: 20_000 + at } }),
        );
      const today = addDays('2027-01-01', look);
      const decided = priceChangeOn(timeline, today, of);
      if ('lookAgainOn' in decided) {
        if (decided.lookAgainOn !== null) expect(decided.lookAgainOn > today).toBe(true);
        return;
      }
      const { from, planVersion } = decided.announce;
      expect(from >= lockedUntil).toBe(true);
      expect(firstPeriodStart(timeline, from)).toBe(from);
      expect(daysBetween(today, from)).toBeGreaterThanOrEqual(63);
      const version = of.find((each) => each.version === planVersion);
      expect((version?.effectiveFrom ?? '') <= from).toBe(true);
      expect(of.some((each) => each.version > planVersion && each.effectiveFrom <= from)).toBe(false);
    }),
  );
});
