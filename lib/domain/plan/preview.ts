import { type Day, startOfDay } from './day.ts';
import { type ProjectedPeriod, project } from './projection.ts';
import type { PlanTerms, Quantities } from './terms.ts';
import { timelineOf } from './timeline.ts';

interface PreviewInput {
  readonly planId: string;
  readonly planVersion: number;
  readonly terms: PlanTerms;
  readonly quantities: Quantities;
  /** The day of approval and of activation. */
  readonly startsOn: Day;
  /** IANA. */
  readonly timeZone: string;
  /** Calendar months from `startsOn` on. */
  readonly months: number;
}

export interface Preview {
  readonly startsOn: Day;
  /** First day that costs anything. */
  readonly chargedFrom: Day;
  readonly lockedFrom: Day | null;
  readonly lockedUntil: Day | null;
  readonly currency: string;
  /** `closesAt`: the instant at which its last day has ended in the zone; it is charged then. */
  readonly periods: readonly (ProjectedPeriod & { readonly closesAt: Date })[];
  readonly totalCents: number;
}

/** What a practice that starts on a day with these quantities would be charged, and when, if nothing changes. */
export function preview({ startsOn, timeZone, months, quantities, ...plan }: PreviewInput): Preview {
  const timeline = timelineOf([
    { kind: 'enrolled', on: startsOn, ...plan, quantities },
    { kind: 'activated', on: startsOn },
  ]);
  const { periods, currency, totalCents } = project(timeline, { from: startsOn, months });
  return {
    startsOn,
    chargedFrom: timeline.chargedFrom ?? startsOn,
    lockedFrom: timeline.locks[0]?.from ?? null,
    lockedUntil: timeline.lockedUntil,
    currency,
    periods: periods.map((period) => ({ ...period, closesAt: startOfDay(timeZone, period.until) })),
    totalCents,
  };
}
