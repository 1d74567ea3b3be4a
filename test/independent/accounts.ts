import { isDeepStrictEqual } from 'node:util';
import type { Say } from './checks.ts';
import { type DayNumber, dayText, localDay, monthsLater } from './civil-days.ts';
import type { Line, Shown, Transaction } from './record.ts';
import type { WhatHolds } from './what-holds.ts';

const sum = (amounts: readonly number[]): number => amounts.reduce((total, amount) => total + amount, 0);
const owedBy = (transactions: readonly Transaction[]): number =>
  sum(transactions.map(({ owedCents }) => owedCents));

/** The account that each kind goes against, and whether the practice owes more by it (1), less (-1), or either. */
const bookings = {
  charge: { against: 'revenue', sign: 1 },
  credit: { against: 'credits_given', sign: -1 },
  adjustment: { against: 'adjustments', sign: null },
  payment: { against: 'cash', sign: -1 },
} as const;

export function examineLedger(
  say: Say,
  { transactions, balanceCents, practice: { timeZone } }: Shown,
  { enrolledOn, currency }: WhatHolds,
): void {
  const byId = new Map(transactions.map((transaction) => [transaction.id, transaction]));
  for (const transaction of transactions) {
    const { id, at, day, kind, owedCents, reverses } = transaction;
    const total = sum(transaction.entries.map(({ amountCents }) => amountCents));
    if (total !== 0) say('ledger', `${id} sums to ${total}`);
    if (!isDeepStrictEqual(transaction.entries, entriesOf(transaction, byId)))
      say(
        'ledger',
        `${id}, a ${kind} of ${owedCents}, has the entries ${JSON.stringify(transaction.entries)}`,
      );
    if (kind !== 'reversal' && bookings[kind].sign === -Math.sign(owedCents))
      say('ledger', `${id}, a ${kind}, comes to ${owedCents}`);
    if ((kind === 'reversal') !== (reverses !== null))
      say('ledger', `${id}, a ${kind}, reverses ${reverses}`);
    if (transaction.currency !== currency) say('ledger', `${id} is in ${transaction.currency}`);
    // One more: a period of today may have been closed by a process whose clock was first to say that midnight had passed.
    if (day < enrolledOn || day > localDay(timeZone, at) + 1)
      say('ledger', `${id} counts on ${dayText(day)}, posted at ${at.toISOString()}`);
  }
  const reversed = transactions.flatMap(({ reverses }) => (reverses === null ? [] : [reverses]));
  if (new Set(reversed).size < reversed.length) say('ledger', 'one was reversed twice');
  const owed = owedBy(transactions);
  if (owed !== balanceCents) say('ledger', `the balance is ${balanceCents}, all that was posted ${owed}`);
}

/** The two entries that a transaction has to have; undefined for the reversal of what is not there, or is one itself. */
function entriesOf(
  { kind, owedCents, reverses }: Transaction,
  byId: ReadonlyMap<string, Transaction>,
): Transaction['entries'] | undefined {
  const of = kind === 'reversal' ? byId.get(reverses ?? '') : { kind, owedCents: -owedCents };
  if (of === undefined || of.kind === 'reversal') return undefined;
  // A reversal is the mirror image.
  return [
    { account: 'receivable', amountCents: -of.owedCents },
    { account: bookings[of.kind].against, amountCents: of.owedCents },
  ];
}

interface Span {
  readonly from: DayNumber;
  readonly until: DayNumber;
}

/** Whether one of these transactions is money that came in, or the reversal of that. */
function isMoneyAmong(transactions: readonly Transaction[]): (one: Transaction) => boolean {
  const byId = new Map(transactions.map((transaction) => [transaction.id, transaction]));
  return ({ kind, reverses }) =>
    kind === 'payment' || (reverses !== null && byId.get(reverses)?.kind === 'payment');
}

/** "It begins where the last one ended … and is as many whole months long as it takes to have that day in it." */
export function spansAfterEnd(
  { transactions }: Shown,
  { endsOn }: WhatHolds,
  periods: readonly Span[],
  today: DayNumber,
): Span[] {
  if (endsOn === null || endsOn > today) return [];
  const isMoney = isMoneyAmong(transactions);
  const said = transactions.filter((one) => one.kind !== 'charge' && !isMoney(one)).map(({ day }) => day);
  const spans: Span[] = [];
  for (;;) {
    const last = [...periods, ...spans].at(-1)?.until;
    const from = last ?? endsOn;
    const first = Math.min(...said.filter((day) => last === undefined || day >= last));
    if (first === Number.POSITIVE_INFINITY) return spans;
    let months = 1;
    while (monthsLater(from, months) <= first) months += 1;
    const until = monthsLater(from, months);
    if (until > today) return spans;
    spans.push({ from, until });
  }
}

/** A transaction stands in the statement of the period that its day is in, what came before the first period in the first one. */
export function examineStatements(
  say: Say,
  record: Shown,
  periods: readonly Span[],
  lines: readonly Line[],
): void {
  const { statements, transactions } = record;
  const of = (days: readonly Span[]) =>
    days.map(({ from, until }) => `${dayText(from)} to ${dayText(until)}`);
  if (!isDeepStrictEqual(of(statements), of(periods)))
    say(
      'statements',
      `there are statements of ${of(statements).join(', ')}; periods are ${of(periods).join(', ')}`,
    );
  const isMoney = isMoneyAmong(transactions);
  let opening = 0;
  let since = Number.NEGATIVE_INFINITY;
  for (const { from, until, openingCents, totals, costCents, closingCents } of statements) {
    const inIt = transactions.filter(({ day }) => since <= day && day < until);
    const charged = sum(
      lines.filter(({ lastDay }) => lastDay === dayText(until - 1)).map(({ amountCents }) => amountCents),
    );
    const shows = { openingCents, costCents, closingCents, ...totals };
    const byKind = (kind: Transaction['kind']) => owedBy(inIt.filter((one) => one.kind === kind));
    const should = {
      openingCents: opening,
      costCents: owedBy(inIt.filter((transaction) => !isMoney(transaction))),
      closingCents: opening + owedBy(inIt),
      charge: charged,
      credit: byKind('credit'),
      adjustment: byKind('adjustment'),
      payment: byKind('payment'),
      reversal: byKind('reversal'),
    };
    if (!isDeepStrictEqual(shows, should))
      say('statements', `${dayText(from)} shows ${JSON.stringify(shows)}, not ${JSON.stringify(should)}`);
    opening = should.closingCents;
    since = until;
  }
  for (const statement of statements) examineClosing(say, record, statement);
}

/** It was made when its period was over, and the practice was told of it once. */
function examineClosing(
  say: Say,
  { notices, practice }: Shown,
  { from, until, closedAt, costCents }: Shown['statements'][number],
): void {
  if (localDay(practice.timeZone, closedAt) < until)
    say('statements', `${dayText(from)} was closed before its period was over`);
  const told = notices.filter(({ kind, about }) => kind === 'statement_ready' && about === from);
  if (told.length !== 1 || told[0]?.data['totalCents'] !== costCents)
    say(
      'statements',
      `${dayText(from)} was told ${told.length} times, or with another sum than ${costCents}`,
    );
}
