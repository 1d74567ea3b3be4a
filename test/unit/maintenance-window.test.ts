import fc from 'fast-check';
import { Temporal } from 'temporal-polyfill';
import { DomainError } from '../../lib/domain/errors.ts';
import {
  checkWindow,
  defaultWindow,
  type MaintenanceWindow,
  occurrencesOf,
  type WindowOccurrence,
} from '../../lib/domain/maintenance-window.ts';

const minute = 60_000;
const day = 1_440 * minute;

const windowOf = (rule: string, timeZone: string, durationMinutes = 240): MaintenanceWindow => ({
  rule,
  durationMinutes,
  timeZone,
});
const starts = (window: MaintenanceWindow, from: string, until: string): string[] =>
  occurrencesOf(window, { from: new Date(from), until: new Date(until) }).map(({ startsAt }) =>
    iso(startsAt),
  );
const iso = (at: Date): string => `${at.toISOString().slice(0, 16)}Z`;

/** The local date and time of an instant, by the runtime's own calendar and not by the one under test. */
function localTime(at: Date, timeZone: string): string {
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'short' });
  return format.format(at).replace(' ', 'T');
}

/** Whether clocks of the zone ever show this local time. */
function exists(local: string, timeZone: string): boolean {
  const asUtc = Date.parse(`${local}Z`);
  const quarters = Array.from({ length: 2 * 4 * 26 + 1 }, (_, at) => asUtc + (at - 4 * 26) * 15 * minute);
  return quarters.some((at) => localTime(new Date(at), timeZone) === local);
}

function problemsOf(window: MaintenanceWindow): readonly { pointer: string; message: string }[] {
  try {
    checkWindow(window, '/window');
    return [];
  } catch (error) {
    if (error instanceof DomainError && error.code === 'invalid_input') return error.fields;
    throw error;
  }
}

describe('when clocks change', () => {
  const daily = (time: string) =>
    `FREQ=DAILY;BYHOUR=${Number(time.slice(0, 2))};BYMINUTE=${Number(time.slice(3))}`;

  test.each([
    // zone, local time, a day with its instant before the change, on the day, after it
    ['America/Chicago', '02:30', '2026-03-07T08:30Z', '2026-03-08T08:30Z', '2026-03-09T07:30Z'],
    ['America/Chicago', '02:00', '2026-03-07T08:00Z', '2026-03-08T08:00Z', '2026-03-09T07:00Z'],
    ['America/Chicago', '03:00', '2026-03-07T09:00Z', '2026-03-08T08:00Z', '2026-03-09T08:00Z'],
    ['America/Chicago', '01:30', '2026-10-31T06:30Z', '2026-11-01T06:30Z', '2026-11-02T07:30Z'],
    ['America/Chicago', '02:00', '2026-10-31T07:00Z', '2026-11-01T08:00Z', '2026-11-02T08:00Z'],
    ['America/Phoenix', '02:30', '2026-03-07T09:30Z', '2026-03-08T09:30Z', '2026-03-09T09:30Z'],
    ['America/Phoenix', '01:30', '2026-10-31T08:30Z', '2026-11-01T08:30Z', '2026-11-02T08:30Z'],
    // Half an hour is skipped, and comes twice.
    ['Australia/Lord_Howe', '02:15', '2026-10-02T15:45Z', '2026-10-03T15:45Z', '2026-10-04T15:15Z'],
    ['Australia/Lord_Howe', '01:45', '2026-04-03T14:45Z', '2026-04-04T14:45Z', '2026-04-05T15:15Z'],
    // Half an hour beside the full ones, a full one skipped.
    ['Australia/Adelaide', '02:30', '2026-10-02T17:00Z', '2026-10-03T17:00Z', '2026-10-04T16:00Z'],
    ['Australia/Adelaide', '02:30', '2026-04-03T16:00Z', '2026-04-04T16:00Z', '2026-04-05T17:00Z'],
    ['America/St_Johns', '02:30', '2026-03-07T06:00Z', '2026-03-08T06:00Z', '2026-03-09T05:00Z'],
    // Clocks of Cairo go forward at midnight, on a Friday.
    ['Africa/Cairo', '00:30', '2026-04-22T22:30Z', '2026-04-23T22:30Z', '2026-04-24T21:30Z'],
  ])('%s %s: %s, %s, %s', (timeZone, time, ...expected) => {
    const [first, , last] = expected;
    const until = new Date(Date.parse(last) + minute).toISOString();
    expect(starts(windowOf(daily(time), timeZone), first, until)).toEqual(expected.map(String));
  });

  test('a window that holds a change lasts as long as any other', () => {
    const [spring] = occurrencesOf(windowOf(daily('00:00'), 'America/Chicago'), {
      from: new Date('2026-03-08T06:00Z'),
      until: new Date('2026-03-08T07:00Z'),
    });
    expect(spring).toEqual({
      startsAt: new Date('2026-03-08T06:00Z'),
      endsAt: new Date('2026-03-08T10:00Z'),
    });
    expect(localTime(new Date('2026-03-08T10:00Z'), 'America/Chicago')).toBe('2026-03-08T05:00');
  });
});

