import { appendAudit } from '../db/audit-store.ts';
import type { Trx } from '../db/database.ts';
import { addFact, factsOf, lockSubscription, type Subscription, todayOf } from '../db/subscription-store.ts';
import { type Actor, systemActor } from '../domain/access.ts';
import type { Day } from '../domain/plan/day.ts';
import type { SubscriptionFact } from '../domain/plan/facts.ts';

/**
 * What a practice's life means for its subscription, in the transaction of the change itself. A practice from before there were
 * subscriptions may have none yet: it gets one at the next start, with all that happened by then (`enrol-earlier.ts`).
 */
interface Happening {
  readonly practiceId: string;
  readonly at: Date;
  readonly actor?: Actor;
}

/** Why charges pause while an offboarding may still be taken back. */
export const offboardingReason = 'access was closed by an offboarding';

/** The practice is active for the first time: its free period begins. */
export function subscriptionActivated(trx: Trx, of: Happening): Promise<void> {
  return record(trx, of, 'subscription.activated', null, async (_subscription, today) => ({
    kind: 'activated',
    on: today,
  }));
}

/** The practice will not be made, or is gone: nothing is charged from today on, and its place is free. */
export function subscriptionEnded(trx: Trx, of: Happening, reason: string): Promise<void> {
  return record(trx, of, 'subscription.ended', reason, async ({ endsOn }, today) =>
    endsOn !== null && endsOn <= today ? undefined : { kind: 'ends', from: today },
  );
}

/** An offboarding has closed access to the practice: nothing is charged, and its place is kept in case that is taken back. */
export function chargesPaused(trx: Trx, of: Happening): Promise<void> {
  const action = 'subscription.charges_paused';
  return record(trx, of, action, offboardingReason, async ({ practiceId, state }, today) => {
    const isOver = state === 'pending' || (await lastPause(trx, practiceId))?.kind === 'suspended';
    return isOver ? undefined : { kind: 'suspended', from: today };
  });
}

/** The offboarding was taken back. What was suspended before it still is. */
export function chargesResumed(trx: Trx, of: Happening): Promise<void> {
  const action = 'subscription.charges_resumed';
  return record(trx, of, action, 'the offboarding was taken back', async ({ practiceId }, today) => {
    const last = await lastPause(trx, practiceId);
    const isOurs = last?.kind === 'suspended' && last.reason === offboardingReason;
    return isOurs ? { kind: 'resumed', from: today } : undefined;
  });
}

async function lastPause(trx: Trx, practiceId: string) {
  return (await factsOf(trx, practiceId)).findLast(({ kind }) => kind === 'suspended' || kind === 'resumed');
}

async function record(
  trx: Trx,
  { practiceId, at, actor = systemActor }: Happening,
  action: string,
  reason: string | null,
  factOn: (subscription: Subscription, today: Day) => Promise<SubscriptionFact | undefined>,
): Promise<void> {
  const subscription = await lockSubscription(trx, practiceId);
  if (subscription === undefined || subscription.state === 'cancelled') return;
  const fact = await factOn(subscription, todayOf(subscription, at));
  if (fact === undefined) return;
  await addFact(trx, subscription, fact, { actor: actor.id, reason, at });
  await appendAudit(trx, {
    actor,
    action,
    subject: { type: 'subscription', id: practiceId },
    details: { fact, ...(reason === null ? {} : { reason }) },
    at,
  });
}
