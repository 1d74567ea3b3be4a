import { InvalidArgumentError } from 'commander';
import { isDay } from './day.ts';

const days: Readonly<Record<string, string>> = {
  monday: 'MO',
  tuesday: 'TU',
  wednesday: 'WE',
  thursday: 'TH',
  friday: 'FR',
  saturday: 'SA',
  sunday: 'SU',
};
const places: Readonly<Record<string, string>> = {
  first: '1',
  second: '2',
  third: '3',
  fourth: '4',
  last: '-1',
};

/**
 * The rule of a window that was given in words ("Sundays 02:00", "Saturday and Sunday 1:30", "first Sunday 02:00", "daily 03:00"); an
 * RFC 5545 rule stays as it is, for the control plane to judge.
 */
export function ruleOf(text: string): string {
  if (/^[A-Z]+=/.test(text)) return text;
  const [, named = '', hour, minute] = /^(.+?) (\d{1,2}):(\d\d)$/.exec(text.trim().toLowerCase()) ?? [];
  const time = `BYHOUR=${Number(hour)};BYMINUTE=${Number(minute)}`;
  if (named === 'daily' || named === 'every day') return `FREQ=DAILY;${time}`;
  const on = named.split(/\s*(?:,|\band\b)\s*/).map(dayOf);
  if (hour === undefined || on.includes(undefined)) {
    throw new InvalidArgumentError(
      'It must be days and a time, such as "Sundays 02:00", "first Sunday 02:00" or "daily 03:00", or an RFC 5545 rule such as "FREQ=WEEKLY;BYDAY=SU;BYHOUR=2".',
    );
  }
  const counted = on.filter((day) => /\d/.test(String(day)));
  if (counted.length > 0 && counted.length < on.length) {
    throw new InvalidArgumentError(
      'It must say of each day which of the month it is, or of none, such as "first Saturday and first Sunday 02:00".',
    );
  }
  const frequency = counted.length > 0 ? 'MONTHLY' : 'WEEKLY';
  return `FREQ=${frequency};BYDAY=${on.join(',')};${time}`;
}

/** "Sundays" is SU, "first sunday" 1SU. */
function dayOf(text: string): string | undefined {
  const [, place, name = ''] = /^(?:(first|second|third|fourth|last) )?([a-z]+?)s?$/.exec(text) ?? [];
  const day = days[name];
  return day === undefined ? undefined : `${place === undefined ? '' : places[place]}${day}`;
}

/** `4h`, `90m` or `1h30m`, in minutes. */
export function minutesOf(text: string): number {
  const [, hours, minutes] = /^(?:(\d{1,3})h)?(?:(\d{1,4})m(?:in)?)?$/.exec(text) ?? [];
  if (hours === undefined && minutes === undefined) {
    throw new InvalidArgumentError('It must be a duration such as 4h, 90m or 1h30m.');
  }
  return Number(hours ?? 0) * 60 + Number(minutes ?? 0);
}

/** A time as the control plane takes it: RFC 3339, a date (its midnight in UTC), or so many days or hours from now (`30d`, `12h`). */
export function momentOf(text: string): string {
  const [, amount, unit] = /^(\d{1,4})([dh])$/.exec(text) ?? [];
  const ahead = unit === 'd' ? 86_400_000 : 3_600_000;
  if (amount !== undefined) return new Date(Date.now() + Number(amount) * ahead).toISOString();
  if (isDay(text) || isTime(text)) return new Date(text).toISOString();
  throw new InvalidArgumentError(
    'It must be a time such as 2027-01-04T06:00:00Z, a date (from 00:00 UTC), or a time from now such as 30d or 12h.',
  );
}

/** RFC 3339, with its zone; seconds may be left out. */
export function isTime(text: string): boolean {
  const [, date = ''] = /^([\d-]+)T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)$/.exec(text) ?? [];
  return isDay(date) && !Number.isNaN(Date.parse(text));
}

/** `Sun, Nov 22, 2026, 02:00 CST`: what clocks there show. */
export function localTime(time: string, timeZone: string): string {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    weekday: 'short',
    year: 'numeric',
    month: 'short',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
    timeZoneName: 'short',
  });
  return format.format(new Date(time));
}