describe('rules', () => {
  test.each([
    ['FREQ=WEEKLY;BYDAY=SU;BYHOUR=2', '2026-12-26', '2027-01-11', ['2026-12-27', '2027-01-03', '2027-01-10']],
    [
      'FREQ=DAILY;BYHOUR=23;BYMINUTE=30',
      '2026-12-30',
      '2027-01-02',
      ['2026-12-30', '2026-12-31', '2027-01-01'],
    ],
    // Every second week goes on over the year's end, and from the same Monday for everybody.
    [
      'FREQ=WEEKLY;INTERVAL=2;BYDAY=SU;BYHOUR=2',
      '2024-01-01',
      '2024-02-05',
      ['2024-01-07', '2024-01-21', '2024-02-04'],
    ],
    [
      'FREQ=WEEKLY;INTERVAL=2;BYDAY=SU;BYHOUR=2',
      '2026-12-15',
      '2027-01-20',
      ['2026-12-20', '2027-01-03', '2027-01-17'],
    ],
    [
      'FREQ=MONTHLY;BYDAY=1SU;BYHOUR=2',
      '2026-11-01',
      '2027-02-01',
      ['2026-11-01', '2026-12-06', '2027-01-03'],
    ],
    [
      'FREQ=MONTHLY;BYDAY=-1SA;BYHOUR=2',
      '2027-12-01',
      '2028-03-01',
      ['2027-12-25', '2028-01-29', '2028-02-26'],
    ],
    [
      'FREQ=MONTHLY;BYMONTHDAY=-1;BYHOUR=2',
      '2028-01-01',
      '2028-04-01',
      ['2028-01-31', '2028-02-29', '2028-03-31'],
    ],
    [
      'FREQ=MONTHLY;BYMONTHDAY=31;BYHOUR=2',
      '2027-01-01',
      '2027-06-01',
      ['2027-01-31', '2027-03-31', '2027-05-31'],
    ],
    [
      'FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;BYHOUR=2',
      '2026-10-01',
      '2027-01-01',
      ['2026-10-30', '2026-11-30', '2026-12-31'],
    ],
    [
      'FREQ=MONTHLY;BYMONTH=1,3,5,7,9,11;BYMONTHDAY=2;BYHOUR=2',
      '2027-01-01',
      '2027-04-01',
      ['2027-01-02', '2027-03-02'],
    ],
  ])('%s', (rule, from, until, dates) => {
    const window = windowOf(rule, 'Africa/Abidjan', 30);
    expect(problemsOf(window)).toEqual([]);
    expect(starts(window, `${from}T00:00Z`, `${until}T00:00Z`).map((at) => at.slice(0, 10))).toEqual(dates);
  });

  test('a window counts as long as it is open, and not at its end', () => {
    const window = windowOf('FREQ=WEEKLY;BYDAY=SU;BYHOUR=2', 'Africa/Abidjan');
    const of = (from: string, until: string) => starts(window, from, until);
    expect(of('2026-11-22T05:59Z', '2026-11-22T06:30Z')).toEqual(['2026-11-22T02:00Z']);
    expect(of('2026-11-22T06:00Z', '2026-11-29T02:00Z')).toEqual([]);
    expect(of('2026-11-22T01:00Z', '2026-11-22T02:01Z')).toEqual(['2026-11-22T02:00Z']);
  });

  // What is worked out at once ends somewhere within these days, and local dates begin before and after UTC's.
  test.each(['Pacific/Honolulu', 'Pacific/Apia'])(
    'every moment in %s has the window that is open then',
    (timeZone) => {
      const window = windowOf('FREQ=DAILY;BYHOUR=3', timeZone, 1_320);
      const [begin, end] = [Date.parse('2026-09-01T00:00Z'), Date.parse('2026-12-31T00:00Z')];
      const all = occurrencesOf(window, { from: new Date(begin - 2 * day), until: new Date(end + 2 * day) });
      for (let at = begin; at < end; at += 60 * minute) {
        const span = { from: new Date(at), until: new Date(at + minute) };
        const open = all.filter(({ startsAt, endsAt }) => endsAt > span.from && startsAt < span.until);
        expect(occurrencesOf(window, span)).toEqual(open);
      }
    },
  );

  test('the default is Sundays at two for four hours', () => {
    const window = defaultWindow('America/Chicago');
    checkWindow(window);
    const [next] = occurrencesOf(window, {
      from: new Date('2026-11-20T12:00Z'),
      until: new Date('2026-11-30T00:00Z'),
    });
    expect(next).toEqual({ startsAt: new Date('2026-11-22T08:00Z'), endsAt: new Date('2026-11-22T12:00Z') });
  });
});

