import { isDeepStrictEqual } from 'node:util';
import { isLockedOn, longestPeriod, periodsOver } from './charges-by-day.ts';
import type { Say } from './checks.ts';
import { type DayNumber, dayText, localDay } from './civil-days.ts';
import { type FactOf, isKind, type Notice, type Plan, type Shown, versionOf } from './record.ts';
import type { WhatHolds } from './what-holds.ts';

/** A new price: published and told before, after the lock, with a period; and what was announced came or lapsed. */
export function examinePrices(
  say: Say,
  { facts, notices, practice: { timeZone } }: Shown,
  plans: readonly Plan[],
  holds: WhatHolds,
  today: DayNumber,
): void {
  const { stretches, endsOn } = holds;
  const isAfterEnd = (day: DayNumber): boolean => endsOn !== null && endsOn <= day;
  const announced = notices.filter(({ kind }) => kind === 'price_change');
  const came = facts.map(({ fact }) => fact).filter(isKind('rates'));
  for (const { from, planVersion, rates } of came) {
    if (isAfterEnd(from)) continue;
    const { planId } = holds.priceOn(from);
    const price = `the price of ${dayText(from)}`;
    const told = announced.find((notice) => isAbout(notice, { from, planId, planVersion, rates }));
    const stretch = stretches.findLast((one) => one.from <= from);
    const sentOn = told?.sentAt == null ? undefined : localDay(timeZone, told.sentAt);
    if (sentOn === undefined) say('prices', `${price} was told to nobody`);
    else if (stretch === undefined || from < sentOn + stretch.noticeDays)
      say('prices', `${price} was told too late, on ${dayText(sentOn)}`);
    if (told !== undefined && !isDeepStrictEqual(told.data['before'], holds.priceOn(from - 1).rates))
      say('prices', `${price} was told beside another old one than there was`);
    const offeredFrom = versionOf(plans, planId, planVersion)?.effectiveFrom;
    if (offeredFrom === undefined || from < offeredFrom)
      say('prices', `${price} came before its version of ${planId} was offered`);
    if (isLockedOn(stretches, from)) say('prices', `${price} is within a lock`);
    if (!periodsOver(holds, from + longestPeriod).some((period) => period.from === from))
      say('prices', `${price} does not begin with a period`);
  }
  for (const { about, data, outcome } of announced) {
    if (about === null || isAfterEnd(about)) continue;
    const isThere = came.some(
      ({ from, planVersion }) => from === about && planVersion === data['planVersion'],
    );
    if (isThere !== (outcome === 'taken'))
      say('prices', `the price announced for ${dayText(about)} is noted as ${outcome}, the facts differ`);
    if (outcome === null && about < today)
      say('prices', `the price announced for ${dayText(about)} neither came nor lapsed`);
  }
}

const isAbout = (
  { about, data }: Notice,
  { from, planId, planVersion, rates }: Omit<FactOf<'rates'>, 'kind'> & { readonly planId: string },
): boolean =>
  about === from &&
  data['planId'] === planId &&
  data['planVersion'] === planVersion &&
  isDeepStrictEqual(data['after'], rates);
