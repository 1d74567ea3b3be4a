/**
 * Dates of the proleptic Gregorian calendar as whole numbers: days since 1970-01-01, by integer arithmetic alone.
 * Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil and civil_from_days.
 */
export type DayNumber = number;

interface Civil {
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  readonly day: number;
}

const daysOf400Years = 146_097;
/** From 0000-03-01 to 1970-01-01. */
const daysToEpoch = 719_468;

function numberOf({ year, month, day }: Civil): DayNumber {
  // Years begin in March, so that a leap day is the last one of its year.
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * daysOf400Years + dayOfEra - daysToEpoch;
}

function civilOf(number: DayNumber): Civil {
  const z = number + daysToEpoch;
  const era = Math.floor(z / daysOf400Years);
  const dayOfEra = z - era * daysOf400Years;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1_460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shifted = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * shifted + 2) / 5) + 1;
  const month = shifted < 10 ? shifted + 3 : shifted - 9;
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day };
}

/** @param text `2027-02-20` @throws Error when there is no such date */
export function dayNumber(text: string): DayNumber {
  const [, year, month, day] = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text) ?? [];
  const number = numberOf({ year: Number(year), month: Number(month), day: Number(day) });
  if (Number.isNaN(number) || dayText(number) !== text) throw new Error(`${text} is no date`);
  return number;
}

export function dayText(number: DayNumber): string {
  const { year, month, day } = civilOf(number);
  return `${String(year).padStart(4, '0')}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}`;
}

/** Calendar months later; where that month is too short, its last day. */
export function monthsLater(from: DayNumber, months: number): DayNumber {
  const { year, month, day } = civilOf(from);
  const counted = year * 12 + (month - 1) + months;
  const first = { year: Math.floor(counted / 12), month: (counted % 12) + 1, day: 1 };
  const next = { year: Math.floor((counted + 1) / 12), month: ((counted + 1) % 12) + 1, day: 1 };
  const length = numberOf(next) - numberOf(first);
  return numberOf({ ...first, day: Math.min(day, length) });
}

/** The date that a calendar on the wall of a zone shows at an instant, by the runtime's own zone data. */
export function localDay(timeZone: string, at: Date): DayNumber {
  const format = new Intl.DateTimeFormat('en-CA', {
    timeZone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
  });
  const parts = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, value]));
  return dayNumber(`${parts['year']}-${parts['month']}-${parts['day']}`);
}
