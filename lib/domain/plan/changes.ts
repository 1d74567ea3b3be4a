import { DomainError } from '../errors.ts';
import type { Shape } from '../practice.ts';
import { addDays, type Day, laterOf } from './day.ts';
import type { FactOf } from './facts.ts';
import { firstPeriodStart, periodAt } from './periods.ts';
import { requireTaken, type SubscriptionState } from './state.ts';
import type { PlanTerms, Quantities, Rates } from './terms.ts';
import { entryOn, isLockedOn, type Timeline } from './timeline.ts';

/** A subscription as a change finds it. */
export interface Standing {
  /** On `today` (`stateOn`). */
  readonly state: SubscriptionState;
  readonly timeline: Timeline;
  /** The end of the last closed period; null while none is closed. */
  readonly closedUntil: Day | null;
  /** The practice's own day. */
  readonly today: Day;
}

/** A change that gives something away: `valueCents` is what it may cost at most, in cents of the subscription's currency. */
export interface ValuedChange<Fact> {
  readonly fact: Fact;
  readonly valueCents: number;
}

/** How long before a suspension the practice was told that a payment is overdue, at least. */
const suspensionNoticeDays = 14;

/**
 * @param asked what is left out stays as it is on that day
 * @throws DomainError `wrong_state`; `conflict` for a day in a period that is over, or after the subscription's end.
 */
export function changeQuantities(
  standing: Standing,
  asked: {
    readonly from: Day;
    readonly clinicians?: number | undefined;
    readonly locations?: number | undefined;
  },
): FactOf<'quantities'> {
  requireTaken('quantities', standing.state);
  const { timeline, closedUntil, today } = standing;
  const { from } = asked;
  // In the free period no day costs anything, so nothing is gained by a day that has passed.
  const current = periodAt(timeline, today)?.from ?? today;
  const earliest = laterOf(current, closedUntil ?? current);
  if (from < earliest) {
    throw conflict(
      `Quantities can change from ${earliest} on: earlier days are over. For them give a credit or post an adjustment.`,
    );
  }
  requireBeforeEnd(timeline, from);
  const before = entryOn(timeline.quantities, from);
  const { clinicians = before.clinicians, locations = before.locations } = asked;
  if (before.clinicians === clinicians && before.locations === locations) {
    throw conflict(
      `On ${from} the subscription has ${clinicians} clinicians and ${locations} locations already: nothing would change.`,
    );
  }
  return { kind: 'quantities', from, clinicians, locations };
}

/** Another plan, as a practice asks for it. */
export interface NewPlan {
  readonly planId: string;
  readonly planVersion: number;
  readonly terms: PlanTerms;
  /** The start of a period that has not begun; the next one where nobody says. */
  readonly from: Day | undefined;
  /** Whoever has a lock and leaves the plan has to say so. */
  readonly givesUpLock: boolean;
  /** What the practice's silo has. */
  readonly shape: Shape;
}

/**
 * The new plan's rates and its own lock begin with a period; it brings no free period.
 * @throws DomainError `wrong_state`; `conflict`; `invalid_input` for a day on which no period begins.
 */
export function changePlan(standing: Standing, asked: NewPlan): FactOf<'plan'> {
  requireTaken('plan', standing.state);
  const { timeline, today } = standing;
  const { planId, planVersion, terms } = asked;
  const planned = plannedPlan(standing);
  const next = firstPeriodStart(timeline, addDays(today, 1));
  const from = asked.from ?? planned?.from ?? next;
  if (next === null || from === null) {
    throw conflict(
      `No period begins any more: the subscription ends before ${timeline.endsOn}. Take the cancellation back first.`,
    );
  }
  if (from <= today || firstPeriodStart(timeline, from) !== from) {
    throw wrongField('/from', `must be the first day of a period to come, such as ${next}`);
  }
  if (planned !== undefined && planned.from !== from) {
    throw conflict(
      `A change to the plan ${planned.planId} is planned for ${planned.from}. Only another plan for that same day can take its place.`,
    );
  }
  const present = entryOn(timeline.plans, addDays(from, -1));
  if (present.planId === planId && present.planVersion === planVersion) {
    throw conflict(`The subscription has version ${planVersion} of the plan ${planId} already.`);
  }
  requireSame('currency', present.terms.currency, terms.currency);
  requireSame('shape of the silo', asked.shape, terms.shape);
  if (isLockedOn(timeline, from) && !asked.givesUpLock) {
    throw new DomainError(
      'conflict',
      `The rate is locked until ${timeline.lockedUntil}, and a change of plan on ${from} gives that up.`,
      { fields: [{ pointer: '/givesUpLock', message: 'must be said if the practice wants that' }] },
    );
  }
  return { kind: 'plan', from, planId, planVersion, terms };
}

