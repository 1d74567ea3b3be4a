import { Temporal } from 'temporal-polyfill';
import { z } from 'zod';

/** A day of a practice's own calendar, `YYYY-MM-DD` (ISO 8601). Days of this form sort as text. Intervals of days are half open. */
export type Day = string;

export const daySchema = z.iso
  .date({ error: 'must be a day such as 2026-11-22', abort: true })
  // Years of four digits, with room for everything that is counted from a day: days are compared as text.
  .refine((day) => day >= '2000-01-01' && day < '2200-01-01', 'must be in the years 2000 to 2199');

const millisecondsOfDay = 86_400_000;

/** The day that a zone's calendar shows at an instant. */
export function dayIn(timeZone: string, at: Date): Day {
  return Temporal.Instant.fromEpochMilliseconds(at.getTime())
    .toZonedDateTimeISO(timeZone)
    .toPlainDate()
    .toString();
}

/**
 * The instant at which a day begins in a zone: midnight, or the first moment after it where clocks skip midnight. A day that a zone
 * never had (Pacific/Apia, 30 December 2011) begins with the next one.
 */
export function startOfDay(timeZone: string, day: Day): Date {
  return new Date(Temporal.PlainDate.from(day).toZonedDateTime(timeZone).epochMilliseconds);
}

/** Calendar days have no clocks, so this is arithmetic of whole numbers. */
export function addDays(day: Day, days: number): Day {
  return new Date(Date.parse(day) + days * millisecondsOfDay).toISOString().slice(0, 10);
}

/** Days from the first to the second; negative when the second is earlier. */
export function daysBetween(from: Day, until: Day): number {
  return (Date.parse(until) - Date.parse(from)) / millisecondsOfDay;
}

/**
 * The same day of another month, or that month's last day where it is shorter: 31 January and one month is 28 or 29 February. What
 * Temporal's `PlainDate.add` says, at a tenth of its time.
 */
export function addMonths(day: Day, months: number): Day {
  const since = monthsOf(day) + months;
  const [year, month] = [Math.floor(since / 12), since % 12];
  const date = Math.min(Number(day.slice(8)), lengthOfMonth(year, month));
  return `${padded(year, 4)}-${padded(month + 1, 2)}-${padded(date, 2)}`;
}

/** Months from January of the year 0 to the month of a day. */
export function monthsOf(day: Day): number {
  return Number(day.slice(0, 4)) * 12 + Number(day.slice(5, 7)) - 1;
}

/** In days; January is month 0. Of the Gregorian calendar. */
function lengthOfMonth(year: number, month: number): number {
  if (month !== 1) return [3, 5, 8, 10].includes(month) ? 30 : 31;
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
}

const padded = (value: number, length: number): string => String(value).padStart(length, '0');

export const laterOf = (one: Day, other: Day): Day => (one > other ? one : other);
export const earlierOf = (one: Day, other: Day): Day => (one < other ? one : other);
