import { appendAudit } from '../db/audit-store.ts';
import type { Trx } from '../db/database.ts';
import { findOffboarding } from '../db/offboarding-store.ts';
import { findPlan } from '../db/plan-store.ts';
import { lockPractice, type PracticeRow } from '../db/practice-store.ts';
import { findSignUp } from '../db/sign-up-store.ts';
import {
  addFact,
  insertSubscription,
  practicesWithoutSubscription,
  readSubscription,
  type Subscription,
} from '../db/subscription-store.ts';
import { systemActor } from '../domain/access.ts';
import { type Day, dayIn, daysBetween } from '../domain/plan/day.ts';
import type { SubscriptionFact } from '../domain/plan/facts.ts';
import { offboardingReason } from '../workflows/subscription-life.ts';
import type { Core } from './core.ts';
import { signedTerms } from './enrol.ts';

const reason = 'approved before there were subscriptions';

/**
 * Makes the subscriptions of practices that were approved before there were any, at each start: on the terms of the plan version that
 * they were approved with, with what has happened since. Plans had no prices then, so no day before today is charged. Any number of
 * processes may do so at once.
 */
export async function enrolEarlierPractices(core: Core): Promise<void> {
  for (const id of await practicesWithoutSubscription(core.db)) {
    await core.db.transaction().execute((trx) => enrolEarlier(core, trx, id));
  }
}

async function enrolEarlier(core: Core, trx: Trx, practiceId: string): Promise<void> {
  const practice = await lockPractice(trx, practiceId);
  if (practice === undefined || (await readSubscription(trx, practiceId)) !== undefined) return;
  const signUp = await findSignUp(trx, practice.sign_up_id);
  const found = await findPlan(trx, practice.plan_id);
  const version = found?.versions.find((each) => each.version === practice.plan_version);
  if (signUp === undefined || version === undefined)
    throw new Error(`practice ${practiceId} without its plan`);
  const at = core.clock.now();
  const { terms } = version;
  const [plan, planVersion, timeZone] = [practice.plan_id, practice.plan_version, practice.time_zone];
  const on = dayIn(timeZone, practice.created_at);
  const signature = await signedTerms(core, trx, {
    practice: practiceId,
    plan,
    planVersion,
    from: on,
    terms,
  });
  const quantities = { clinicians: signUp.clinician_count, locations: 1 };
  const recording = { actor: systemActor.id, reason, at };
  let subscription = await insertSubscription(
    trx,
    {
      practiceId,
      timeZone,
      enrolled: { kind: 'enrolled', on, planId: plan, planVersion, terms, quantities },
    },
    { ...recording, signature },
  );
  const record = async (fact: SubscriptionFact, why = reason): Promise<void> => {
    subscription = (await addFact(trx, subscription, fact, { ...recording, reason: why })).subscription;
  };
  if (practice.activated_at !== null) {
    await record({ kind: 'activated', on: dayIn(timeZone, practice.activated_at) });
    const days = uncharged(subscription, dayIn(timeZone, at));
    if (days > 0) await record({ kind: 'trial_extended', days });
  }
  const closing = await closingOf(trx, practice);
  if (closing !== undefined) await record(closing, closing.kind === 'suspended' ? offboardingReason : reason);
  await appendAudit(trx, {
    actor: systemActor,
    action: 'subscription.enrolled',
    subject: { type: 'subscription', id: practiceId },
    details: { plan: { id: plan, version: planVersion }, ...quantities, signature, reason },
    at,
  });
}

/** Days from the first that would be charged to today. */
function uncharged({ chargedFrom }: Subscription, today: Day): number {
  return chargedFrom === null ? 0 : daysBetween(chargedFrom, today);
}

/** How far the practice is on its way out. */
async function closingOf(trx: Trx, practice: PracticeRow): Promise<SubscriptionFact | undefined> {
  const { id, state, time_zone: timeZone, updated_at: updatedAt } = practice;
  if (state === 'provisioning_cancelled') return { kind: 'ends', from: dayIn(timeZone, updatedAt) };
  if (state !== 'offboarding' && state !== 'deprovisioned') return undefined;
  const offboarding = await findOffboarding(trx, id);
  const { graceBeganAt, deprovisionedAt } = offboarding ?? {};
  if (state === 'deprovisioned') return { kind: 'ends', from: dayIn(timeZone, deprovisionedAt ?? updatedAt) };
  return { kind: 'suspended', from: dayIn(timeZone, graceBeganAt ?? updatedAt) };
}