describe('a window that nobody could hold to is refused', () => {
  const sundays = 'FREQ=WEEKLY;BYDAY=SU;BYHOUR=2';

  test.each([
    ['', 'must be parts'],
    ['Sundays at 2', 'must be parts'],
    ['DTSTART:20260101T000000Z\nRRULE:FREQ=DAILY', 'must be parts'],
    ['BYDAY=SU;BYHOUR=2', 'has no FREQ'],
    ['FREQ=HOURLY;BYHOUR=2', 'once a day at most'],
    ['FREQ=YEARLY;BYMONTH=1;BYMONTHDAY=1;BYHOUR=2', 'comes too rarely'],
    [`${sundays};COUNT=3`, 'must not end: leave COUNT out'],
    [`${sundays};UNTIL=20270101T000000Z`, 'must not end: leave UNTIL out'],
    [`${sundays};BYSECOND=0`, 'has BYSECOND'],
    [`${sundays};BYHOUR=3`, 'has BYHOUR twice'],
    ['FREQ=WEEKLY;BYDAY=SU', 'one BYHOUR'],
    ['FREQ=WEEKLY;BYDAY=SU;BYHOUR=2,14', 'one BYHOUR'],
    [`${sundays};BYMINUTE=0,30`, 'one BYMINUTE'],
    ['FREQ=WEEKLY;BYDAY=SU;BYHOUR=24', 'has 24 in BYHOUR'],
    ['FREQ=WEEKLY;BYDAY=XX;BYHOUR=2', 'has the day XX'],
    ['FREQ=WEEKLY;BYDAY=1SU;BYHOUR=2', 'counts days'],
    ['FREQ=WEEKLY;BYHOUR=2', 'on which days of the week'],
    ['FREQ=MONTHLY;BYHOUR=2', 'on which days of the month'],
    ['FREQ=WEEKLY;BYDAY=SU;BYMONTHDAY=1;BYHOUR=2', 'they are for FREQ=MONTHLY'],
    ['FREQ=WEEKLY;BYDAY=SA,SU;BYSETPOS=1;BYHOUR=2', 'they are for FREQ=MONTHLY'],
    ['FREQ=MONTHLY;BYMONTHDAY=0;BYHOUR=2', 'has 0 in BYMONTHDAY'],
    ['FREQ=DAILY;BYDAY=SU;BYHOUR=2', 'use FREQ=WEEKLY'],
    ['FREQ=DAILY;BYSETPOS=1;BYHOUR=2', 'they are for FREQ=MONTHLY'],
    [`${sundays};INTERVAL=1,2`, 'more than one INTERVAL'],
    [`${sundays};WKST=XX`, 'WKST that is no day'],
    ['FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13;BYHOUR=2', 'days between two windows'],
    ['FREQ=MONTHLY;INTERVAL=3;BYMONTHDAY=1;BYHOUR=2', 'days between two windows'],
    ['FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=1;BYHOUR=2', 'days between two windows'],
    ['FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30;BYHOUR=2', 'never comes'],
    [
      `FREQ=MONTHLY;BYMONTHDAY=${Array.from({ length: 90 }, () => '1').join(',')};BYHOUR=2`,
      'at most 200 characters',
    ],
  ])('%s', (rule, problem) => {
    const [error, ...others] = problemsOf(windowOf(rule, 'America/Chicago'));
    expect(others).toEqual([]);
    expect(error).toEqual({ pointer: '/window/rule', message: expect.stringContaining(problem) });
    expect(error?.message).toContain('FREQ=WEEKLY;BYDAY=SU;BYHOUR=2;BYMINUTE=0');
  });

  test.each([29, 1_441, 60.5, Number.NaN])('a duration of %p minutes', (duration) => {
    const [error] = problemsOf(windowOf(sundays, 'America/Chicago', duration));
    expect(error).toEqual({ pointer: '/window/durationMinutes', message: expect.stringContaining('240') });
  });

  test.each(['', 'Chicago', 'America/Springfield', '+05:00', 'UTC+2'])('the zone %p', (zone) => {
    const [error] = problemsOf(windowOf(sundays, zone));
    expect(error).toEqual({
      pointer: '/window/timeZone',
      message: expect.stringContaining('America/Chicago'),
    });
  });

  test.each([
    ['America/Chicago', 1_380],
    ['America/Phoenix', 1_440],
    ['Australia/Lord_Howe', 1_410],
    ['Antarctica/Troll', 1_320],
  ])('days in a row in %s have room for %p minutes, since clocks may go forward between', (zone, most) => {
    const daily = (duration: number) => problemsOf(windowOf('FREQ=DAILY;BYHOUR=2', zone, duration));
    expect(daily(most)).toEqual([]);
    if (most < 1_440)
      expect(daily(most + 1)).toEqual([
        { pointer: '/window/durationMinutes', message: expect.stringContaining(`at most ${most}`) },
      ]);
    expect(problemsOf(windowOf('FREQ=WEEKLY;BYDAY=SU,TU;BYHOUR=2', zone, 1_440))).toEqual([]);
  });
});

