import { type MaintenanceRule, parseRule, type RuleDay, type Weekday, weekdays } from './maintenance-rule.ts';
import type { MaintenanceWindow } from './maintenance-window.ts';

/** A window for people: "Sundays 02:00 for 4 h, America/Chicago". */
export function windowInWords({ rule, durationMinutes, timeZone }: MaintenanceWindow): string {
  const parsed = parseRule(rule, '/rule');
  const time = [parsed.hour, parsed.minute].map((part) => String(part).padStart(2, '0')).join(':');
  const days = `${daysInWords(parsed)}${monthsInWords(parsed.months)}`;
  return `${days} ${time} for ${lengthInWords(durationMinutes)}, ${timeZone}`;
}

const dayNames: Readonly<Record<Weekday, string>> = {
  MO: 'Monday',
  TU: 'Tuesday',
  WE: 'Wednesday',
  TH: 'Thursday',
  FR: 'Friday',
  SA: 'Saturday',
  SU: 'Sunday',
};
const monthNames =
  'January February March April May June July August September October November December'.split(' ');
const placeNames = ['', 'first', 'second', 'third', 'fourth', 'fifth'];

function daysInWords({ frequency, interval, days, monthDays, positions }: MaintenanceRule): string {
  const often = interval === 1 ? '' : `every ${place(interval)} `;
  if (frequency === 'DAILY') return interval === 1 ? 'every day' : `${often}day`;
  if (frequency === 'WEEKLY') return interval === 1 ? plural(days) : `${plural(days)} of ${often}week`;
  const month = interval === 1 ? 'the month' : `${often}month`;
  const dates = monthDays.length === 0 ? [] : [dateNames(monthDays)];
  const all = [...(days.length === 0 ? [] : [daysOfMonth(days)]), ...dates].join(' on ');
  const isEach = interval === 1 && dates.length === 0 && days.every(({ ordinal }) => ordinal === null);
  if (positions.length > 0) return `the ${list(positions.map(place))} of ${all} in ${month}`;
  return isEach ? all : `${all} of ${month}`;
}

function monthsInWords(months: readonly number[]): string {
  const named = (wanted: boolean) => list(monthNames.filter((_, at) => months.includes(at + 1) === wanted));
  const spared = monthNames.length - new Set(months).size;
  if (months.length === 0 || spared === 0) return '';
  return spared < 6 ? `, not in ${named(false)},` : `, in ${named(true)} only,`;
}

/** "Saturdays and Sundays"; "Mondays to Fridays". */
function plural(days: readonly RuleDay[]): string {
  const named = weekdays.filter((weekday) => days.some((day) => day.weekday === weekday));
  if (named.length === weekdays.length) return 'every day';
  if (named.join() === weekdays.slice(0, 5).join()) return 'Mondays to Fridays';
  return list(named.map((weekday) => `${dayNames[weekday]}s`));
}

/** "first and third Sunday"; "Sundays". */
function daysOfMonth(days: readonly RuleDay[]): string {
  if (days.every(({ ordinal }) => ordinal === null)) return plural(days);
  return list(
    days.map(({ ordinal, weekday }) =>
      ordinal === null ? `${dayNames[weekday]}s` : `${place(ordinal)} ${dayNames[weekday]}`,
    ),
  );
}

/** "day 1 and 15"; "the last day". */
function dateNames(monthDays: readonly number[]): string {
  const fromStart = monthDays.filter((date) => date > 0).toSorted((one, other) => one - other);
  const fromEnd = monthDays.filter((date) => date < 0).map((date) => `the ${place(date)} day`);
  return list([...(fromStart.length === 0 ? [] : [`day ${list(fromStart.map(String))}`]), ...fromEnd]);
}

/** 2 is "second", -1 "last", -2 "second to last". */
function place(ordinal: number): string {
  if (ordinal === -1) return 'last';
  if (ordinal < 0) return `${place(-ordinal)} to last`;
  return (
    placeNames[ordinal] ??
    `${ordinal}${endings[new Intl.PluralRules('en', { type: 'ordinal' }).select(ordinal)]}`
  );
}

const endings: Readonly<Record<Intl.LDMLPluralRule, string>> = {
  zero: 'th',
  one: 'st',
  two: 'nd',
  few: 'rd',
  many: 'th',
  other: 'th',
};

function lengthInWords(minutes: number): string {
  const [hours, rest] = [Math.floor(minutes / 60), minutes % 60];
  return [...(hours === 0 ? [] : [`${hours} h`]), ...(rest === 0 ? [] : [`${rest} min`])].join(' ');
}

const list = (words: readonly string[]): string =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
