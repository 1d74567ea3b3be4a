import { type DayNumber, monthsLater } from './civil-days.ts';
import { type Fact, isKind, type Rates, type Terms } from './record.ts';

/** From a day until before another; `until` null: no end is known. */
interface Days {
  readonly from: DayNumber;
  readonly until: DayNumber | null;
}

interface Price {
  readonly from: DayNumber;
  readonly planId: string;
  readonly planVersion: number;
  readonly rates: Rates;
}

/** A plan while it is the subscription's: how its periods are counted, and its lock. */
export interface Stretch extends Days {
  readonly interval: Terms['interval'];
  readonly noticeDays: number;
  readonly lock: (Days & { readonly isGivenUp: boolean }) | null;
  /** What the lock promises. */
  readonly lockedRates: Rates;
}

/** What the facts come to by docs/plans.md, "Calendar" and "Facts". Nothing is charged before `chargedFrom`; null: not active yet. */
export interface WhatHolds {
  readonly enrolledOn: DayNumber;
  readonly activatedOn: DayNumber | null;
  readonly chargedFrom: DayNumber | null;
  readonly stretches: readonly Stretch[];
  readonly currency: string;
  readonly endsOn: DayNumber | null;
  readonly priceOn: (day: DayNumber) => Price;
  readonly quantityOn: (day: DayNumber) => { readonly clinicians: number; readonly locations: number };
  readonly isSuspendedOn: (day: DayNumber) => boolean;
}

const within = (day: DayNumber, { from, until }: Days): boolean =>
  from <= day && (until === null || day < until);

/** The one that holds on a day: of those that have begun the latest, and of two from one day the one recorded later. */
function holding<T extends { readonly from: DayNumber }>(entries: readonly T[], day: DayNumber): T {
  let found: T | undefined;
  for (const entry of entries) {
    if (entry.from <= day && (found === undefined || entry.from >= found.from)) found = entry;
  }
  if (found === undefined) throw new Error('nothing holds before the enrolment');
  return found;
}

export function whatHolds(recorded: readonly Fact[]): WhatHolds {
  const [enrolled] = recorded;
  if (enrolled?.kind !== 'enrolled') throw new Error('the first fact is not the enrolment');
  const activatedOn = recorded.find(isKind('activated'))?.on ?? null;
  const chargedFrom = firstChargedDay(enrolled, activatedOn, recorded);
  const facts = withoutWithdrawn(recorded, chargedFrom);
  const stretches =
    chargedFrom === null || activatedOn === null
      ? []
      : stretchesOf(facts, enrolled, { activatedOn, chargedFrom });
  const prices = pricesOf(facts, enrolled, chargedFrom).filter(
    ({ isChange, from }) => !isChange || !stretches.some(({ lock }) => lock !== null && within(from, lock)),
  );
  const quantities = [{ from: enrolled.on, ...enrolled.quantities }, ...facts.filter(isKind('quantities'))];
  const suspensions = suspensionsOf(facts);
  return {
    enrolledOn: enrolled.on,
    activatedOn,
    chargedFrom,
    stretches,
    currency: enrolled.terms.currency,
    endsOn: facts.filter(isKind('ends')).at(-1)?.from ?? null,
    priceOn: (day) => holding(prices, day),
    quantityOn: (day) => holding(quantities, day),
    isSuspendedOn: (day) => suspensions.some((suspension) => within(day, suspension)),
  };
}

/** "The other plan that was to come on that day does not": one of the free period was to come on its end, as far as that was known then. */
function withoutWithdrawn(facts: readonly Fact[], chargedFrom: DayNumber | null): Fact[] {
  return facts.filter((fact, place) => {
    if (fact.kind !== 'plan') return true;
    const later = facts.slice(place + 1).filter(isKind('plan_withdrawn'));
    return !later.some(
      ({ from }) => fact.from === from || (chargedFrom !== null && from <= chargedFrom && fact.from < from),
    );
  });
}

type Enrolled = Extract<Fact, { readonly kind: 'enrolled' }>;

