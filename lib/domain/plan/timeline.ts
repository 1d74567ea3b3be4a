import { addDays, addMonths, type Day, earlierOf, laterOf } from './day.ts';
import type { FactOf, SubscriptionFact } from './facts.ts';
import type { PlanTerms, Quantities, Rates } from './terms.ts';

/** From a day on, until the next entry of its list. */
type From<Value> = { readonly from: Day } & Value;
type Plan = From<{ readonly planId: string; readonly planVersion: number; readonly terms: PlanTerms }>;
type Price = From<{ readonly planId: string; readonly planVersion: number; readonly rates: Rates }>;
interface Days {
  readonly from: Day;
  readonly until: Day;
}

/** What the facts of a subscription come to. Lists are in the order of their days. */
export interface Timeline {
  readonly enrolledOn: Day;
  readonly activatedOn: Day | null;
  /** First day of the free period; null while it is not known. */
  readonly freeFrom: Day | null;
  /** First day that costs anything; null before activation. */
  readonly chargedFrom: Day | null;
  /** Rates do not change in `[from, until)`. A change of plan ends one. */
  readonly locks: readonly Days[];
  /** The end of the newest lock; null when there is none. */
  readonly lockedUntil: Day | null;
  /** The days that periods are counted from: `chargedFrom`, and each change of plan. Empty before activation. */
  readonly anchors: readonly From<{ readonly interval: PlanTerms['interval'] }>[];
  readonly plans: readonly Plan[];
  readonly rates: readonly Price[];
  readonly quantities: readonly From<Quantities>[];
  /** Days of `[from, until)` are not charged; null: until further notice. */
  readonly suspensions: readonly { readonly from: Day; readonly until: Day | null }[];
  /** First day that is not charged any more; null: none is known. */
  readonly endsOn: Day | null;
  /** ISO 4217. */
  readonly currency: string;
}

/** Facts in the order in which they were recorded, the enrolment first. */
export function timelineOf(facts: readonly SubscriptionFact[]): Timeline {
  const [enrolled] = facts;
  if (enrolled?.kind !== 'enrolled') throw new Error('The first fact of a subscription is its enrolment.');
  const starts = startsOf(enrolled, facts);
  const { plans, prices } = courseOf(enrolled, facts, starts.chargedFrom);
  const locks = locksOf(plans, starts);
  return {
    enrolledOn: enrolled.on,
    ...starts,
    locks,
    lockedUntil: locks.at(-1)?.until ?? null,
    anchors: anchorsOf(plans, starts.chargedFrom),
    plans: plans.map(({ from, planId, planVersion, terms }) => ({ from, planId, planVersion, terms })),
    rates: ratesOf(plans, prices, locks),
    quantities: quantitiesOf(enrolled, facts),
    suspensions: suspensionsOf(facts),
    endsOn: factsOf(facts, 'ends').at(-1)?.from ?? null,
    currency: enrolled.terms.currency,
  };
}

/** The entry of a list that holds on a day. @throws Error when the list begins later */
export function entryOn<Entry extends { readonly from: Day }>(list: readonly Entry[], day: Day): Entry {
  const entry = list.findLast(({ from }) => from <= day);
  if (entry === undefined) throw new Error(`Nothing is known of ${day}: the subscription begins later.`);
  return entry;
}

/** A day, or the last one of a subscription that has ended by then: what was to begin later never did. */
export function lastDayUpTo({ enrolledOn, endsOn }: Timeline, day: Day): Day {
  return laterOf(endsOn === null ? day : earlierOf(day, addDays(endsOn, -1)), enrolledOn);
}

export function isLockedOn({ locks }: Pick<Timeline, 'locks'>, day: Day): boolean {
  return locks.some(({ from, until }) => from <= day && day < until);
}

/** Whether a day is not charged because of a suspension. */
export function isSuspendedOn({ suspensions }: Pick<Timeline, 'suspensions'>, day: Day): boolean {
  return suspensions.some(({ from, until }) => from <= day && (until === null || day < until));
}

function factsOf<Kind extends SubscriptionFact['kind']>(facts: readonly SubscriptionFact[], kind: Kind) {
  return facts.filter((fact): fact is FactOf<Kind> => fact.kind === kind);
}

type Starts = Pick<Timeline, 'activatedOn' | 'freeFrom' | 'chargedFrom'>;

function startsOf({ on, terms }: FactOf<'enrolled'>, facts: readonly SubscriptionFact[]): Starts {
  const activatedOn = factsOf(facts, 'activated')[0]?.on ?? null;
  const freeFrom = terms.freeFrom === 'approval' ? on : activatedOn;
  if (freeFrom === null || activatedOn === null) return { activatedOn, freeFrom, chargedFrom: null };
  const extension = factsOf(facts, 'trial_extended').reduce((sum, { days }) => sum + days, 0);
  const chargedFrom = laterOf(addDays(freeFrom, terms.freeDays + extension), activatedOn);
  return { activatedOn, freeFrom, chargedFrom };
}

