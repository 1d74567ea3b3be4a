import type { Trx } from '../db/database.ts';
import { newestOverdueNotice, type PlanNotice } from '../db/subscription-notice-store.ts';
import type { Actor } from '../domain/access.ts';
import { DomainError } from '../domain/errors.ts';
import * as changes from '../domain/plan/changes.ts';
import { type Day, dayIn } from '../domain/plan/day.ts';
import { requireTaken } from '../domain/plan/state.ts';
import type { OnceAnswer } from './answer-once.ts';
import { idlePractice } from './begin-change.ts';
import type { Core } from './core.ts';
import { requestResumption, requestSuspension } from './practice-access.ts';
import { wrongState } from './refusals.ts';
import {
  type Call,
  changed,
  changeOnce,
  type Decided,
  type Held,
  type SubscriptionReceipt,
  type SubscriptionRequest,
} from './subscription-change.ts';

/**
 * Records that a payment is overdue, and tells the practice. Nothing else comes of it by itself.
 * @throws DomainError `not_found`; `precondition_failed`; `wrong_state`; `invalid_input` for a day to come
 */
export function markPastDue(
  core: Core,
  request: SubscriptionRequest & {
    /** When the payment was due; today unless given. */
    readonly since?: Day | undefined;
  },
  call: Call,
  actor: Actor,
): Promise<OnceAnswer<SubscriptionReceipt>> {
  return changeOnce(core, { verb: 'past-due', request, call }, actor, (_trx, held) =>
    pastDueSince(request.since, held),
  );
}

/** The decision that a payment is overdue since a day, or today. */
export function pastDueSince(day: Day | undefined, { standing }: Held): Decided {
  const since = day ?? standing.today;
  changes.markPastDue(standing, since);
  return {
    action: 'subscription.marked_past_due',
    details: { since },
    state: 'past_due',
    tell: () => [{ kind: 'payment_overdue', data: { since } }],
  };
}

/**
 * Records that what was overdue is settled.
 * @throws DomainError `not_found`; `precondition_failed`; `wrong_state`
 */
export function settle(
  core: Core,
  request: SubscriptionRequest,
  call: Call,
  actor: Actor,
): Promise<OnceAnswer<SubscriptionReceipt>> {
  return changeOnce(core, { verb: 'settlement', request, call }, actor, (_trx, { standing }) => {
    requireTaken('settlement', standing.state);
    return {
      action: 'subscription.settled',
      details: {},
      state: 'active',
      tell: changed('settled', null, standing.today),
    };
  });
}

/**
 * Blocks access because a payment is still overdue: a person's decision, 14 days after the practice was told. The run that
 * blocks it begins in the same transaction.
 * @throws DomainError `not_found`; `precondition_failed`; `invalid_input` (another id to confirm); `wrong_state`; `conflict` when the
 * practice was not told long enough ago
 */
export function suspendSubscription(
  core: Core,
  request: SubscriptionRequest & {
    /** The id of the practice that is meant. */
    readonly confirm: string;
  },
  call: Call,
  actor: Actor,
): Promise<OnceAnswer<SubscriptionReceipt>> {
  const { practiceId, reason, confirm } = request;
  requireConfirmation(practiceId, confirm);
  return changeOnce(core, { verb: 'suspension', request, call }, actor, async (trx, held) => {
    const { subscription, standing } = held;
    const sentAt = (await newestOverdueNotice(trx, practiceId))?.sentAt ?? null;
    const toldOn = sentAt === null ? null : dayIn(subscription.timeZone, sentAt);
    const fact = changes.suspend(standing, toldOn);
    const practice = await idlePractice(trx, { practiceId, reason });
    // Somebody may have blocked its access already, for another reason.
    const run =
      practice.state === 'suspended'
        ? undefined
        : await requestSuspension(core, trx, { practiceId, reason }, actor);
    return {
      action: 'subscription.suspended',
      details: { from: fact.from, toldOn },
      fact,
      state: 'suspended',
      tell: () => [{ kind: 'subscription_suspended', data: { from: fact.from } }],
      ...(run === undefined ? {} : { runId: run.runId }),
    };
  });
}

/**
 * Gives access back. The payment stays overdue until somebody settles it, and the practice is told so anew: nobody is cut off again
 * without a notice from after the resumption. The run begins in the same transaction.
 * @throws DomainError `not_found`; `precondition_failed`; `wrong_state` (not suspended, or a run of the practice is open)
 */
export function resumeSubscription(
  core: Core,
  request: SubscriptionRequest,
  call: Call,
  actor: Actor,
): Promise<OnceAnswer<SubscriptionReceipt>> {
  const { practiceId, reason } = request;
  return changeOnce(core, { verb: 'resumption', request, call }, actor, async (trx, { standing }) => {
    const { today } = standing;
    const fact = changes.resume(standing);
    // A run that is open could still block its access, and every day would be charged.
    const practice = await idlePractice(trx, { practiceId, reason });
    if (practice.state !== 'suspended' && practice.state !== 'active') {
      throw wrongState(practice.state, `The practice is ${practice.state}: it cannot be given access.`);
    }
    // Active: the run that was to block its access has failed.
    const run =
      practice.state === 'active'
        ? undefined
        : await requestResumption(core, trx, { practiceId, reason }, actor);
    const overdue = await overdueStill(trx, practiceId, today);
    return {
      action: 'subscription.resumed',
      details: { from: fact.from },
      fact,
      state: 'past_due',
      tell: (timeline) => [...changed('resumed', fact.from, today)(timeline), overdue],
      ...(run === undefined ? {} : { runId: run.runId }),
    };
  });
}

/** Tells once more that a payment is overdue: the 14 days before a suspension count from this notice. */
export async function overdueStill(trx: Trx, practiceId: string, today: Day): Promise<PlanNotice> {
  const told = await newestOverdueNotice(trx, practiceId);
  return { kind: 'payment_overdue', data: told?.data ?? { since: today } };
}

function requireConfirmation(practiceId: string, confirm: string): void {
  if (confirm === practiceId) return;
  throw new DomainError('invalid_input', 'Confirm a suspension with the id of the practice that is meant.', {
    fields: [{ pointer: '/confirm', message: `must be ${practiceId}` }],
  });
}
