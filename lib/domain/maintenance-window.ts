import { RRuleTemporal } from 'rrule-temporal';
import { Temporal } from 'temporal-polyfill';
import { DomainError } from './errors.ts';
import { parseRule, ruleError } from './maintenance-rule.ts';
import { isTimeZone } from './time-zone.ts';

/** When a practice may be updated: a local, recurring interval. */
export interface MaintenanceWindow {
  /** RFC 5545, section 3.3.10, without DTSTART; its times are local. An INTERVAL above 1 counts from Monday 1 January 2024. */
  readonly rule: string;
  /** Elapsed minutes, also on a day when the clocks change. */
  readonly durationMinutes: number;
  /** A name of the IANA time zone database. */
  readonly timeZone: string;
}

/** One interval in which an update may start and has to fit: `startsAt <= t < endsAt`. */
export interface WindowOccurrence {
  readonly startsAt: Date;
  readonly endsAt: Date;
}

export interface Span {
  readonly from: Date;
  readonly until: Date;
}

const minute = 60_000;
const day = 1_440 * minute;
const shortestMinutes = 30;
const longestMinutes = 1_440;
/** A security release is owed to every practice within weeks: a window that comes more rarely is none. */
const longestGapDays = 62;

/** What a practice has that chose nothing: Sundays 02:00 for four hours. */
export function defaultWindow(timeZone: string): MaintenanceWindow {
  return { rule: 'FREQ=WEEKLY;BYDAY=SU;BYHOUR=2;BYMINUTE=0', durationMinutes: 240, timeZone };
}

/**
 * Refuses a window that could not be held to. `at` is the JSON pointer of the object that holds its fields.
 * @throws DomainError `invalid_input` that names each field and shows a right value
 */
export function checkWindow({ rule, durationMinutes, timeZone }: MaintenanceWindow, at = ''): void {
  if (!isTimeZone(timeZone)) {
    throw fieldError(`${at}/timeZone`, 'must be an IANA time zone, for example America/Chicago');
  }
  if (
    !Number.isInteger(durationMinutes) ||
    durationMinutes < shortestMinutes ||
    durationMinutes > longestMinutes
  ) {
    throw fieldError(
      `${at}/durationMinutes`,
      'must be from 30 minutes to 24 hours, for example 240 for four hours',
    );
  }
  parseRule(rule, `${at}/rule`);
  const { most, least } = gapsOf(rule, `${at}/rule`);
  if (most > longestGapDays) {
    const message = `leaves up to ${most} days between two windows; ${longestGapDays} are allowed, for urgent fixes need one`;
    throw ruleError(`${at}/rule`, message);
  }
  const room = least * day - longestSkip(timeZone);
  if (durationMinutes * minute <= room) return;
  throw fieldError(
    `${at}/durationMinutes`,
    `must be at most ${room / minute}, or a window would still be open when the next one begins`,
  );
}

/** Days between one occurrence and the next, over years that hold every kind of month. @throws DomainError when there is none */
function gapsOf(rule: string, at: string): { readonly least: number; readonly most: number } {
  const starts = wallTimes(rule, anchor.epochMilliseconds, anchor.epochMilliseconds + 5 * 366 * day);
  const [first] = starts;
  if (first === undefined) throw ruleError(at, 'never comes: no day is like that');
  const edges = [anchor.epochMilliseconds, ...starts, anchor.epochMilliseconds + 5 * 366 * day];
  const gaps = edges.slice(1).map((start, before) => Math.floor((start - (edges[before] ?? start)) / day));
  return { most: Math.max(...gaps), least: Math.min(...gaps.slice(1, -1)) };
}

/** The most that clocks of a zone are put forward in years to come, in milliseconds. */
function longestSkip(timeZone: string): number {
  let at: Temporal.ZonedDateTime | null = anchor.withTimeZone(timeZone);
  let longest = 0;
  for (let changes = 0; changes < 24 && at !== null; changes += 1) {
    const next: Temporal.ZonedDateTime | null = at.getTimeZoneTransition('next');
    if (next !== null) {
      const before = next.subtract({ nanoseconds: 1 });
      longest = Math.max(longest, (next.offsetNanoseconds - before.offsetNanoseconds) / 1e6);
    }
    at = next;
  }
  return longest;
}

/**
 * The occurrences that end after `from` and start before `until`, in order. Pure, and quick for a fleet: rules and zones are few, so
 * what was worked out is kept.
 */
export function occurrencesOf(window: MaintenanceWindow, { from, until }: Span): WindowOccurrence[] {
  // Local time is never more than a day from UTC, and a window no longer than one.
  const first = Math.floor((from.getTime() - 3 * day) / chunkLength);
  const last = Math.floor((until.getTime() + day) / chunkLength);
  const found: WindowOccurrence[] = [];
  for (let chunk = first; chunk <= last; chunk += 1) {
    for (const occurrence of chunkOf(window, chunk)) {
      if (occurrence.endsAt > from && occurrence.startsAt < until) found.push(occurrence);
    }
  }
  return found;
}

