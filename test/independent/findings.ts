import { isDeepStrictEqual } from 'node:util';
import { chargesByDay, isLockedOn, periodsOver } from './charges-by-day.ts';
import { type DayNumber, dayNumber, dayText, localDay, monthsLater } from './civil-days.ts';
import { isKind, type Line, type Plan, type Shown, type Transaction } from './record.ts';
import { type WhatHolds, whatHolds } from './what-holds.ts';

/** What is held against the record; each is a promise of docs/plans.md. */
export const checks = {
  terms: 'each subscription has the terms of its published plan version',
  charges: 'every charge is what the terms say, to the cent, and none is missing',
  locks: 'no locked rate ever rose',
  prices: 'each new price was told in time and came after the lock, with a period',
  ledger: 'the ledger sums to zero',
  statements: 'each statement adds up and opens with what the one before closed with',
  notices: 'notices 30, 14 and 3 days before the end of trial and lock were sent once each',
} as const;
export type Check = keyof typeof checks;

export interface Finding {
  readonly check: Check;
  readonly practiceId: string;
  readonly text: string;
}

type Say = (check: Check, text: string) => void;

export interface Examined {
  readonly findings: readonly Finding[];
  readonly periods: number;
  readonly lines: readonly Line[];
}

/** Holds what is shown of one subscription against the terms, as of an instant. */
export function examine(record: Shown, plans: readonly Plan[], now: Date): Examined {
  const findings: Finding[] = [];
  const say: Say = (check, text) => findings.push({ check, practiceId: record.practiceId, text });
  const facts = record.facts.map(({ fact }) => fact);
  const today = localDay(record.timeZone, now);
  const holds = whatHolds(facts);
  const periods = periodsOver(holds, today);
  const lines = chargesByDay(facts, today);
  examineTerms(say, record, plans);
  examineCharges(say, record, lines);
  examineLocks(say, record, holds);
  examinePrices(say, record, holds);
  examineLedger(say, record);
  examineStatements(say, record, [...periods, ...spansAfterEnd(record, holds, periods, today)], lines);
  examineNotices(say, record, holds, today);
  return { findings, periods: periods.length, lines };
}

function examineTerms(say: Say, { facts }: Shown, plans: readonly Plan[]): void {
  const published = (planId: string, planVersion: number) =>
    plans.find(({ id }) => id === planId)?.versions.find(({ version }) => version === planVersion)?.terms;
  let planId = '';
  for (const { fact } of facts) {
    if (fact.kind === 'enrolled' || fact.kind === 'plan') {
      planId = fact.planId;
      if (!isDeepStrictEqual(fact.terms, published(planId, fact.planVersion)))
        say('terms', `the terms of ${planId} ${fact.planVersion} are not those that were published`);
    }
    if (fact.kind === 'rates' && !isDeepStrictEqual(fact.rates, published(planId, fact.planVersion)?.rates))
      say('terms', `the rates of ${planId} ${fact.planVersion} are not those that were published`);
  }
}

const lineOf = ({ day, owedCents, currency, charge }: Transaction): Line | undefined => {
  if (charge === null) return undefined;
  const { planId, planVersion, ...rest } = charge;
  return {
    lastDay: dayText(day),
    ...rest,
    plan: `${planId} ${planVersion}`,
    amountCents: owedCents,
    currency,
  };
};

const placeOf = ({ lastDay, component, from }: Line): string => `${lastDay} ${component} from ${from}`;

function examineCharges(say: Say, { transactions }: Shown, expected: readonly Line[]): void {
  const posted = transactions
    .filter(({ kind }) => kind === 'charge')
    .map((transaction) => lineOf(transaction))
    .filter((line) => line !== undefined);
  const byPlace = new Map(posted.map((line) => [placeOf(line), line]));
  if (byPlace.size !== posted.length) say('charges', 'something is charged twice');
  for (const line of expected) {
    const found = byPlace.get(placeOf(line));
    byPlace.delete(placeOf(line));
    if (!isDeepStrictEqual(found, line))
      say(
        'charges',
        `${placeOf(line)}: by the terms ${JSON.stringify(line)}, in the ledger ${JSON.stringify(found)}`,
      );
  }
  for (const [place, line] of byPlace)
    say('charges', `${place}: nothing by the terms, in the ledger ${JSON.stringify(line)}`);
}

const rateOf = { base: 'base', per_clinician: 'perClinician', per_location: 'perLocation' } as const;

/** By what was posted, whatever was expected. */
function examineLocks(say: Say, { transactions }: Shown, { stretches }: WhatHolds): void {
  for (const { charge } of transactions) {
    if (charge === null) continue;
    const { component, from, until, rateCents } = charge;
    for (const { lock, lockedRates } of stretches) {
      if (lock === null || lock.until === null) continue;
      const isTouched = dayNumber(from) < lock.until && lock.from < dayNumber(until);
      if (isTouched && rateCents > lockedRates[rateOf[component]])
        say(
          'locks',
          `${component} from ${from} costs ${rateCents}: ${lockedRates[rateOf[component]]} is locked`,
        );
    }
  }
}

