import fc from 'fast-check';
import { addDays, dayIn, startOfDay } from '../../../lib/domain/plan/day.ts';
import { periodAt } from '../../../lib/domain/plan/periods.ts';
import { timelineOf } from '../../../lib/domain/plan/timeline.ts';
import { started } from '../../builders/plan-terms.ts';

const hour = 3_600_000;

/** Activations: any, and some with the clocks of their zone about to change. In Apia no 30 December came. */
const activations = fc.oneof(
  fc.tuple(
    fc.constantFrom(
      'America/Chicago',
      'Asia/Kolkata',
      'Pacific/Apia',
      'America/Sao_Paulo',
      'Australia/Lord_Howe',
    ),
    fc.date({ min: new Date('2010-01-01'), max: new Date('2036-01-01'), noInvalidDate: true }),
  ),
  fc.constantFrom<[string, Date][]>(
    ['America/Sao_Paulo', new Date('2018-11-03T23:00:00-03:00')],
    ['America/Sao_Paulo', new Date('2018-11-04T01:00:00-02:00')],
    ['Pacific/Apia', new Date('2011-12-29T23:59:00-10:00')],
    ['America/Chicago', new Date('2026-12-14T01:30:00-06:00')],
    ['America/Chicago', new Date('2026-11-01T01:30:00-06:00')],
  ),
);
const shortTrial = { freeDays: 2, lock: { months: 1, from: 'first_charged_day' } } as const;

describe('a subscription in its own zone', () => {
  it('has every moment after its free period in one period of charges, and none before', () => {
    fc.assert(
      fc.property(activations, fc.integer({ min: 0, max: 500 * 24 }), ([zone, activatedAt], hours) => {
        const activatedOn = dayIn(zone, activatedAt);
        const timeline = timelineOf(started(activatedOn, shortTrial));
        const at = new Date(activatedAt.getTime() + hours * hour);
        const period = periodAt(timeline, dayIn(zone, at));
        const chargedFrom = startOfDay(zone, addDays(activatedOn, shortTrial.freeDays));
        expect(period === null).toBe(at < chargedFrom);
        if (period === null) return;
        expect(startOfDay(zone, period.from).getTime()).toBeLessThanOrEqual(at.getTime());
        expect(startOfDay(zone, period.until).getTime()).toBeGreaterThan(at.getTime());
      }),
    );
  });

  it('counts its free days by its calendar, not by 24 hours', () => {
    // 90 dates, the first of which has half an hour left, the last 23 hours.
    const activatedOn = dayIn('America/Chicago', new Date('2026-12-16T05:30:00Z'));
    const { chargedFrom } = timelineOf(started(activatedOn));
    expect([activatedOn, chargedFrom]).toEqual(['2026-12-15', '2027-03-15']);
    expect(startOfDay('America/Chicago', '2027-03-15')).toEqual(new Date('2027-03-15T05:00:00Z'));
  });
});