describe('whatever the window', () => {
  const weekdays = ['MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU'];
  const zones = [
    'America/Chicago',
    'America/Phoenix',
    'America/St_Johns',
    'Pacific/Honolulu',
    'Pacific/Apia',
    'Australia/Lord_Howe',
    'Australia/Adelaide',
    'Asia/Kathmandu',
    'Africa/Cairo',
    'Africa/Casablanca',
    'Antarctica/Troll',
  ];
  const days = fc.subarray(weekdays, { minLength: 1 }).map((some) => `BYDAY=${some.join(',')}`);
  const pattern = fc.oneof(
    fc.integer({ min: 1, max: 20 }).map((interval) => `FREQ=DAILY;INTERVAL=${interval}`),
    fc
      .tuple(fc.integer({ min: 1, max: 8 }), days)
      .map(([interval, on]) => `FREQ=WEEKLY;INTERVAL=${interval};${on}`),
    fc
      .uniqueArray(fc.integer({ min: 1, max: 31 }), { minLength: 1, maxLength: 4 })
      .map((on) => `FREQ=MONTHLY;BYMONTHDAY=${on.join(',')}`),
    fc
      .tuple(fc.constantFrom(1, 2, 3, 4, -1), fc.constantFrom(...weekdays))
      .map(([nth, on]) => `FREQ=MONTHLY;BYDAY=${nth}${on}`),
  );
  // Clocks change between midnight and three: half of the windows open then.
  const hour = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 23 }));
  const window = fc
    .record({
      pattern,
      hour,
      minute: fc.constantFrom(0, 15, 30, 59),
      durationMinutes: fc.integer({ min: 30, max: 1_320 }),
      timeZone: fc.constantFrom(...zones),
    })
    .map(({ pattern: on, hour: h, minute: m, durationMinutes, timeZone }) => ({
      rule: `${on};BYHOUR=${h};BYMINUTE=${m}`,
      durationMinutes,
      timeZone,
      local: `${String(h).padStart(2, '0')}:${String(m).padStart(2, '0')}`,
    }));
  // Over all changes of the clocks of some years.
  const from = fc.date({ min: new Date('2025-01-01'), max: new Date('2029-01-01'), noInvalidDate: true });
  const runs = { numRuns: 60 };

  test('its occurrences come in order, apart from each other, and last what they should', () => {
    fc.assert(
      fc.property(window, from, (given, at) => {
        const until = new Date(at.getTime() + 200 * day);
        const found = occurrencesOf(given, { from: at, until });
        expect(found.length).toBeGreaterThan(0);
        for (const [place, { startsAt, endsAt }] of found.entries()) {
          expect(endsAt.getTime() - startsAt.getTime()).toBe(given.durationMinutes * minute);
          const before = found[place - 1];
          if (before !== undefined)
            expect(startsAt.getTime()).toBeGreaterThanOrEqual(before.endsAt.getTime());
        }
      }),
      runs,
    );
  });

  test('it opens at its local time, unless clocks skip that', () => {
    fc.assert(
      fc.property(window, from, (given, at) => {
        const until = new Date(at.getTime() + 200 * day);
        for (const { startsAt } of occurrencesOf(given, { from: at, until })) {
          const [date, time] = localTime(startsAt, given.timeZone).split('T');
          if (time !== given.local) expect(exists(`${date}T${given.local}`, given.timeZone)).toBe(false);
        }
      }),
      runs,
    );
  });

  test('asking in two spans answers what asking in one does', () => {
    const length = fc.integer({ min: 1, max: 100 * 1_440 });
    fc.assert(
      fc.property(window, from, length, length, (given, at, one, other) => {
        const middle = new Date(at.getTime() + one * minute);
        const until = new Date(middle.getTime() + other * minute);
        const halves = [
          ...occurrencesOf(given, { from: at, until: middle }),
          ...occurrencesOf(given, { from: middle, until }),
        ];
        expect(unique(halves)).toEqual(occurrencesOf(given, { from: at, until }));
      }),
      runs,
    );
  });

  test('every day of the week that it names has one, where Temporal puts its time', () => {
    const on = fc.subarray(weekdays, { minLength: 1 });
    const time = fc.record({ hour, minute: fc.constantFrom(0, 15, 45) });
    fc.assert(
      fc.property(on, time, fc.constantFrom(...zones), from, (named, at, timeZone, begin) => {
        const rule = `FREQ=WEEKLY;BYDAY=${named.join(',')};BYHOUR=${at.hour};BYMINUTE=${at.minute}`;
        const first = Temporal.PlainDate.from(begin.toISOString().slice(0, 10));
        const wanted = Array.from({ length: 400 }, (_, days) => first.add({ days }))
          .filter(({ dayOfWeek }) => named.includes(String(weekdays[dayOfWeek - 1])))
          .map((date) => date.toPlainDateTime(at).toZonedDateTime(timeZone, { disambiguation: 'compatible' }))
          .map(({ epochMilliseconds }) => epochMilliseconds);
        const until = first.add({ days: 400 }).toZonedDateTime(timeZone).epochMilliseconds;
        const span = {
          from: new Date(first.toZonedDateTime(timeZone).epochMilliseconds),
          until: new Date(until),
        };
        const found = occurrencesOf(windowOf(rule, timeZone, 30), span).map(({ startsAt }) =>
          startsAt.getTime(),
        );
        // One of the evening before may still be open.
        expect(found.filter((start) => start >= span.from.getTime())).toEqual(wanted);
      }),
      { numRuns: 20 },
    );
  });

  /** One that is open at the middle is in both halves. */
  const unique = (found: readonly WindowOccurrence[]) => [
    ...new Map(found.map((each) => [each.startsAt.getTime(), each])).values(),
  ];
});
