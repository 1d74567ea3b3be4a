import { DomainError } from '../errors.ts';
import type { Day } from './day.ts';
import type { Timeline } from './timeline.ts';

/**
 * `pending` until the practice is active, `trialing` while nothing is charged, then `active`. A person makes it `past_due` and
 * `suspended` and takes it back. `cancelled` is the end. Whether its rate is locked is told by the timeline, not by the state.
 */
export const subscriptionStates = [
  'pending',
  'trialing',
  'active',
  'past_due',
  'suspended',
  'cancelled',
] as const;
export type SubscriptionState = (typeof subscriptionStates)[number];

/** The state on a day: what the calendar makes of it. What a person has decided stays until the subscription ends. */
export function stateOn(state: SubscriptionState, timeline: Timeline, day: Day): SubscriptionState {
  const { endsOn, chargedFrom } = timeline;
  if (state === 'cancelled' || (endsOn !== null && day >= endsOn)) return 'cancelled';
  if (chargedFrom === null) return 'pending';
  if (state === 'past_due' || state === 'suspended') return state;
  return day < chargedFrom ? 'trialing' : 'active';
}

/** What a person can ask for in a subscription's life. */
export const subscriptionVerbs = [
  'quantities',
  'plan',
  'plan_withdrawal',
  'trial_extension',
  'lock_extension',
  'cancellation',
  'cancellation_withdrawal',
  'past_due',
  'settlement',
  'suspension',
  'resumption',
  'transfer',
] as const;
type SubscriptionVerb = (typeof subscriptionVerbs)[number];

/** The states in which each verb is taken, and what to do in another one. */
const takenIn: Readonly<Record<SubscriptionVerb, readonly SubscriptionState[]>> = {
  quantities: ['pending', 'trialing', 'active', 'past_due', 'suspended'],
  plan: ['trialing', 'active'],
  plan_withdrawal: ['trialing', 'active', 'past_due', 'suspended'],
  trial_extension: ['pending', 'trialing'],
  lock_extension: ['pending', 'trialing', 'active', 'past_due', 'suspended'],
  cancellation: ['trialing', 'active', 'past_due', 'suspended'],
  cancellation_withdrawal: ['trialing', 'active', 'past_due', 'suspended'],
  past_due: ['active'],
  settlement: ['past_due'],
  suspension: ['past_due'],
  resumption: ['suspended'],
  transfer: ['trialing', 'active', 'past_due', 'suspended'],
};

/** Before anything is charged. */
const ofPayments = {
  past_due: 'Nothing is charged yet.',
  settlement: 'Nothing is charged yet, so no payment is overdue.',
  suspension:
    'Nothing is charged yet, so no payment is overdue. For another reason an operator blocks access.',
  resumption: 'Its access is not blocked for a payment.',
};

const instead: Readonly<Record<SubscriptionState, Partial<Record<SubscriptionVerb, string>>>> = {
  pending: {
    plan: 'Wait until the practice is active: its plan can then change with the first charged day.',
    cancellation: 'Cancel the provisioning of the practice: that ends its subscription.',
    transfer: 'Wait until the practice is active.',
    plan_withdrawal: 'No change of plan is to come.',
    cancellation_withdrawal: 'It is not cancelled.',
    ...ofPayments,
  },
  trialing: ofPayments,
  active: {
    trial_extension: 'The free period is over: give a credit.',
    settlement: 'No payment is recorded as overdue.',
    suspension:
      'Record first that a payment is overdue: the practice is told then, and can be suspended 14 days later.',
    resumption: 'There is nothing to resume.',
  },
  past_due: {
    plan: 'Settle the payment that is overdue first.',
    past_due: 'It is recorded as past due already.',
    trial_extension: 'The free period is over: give a credit.',
    resumption: 'Its access is not blocked.',
  },
  suspended: {
    plan: 'Resume it and settle the payment that is overdue first.',
    past_due: 'A payment is overdue already.',
    settlement: 'Resume it first, then record that the payment is settled.',
    suspension: 'It is suspended already.',
    trial_extension: 'The free period is over: give a credit.',
  },
  cancelled: {},
};

/** @throws DomainError `wrong_state` for a verb that the state does not take; it says what to do. */
export function requireTaken(verb: SubscriptionVerb, state: SubscriptionState): void {
  if (takenIn[verb].includes(state)) return;
  const what =
    state === 'cancelled'
      ? 'It does not change any more. Once it is offboarded the practice can sign up again.'
      : (instead[state][verb] ?? 'This cannot be asked for in that state.');
  throw new DomainError('wrong_state', `The subscription is ${state}. ${what}`, { context: { state } });
}
