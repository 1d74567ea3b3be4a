import type { Day } from './day.ts';

/** What is paid for together: `[from, until)`. It ends early where a plan is changed or the subscription ends. */
export interface Period {
  readonly from: Day;
  readonly until: Day;
  /** Where it would end by its interval. Rates are those of `[from, wholeUntil)`. */
  readonly wholeUntil: Day;
}

export const components = ['base', 'per_clinician', 'per_location'] as const;
export type Component = (typeof components)[number];

/** What one component of a plan costs in a piece `[from, until)` of a period. */
export interface Charge {
  readonly period: { readonly from: Day; readonly until: Day };
  readonly component: Component;
  readonly from: Day;
  readonly until: Day;
  readonly quantity: number;
  /** For the whole interval and one of what is counted. */
  readonly rateCents: number;
  /** For the piece and the quantity; never 0. */
  readonly amountCents: number;
  /** ISO 4217. */
  readonly currency: string;
  readonly planId: string;
  readonly planVersion: number;
  /** Whether its first day is within a lock. */
  readonly locked: boolean;
}
