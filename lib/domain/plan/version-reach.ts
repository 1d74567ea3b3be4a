import { intervalCents } from './changes.ts';
import { type Day, laterOf } from './day.ts';
import { areSameRates, earliestDayOf } from './price-changes.ts';
import type { PlanTerms, Quantities, Rates } from './terms.ts';
import { entryOn, type Timeline } from './timeline.ts';
import type { VersionCandidate } from './version-check.ts';

/**
 * What a new version would mean for a subscription of its plan. `touched`: it gets the new rates, after notice. `locked`: its lock goes
 * on beyond the version's first day, and nothing changes before it ends. `unaffected`: it ends before, or its rates are those already.
 */
type Reach =
  | {
      readonly kind: 'touched';
      /** The first day that could cost the new rates; null while its activation is still to come. */
      readonly from: Day | null;
      readonly quantities: Quantities;
      /** Cents a month; of a yearly price a twelfth, rounded down. */
      readonly before: number;
      readonly after: number;
    }
  /** `until` is null while its activation is still to come: the lock counts from there. */
  | { readonly kind: 'locked'; readonly until: Day | null }
  | { readonly kind: 'unaffected' };

/** `today` is the day of the practice's zone. */
export function reachOf(timeline: Timeline, { effectiveFrom, terms }: VersionCandidate, today: Day): Reach {
  const current = timeline.rates.at(-1);
  const plan = timeline.plans.at(-1);
  if (current === undefined || plan === undefined)
    throw new Error('A subscription has a plan and its rates.');
  const { activatedOn, lockedUntil } = timeline;
  if (activatedOn === null && plan.terms.lock.months > 0) return { kind: 'locked', until: null };
  if (lockedUntil !== null && lockedUntil > effectiveFrom) return { kind: 'locked', until: lockedUntil };
  if (areSameRates(current.rates, terms.rates)) return { kind: 'unaffected' };
  const from = earliestDayOf(timeline, effectiveFrom, today);
  if (from === null && activatedOn !== null) return { kind: 'unaffected' };
  const day = from ?? laterOf(today, timeline.enrolledOn);
  const { clinicians, locations } = entryOn(timeline.quantities, day);
  const quantities = { clinicians, locations };
  const { interval } = plan.terms;
  return {
    kind: 'touched',
    from,
    quantities,
    before: monthlyCents(current.rates, interval, quantities),
    after: monthlyCents(terms.rates, interval, quantities),
  };
}

/** What a month costs at whole rates; of a yearly price a twelfth, rounded down. */
export function monthlyCents(rates: Rates, interval: PlanTerms['interval'], quantities: Quantities): number {
  return Math.floor(intervalCents(rates, quantities) / (interval === 'year' ? 12 : 1));
}
