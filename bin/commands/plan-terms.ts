import { type Command, Option } from 'commander';
import { planTermsSchema } from '../../control-api/contracts/plans.ts';
import { overlaid } from './json-input.ts';
import { wholeNumber } from './listing.ts';
import { money, parseMoney } from './money.ts';
import type { Output } from './output.ts';
import { type Cell, table } from './table.ts';

const { interval, freeFrom, lock, shape } = planTermsSchema.shape;
type Terms = ReturnType<typeof planTermsSchema.parse>;

/** What `flags` adds to a command: whatever is not given stays as it was. */
export interface TermFlags {
  readonly base?: number;
  readonly perClinician?: number;
  readonly perLocation?: number;
  readonly currency?: string;
  readonly interval?: Terms['interval'];
  readonly freeDays?: number;
  readonly freeFrom?: Terms['freeFrom'];
  readonly lockMonths?: number;
  readonly lockFrom?: Terms['lock']['from'];
  readonly cap?: number | None;
  readonly enrolmentFrom?: string;
  readonly enrolmentUntil?: string;
  readonly disciplines?: string[];
  readonly shape?: Terms['shape'];
  readonly cancellationNoticeDays?: number;
  readonly priceChangeNoticeDays?: number;
}

/** One flag a term. */
export function withTermFlags(command: Command): Command {
  const count = wholeNumber(0, 1_000_000);
  return command
    .option('--base <amount>', 'for one interval, such as 159.00', parseMoney)
    .option('--per-clinician <amount>', 'for one interval, such as 31.00', parseMoney)
    .option('--per-location <amount>', 'for one interval, such as 19.00', parseMoney)
    .option('--currency <code>', 'ISO 4217, such as USD')
    .addOption(new Option('--interval <interval>', 'that prices are for').choices(interval.options))
    .option('--free-days <days>', 'length of the free period', count)
    .addOption(new Option('--free-from <event>', 'begins the free period').choices(freeFrom.options))
    .option('--lock-months <months>', 'calendar months in which the rate is locked', count)
    .addOption(new Option('--lock-from <event>', 'begins the lock').choices(lock.shape.from.options))
    .option('--cap <number>', 'members at most, over all versions; or none', orNone(count))
    .option('--enrolment-from <day>', 'first day; or none')
    .option('--enrolment-until <day>', 'last day; or none')
    .option('--disciplines <list>', 'one of which a practice needs, comma-separated', (list) =>
      list.split(',').map((each) => each.trim()),
    )
    .addOption(new Option('--shape <shape>', 'of the silo').choices(shape.options))
    .option('--cancellation-notice-days <days>', 'between a cancellation and its day', count)
    .option('--price-change-notice-days <days>', 'between a notice of a new price and its day', count);
}

/** How a command line says that there is no limit. */
type None = 'none';

const orNone =
  <Value>(parse: (text: string) => Value) =>
  (text: string): Value | None =>
    text === 'none' ? text : parse(text);

const orNull = <Value>(value: Value | None | undefined) => (value === 'none' ? null : value);

/** The terms with those of the flags in their places; nothing is judged here, the control plane does. */
export function withFlags(terms: Readonly<Record<string, unknown>>, flags: TermFlags) {
  return overlaid(terms, {
    currency: flags.currency,
    interval: flags.interval,
    rates: { base: flags.base, perClinician: flags.perClinician, perLocation: flags.perLocation },
    freeDays: flags.freeDays,
    freeFrom: flags.freeFrom,
    lock: { months: flags.lockMonths, from: flags.lockFrom },
    cap: orNull(flags.cap),
    enrolment: { from: orNull(flags.enrolmentFrom), until: orNull(flags.enrolmentUntil) },
    disciplines: flags.disciplines,
    shape: flags.shape,
    cancellation: { noticeDays: flags.cancellationNoticeDays },
    priceChange: { noticeDays: flags.priceChangeNoticeDays },
  });
}

interface Edition {
  readonly version: number;
  readonly effectiveFrom: string;
  readonly terms: Terms;
}

/** Versions side by side, one term a row; what differs from the version before stands out. */
export function termsTable(output: Output, versions: readonly Edition[]): string {
  const columns = versions.map(inWords);
  const rows = (columns[0] ?? []).map(([name], row): Cell[] => [
    name,
    ...columns.map((column, place): Cell => {
      const text = column[row]?.[1] ?? '';
      const before = columns[place - 1]?.[row]?.[1] ?? text;
      return text === before ? text : { text, paint: output.colours.bold };
    }),
  ]);
  return table(output, ['TERM', ...versions.map(({ version }) => `VERSION ${version}`)], rows);
}

function inWords({ effectiveFrom, terms }: Edition): ReadonlyArray<readonly [term: string, value: string]> {
  const { rates, enrolment, cap } = terms;
  const price = (cents: number) => `${money(cents, terms.currency)} a ${terms.interval}`;
  const { months, from } = terms.lock;
  return [
    ['offered from', effectiveFrom],
    ['base', price(rates.base)],
    ['per clinician', price(rates.perClinician)],
    ['per location', price(rates.perLocation)],
    ['free period', `${terms.freeDays} days from ${terms.freeFrom}`],
    ['lock', months === 0 ? 'none' : `${months} months from ${lockStarts[from]}`],
    ['places', cap === null ? 'no limit' : String(cap)],
    ['enrolment', `${enrolment.from ?? 'any day'} to ${enrolment.until ?? 'any day'}`],
    ['disciplines', terms.disciplines.join(', ')],
    ['shape', terms.shape],
    ['cancellation', `${terms.cancellation.noticeDays} days' notice`],
    ['change of price', `${terms.priceChange.noticeDays} days' notice`],
  ];
}

const lockStarts: Readonly<Record<Terms['lock']['from'], string>> = {
  first_charged_day: 'the first charged day',
  activation: 'activation',
};
