import type {
  ChurnReport,
  MarginReport,
  MembersReport,
  PlacesReport,
  RevenueReport,
} from '../../control-api/contracts/plan-reports.ts';
import { dayBefore } from './day.ts';
import { amount, money } from './money.ts';
import type { Output } from './output.ts';
import { type Cell, table } from './table.ts';
import { clean, wrap } from './text.ts';

export function showMembers(output: Output, { on, plan, notes, cohorts, total }: MembersReport): void {
  output.line(heading(output, 'Members', on, plan));
  const row = (name: string, month: string, counts: MembersReport['total']) => [
    name,
    month,
    ...[
      counts.enrolled,
      counts.pending,
      counts.trialing,
      counts.activeLocked,
      counts.activeUnlocked,
      counts.pastDue,
      counts.suspended,
      counts.cancelled,
    ].map(String),
  ];
  output.line(
    table(
      output,
      // Short enough for 80 columns.
      ['PLAN', 'MONTH', 'ALL', 'PENDING', 'FREE', 'LOCKED', 'UNLOCKED', 'OWING', 'SUSPENDED', 'LEFT'],
      [...cohorts.map((cohort) => row(cohort.plan, cohort.month, cohort)), row('together', '', total)],
    ),
  );
  sayNotes(output, notes);
}

export function showPlaces(output: Output, { on, plan, notes, plans }: PlacesReport): void {
  output.line(heading(output, 'Places', on, plan));
  output.line(
    table(
      output,
      ['PLAN', 'VERSION', 'MEMBERS', 'CAP', 'PLACES LEFT', 'WAITING'],
      plans.map((places) => [
        places.plan,
        String(places.version),
        String(places.members),
        places.cap === null ? 'no limit' : String(places.cap),
        places.placesLeft === 0
          ? { text: '0', paint: output.colours.yellow }
          : String(places.placesLeft ?? '-'),
        String(places.waiting),
      ]),
    ),
  );
  sayNotes(output, notes);
}

export function showRevenue(output: Output, report: RevenueReport): void {
  const { on, plan, notes, totals, items, nextCursor } = report;
  output.line(heading(output, 'Monthly recurring revenue', on, plan));
  if (totals.length === 0) output.line(noMembers);
  for (const total of totals) {
    say(
      output,
      `${money(total.monthlyCents, total.currency)} a month of ${practices(total.practices)}; ` +
        `${money(total.rateCents, total.currency)} when none is free or suspended any more.`,
    );
    output.line(projection(output, total));
    output.line(output.colours.dim('█ locked   ▓ agreed, may change after notice   ░ assumed'));
  }
  if (items.length > 0) {
    output.line();
    output.line(practicesTable(output, items));
  }
  sayMorePractices(output, nextCursor);
  sayNotes(output, notes);
}

type Total = RevenueReport['totals'][number];

/** The longest bar; shorter where the screen is narrow. */
const longestBar = 40;

/** A bar a month: what people compare is the length, so all of them are drawn to one scale. */
function projection(output: Output, { currency, months }: Total): string {
  const amounts = months.map(({ monthlyCents }) => money(monthlyCents, currency));
  const besides = '2026-11-22'.length + Math.max(...amounts.map(({ length }) => length)) + 2 * columnGap;
  const length = Math.max(10, Math.min(longestBar, output.width - besides));
  const most = Math.max(...months.map(({ monthlyCents }) => monthlyCents), 1);
  return table(
    output,
    ['DAY', 'A MONTH', ''],
    months.map((month, place): Cell[] => [
      month.on,
      amounts[place] ?? '',
      { text: bar(month, length / most), paint: output.colours.cyan },
    ]),
  );
}

const columnGap = 2;

/** Told apart by how dense they are, so that it can be read without colours. */
function bar({ lockedCents, agreedCents, assumedCents }: Total['months'][number], scale: number): string {
  const [locked, agreed, assumed] = [
    lockedCents,
    lockedCents + agreedCents,
    lockedCents + agreedCents + assumedCents,
  ].map((cents) => Math.round(cents * scale)) as [number, number, number];
  return '█'.repeat(locked) + '▓'.repeat(agreed - locked) + '░'.repeat(assumed - agreed);
}

