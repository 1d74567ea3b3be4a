import { isDeepStrictEqual } from 'node:util';
import { examineLedger, examineStatements, spansAfterEnd } from './accounts.ts';
import { chargesByDay, periodsOver } from './charges-by-day.ts';
import type { Finding, Say } from './checks.ts';
import { type DayNumber, dayNumber, dayText, localDay } from './civil-days.ts';
import { examineNotices } from './notices.ts';
import { examinePrices } from './prices.ts';
import { type Line, type Plan, type Shown, type Transaction, type Version, versionOf } from './record.ts';
import { examineStanding, examineSuspensions } from './standing.ts';
import { type WhatHolds, whatHolds } from './what-holds.ts';

export interface Examined {
  readonly findings: readonly Finding[];
  readonly periods: number;
  readonly lines: readonly Line[];
}

/** Holds what is shown of one subscription against the terms, as of an instant. */
export function examine(record: Shown, plans: readonly Plan[], now: Date): Examined {
  const findings: Finding[] = [];
  const say: Say = (check, text) => findings.push({ check, practiceId: record.practice.id, text });
  const facts = record.facts.map(({ fact }) => fact);
  const today = localDay(record.practice.timeZone, now);
  const holds = whatHolds(facts);
  const periods = periodsOver(holds, today);
  const lines = chargesByDay(facts, today);
  examineTerms(say, record, plans, holds);
  examineStanding(say, record, holds, today);
  examineCharges(say, record, lines);
  examineLocks(say, record, holds);
  examinePrices(say, record, plans, holds, today);
  examineLedger(say, record, holds);
  examineStatements(say, record, [...periods, ...spansAfterEnd(record, holds, periods, today)], lines);
  examineNotices(say, record, today);
  examineSuspensions(say, record);
  return { findings, periods: periods.length, lines };
}

function examineTerms(
  say: Say,
  { facts, practice: { timeZone } }: Shown,
  plans: readonly Plan[],
  holds: WhatHolds,
): void {
  for (const { at, fact } of facts) {
    if (fact.kind === 'enrolled' || fact.kind === 'plan') {
      const { planId, planVersion, terms } = fact;
      const name = `${planId} ${planVersion}`;
      const version = versionOf(plans, planId, planVersion);
      if (!isDeepStrictEqual(terms, version?.terms))
        say('terms', `the terms of ${name} are not those that were published`);
      if (!isOffered(version, fact.kind === 'enrolled' ? fact.on : localDay(timeZone, at)))
        say('terms', `${name} was not offered on the day on which it was taken`);
      const promise = plans.find(({ id }) => id === planId)?.promise;
      if (
        promise === undefined ||
        terms.freeDays < promise.freeDays ||
        terms.lock.months < promise.lockMonths
      )
        say('terms', `${name} gives less than ${planId} promises`);
    }
    if (fact.kind !== 'rates') continue;
    const { planId } = holds.priceOn(fact.from);
    if (!isDeepStrictEqual(fact.rates, versionOf(plans, planId, fact.planVersion)?.terms.rates))
      say('terms', `the rates of ${planId} ${fact.planVersion} are not those that were published`);
  }
}

/** "Each is offered until the next one takes effect", which may be published in the course of its first day, by UTC. */
const isOffered = (version: Version | undefined, day: DayNumber): boolean =>
  version !== undefined &&
  version.effectiveFrom <= day &&
  (version.offeredUntil === null || day <= version.offeredUntil + 1);

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

function examineCharges(
  say: Say,
  { transactions, practice: { timeZone } }: Shown,
  expected: readonly Line[],
): void {
  for (const { id, at, kind, day, charge } of transactions) {
    if ((kind === 'charge') !== (charge !== null))
      say('charges', `${id}, a ${kind}, has no line, or one too many`);
    if (kind === 'charge' && localDay(timeZone, at) <= day)
      say('charges', `${id} was posted before its period was over, at ${at.toISOString()}`);
  }
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
