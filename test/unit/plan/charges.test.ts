import { type Charge, chargeKey, chargesOf } from '../../../lib/domain/plan/charges.ts';
import type { SubscriptionFact } from '../../../lib/domain/plan/facts.ts';
import { firstPeriodStart, periodAt, periodsOf } from '../../../lib/domain/plan/periods.ts';
import { timelineOf } from '../../../lib/domain/plan/timeline.ts';
import { started, toStandard } from '../../builders/plan-terms.ts';

const founding = started('2026-11-22');
/** As they are at a month's end: nothing free, from 31 January on. */
const fromJanuary = started('2027-01-31', { freeDays: 0 });

function quantities(from: string, clinicians: number, locations = 1): SubscriptionFact {
  return { kind: 'quantities', from, clinicians, locations };
}

/** The charges of the period that a day belongs to: component, days, quantity × rate, amount. */
function chargedOn(facts: readonly SubscriptionFact[], day: string): string[] {
  const timeline = timelineOf(facts);
  const period = periodAt(timeline, day);
  return period === null ? [] : chargesOf(timeline, period).map(wordsOf);
}

function wordsOf({ component, from, until, quantity, rateCents, amountCents }: Charge): string {
  return `${component} ${from} ${until} ${quantity} x ${rateCents} = ${amountCents}`;
}

describe('the periods of a subscription', () => {
  it('are counted from the first charged day itself', () => {
    const periods = periodsOf(timelineOf(fromJanuary), { from: '2027-01-01', until: '2027-05-01' });
    expect(periods.map(({ from, until }) => `${from} ${until}`)).toEqual([
      '2027-01-31 2027-02-28',
      '2027-02-28 2027-03-31',
      '2027-03-31 2027-04-30',
      '2027-04-30 2027-05-31',
    ]);
    expect(periodAt(timelineOf(fromJanuary), '2027-03-30')?.from).toBe('2027-02-28');
    expect(periodAt(timelineOf(fromJanuary), '2029-03-31')?.from).toBe('2029-03-31');
  });

  it('of a year end on the last day of February where there is no 29th', () => {
    const yearly = timelineOf(started('2028-02-29', { freeDays: 0, interval: 'year' }));
    const periods = periodsOf(yearly, { from: '2028-02-29', until: '2029-03-01' });
    expect(periods.map(({ from, until }) => `${from} ${until}`)).toEqual([
      '2028-02-29 2029-02-28',
      '2029-02-28 2030-02-28',
    ]);
    expect(periodAt(yearly, '2032-03-01')?.from).toBe('2032-02-29');
  });

  it('begin with the first charged day and stop at the end', () => {
    const ended = timelineOf([...founding, { kind: 'ends', from: '2027-04-02' }]);
    expect(periodAt(ended, '2027-02-19')).toBeNull();
    expect(periodAt(ended, '2027-04-01')).toEqual({
      from: '2027-03-20',
      until: '2027-04-02',
      wholeUntil: '2027-04-20',
    });
    expect(periodAt(ended, '2027-04-02')).toBeNull();
    const days = ['2026-11-22', '2027-02-20', '2027-02-21', '2027-03-21'];
    expect(days.map((day) => firstPeriodStart(ended, day))).toEqual([
      '2027-02-20',
      '2027-02-20',
      '2027-03-20',
      null,
    ]);
  });

  it('are none when a subscription ends in its free period', () => {
    const left = timelineOf([...founding, { kind: 'ends', from: '2027-01-05' }]);
    expect(periodsOf(left, { from: '2026-01-01', until: '2030-01-01' })).toEqual([]);
    expect(firstPeriodStart(left, '2026-12-01')).toBeNull();
  });
});