/** Lock and rates are as if another plan had never been asked for. @throws DomainError `wrong_state`; `conflict` when none is to come. */
export function withdrawPlan(standing: Standing): FactOf<'plan_withdrawn'> {
  requireTaken('plan_withdrawal', standing.state);
  const planned = plannedPlan(standing);
  if (planned === undefined)
    throw conflict('No change of plan is to come: what has begun can only be changed again.');
  return { kind: 'plan_withdrawn', from: planned.from };
}

/**
 * A plan that was chosen for the end of the free period begins with its new end.
 * @param daysBefore of extensions before: they count, so that nobody gives away in parts what takes a second person as a whole
 * @throws DomainError `wrong_state`; `conflict` while a change of plan is to come on a later day than the first charged one
 */
export function extendTrial(
  standing: Standing,
  days: number,
  daysBefore: number,
): ValuedChange<FactOf<'trial_extended'>> {
  requireTaken('trial_extension', standing.state);
  const { timeline, today } = standing;
  const firstCharged = timeline.chargedFrom ?? today;
  const planned = plannedPlan(standing);
  // One for the first charged day moves with it. A later one stays, so that the lock would lose what the free period gains.
  if (planned !== undefined && planned.from > firstCharged) requireNoPlannedPlan(standing);
  const { rates } = entryOn(timeline.rates, firstCharged);
  const { terms } = entryOn(timeline.plans, firstCharged);
  const cents = intervalCents(rates, entryOn(timeline.quantities, firstCharged));
  const valueCents = Math.ceil((cents * (days + daysBefore) * intervalsOfYear[terms.interval]) / 365);
  return { fact: { kind: 'trial_extended', days }, valueCents };
}

/**
 * The value is what the practice saves if the rate that is asked of new members were its own from the lock's end on.
 * @param monthsBefore of extensions before, which count too
 * @param listRates of the version of its plan that is in effect and of those that are published for later: the highest counts
 * @throws DomainError `wrong_state`; `conflict` without a lock, or while a change of plan is to come.
 */
export function extendLock(
  standing: Standing,
  months: number,
  monthsBefore: number,
  listRates: readonly Rates[],
): ValuedChange<FactOf<'lock_extended'>> {
  requireTaken('lock_extension', standing.state);
  requireNoPlannedPlan(standing);
  const { timeline, today } = standing;
  const { terms } = entryOn(timeline.plans, today);
  if (terms.lock.months === 0) throw conflict('The terms have no lock that could be extended.');
  if (timeline.lockedUntil !== null && timeline.lockedUntil <= today) {
    throw conflict(`The lock ended before ${timeline.lockedUntil}: there is none to extend.`);
  }
  const quantities = entryOn(timeline.quantities, today);
  const locked = intervalCents(entryOn(timeline.rates, today).rates, quantities);
  const saved = Math.max(0, ...listRates.map((rates) => intervalCents(rates, quantities) - locked));
  const valueCents = Math.ceil((saved * (months + monthsBefore) * intervalsOfYear[terms.interval]) / 12);
  return { fact: { kind: 'lock_extended', months }, valueCents };
}

/**
 * In the free period a practice may leave on any day; later with the notice that its terms ask for, unless somebody waives that.
 * @throws DomainError `wrong_state`; `conflict` when an end is planned; `invalid_input` for a day that is too early.
 */