/** The first occurrences that end after `from`, in order. */
export function nextOccurrences(window: MaintenanceWindow, from: Date, limit: number): WindowOccurrence[] {
  const found: WindowOccurrence[] = [];
  for (let at = from; found.length < limit; ) {
    // Long enough to hold one, so this comes to an end.
    const until = new Date(at.getTime() + (longestGapDays + 2) * day);
    // One that is open at the seam was found before it.
    found.push(
      ...occurrencesOf(window, { from: at, until }).filter(({ startsAt }) => at === from || startsAt >= at),
    );
    at = until;
  }
  return found.slice(0, limit);
}

const chunkLength = 64 * day;

function chunkOf(window: MaintenanceWindow, chunk: number): readonly WindowOccurrence[] {
  const { rule, durationMinutes, timeZone } = window;
  return keptChunks.get(`${rule} ${durationMinutes} ${timeZone} ${chunk}`, () => {
    const periods = keptPeriods.get(`${timeZone} ${chunk}`, () => periodsOf(timeZone, chunk));
    const walls = keptWalls.get(`${rule} ${chunk}`, () =>
      wallTimes(rule, chunk * chunkLength, (chunk + 1) * chunkLength),
    );
    return walls.map((wall) => {
      const startsAt = instantOf(wall, periods);
      return { startsAt: new Date(startsAt), endsAt: new Date(startsAt + durationMinutes * minute) };
    });
  });
}

/** Where counting begins: a Monday, so that weeks begin with it. Any practice's INTERVAL=2 is in step with any other's. */
const anchor = Temporal.ZonedDateTime.from('2024-01-01T00:00:00[UTC]');

/**
 * The local times of a rule in `[from, until)`, as if they were UTC, in milliseconds. Expanded where no clock ever changes, because a
 * rule in a zone leaves out what daylight saving skips, and a window should be late that day rather than missing.
 */
function wallTimes(rule: string, from: number, until: number): number[] {
  const expanded = new RRuleTemporal({ rruleString: rule, dtstart: anchor, strict: true });
  const between = expanded.between(new Date(from), new Date(until), true).map((at) => at.epochMilliseconds);
  return between.filter((at) => at < until);
}

/** A time in which a zone's clocks are the same way off UTC, in milliseconds. */
interface ClockPeriod {
  readonly from: number;
  readonly until: number;
  readonly offset: number;
}

/** Of a chunk and two days around it, since its times are local ones. */
function periodsOf(timeZone: string, chunk: number): ClockPeriod[] {
  const last = (chunk + 1) * chunkLength + 2 * day;
  const periods: ClockPeriod[] = [];
  let at: Temporal.ZonedDateTime | null = Temporal.Instant.fromEpochMilliseconds(
    chunk * chunkLength - 2 * day,
  ).toZonedDateTimeISO(timeZone);
  while (at !== null && at.epochMilliseconds < last) {
    const next: Temporal.ZonedDateTime | null = at.getTimeZoneTransition('next');
    const until = next?.epochMilliseconds ?? Number.POSITIVE_INFINITY;
    periods.push({ from: at.epochMilliseconds, until, offset: at.offsetNanoseconds / 1e6 });
    at = next;
  }
  return periods;
}

/**
 * The instant of a local time: in the hour that is skipped as if the offset before still held, in the hour that comes twice the first
 * time (RFC 5545, section 3.3.5; Temporal calls it `compatible`, and takes a hundred times as long).
 */
function instantOf(wall: number, periods: readonly ClockPeriod[]): number {
  const place = periods.findIndex(({ until, offset }) => wall - offset < until);
  const [before, period] = [periods[place - 1], periods[place]];
  if (period === undefined) throw new Error(`No clocks are known for the local time ${wall}.`);
  const isSkipped = before !== undefined && wall - period.offset < period.from;
  return wall - (isSkipped ? before.offset : period.offset);
}

/** Keeps what a function of its key made. Rules, zones and durations of a fleet are few; a fleet that differs in all is still bounded. */
function keeper<Value>(most: number): { get(key: string, make: () => Value): Value } {
  const kept = new Map<string, Value>();
  return {
    get: (key, make) => {
      const known = kept.get(key);
      if (known !== undefined) return known;
      const made = make();
      if (kept.size >= most) kept.clear();
      kept.set(key, made);
      return made;
    },
  };
}

const keptChunks = keeper<readonly WindowOccurrence[]>(20_000);
const keptWalls = keeper<readonly number[]>(5_000);
const keptPeriods = keeper<readonly ClockPeriod[]>(5_000);

function fieldError(pointer: string, message: string): DomainError {
  return new DomainError(
    'invalid_input',
    `The maintenance window's ${pointer.split('/').at(-1)} ${message}.`,
    {
      fields: [{ pointer, message }],
    },
  );
}