describe('the charges of a period', () => {
  it('are its rates, when nothing changes in it', () => {
    const timeline = timelineOf(founding);
    const period = periodAt(timeline, '2027-02-20');
    expect(period === null ? [] : chargesOf(timeline, period)[0]).toEqual({
      period: { from: '2027-02-20', until: '2027-03-20' },
      component: 'base',
      from: '2027-02-20',
      until: '2027-03-20',
      quantity: 1,
      rateCents: 14_900,
      amountCents: 14_900,
      currency: 'USD',
      planId: 'founding',
      planVersion: 1,
      locked: true,
    });
    expect(chargedOn(founding, '2027-02-20')).toEqual([
      'base 2027-02-20 2027-03-20 1 x 14900 = 14900',
      'per_clinician 2027-02-20 2027-03-20 5 x 2900 = 14500',
      'per_location 2027-02-20 2027-03-20 1 x 1900 = 1900',
    ]);
  });

  it('are cut where a quantity changes, in that component alone', () => {
    expect(chargedOn([...founding, quantities('2027-03-30', 6)], '2027-03-20')).toEqual([
      'base 2027-03-20 2027-04-20 1 x 14900 = 14900',
      'per_clinician 2027-03-20 2027-03-30 5 x 2900 = 4675',
      'per_clinician 2027-03-30 2027-04-20 6 x 2900 = 11790',
      'per_location 2027-03-20 2027-04-20 1 x 1900 = 1900',
    ]);
  });

  it('leave out the days of a suspension', () => {
    const suspended: SubscriptionFact[] = [
      ...founding,
      { kind: 'suspended', from: '2027-03-22' },
      { kind: 'resumed', from: '2027-04-18' },
    ];
    // 2 of 31 days, then the last 2: floor(14900 × 2 / 31) = 961, 14900 - floor(14900 × 29 / 31) = 962.
    expect(chargedOn(suspended, '2027-03-20').slice(0, 2)).toEqual([
      'base 2027-03-20 2027-03-22 1 x 14900 = 961',
      'base 2027-04-18 2027-04-20 1 x 14900 = 962',
    ]);
    expect(chargedOn(suspended.slice(0, -1), '2027-05-01')).toEqual([]);
  });

  it('are those of the days before the end', () => {
    expect(chargedOn([...founding, { kind: 'ends', from: '2027-02-27' }], '2027-02-20')).toEqual([
      'base 2027-02-20 2027-02-27 1 x 14900 = 3725',
      'per_clinician 2027-02-20 2027-02-27 5 x 2900 = 3625',
      'per_location 2027-02-20 2027-02-27 1 x 1900 = 475',
    ]);
  });

  it('follow another plan from its first period on', () => {
    const timeline = timelineOf([...founding, toStandard('2027-03-20')]);
    const [before, after] = periodsOf(timeline, { from: '2027-03-19', until: '2027-03-21' });
    const bases = [before, after].map((period) => (period ? chargesOf(timeline, period)[0] : undefined));
    expect(bases).toMatchObject([
      { planId: 'founding', amountCents: 14_900, locked: true },
      { planId: 'standard', amountCents: 24_900, locked: false },
    ]);
  });

  it('have nothing of 0', () => {
    const free = started('2027-01-01', { freeDays: 0, rates: { base: 1, perClinician: 0, perLocation: 62 } });
    // Half a month of one cent is none.
    expect(chargedOn([...free, { kind: 'ends', from: '2027-01-16' }], '2027-01-01')).toEqual([
      'per_location 2027-01-01 2027-01-16 1 x 62 = 30',
    ]);
  });

  it('are known by practice, period, component and first day', () => {
    const timeline = timelineOf([...founding, quantities('2027-03-30', 6)]);
    const period = periodAt(timeline, '2027-03-30');
    const keys = (period === null ? [] : chargesOf(timeline, period)).map((charge) =>
      chargeKey('maple', charge),
    );
    expect(keys).toEqual([
      'maple:2027-03-20:base:2027-03-20',
      'maple:2027-03-20:per_clinician:2027-03-20',
      'maple:2027-03-20:per_clinician:2027-03-30',
      'maple:2027-03-20:per_location:2027-03-20',
    ]);
  });
});