/** "The first charged day is that day + freeDays + extensions, and never before activation." */
function firstChargedDay(
  { on, terms }: Enrolled,
  activatedOn: DayNumber | null,
  facts: readonly Fact[],
): DayNumber | null {
  if (activatedOn === null) return null;
  const freeFrom = terms.freeFrom === 'activation' ? activatedOn : on;
  const more = facts.filter(isKind('trial_extended')).reduce((sum, { days }) => sum + days, 0);
  return Math.max(freeFrom + terms.freeDays + more, activatedOn);
}

/** One stretch for each plan that comes to be; a plan that another one replaces on its own first day never does. */
function stretchesOf(
  facts: readonly Fact[],
  enrolled: Enrolled,
  { activatedOn, chargedFrom }: { readonly activatedOn: DayNumber; readonly chargedFrom: DayNumber },
): Stretch[] {
  interface Begun {
    readonly from: DayNumber;
    readonly lockFrom: DayNumber;
    readonly terms: Terms;
    moreMonths: number;
  }
  const lockFrom = enrolled.terms.lock.from === 'activation' ? activatedOn : chargedFrom;
  let begun: Begun[] = [{ from: chargedFrom, lockFrom, terms: enrolled.terms, moreMonths: 0 }];
  for (const fact of facts) {
    const newest = begun.at(-1);
    if (fact.kind === 'lock_extended' && newest !== undefined) newest.moreMonths += fact.months;
    if (fact.kind !== 'plan') continue;
    // "From that day on, or from the first charged day if that is later; its lock, if it has one, begins there."
    const from = Math.max(fact.from, chargedFrom);
    // A lock that began in the free period has held until now, also that of a plan which never comes to be charged.
    begun = begun.filter((earlier) => earlier.from < from || earlier.lockFrom < from);
    begun.push({ from, lockFrom: from, terms: fact.terms, moreMonths: 0 });
  }
  return begun.map((stretch, place) => {
    const until = begun[place + 1]?.from ?? null;
    const { from, terms } = stretch;
    const months = terms.lock.months + stretch.moreMonths;
    const lockEnd = monthsLater(stretch.lockFrom, months);
    const isGivenUp = until !== null && until < lockEnd;
    return {
      from,
      until,
      interval: terms.interval,
      noticeDays: terms.priceChange.noticeDays,
      lock: months === 0 ? null : { from: stretch.lockFrom, until: isGivenUp ? until : lockEnd, isGivenUp },
      lockedRates: terms.rates,
    };
  });
}

/** A plan's price, or another one of the same plan. A change of plan "takes the place of rates and plan facts for that day and later ones". */
function pricesOf(
  facts: readonly Fact[],
  { on, planId, planVersion, terms }: Enrolled,
  chargedFrom: DayNumber | null,
): (Price & { readonly isChange: boolean })[] {
  let prices = [{ from: on, planId, planVersion, rates: terms.rates, isChange: false }];
  for (const fact of facts) {
    if (fact.kind === 'rates') {
      const { from, rates } = fact;
      const { planId: plan } = holding(prices, from);
      prices.push({ from, planId: plan, planVersion: fact.planVersion, rates, isChange: true });
    }
    if (fact.kind !== 'plan') continue;
    const from = Math.max(fact.from, chargedFrom ?? fact.from);
    prices = prices.filter((earlier) => earlier.from < from || earlier.from === on);
    const { planId: plan } = fact;
    prices.push({
      from,
      planId: plan,
      planVersion: fact.planVersion,
      rates: fact.terms.rates,
      isChange: false,
    });
  }
  return prices;
}

/** "The days from the one to before the other are not charged." */
function suspensionsOf(facts: readonly Fact[]): Days[] {
  const suspensions: Days[] = [];
  let since: DayNumber | null = null;
  for (const fact of facts) {
    if (fact.kind === 'suspended') since ??= fact.from;
    if (fact.kind !== 'resumed' || since === null) continue;
    suspensions.push({ from: since, until: fact.from });
    since = null;
  }
  if (since !== null) suspensions.push({ from: since, until: null });
  return suspensions;
}
