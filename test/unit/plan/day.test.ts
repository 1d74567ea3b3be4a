import fc from 'fast-check';
import { Temporal } from 'temporal-polyfill';
import { addDays, addMonths, dayIn, daysBetween, startOfDay } from '../../../lib/domain/plan/day.ts';

const zones = [
  'America/Chicago',
  'Asia/Kolkata',
  'Pacific/Apia',
  'America/Sao_Paulo',
  'Pacific/Kiritimati',
  'Africa/Cairo',
];
const days = fc.integer({ min: -2_000, max: 40_000 }).map((count) => addDays('2000-01-01', count));

/** By the runtime's own calendar, not by Temporal. */
function shownDay(timeZone: string, at: Date): string {
  return new Intl.DateTimeFormat('en-CA', { timeZone, dateStyle: 'short' }).format(at);
}

describe('a day', () => {
  it('is that of the practice, not of the server', () => {
    const at = new Date('2026-11-22T05:30:00Z');
    expect(zones.map((zone) => dayIn(zone, at))).toEqual([
      '2026-11-21',
      '2026-11-22',
      '2026-11-22',
      '2026-11-22',
      '2026-11-22',
      '2026-11-22',
    ]);
  });

  it('begins where midnight does not exist with the first moment after it', () => {
    // Clocks went from 23:59:59 to 01:00 in São Paulo; Apia had no 30 December 2011.
    expect(startOfDay('America/Sao_Paulo', '2018-11-04')).toEqual(new Date('2018-11-04T03:00:00Z'));
    expect(startOfDay('Pacific/Apia', '2011-12-30')).toEqual(startOfDay('Pacific/Apia', '2011-12-31'));
    expect(startOfDay('Africa/Cairo', '2026-04-24')).toEqual(new Date('2026-04-23T22:00:00Z'));
  });

  it('is the calendar’s from its first moment on, and not a millisecond before', () => {
    fc.assert(
      fc.property(days, fc.constantFrom(...zones), (day, zone) => {
        const start = startOfDay(zone, day);
        fc.pre(!(zone === 'Pacific/Apia' && day === '2011-12-30'));
        expect(dayIn(zone, start)).toBe(day);
        expect(shownDay(zone, start)).toBe(day);
        expect(dayIn(zone, new Date(start.getTime() - 1)) < day).toBe(true);
      }),
    );
  });

  it('is added and counted without clocks', () => {
    expect(addDays('2026-11-22', 90)).toBe('2027-02-20');
    expect(addDays('2028-02-28', 1)).toBe('2028-02-29');
    fc.assert(
      fc.property(days, fc.integer({ min: -4_000, max: 4_000 }), (day, count) => {
        const later = Temporal.PlainDate.from(day).add({ days: count }).toString();
        expect(addDays(day, count)).toBe(later);
        expect(daysBetween(day, later)).toBe(count);
      }),
    );
  });

  it('of a later month is the last one of a month that is too short', () => {
    expect([1, 2, 13, 25].map((months) => addMonths('2027-01-31', months))).toEqual([
      '2027-02-28',
      '2027-03-31',
      '2028-02-29',
      '2029-02-28',
    ]);
    expect(addMonths('2028-02-29', 12)).toBe('2029-02-28');
    expect(addMonths('2028-02-29', 48)).toBe('2032-02-29');
    const months = fc.integer({ min: -60, max: 1_400 });
    fc.assert(
      fc.property(days, months, (day, count) => {
        expect(addMonths(day, count)).toBe(Temporal.PlainDate.from(day).add({ months: count }).toString());
      }),
    );
  });
});
