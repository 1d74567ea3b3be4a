import type { SubscriptionFact } from '../../../lib/domain/plan/facts.ts';
import { preview } from '../../../lib/domain/plan/preview.ts';
import { earliestPriceChange, project } from '../../../lib/domain/plan/projection.ts';
import { timelineOf } from '../../../lib/domain/plan/timeline.ts';
import { enrolment, foundingTerms, started } from '../../builders/plan-terms.ts';

const dearer = { base: 15_900, perClinician: 3_100, perLocation: 2_000 };
const timeline = timelineOf(started('2026-11-22'));
const next = (noticeOn: string) => ({ planVersion: 2, rates: dearer, noticeOn });

describe('a projection', () => {
  it('tells locked periods from those whose price is assumed', () => {
    const projection = project(timeline, { from: '2028-12-01', months: 4 }, next('2028-12-01'));
    expect(projection.assumed).toEqual({ from: '2029-02-20', planVersion: 2, rates: dearer });
    expect(projection.periods.map(({ from, basis, totalCents }) => [from, basis, totalCents])).toEqual([
      ['2028-11-20', 'locked', 31_300],
      ['2028-12-20', 'locked', 31_300],
      ['2029-01-20', 'locked', 31_300],
      ['2029-02-20', 'assumed', 33_400],
      ['2029-03-20', 'assumed', 33_400],
    ]);
    expect(projection.totalCents).toBe(3 * 31_300 + 2 * 33_400);
  });

  it('assumes a price no earlier than its notice allows', () => {
    const projection = project(timeline, { from: '2029-02-01', months: 4 }, next('2029-01-15'));
    expect(projection.assumed?.from).toBe('2029-03-20');
    expect(projection.periods.map(({ basis }) => basis)).toEqual([
      'locked',
      'agreed',
      'assumed',
      'assumed',
      'assumed',
    ]);
  });

  it('holds what was announced, and assumes nothing that is in force or older', () => {
    const announced: SubscriptionFact = { kind: 'rates', from: '2029-04-20', planVersion: 2, rates: dearer };
    const told = timelineOf([...started('2026-11-22'), announced]);
    const span = { from: '2029-03-01', months: 3 };
    const projection = project(told, span, next('2029-01-01'));
    expect(projection.assumed).toBeNull();
    expect(projection.periods.map(({ basis, totalCents }) => [basis, totalCents])).toEqual([
      ['agreed', 31_300],
      ['agreed', 31_300],
      ['agreed', 33_400],
      ['agreed', 33_400],
    ]);
    const third = project(told, span, { ...next('2029-01-01'), planVersion: 3 });
    expect(third.assumed?.from).toBe('2029-04-20');
  });

  it('has the changes of quantity that are known, and no days after the end', () => {
    const leaving: SubscriptionFact[] = [
      ...started('2026-11-22'),
      { kind: 'quantities', from: '2027-03-20', clinicians: 6, locations: 2 },
      { kind: 'ends', from: '2027-04-20' },
    ];
    const { periods } = project(timelineOf(leaving), { from: '2026-11-22', months: 24 });
    expect(periods.map(({ totalCents }) => totalCents)).toEqual([31_300, 14_900 + 6 * 2_900 + 2 * 1_900]);
  });

  it('shows nothing before activation', () => {
    const projection = project(
      timelineOf([enrolment()]),
      { from: '2026-11-22', months: 24 },
      next('2026-11-22'),
    );
    expect(projection).toMatchObject({ assumed: null, periods: [], totalCents: 0 });
  });
});

describe('another price', () => {
  it('reaches a subscription with the first period after lock and notice', () => {
    const days = ['2028-01-01', '2028-12-22', '2028-12-23', '2029-06-01'];
    expect(days.map((day) => earliestPriceChange(timeline, day))).toEqual([
      '2029-02-20',
      '2029-02-20',
      '2029-03-20',
      '2029-08-20',
    ]);
    const leaving = timelineOf([...started('2026-11-22'), { kind: 'ends', from: '2029-02-20' }]);
    expect(earliestPriceChange(leaving, '2028-12-01')).toBeNull();
  });
});

describe('a preview', () => {
  it('says what is free, what is locked, and what is charged when', () => {
    const shown = preview({
      planId: 'founding',
      planVersion: 1,
      terms: foundingTerms,
      quantities: { clinicians: 5, locations: 1 },
      startsOn: '2026-11-22',
      timeZone: 'America/Chicago',
      months: 5,
    });
    expect(shown).toMatchObject({
      chargedFrom: '2027-02-20',
      lockedFrom: '2027-02-20',
      lockedUntil: '2029-02-20',
      currency: 'USD',
      totalCents: 3 * 31_300,
    });
    // Clocks go forward on 14 March.
    expect(shown.periods.map(({ from, closesAt }) => [from, closesAt.toISOString()])).toEqual([
      ['2027-02-20', '2027-03-20T05:00:00.000Z'],
      ['2027-03-20', '2027-04-20T05:00:00.000Z'],
      ['2027-04-20', '2027-05-20T05:00:00.000Z'],
    ]);
  });
});
