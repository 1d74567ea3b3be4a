import { z } from 'zod';
import type { Trx } from '../db/database.ts';
import { findPlan, offeredOn } from '../db/plan-store.ts';
import type { Actor } from '../domain/access.ts';
import { DomainError } from '../domain/errors.ts';
import * as changes from '../domain/plan/changes.ts';
import type { FactOf } from '../domain/plan/facts.ts';
import type { OnceAnswer } from './answer-once.ts';
import type { Core } from './core.ts';
import { type Approved, requestApproval } from './request-approval.ts';
import {
  type Awaited,
  type Call,
  changed,
  changeOnce,
  type Decided,
  type Held,
  holdSubscription,
  type Recorder,
  recordChange,
  type SubscriptionReceipt,
  type SubscriptionRequest,
} from './subscription-change.ts';

/**
 * A longer free period, while it lasts. What is worth more than one person may give away waits for a second one.
 * @throws DomainError `not_found`; `precondition_failed`; `wrong_state`
 */
export function extendTrial(
  core: Core,
  request: SubscriptionRequest & { readonly days: number },
  call: Call,
  actor: Actor,
): Promise<OnceAnswer<SubscriptionReceipt>> {
  const { days } = request;
  return changeOnce(core, { verb: 'trial-extension', request, call }, actor, async (trx, held, recorder) => {
    const extension = trialExtension(held, days);
    return orApproval(core, trx, held, { kind: 'trial_extension', input: { days }, extension }, recorder);
  });
}

/**
 * A lock that ends later. What is worth more than one person may give away waits for a second one.
 * @throws DomainError `not_found`; `precondition_failed`; `wrong_state`; `conflict` without a lock that goes on
 */
export function extendLock(
  core: Core,
  request: SubscriptionRequest & { readonly months: number },
  call: Call,
  actor: Actor,
): Promise<OnceAnswer<SubscriptionReceipt>> {
  const { months } = request;
  return changeOnce(core, { verb: 'lock-extension', request, call }, actor, async (trx, held, recorder) => {
    const extension = await lockExtension(trx, held, months);
    return orApproval(core, trx, held, { kind: 'lock_extension', input: { months }, extension }, recorder);
  });
}

/** What a second person has approved. */
export async function executeTrialExtension(_core: Core, trx: Trx, approved: Approved) {
  const { days } = z.object({ days: z.number() }).parse(approved.approval.input);
  return execute(trx, approved, (held) => trialExtension(held, days));
}

/** What a second person has approved. */
export async function executeLockExtension(_core: Core, trx: Trx, approved: Approved) {
  const { months } = z.object({ months: z.number() }).parse(approved.approval.input);
  return execute(trx, approved, (held) => lockExtension(trx, held, months));
}

type Extension = changes.ValuedChange<FactOf<'trial_extended'> | FactOf<'lock_extended'>>;

function trialExtension({ standing, facts }: Held, days: number): Extension {
  const daysBefore = facts.reduce((sum, fact) => (fact.kind === 'trial_extended' ? sum + fact.days : sum), 0);
  return changes.extendTrial(standing, days, daysBefore);
}

async function lockExtension(
  trx: Trx,
  { standing, subscription, facts }: Held,
  months: number,
): Promise<Extension> {
  const monthsBefore = facts.reduce(
    (sum, fact) => (fact.kind === 'lock_extended' ? sum + fact.months : sum),
    0,
  );
  const { versions = [] } = (await findPlan(trx, subscription.planId)) ?? {};
  const offered = offeredOn(versions, standing.today)?.version ?? 0;
  const rates = versions.filter(({ version }) => version >= offered).map(({ terms }) => terms.rates);
  return changes.extendLock(standing, months, monthsBefore, rates);
}

async function orApproval(
  core: Core,
  trx: Trx,
  { practice, subscription, standing }: Held,
  asked: {
    readonly kind: 'trial_extension' | 'lock_extension';
    readonly input: Readonly<Record<string, number>>;
    readonly extension: Extension;
  },
  { actor, reason, at }: Recorder,
): Promise<Decided | Awaited> {
  const { kind, input, extension } = asked;
  const { valueCents } = extension;
  if (valueCents <= core.secondApprovalCents) return decided(extension, standing, {});
  const { currency } = subscription.terms;
  const request = { kind, practiceId: practice.id, input, valueCents, currency, reason };
  const { id } = await requestApproval(trx, request, actor, at);
  return { approvalId: id };
}

async function execute(
  trx: Trx,
  { approval, approver, at }: Approved,
  extensionOf: (held: Held) => Extension | Promise<Extension>,
) {
  const held = await holdSubscription(trx, approval.practiceId, at);
  const extension = await extensionOf(held);
  if (extension.valueCents > approval.valueCents) {
    throw new DomainError(
      'conflict',
      `The extension was worth ${approval.valueCents} cents when it was asked for, and is worth ${extension.valueCents} now. Decline it and ask anew.`,
    );
  }
  const by = { approvalId: approval.id, requestedBy: approval.requestedBy.name };
  const recorder = { actor: approver, reason: approval.reason, at };
  await recordChange(trx, held, decided(extension, held.standing, by), recorder);
  return {};
}

function decided(
  { fact, valueCents }: Extension,
  { today }: Held['standing'],
  by: Readonly<Record<string, string>>,
): Decided {
  return {
    action: `subscription.${fact.kind}`,
    details: { ...fact, valueCents, ...by },
    fact,
    tell: changed(fact.kind, null, today),
  };
}
