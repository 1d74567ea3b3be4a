import { isDeepStrictEqual } from 'node:util';
import { isLockedOn, lockedUntil, longestPeriod, periodsOver } from './charges-by-day.ts';
import type { Say } from './checks.ts';
import { type DayNumber, dayText, localDay } from './civil-days.ts';
import type { Shown } from './record.ts';
import type { WhatHolds } from './what-holds.ts';

const gone = ['deprovisioned', 'provisioning_cancelled'];

/** What the practice is shown today, and whether its subscription began and ended with its silo. */
export function examineStanding(say: Say, record: Shown, holds: WhatHolds, today: DayNumber): void {
  const { overview, practice } = record;
  const { state, ...rest } = overview;
  const shows = inWords(rest);
  const should = inWords(standingOn(record, holds, today));
  for (const [name, value] of Object.entries(should)) {
    if (!isDeepStrictEqual(shows[name], value))
      say('standing', `${name} is shown as ${JSON.stringify(shows[name])}, and is ${JSON.stringify(value)}`);
  }
  const states = statesOn(record, holds, today);
  if (!states.includes(state)) say('standing', `it is ${state}, and should be ${states.join(' or ')}`);
  const activeSince =
    practice.activatedAt === null ? null : localDay(practice.timeZone, practice.activatedAt);
  if (holds.activatedOn !== activeSince)
    say(
      'standing',
      `the practice is active since ${textOf(activeSince)}, its subscription since ${textOf(holds.activatedOn)}`,
    );
  if (gone.includes(practice.state) && (holds.endsOn === null || holds.endsOn > today))
    say('standing', `the practice is ${practice.state}, and its subscription goes on`);
}

const textOf = (day: DayNumber | null): string | null => (day === null ? null : dayText(day));

function standingOn(
  { statements }: Shown,
  holds: WhatHolds,
  today: DayNumber,
): Omit<Shown['overview'], 'state'> {
  const { enrolledOn, activatedOn, stretches, chargedFrom, endsOn } = holds;
  // A plan may be looked at before its day has come in the practice's zone.
  const day = Math.max(today, enrolledOn);
  const { planId, planVersion, rates } = holds.priceOn(day);
  const { clinicians, locations } = holds.quantityOn(day);
  const period = periodsOver(holds, day + longestPeriod).find(
    ({ from, until }) => from <= day && day < until,
  );
  return {
    plan: { id: planId, version: planVersion },
    rates,
    quantities: { clinicians, locations },
    activatedOn,
    chargedFrom,
    locked: isLockedOn(stretches, day),
    lockedUntil: lockedUntil(stretches),
    period: period === undefined ? null : { from: period.from, until: period.until },
    closedUntil: statements.at(-1)?.until ?? null,
    endsOn,
  };
}

/** For whoever reads a difference. */
function inWords({
  activatedOn,
  chargedFrom,
  lockedUntil,
  closedUntil,
  endsOn,
  period,
  ...rest
}: Omit<Shown['overview'], 'state'>): Readonly<Record<string, unknown>> {
  return {
    ...rest,
    activatedOn: textOf(activatedOn),
    chargedFrom: textOf(chargedFrom),
    lockedUntil: textOf(lockedUntil),
    closedUntil: textOf(closedUntil),
    endsOn: textOf(endsOn),
    period: period === null ? null : `${dayText(period.from)} to ${dayText(period.until)}`,
  };
}

/** More than one where a person decides. */
function statesOn(record: Shown, { endsOn, chargedFrom }: WhatHolds, today: DayNumber): readonly string[] {
  if (endsOn !== null && endsOn <= today) return ['cancelled'];
  if (chargedFrom === null) return ['pending'];
  if (today < chargedFrom) return ['trialing'];
  const last = pausesOf(record).at(-1);
  return last?.isForPayment === true && last.resumed === undefined ? ['suspended'] : ['active', 'past_due'];
}

interface Pause {
  readonly from: DayNumber;
  readonly at: Date;
  /** A person cut the practice off because a payment was overdue; otherwise an offboarding closed it. */
  readonly isForPayment: boolean;
  resumed?: { readonly from: DayNumber; readonly on: DayNumber };
}

function pausesOf({ facts, notices, practice: { timeZone } }: Shown): Pause[] {
  const pauses: Pause[] = [];
  for (const { at, fact } of facts) {
    const last = pauses.at(-1);
    const isOpen = last !== undefined && last.resumed === undefined;
    if (fact.kind === 'suspended' && !isOpen) {
      const isForPayment = notices.some(
        ({ kind, writtenAt }) =>
          kind === 'subscription_suspended' && localDay(timeZone, writtenAt) === localDay(timeZone, at),
      );
      pauses.push({ from: fact.from, at, isForPayment });
    }
    if (fact.kind === 'resumed' && isOpen) last.resumed = { from: fact.from, on: localDay(timeZone, at) };
  }
  return pauses;
}

const daysBeforeSuspension = 14;

/** "The day of the suspension is free, and so is the day of the resumption"; of an offboarding that is taken back the day of that is not. */
export function examineSuspensions(say: Say, record: Shown): void {
  const { notices, practice } = record;
  const { timeZone } = practice;
  for (const pause of pausesOf(record)) {
    const { from, at, isForPayment, resumed } = pause;
    const day = dayText(from);
    if (from > localDay(timeZone, at))
      say('suspensions', `the day before ${day} was charged, and without access`);
    if (resumed !== undefined && resumed.from !== resumed.on + (isForPayment ? 1 : 0))
      say('suspensions', `resumed on ${dayText(resumed.on)}, charged again from ${dayText(resumed.from)} on`);
    if (!isForPayment) continue;
    const told = notices
      .filter(({ kind, writtenAt }) => kind === 'payment_overdue' && writtenAt <= at)
      .toSorted((one, other) => other.writtenAt.getTime() - one.writtenAt.getTime())[0];
    const sentOn = told?.sentAt == null ? null : localDay(timeZone, told.sentAt);
    if (sentOn === null || from < sentOn + daysBeforeSuspension)
      say('suspensions', `cut off on ${day}, told on ${textOf(sentOn)}`);
  }
}