/** A plan in the course of a subscription, with the months of lock that it brought and was given. */
type PlanWithLock = Plan & { readonly lockMonths: number };

/**
 * Plans and later prices as they were recorded: a change of plan takes the place of all that was intended from its day on, which was
 * never a price (those are recorded on their day). So nothing is to be restored when it is taken back.
 */
function courseOf(
  { on, planId, planVersion, terms }: FactOf<'enrolled'>,
  facts: readonly SubscriptionFact[],
  chargedFrom: Day | null,
): { readonly plans: readonly PlanWithLock[]; readonly prices: readonly FactOf<'rates'>[] } {
  let plans: PlanWithLock[] = [{ from: on, planId, planVersion, terms, lockMonths: terms.lock.months }];
  let prices: FactOf<'rates'>[] = [];
  for (const fact of facts) {
    if (fact.kind === 'plan') {
      if (fact.terms.currency !== terms.currency) throw new Error('A subscription keeps its currency.');
      // The free period ends as it would have: a plan chosen in it begins with the first day that costs anything.
      const from = laterOf(fact.from, chargedFrom ?? fact.from);
      const isEarlier = (entry: { readonly from: Day }): boolean => entry.from < from;
      const { planId: id, planVersion: version } = fact;
      const plan = { from, planId: id, planVersion: version, terms: fact.terms };
      plans = [...plans.filter(isEarlier), { ...plan, lockMonths: fact.terms.lock.months }];
      prices = prices.filter(isEarlier);
    } else if (fact.kind === 'plan_withdrawn') plans = plans.slice(0, -1);
    else if (fact.kind === 'lock_extended') {
      plans = plans.map((plan, at) =>
        at === plans.length - 1 ? { ...plan, lockMonths: plan.lockMonths + fact.months } : plan,
      );
    } else if (fact.kind === 'rates') prices.push(fact);
  }
  return { plans, prices };
}

/** The first plan's lock counts from where its terms say, a later one's from the change. */
function locksOf(plans: readonly PlanWithLock[], { activatedOn, chargedFrom }: Starts): Days[] {
  return plans.flatMap(({ from: begins, terms, lockMonths }, at) => {
    const first = terms.lock.from === 'activation' ? activatedOn : chargedFrom;
    const from = at === 0 ? first : begins;
    if (from === null || chargedFrom === null || lockMonths === 0) return [];
    const whole = addMonths(from, lockMonths);
    const until = earlierOf(whole, plans[at + 1]?.from ?? whole);
    return until > from ? [{ from, until }] : [];
  });
}

function anchorsOf(plans: readonly Plan[], chargedFrom: Day | null): Timeline['anchors'] {
  if (chargedFrom === null) return [];
  const [first, ...changes] = [
    entryOn(plans, chargedFrom),
    ...plans.filter(({ from }) => from > chargedFrom),
  ];
  return [{ ...first, from: chargedFrom }, ...changes].map(({ from, terms }) => ({
    from,
    interval: terms.interval,
  }));
}

/**
 * A price never holds from a day within a lock: one that was announced for it before the lock was made longer does not count, and has
 * to be announced anew.
 */
function ratesOf(
  plans: readonly Plan[],
  prices: readonly FactOf<'rates'>[],
  locks: readonly Days[],
): Price[] {
  const first = plans.map(({ from, planId, planVersion, terms }) => ({
    from,
    planId,
    planVersion,
    rates: terms.rates,
  }));
  const later = prices
    .filter(({ from }) => !isLockedOn({ locks }, from))
    .map(({ from, planVersion, rates }) => ({
      from,
      planId: entryOn(plans, from).planId,
      planVersion,
      rates,
    }));
  return newestOfEachDay([...first, ...later]);
}

function quantitiesOf({ on, quantities }: FactOf<'enrolled'>, facts: readonly SubscriptionFact[]) {
  const changes = factsOf(facts, 'quantities').map(({ from, clinicians, locations }) => ({
    from,
    clinicians,
    locations,
  }));
  return newestOfEachDay<From<Quantities>>([{ from: on, ...quantities }, ...changes]);
}

/** Of entries in the order in which they were recorded, the last one for each day, by day. */
function newestOfEachDay<Entry extends { readonly from: Day }>(entries: readonly Entry[]): Entry[] {
  const byDay = new Map(entries.map((entry) => [entry.from, entry]));
  return [...byDay.values()].toSorted((one, other) => (one.from < other.from ? -1 : 1));
}

/** A suspension of a suspended subscription, or a resumption of another, says nothing new. */
function suspensionsOf(facts: readonly SubscriptionFact[]): Timeline['suspensions'] {
  const suspensions: { from: Day; until: Day | null }[] = [];
  for (const fact of facts) {
    const open = suspensions.find(({ until }) => until === null);
    if (fact.kind === 'suspended' && open === undefined) suspensions.push({ from: fact.from, until: null });
    if (fact.kind === 'resumed' && open !== undefined) open.until = fact.from;
  }
  return suspensions.filter(({ from, until }) => until === null || until > from);
}
