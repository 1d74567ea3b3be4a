import type { Day } from './day.ts';
import type { PlanTerms, Quantities, Rates } from './terms.ts';

/** From a day on, until the next entry of its list. */
type From<Value> = { readonly from: Day } & Value;

/** What the facts of a subscription come to. Lists are in the order of their days. */
export interface Timeline {
  readonly enrolledOn: Day;
  readonly activatedOn: Day | null;
  /** First day of the free period; null while it is not known. */
  readonly freeFrom: Day | null;
  /** First day that costs anything; null before activation. */
  readonly chargedFrom: Day | null;
  /** Rates do not change in `[from, until)`. A change of plan ends one. */
  readonly locks: readonly { readonly from: Day; readonly until: Day }[];
  /** The end of the newest lock; null when there is none. */
  readonly lockedUntil: Day | null;
  /** The days that periods are counted from: `chargedFrom`, and each change of plan. Empty before activation. */
  readonly anchors: readonly From<{ readonly interval: PlanTerms['interval'] }>[];
  readonly plans: readonly From<{
    readonly planId: string;
    readonly planVersion: number;
    readonly terms: PlanTerms;
  }>[];
  readonly rates: readonly From<{
    readonly rates: Rates;
    readonly planId: string;
    readonly planVersion: number;
  }>[];
  readonly quantities: readonly From<Quantities>[];
  /** Days of `[from, until)` are not charged; null: until further notice. */
  readonly suspensions: readonly { readonly from: Day; readonly until: Day | null }[];
  /** First day that is not charged any more; null: none is known. */
  readonly endsOn: Day | null;
  readonly currency: string;
}