function examinePrices(say: Say, { facts, notices, timeZone }: Shown, holds: WhatHolds): void {
  const { stretches, endsOn } = holds;
  for (const { fact } of facts) {
    if (fact.kind !== 'rates' || (endsOn !== null && endsOn <= fact.from)) continue;
    const { from, planVersion, rates } = fact;
    const day = dayText(from);
    const told = notices.find(
      ({ kind, about, data }) =>
        kind === 'price_change' &&
        about === from &&
        data['planVersion'] === planVersion &&
        isDeepStrictEqual(data['after'], rates),
    );
    const stretch = stretches.findLast((one) => one.from <= from);
    const sentOn = told?.sentAt == null ? undefined : localDay(timeZone, told.sentAt);
    if (sentOn === undefined) say('prices', `the price of ${day} was told to nobody`);
    else if (stretch === undefined || from < sentOn + stretch.noticeDays)
      say('prices', `the price of ${day} was told too late, on ${dayText(sentOn)}`);
    if (isLockedOn(stretches, from)) say('prices', `the price of ${day} is within a lock`);
    if (!periodsOver(holds, from + longestPeriod).some((period) => period.from === from))
      say('prices', `the price of ${day} does not begin with a period`);
  }
}

const longestPeriod = 366;

const sum = (amounts: readonly number[]): number => amounts.reduce((total, amount) => total + amount, 0);

function examineLedger(say: Say, { transactions, balanceCents }: Shown): void {
  for (const { id, entries, owedCents } of transactions) {
    const total = sum(entries.map(({ amountCents }) => amountCents));
    if (entries.length < 2 || total !== 0) say('ledger', `${id} sums to ${total}`);
    const receivable = entries.filter(({ account }) => account === 'receivable');
    if (sum(receivable.map(({ amountCents }) => amountCents)) !== owedCents)
      say('ledger', `${id} says that ${owedCents} is owed, its entries do not`);
  }
  const owed = sum(transactions.map(({ owedCents }) => owedCents));
  if (owed !== balanceCents) say('ledger', `the balance is ${balanceCents}, all that was posted ${owed}`);
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
function spansAfterEnd(
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
function examineStatements(
  say: Say,
  { statements, transactions }: Shown,
  periods: readonly Span[],
  lines: readonly Line[],
): void {
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
    const owed = (which: readonly Transaction[]) => sum(which.map(({ owedCents }) => owedCents));
    const charged = sum(
      lines.filter(({ lastDay }) => lastDay === dayText(until - 1)).map(({ amountCents }) => amountCents),
    );
    const shows = { openingCents, costCents, closingCents, ...totals };
    const byKind = (kind: Transaction['kind']) => owed(inIt.filter((one) => one.kind === kind));
    const should = {
      openingCents: opening,
      costCents: owed(inIt.filter((transaction) => !isMoney(transaction))),
      closingCents: opening + owed(inIt),
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
}

const daysBefore = [30, 14, 3] as const;

/** Of each end that stood: all that were still to come when the end became known, each once, sent, and not too early. */
function examineNotices(
  say: Say,
  { facts, notices, timeZone }: Shown,
  holds: WhatHolds,
  today: DayNumber,
): void {
  const told = notices.filter(({ kind }) => kind === 'trial_ending' || kind === 'lock_ending');
  const named = told.map(({ kind, about, daysBefore: days }) => `${kind} ${about} ${days}`);
  if (new Set(named).size < named.length) say('notices', 'one was written twice');
  if (told.some(({ sentAt }) => sentAt === null)) say('notices', 'one was not sent');
  const lastRecorded = (kinds: readonly string[]): DayNumber =>
    Math.max(
      ...facts.filter(({ fact }) => kinds.includes(fact.kind)).map(({ at }) => localDay(timeZone, at)),
    );
  const moves = ['activated', 'trial_extended'];
  const lock = holds.stretches.at(-1)?.lock;
  const ends = [
    { kind: 'trial_ending', until: holds.chargedFrom, known: lastRecorded(moves) },
    {
      kind: 'lock_ending',
      until: lock?.isGivenUp === false ? lock.until : null,
      known: lastRecorded([...moves, 'lock_extended', 'plan']),
    },
  ];
  for (const { kind, until, known } of ends) {
    if (
      until === null ||
      leaves(
        facts.map(({ fact }) => fact),
        until,
      )
    )
      continue;
    for (const days of daysBefore) {
      const on = until - days;
      if (on < known || on > today) continue;
      const notice = told.find((one) => one.kind === kind && one.about === until && one.daysBefore === days);
      if (notice === undefined) say('notices', `${kind} ${dayText(until)}: none ${days} days before`);
      else if (localDay(timeZone, notice.writtenAt) < on)
        say('notices', `${kind} ${dayText(until)}: written before its day`);
    }
  }
}

/** Whether a cancellation, also one that was taken back, keeps the end from being reached; then notices depend on when it was known. */
const leaves = (facts: Shown['facts'][number]['fact'][], until: DayNumber): boolean =>
  facts.filter(isKind('ends')).some(({ from }) => from !== null && from <= until);