export function endSubscription(
  standing: Standing,
  asked: { readonly from: Day | undefined; readonly waiveNotice: boolean },
): FactOf<'ends'> & { readonly from: Day } {
  requireTaken('cancellation', standing.state);
  const { timeline, today, state, closedUntil } = standing;
  if (timeline.endsOn !== null) {
    throw conflict(
      `The subscription ends before ${timeline.endsOn} already. Take that back first if it should end on another day.`,
    );
  }
  const { noticeDays } = entryOn(timeline.plans, today).terms.cancellation;
  const byNotice = addDays(today, noticeDays);
  const mayAtOnce = state === 'trialing' || asked.waiveNotice;
  const earliest = mayAtOnce ? laterOf(today, closedUntil ?? today) : byNotice;
  const from = asked.from ?? (state === 'trialing' ? (timeline.chargedFrom ?? today) : byNotice);
  if (from < earliest) {
    const why = mayAtOnce
      ? 'days that have passed stay as they are'
      : `the terms ask for ${noticeDays} days' notice, which somebody may waive with \`waiveNotice: true\``;
    throw wrongField('/from', `must be ${earliest} or later: ${why}`);
  }
  return { kind: 'ends', from };
}

/** @throws DomainError `wrong_state`; `conflict` when no end is planned. */
export function takeCancellationBack(standing: Standing): FactOf<'ends'> {
  requireTaken('cancellation_withdrawal', standing.state);
  if (standing.timeline.endsOn === null)
    throw conflict('The subscription is not cancelled: it goes on already.');
  return { kind: 'ends', from: null };
}

/** @throws DomainError `wrong_state`; `invalid_input` for a day to come or before anything was charged. */
export function markPastDue({ state, timeline, today }: Standing, since: Day): void {
  requireTaken('past_due', state);
  if (since > today)
    throw wrongField('/since', `must be ${today} or earlier: it is the day when the payment was due`);
  if (timeline.chargedFrom !== null && since < timeline.chargedFrom) {
    throw wrongField('/since', `must be ${timeline.chargedFrom} or later: nothing was charged before`);
  }
}

/**
 * Days from today on are not charged.
 * @param toldOn when the practice was sent the notice that a payment is overdue; null when it was not
 * @throws DomainError `wrong_state`; `conflict` when it was not told, or not long enough ago.
 */
export function suspend({ state, today }: Standing, toldOn: Day | null): FactOf<'suspended'> {
  requireTaken('suspension', state);
  if (toldOn === null) {
    throw conflict(
      'The notice that a payment is overdue was not sent yet. Look at its deliveries: npx lumenality notice list. A practice can be suspended 14 days after it was told.',
    );
  }
  const earliest = addDays(toldOn, suspensionNoticeDays);
  if (today < earliest) {
    throw conflict(
      `The practice was told on ${toldOn} that a payment is overdue: it can be suspended from ${earliest} on.`,
    );
  }
  return { kind: 'suspended', from: today };
}

/** Charged again from tomorrow on: today the practice has no access yet. @throws DomainError `wrong_state` */
export function resume({ state, today }: Standing): FactOf<'resumed'> {
  requireTaken('resumption', state);
  return { kind: 'resumed', from: addDays(today, 1) };
}

/** What one whole interval costs. */
export const intervalCents = (rates: Rates, { clinicians, locations }: Quantities): number =>
  rates.base + rates.perClinician * clinicians + rates.perLocation * locations;

const intervalsOfYear = { month: 12, year: 1 } as const;

function plannedPlan({ timeline, today }: Standing): Timeline['plans'][number] | undefined {
  return timeline.plans.find(({ from }, place) => place > 0 && from > today);
}

function requireNoPlannedPlan(standing: Standing): void {
  const planned = plannedPlan(standing);
  if (planned === undefined) return;
  throw conflict(
    `A change to the plan ${planned.planId} is planned for ${planned.from}, and it ends this plan's lock. Take it back first, or wait for it.`,
  );
}

function requireBeforeEnd({ endsOn }: Timeline, from: Day): void {
  if (endsOn === null || from < endsOn) return;
  throw conflict(
    `The subscription ends before ${endsOn}: nothing changes from ${from} on. Take the cancellation back first.`,
  );
}

function requireSame(what: string, present: string, next: string): void {
  if (present === next) return;
  throw conflict(
    `The plan has another ${what} (${next}) than the practice (${present}): it cannot change to it.`,
  );
}

function conflict(message: string): DomainError {
  return new DomainError('conflict', message);
}

function wrongField(pointer: string, message: string): DomainError {
  return new DomainError('invalid_input', `${pointer.slice(1)} ${message}.`, {
    fields: [{ pointer, message }],
  });
}
