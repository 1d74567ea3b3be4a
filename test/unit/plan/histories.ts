import fc from 'fast-check';
import { addDays, type Day, laterOf } from '../../../lib/domain/plan/day.ts';
import type { SubscriptionFact } from '../../../lib/domain/plan/facts.ts';
import { firstPeriodStart } from '../../../lib/domain/plan/periods.ts';
import type { PlanTerms } from '../../../lib/domain/plan/terms.ts';
import { type Timeline, timelineOf } from '../../../lib/domain/plan/timeline.ts';
import { enrolment, foundingTerms } from '../../builders/plan-terms.ts';

export interface History {
  readonly facts: readonly SubscriptionFact[];
  readonly timeline: Timeline;
  readonly chargedFrom: Day;
}

/** What somebody asks for: the facts that it makes of a subscription; none where the rules do not allow it. */
export type Change = (subscription: History) => readonly SubscriptionFact[];

/** High enough that a day never costs less than a cent, so that each charged day is seen in a charge. */
const cents = fc.integer({ min: 367, max: 99_999 });
const someRates = fc.record({ base: cents, perClinician: cents, perLocation: cents });
const someTerms: fc.Arbitrary<PlanTerms> = fc
  .record({
    interval: fc.constantFrom('month', 'month', 'year'),
    rates: someRates,
    freeDays: fc.constantFrom(0, 1, 30, 90),
    freeFrom: fc.constantFrom('activation', 'approval'),
    lock: fc.record({
      months: fc.constantFrom(0, 1, 7, 24),
      from: fc.constantFrom('first_charged_day', 'activation'),
    }),
  })
  .map((terms) => ({ ...foundingTerms, ...terms }));
const someQuantities = fc.record({
  clinicians: fc.integer({ min: 1, max: 40 }),
  locations: fc.integer({ min: 1, max: 4 }),
});
/** In days from the first charged one. */
const offset = fc.integer({ min: 0, max: 1_200 });

const quantities = fc.tuple(offset, someQuantities).map(
  ([days, counts]): Change =>
    ({ chargedFrom }) => [{ kind: 'quantities', from: addDays(chargedFrom, days), ...counts }],
);
const suspension = fc.tuple(offset, fc.integer({ min: 1, max: 70 })).map(
  ([days, length]): Change =>
    ({ chargedFrom }) => [
      { kind: 'suspended', from: addDays(chargedFrom, days) },
      { kind: 'resumed', from: addDays(chargedFrom, days + length) },
    ],
);
const plan = fc.tuple(offset, someTerms).map(
  ([days, terms]): Change =>
    ({ timeline, chargedFrom }) => {
      const from = firstPeriodStart(timeline, addDays(chargedFrom, days));
      return from === null ? [] : [{ kind: 'plan', from, planId: 'other', planVersion: 1, terms }];
    },
);
const rates = fc.tuple(offset, someRates).map(
  ([days, price]): Change =>
    ({ timeline, chargedFrom }) => {
      const day = addDays(chargedFrom, days);
      const from = firstPeriodStart(timeline, laterOf(day, timeline.lockedUntil ?? day));
      return from === null ? [] : [{ kind: 'rates', from, planVersion: 2, rates: price }];
    },
);
const lock = fc.integer({ min: 1, max: 9 }).map(
  (months): Change =>
    ({ timeline }) =>
      timeline.lockedUntil === null ? [] : [{ kind: 'lock_extended', months }],
);
const trial = fc.integer({ min: 1, max: 40 }).map(
  (days): Change =>
    () => [{ kind: 'trial_extended', days }],
);
const end = offset.map(
  (days): Change =>
    ({ chargedFrom }) => [{ kind: 'ends', from: addDays(chargedFrom, days) }],
);

const changes = (...each: fc.Arbitrary<Change>[]) =>
  fc.array(fc.oneof({ weight: 4, arbitrary: quantities }, ...each), { maxLength: 8 });
/** What may still come once something was charged. */
export const laterChanges = changes(suspension, plan, rates, lock, end);

/** Subscriptions of every kind of terms, begun on any day, leap days and month ends among them, with changes in any order. */
export const histories: fc.Arbitrary<History> = fc
  .record({
    on: fc.oneof(
      fc.integer({ min: 0, max: 3_000 }).map((days) => addDays('2024-01-01', days)),
      fc.constantFrom('2024-02-29', '2027-01-31', '2027-03-31', '2028-02-29', '2026-12-31'),
    ),
    provisioningDays: fc.constantFrom(0, 0, 1, 45),
    terms: someTerms,
    counts: someQuantities,
    asked: changes(suspension, plan, rates, lock, end, trial),
  })
  .map(({ on, provisioningDays, terms, counts, asked }) =>
    asked.reduce(
      (subscription, change) => withFacts(subscription, change(subscription)),
      historyOf([
        enrolment({ on, terms, quantities: counts }),
        { kind: 'activated', on: addDays(on, provisioningDays) },
      ]),
    ),
  );

export function withFacts({ facts }: History, more: readonly SubscriptionFact[]): History {
  return historyOf([...facts, ...more]);
}

function historyOf(facts: readonly SubscriptionFact[]): History {
  const timeline = timelineOf(facts);
  if (timeline.chargedFrom === null) throw new Error('The subscription is not active.');
  return { facts, timeline, chargedFrom: timeline.chargedFrom };
}