function practicesTable(output: Output, items: RevenueReport['items']): string {
  return table(
    output,
    ['PRACTICE', 'PLAN', 'STATE', 'A MONTH', 'FREE TO', 'LOCKED TO', 'TO COME'],
    items.map(({ practiceId, plan, planVersion, state, rateCents, currency, ...row }) => [
      practiceId,
      `${plan} ${planVersion}`,
      state,
      money(rateCents, currency),
      lastDay(output, row.freeUntil, row.freeDaysLeft),
      lastDay(output, row.lockedUntil, row.lockedDaysLeft),
      comes(row),
    ]),
  );
}

/** The price that comes next, and the last day of whoever leaves: why what recurs is another sum later. */
function comes({ next, endsOn }: Pick<RevenueReport['items'][number], 'next' | 'endsOn'>): string {
  const price = next === null ? [] : [`${amount(next.rateCents)} from ${next.from} (${next.basis})`];
  const end = endsOn === null ? [] : [`ends with ${dayBefore(endsOn)}`];
  return [...price, ...end].join(', ') || '-';
}

/** The last day of what ends before `until`, while it lasts; with the days that are left where there is room. */
function lastDay({ width }: Output, until: string | null, daysLeft: number | null): string {
  if (until === null || daysLeft === null || daysLeft === 0) return '-';
  return width < roomy ? dayBefore(until) : `${dayBefore(until)} (${daysLeft} d)`;
}

/** Columns in which a row of a practice needs no second line. */
const roomy = 130;

export function showMargin(
  output: Output,
  { on, plan, notes, total, items, nextCursor }: MarginReport,
): void {
  const { colours } = output;
  output.line(heading(output, 'Margin', on, plan));
  if (total.practices + total.withoutMargin === 0) output.line(noMembers);
  else {
    say(
      output,
      `${money(total.marginCents, 'USD')} a month of ${practices(total.practices)}: rates of ` +
        `${money(total.rateCents, 'USD')} less costs of ${money(total.costCents, 'USD')}. ` +
        `Not in it: ${total.withoutMargin}.`,
    );
  }
  if (items.length > 0) {
    output.line(
      table(
        output,
        ['PRACTICE', 'PLAN', 'STATE', 'RATE', 'SILO', 'MARGIN', 'SHARE'],
        items.map(({ practiceId, state, rateCents, costCents, marginCents, currency, ...row }) => [
          practiceId,
          row.plan,
          state,
          money(rateCents, currency),
          costCents === null ? '-' : money(costCents, 'USD'),
          marginCents === null
            ? { text: clean(row.reason ?? '-'), paint: colours.dim }
            : { text: money(marginCents, currency), paint: marginCents < 0 ? colours.red : plain },
          marginCents === null || rateCents === 0 ? '-' : percent(marginCents / rateCents),
        ]),
      ),
    );
  }
  sayMorePractices(output, nextCursor);
  sayNotes(output, notes);
}

const plain = (text: string): string => text;

export function showChurn(output: Output, { on, plan, notes, months }: ChurnReport): void {
  output.line(heading(output, 'Churn', on, plan));
  output.line(
    months.length === 0
      ? 'No practice was activated yet.'
      : table(
          output,
          ['MONTH', 'AT START', 'ACTIVATED', 'CANCELLED', 'OF THE NEW', 'AT END', 'CHURN'],
          months.map((month) => [
            month.complete ? month.month : `${month.month} so far`,
            String(month.activeAtStart),
            String(month.activated),
            String(month.cancelled),
            String(month.cancelledNew),
            String(month.activeAtEnd),
            month.churn === null ? '-' : percent(month.churn),
          ]),
        ),
  );
  sayNotes(output, notes);
}

const percent = (share: number): string => `${Math.round(share * 1_000) / 10} %`;

const heading = ({ colours }: Output, name: string, on: string, plan: string | null): string =>
  colours.bold(`${name} at the end of ${on}${plan === null ? '' : `, plan ${plan}`}`);

const noMembers = 'No practice is a member.';

const practices = (count: number): string => (count === 1 ? '1 practice' : `${count} practices`);

function say(output: Output, text: string, paint = plain): void {
  for (const line of wrap(text, output.width)) output.line(paint(line));
}

/** A figure is worth what it stands on. */
function sayNotes(output: Output, notes: readonly string[]): void {
  for (const note of notes) say(output, clean(note), output.colours.dim);
}

function sayMorePractices(output: Output, nextCursor: string | null): void {
  if (nextCursor === null) return;
  output.line(
    output.colours.dim(`There are more: --csv has all of them, --cursor ${nextCursor} the next ones`),
  );
}
