import type { FactOf, SubscriptionFact } from '../../lib/domain/plan/facts.ts';
import type { PlanTerms } from '../../lib/domain/plan/terms.ts';
import { disciplines } from '../../lib/domain/sign-up.ts';

export const foundingTerms: PlanTerms = {
  currency: 'USD',
  interval: 'month',
  rates: { base: 14_900, perClinician: 2_900, perLocation: 1_900 },
  freeDays: 90,
  freeFrom: 'activation',
  lock: { months: 24, from: 'first_charged_day' },
  cap: 100,
  enrolment: { from: null, until: null },
  disciplines: [...disciplines],
  shape: 'solo',
  cancellation: { noticeDays: 30 },
  priceChange: { noticeDays: 60 },
};

export const standardTerms: PlanTerms = {
  ...foundingTerms,
  rates: { base: 24_900, perClinician: 3_900, perLocation: 2_900 },
  freeDays: 0,
  lock: { months: 0, from: 'first_charged_day' },
  cap: null,
};

/** In the founding plan on 20 November 2026, with 5 clinicians in 1 location, unless said otherwise. */
export function enrolment(changes: Partial<FactOf<'enrolled'>> = {}): FactOf<'enrolled'> {
  return {
    kind: 'enrolled',
    on: '2026-11-20',
    planId: 'founding',
    planVersion: 1,
    terms: foundingTerms,
    quantities: { clinicians: 5, locations: 1 },
    ...changes,
  };
}

/** Enrolled and activated on one day. */
export function started(
  on: string,
  terms: Partial<PlanTerms> = {},
  quantities = { clinicians: 5, locations: 1 },
): SubscriptionFact[] {
  return [enrolment({ on, terms: { ...foundingTerms, ...terms }, quantities }), { kind: 'activated', on }];
}

/** A change to the standard plan from a day on. */
export const toStandard = (from: string, terms = standardTerms): FactOf<'plan'> => ({
  kind: 'plan',
  from,
  planId: 'standard',
  planVersion: 1,
  terms,
});
