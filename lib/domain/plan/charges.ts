import { type Day, daysBetween } from './day.ts';
import type { Period } from './periods.ts';
import { entryOn, isLockedOn, type Timeline } from './timeline.ts';

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

/** The same for the same charge of a practice whenever it is worked out: what is posted or exported by it is so once. */
export function chargeKey(practiceId: string, { period, component, from }: Charge): string {
  return `${practiceId}:${period.from}:${component}:${from}`;
}

/**
 * What a period costs. Each component is cut where its own quantity or rate changes or a suspension begins or ends; days of a suspension
 * cost nothing, and nothing is written down as a charge of 0.
 */
export function chargesOf(timeline: Timeline, period: Period): Charge[] {
  const slices = slicesOf(timeline, period);
  return components.flatMap((component) =>
    piecesOf(slices, component).flatMap((piece): Charge[] => {
      const amountCents = unitCents(piece, period) * piece.quantity;
      if (amountCents === 0) return [];
      const { from, until, quantity, rateCents, planId, planVersion } = piece;
      return [
        {
          period: { from: period.from, until: period.until },
          component,
          from,
          until,
          quantity,
          rateCents,
          amountCents,
          currency: timeline.currency,
          planId,
          planVersion,
          locked: isLockedOn(timeline, from),
        },
      ];
    }),
  );
}

interface Piece {
  readonly from: Day;
  readonly until: Day;
  readonly quantity: number;
  readonly rateCents: number;
  readonly planId: string;
  readonly planVersion: number;
}
type Slice = Pick<Piece, 'from' | 'until' | 'planId' | 'planVersion'> & {
  readonly [component in Component]: Pick<Piece, 'quantity' | 'rateCents'>;
};

/** The charged parts of a period, cut at every day on which anything changes. */
function slicesOf({ rates, quantities, suspensions }: Timeline, { from, until }: Period): Slice[] {
  const changes = [
    ...rates.map((entry) => entry.from),
    ...quantities.map((entry) => entry.from),
    ...suspensions.flatMap((suspension) => [suspension.from, suspension.until ?? until]),
  ].filter((day) => from < day && day < until);
  const days = [...new Set([from, ...changes])].toSorted();
  return days.flatMap((day, at): Slice[] => {
    if (suspensions.some((gap) => gap.from <= day && (gap.until === null || day < gap.until))) return [];
    const price = entryOn(rates, day);
    const { clinicians, locations } = entryOn(quantities, day);
    return [
      {
        from: day,
        until: days[at + 1] ?? until,
        planId: price.planId,
        planVersion: price.planVersion,
        base: { quantity: 1, rateCents: price.rates.base },
        per_clinician: { quantity: clinicians, rateCents: price.rates.perClinician },
        per_location: { quantity: locations, rateCents: price.rates.perLocation },
      },
    ];
  });
}

/** Slices that follow each other become one piece of a component where nothing of it changes between them. */
function piecesOf(slices: readonly Slice[], component: Component): Piece[] {
  const pieces: Piece[] = [];
  for (const { from, until, planId, planVersion, [component]: priced } of slices) {
    const last = pieces.at(-1);
    const goesOn =
      last !== undefined &&
      last.until === from &&
      last.quantity === priced.quantity &&
      last.rateCents === priced.rateCents &&
      last.planId === planId &&
      last.planVersion === planVersion;
    if (goesOn) pieces[pieces.length - 1] = { ...last, until };
    else pieces.push({ from, until, planId, planVersion, ...priced });
  }
  return pieces;
}

/**
 * The part of a rate that the days of a piece cost, in whole cents: what has been earned by its end less what had been by its beginning,
 * each rounded down. So the pieces of a whole period, however it is cut, sum to the rate.
 */
function unitCents({ from, until, rateCents }: Piece, period: Period): number {
  const days = daysBetween(period.from, period.wholeUntil);
  const earned = (day: Day): number => Math.floor((rateCents * daysBetween(period.from, day)) / days);
  return earned(until) - earned(from);
}
