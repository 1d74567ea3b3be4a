import { type Day, daysBetween } from './day.ts';
import type { Period } from './periods.ts';
import type { Quantities } from './terms.ts';
import { entryOn, isLockedOn, isSuspendedOn, type Timeline } from './timeline.ts';

export const components = ['base', 'per_clinician', 'per_location'] as const;
type Component = (typeof components)[number];

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
 * What a period costs: nothing after the end. Each component is cut where its own quantity or rate changes or a suspension begins or
 * ends; days of a suspension cost nothing, and nothing is written down as a charge of 0.
 */
export function chargesOf(timeline: Timeline, period: Period): Charge[] {
  if (timeline.endsOn !== null && period.from >= timeline.endsOn) return [];
  const slices = slicesOf(timeline, period);
  const charges: Charge[] = [];
  for (const component of components) {
    for (const piece of piecesOf(slices, component)) {
      const charge = chargeOf(timeline, period, component, piece);
      if (charge.amountCents !== 0) charges.push(charge);
    }
  }
  return charges;
}

/**
 * The piece costs what has been earned of the rate by its end less what had been by its beginning, for each of what is counted: so the
 * pieces of a whole period, however it is cut, sum to the rate.
 */
function chargeOf(
  { currency }: Timeline,
  { from, until, wholeUntil }: Period,
  component: Component,
  { first, last }: Piece,
): Charge {
  const rateCents = rateOf(first, component);
  const quantity = quantityOf(first, component);
  const days = daysBetween(from, wholeUntil);
  const unitCents = earnedCents(rateCents, last.end, days) - earnedCents(rateCents, first.start, days);
  return {
    period: { from, until },
    component,
    from: first.from,
    until: last.until,
    quantity,
    rateCents,
    amountCents: unitCents * quantity,
    currency,
    planId: first.price.planId,
    planVersion: first.price.planVersion,
    locked: first.locked,
  };
}

/** What of a rate for so many days is earned when some of them have passed, in whole cents. */
function earnedCents(rateCents: number, passed: number, days: number): number {
  return Math.floor((rateCents * passed) / days);
}

/** A part of a period in which nothing changes. */
interface Slice {
  readonly from: Day;
  readonly until: Day;
  /** Days from the period's first one. */
  readonly start: number;
  readonly end: number;
  readonly price: Timeline['rates'][number];
  readonly counted: Quantities;
  readonly locked: boolean;
}

/** The charged parts of a period, cut at every day on which anything changes. */
function slicesOf(timeline: Timeline, period: Period): Slice[] {
  const starts = [period.from, ...changesWithin(timeline, period)];
  return starts.flatMap((from, at) => {
    if (isSuspendedOn(timeline, from)) return [];
    const until = starts[at + 1] ?? period.until;
    return {
      from,
      until,
      start: daysBetween(period.from, from),
      end: daysBetween(period.from, until),
      price: entryOn(timeline.rates, from),
      counted: entryOn(timeline.quantities, from),
      locked: isLockedOn(timeline, from),
    };
  });
}

/** The days within a period on which a rate or quantity changes, or a suspension begins or ends; each once, in order. */
function changesWithin({ rates, quantities, suspensions }: Timeline, period: Period): Day[] {
  const days: Day[] = [];
  for (const { from } of rates) addWithin(period, days, from);
  for (const { from } of quantities) addWithin(period, days, from);
  for (const { from, until } of suspensions) {
    addWithin(period, days, from);
    if (until !== null) addWithin(period, days, until);
  }
  return days.sort();
}

function addWithin({ from, until }: Period, days: Day[], day: Day): void {
  if (from < day && day < until && !days.includes(day)) days.push(day);
}

/** Slices that follow each other and in which nothing of one component changes. */
interface Piece {
  readonly first: Slice;
  readonly last: Slice;
}

function piecesOf(slices: readonly Slice[], component: Component): Piece[] {
  const pieces: Piece[] = [];
  for (const slice of slices) {
    const before = pieces.at(-1);
    if (before === undefined || !goesOn(before.last, slice, component))
      pieces.push({ first: slice, last: slice });
    else pieces[pieces.length - 1] = { first: before.first, last: slice };
  }
  return pieces;
}

function goesOn(before: Slice, after: Slice, component: Component): boolean {
  return (
    before.until === after.from &&
    rateOf(before, component) === rateOf(after, component) &&
    quantityOf(before, component) === quantityOf(after, component) &&
    before.price.planId === after.price.planId &&
    before.price.planVersion === after.price.planVersion
  );
}

const rateNames = { base: 'base', per_clinician: 'perClinician', per_location: 'perLocation' } as const;

function rateOf({ price }: Slice, component: Component): number {
  return price.rates[rateNames[component]];
}

function quantityOf({ counted }: Slice, component: Component): number {
  if (component === 'base') return 1;
  return component === 'per_clinician' ? counted.clinicians : counted.locations;
}
