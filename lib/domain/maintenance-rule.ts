import { DomainError } from './errors.ts';

/** Days of the week as RFC 5545 writes them, Monday first. */
export const weekdays = ['MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU'] as const;
export type Weekday = (typeof weekdays)[number];

/** `1SU` is `{ordinal: 1, weekday: 'SU'}`, `SU` has no ordinal. */
export interface RuleDay {
  readonly ordinal: number | null;
  readonly weekday: Weekday;
}

/** What a maintenance window's rule says: on which days, and at what local time it opens. */
export interface MaintenanceRule {
  readonly frequency: 'DAILY' | 'WEEKLY' | 'MONTHLY';
  readonly interval: number;
  readonly days: readonly RuleDay[];
  /** 1 to 31, or from the month's end, -1 to -31. */
  readonly monthDays: readonly number[];
  /** 1 to 12; empty for every month. */
  readonly months: readonly number[];
  readonly positions: readonly number[];
  readonly hour: number;
  readonly minute: number;
}

const example = 'FREQ=WEEKLY;BYDAY=SU;BYHOUR=2;BYMINUTE=0';
const longest = 200;
const known = 'FREQ INTERVAL BYDAY BYMONTHDAY BYMONTH BYSETPOS BYHOUR BYMINUTE WKST'.split(' ');

/**
 * Reads the recurrence rule of a window: RFC 5545, section 3.3.10, of which a window needs whole days and one time of day. `at` is the
 * JSON pointer of the field that it stands in.
 * @throws DomainError `invalid_input` that says what is wrong and shows a right rule
 */
export function parseRule(text: string, at: string): MaintenanceRule {
  const parts = partsOf(text, at);
  const refuse = (message: string) => ruleError(at, message);
  const numbers = (name: string, least: number, most: number) =>
    numbersOf(parts.get(name), { name, least, most, signed: least < 0 }, at);
  const frequency = frequencyOf(parts.get('FREQ'), at);
  const weekStart = parts.get('WKST');
  if (weekStart !== undefined && !isWeekday(weekStart))
    throw refuse('has a WKST that is no day: give MO to SU');
  const rule: MaintenanceRule = {
    frequency,
    interval: numbers('INTERVAL', 1, 62)[0] ?? 1,
    days: daysOf(parts.get('BYDAY'), at),
    monthDays: numbers('BYMONTHDAY', -31, 31),
    months: numbers('BYMONTH', 1, 12),
    positions: numbers('BYSETPOS', -31, 31),
    hour: only(numbers('BYHOUR', 0, 23), 'BYHOUR', at),
    minute: parts.has('BYMINUTE') ? only(numbers('BYMINUTE', 0, 59), 'BYMINUTE', at) : 0,
  };
  if (numbers('INTERVAL', 1, 62).length > 1) throw refuse('has more than one INTERVAL: give one number');
  requireSensible(rule, at);
  return rule;
}

/** @throws DomainError where RFC 5545 forbids parts together, or the days would come from nowhere */
function requireSensible({ frequency, days, monthDays, positions }: MaintenanceRule, at: string): void {
  if (frequency === 'WEEKLY' && days.length === 0)
    throw ruleError(at, 'does not say on which days of the week: add BYDAY=SU');
  if (frequency === 'MONTHLY' && days.length + monthDays.length === 0)
    throw ruleError(at, 'does not say on which days of the month: add BYDAY=1SU or BYMONTHDAY=15');
  if (frequency === 'DAILY' && days.length > 0)
    throw ruleError(at, 'has BYDAY with FREQ=DAILY: for days of the week use FREQ=WEEKLY');
  if (frequency !== 'MONTHLY' && monthDays.length + positions.length > 0)
    throw ruleError(at, `has BYMONTHDAY or BYSETPOS with FREQ=${frequency}: they are for FREQ=MONTHLY`);
  if (frequency !== 'MONTHLY' && days.some(({ ordinal }) => ordinal !== null))
    throw ruleError(at, 'counts days (such as 1SU), which is for FREQ=MONTHLY alone: write BYDAY=SU');
}

function partsOf(text: string, at: string): ReadonlyMap<string, string> {
  if (text.length > longest) throw ruleError(at, `must have at most ${longest} characters`);
  const parts = new Map<string, string>();
  for (const part of text.split(';')) {
    const [, name = '', value = ''] = /^([A-Z]+)=([A-Z0-9,+-]+)$/.exec(part) ?? [];
    if (name === '')
      throw ruleError(at, `must be parts such as BYDAY=SU with semicolons between, not "${part}"`);
    if (name === 'COUNT' || name === 'UNTIL')
      throw ruleError(
        at,
        `must not end: leave ${name} out. A deferral or a freeze keeps updates away for a time`,
      );
    if (!known.includes(name)) throw ruleError(at, `has ${name}; a window knows only ${known.join(', ')}`);
    if (parts.has(name)) throw ruleError(at, `has ${name} twice`);
    parts.set(name, value);
  }
  return parts;
}

function frequencyOf(text: string | undefined, at: string): MaintenanceRule['frequency'] {
  if (text === 'DAILY' || text === 'WEEKLY' || text === 'MONTHLY') return text;
  if (text === 'YEARLY') throw ruleError(at, 'comes too rarely: FREQ must be DAILY, WEEKLY or MONTHLY');
  if (text === undefined) throw ruleError(at, 'has no FREQ: it must be DAILY, WEEKLY or MONTHLY');
  throw ruleError(at, `must open once a day at most: FREQ must be DAILY, WEEKLY or MONTHLY, not ${text}`);
}

function daysOf(text: string | undefined, at: string): RuleDay[] {
  if (text === undefined) return [];
  return text.split(',').map((day) => {
    const [, ordinal, weekday = ''] = /^([+-]?[1-5])?([A-Z]{2})$/.exec(day) ?? [];
    if (isWeekday(weekday)) return { ordinal: ordinal === undefined ? null : Number(ordinal), weekday };
    throw ruleError(
      at,
      `has the day ${day} in BYDAY: give MO to SU, with FREQ=MONTHLY also 1SU (first) or -1SU (last)`,
    );
  });
}

function numbersOf(
  text: string | undefined,
  of: { readonly name: string; readonly least: number; readonly most: number; readonly signed: boolean },
  at: string,
): number[] {
  if (text === undefined) return [];
  return text.split(',').map((part) => {
    const value = Number(part);
    const isRight = /^[+-]?\d{1,2}$/.test(part) && value >= of.least && value <= of.most;
    if (isRight && !(of.signed && value === 0)) return value;
    throw ruleError(at, `has ${part} in ${of.name}: give whole numbers from ${of.least} to ${of.most}`);
  });
}

/** One window a day: how could it be told from the next one otherwise? */
function only(values: readonly number[], name: string, at: string): number {
  const [value, ...others] = values;
  if (value !== undefined && others.length === 0) return value;
  throw ruleError(
    at,
    `must say when it opens with one ${name}, for example ${name}=${name === 'BYHOUR' ? 2 : 0}`,
  );
}

const isWeekday = (text: string): text is Weekday => weekdays.some((day) => day === text);

export function ruleError(at: string, message: string): DomainError {
  return new DomainError('invalid_input', `The maintenance window's rule ${message}.`, {
    fields: [{ pointer: at, message: `${message}. A right one: ${example}` }],
  });
}
