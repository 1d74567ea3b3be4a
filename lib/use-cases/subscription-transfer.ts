import type { Trx } from '../db/database.ts';
import { cancelDeliveries } from '../db/notice-delivery-store.ts';
import { removeCalendar } from '../db/practice-calendar-store.ts';
import { addressesOf, putContacts, readContacts } from '../db/practice-contact-store.ts';
import { findSignUp, setOwner } from '../db/sign-up-store.ts';
import { removeLink } from '../db/subscription-link-store.ts';
import { endAnnouncement, openAnnouncement } from '../db/subscription-notice-store.ts';
import type { Actor } from '../domain/access.ts';
import { DomainError } from '../domain/errors.ts';
import { practiceNoticeKinds } from '../domain/notice.ts';
import { requireTaken } from '../domain/plan/state.ts';
import { type PracticeOwner, practiceOwnerSchema } from '../domain/sign-up.ts';
import type { OnceAnswer } from './answer-once.ts';
import type { Core } from './core.ts';
import { removeEndpointsOf } from './notice-endpoints.ts';
import { notFound } from './refusals.ts';
import { type Approved, requestApproval } from './request-approval.ts';
import {
  type Call,
  changed,
  changeOnce,
  type Held,
  holdSubscription,
  type Recorder,
  recordChange,
  type SubscriptionReceipt,
  type SubscriptionRequest,
} from './subscription-change.ts';
import { overdueStill } from './subscription-payments.ts';

/**
 * Asks for a second person to hand a subscription to the practice's new owner. Plan, facts, lock and free days go on as they are.
 * @throws DomainError `not_found`; `precondition_failed`; `wrong_state`
 */
export function transferSubscription(
  core: Core,
  request: SubscriptionRequest & { readonly owner: PracticeOwner },
  call: Call,
  actor: Actor,
): Promise<OnceAnswer<SubscriptionReceipt>> {
  const { practiceId, reason, owner } = request;
  return changeOnce(core, { verb: 'transfer', request, call }, actor, async (trx, held, { at }) => {
    const { standing, subscription } = held;
    requireTaken('transfer', standing.state);
    const { currency } = subscription.terms;
    const input = { ...owner };
    const { id } = await requestApproval(
      trx,
      { kind: 'transfer', practiceId, input, valueCents: 0, currency, reason },
      actor,
      at,
    );
    return { approvalId: id };
  });
}

/** What a second person has approved. @throws DomainError `wrong_state`; `conflict` for an NPI that another sign-up has */
export async function executeTransfer(_core: Core, trx: Trx, { approval, approver, at }: Approved) {
  const owner = practiceOwnerSchema.parse(approval.input);
  const held = await holdSubscription(trx, approval.practiceId, at);
  requireTaken('transfer', held.standing.state);
  const { today, state } = held.standing;
  const recorder = { actor: approver, reason: approval.reason, at };
  const before = await handOver(trx, held, owner, recorder);
  const overdue = state === 'past_due' ? [await overdueStill(trx, approval.practiceId, today)] : [];
  const by = { approvalId: approval.id, requestedBy: approval.requestedBy.name };
  await recordChange(
    trx,
    held,
    {
      action: 'subscription.transferred',
      details: { before, after: { legalName: owner.legalName, npi: owner.npi }, ...by },
      tell: (timeline) => [...changed('transferred', null, today)(timeline), ...overdue],
    },
    recorder,
  );
  return {};
}

/** Whoever was told of the practice so far is told nothing any more: the new owner chooses anew. */
async function handOver(trx: Trx, { practice }: Held, owner: PracticeOwner, recorder: Recorder) {
  const { at } = recorder;
  const signUp = await findSignUp(trx, practice.sign_up_id);
  const contacts = await readContacts(trx, practice.id);
  if (signUp === undefined || contacts === undefined) throw notFound('practice');
  // The sign-up's contact among them: what must be told goes there where no contact asked for it.
  const formerAddresses = await addressesOf(trx, practice.id);
  if ((await setOwner(trx, signUp.id, owner, at)) === 'npi_in_use') {
    throw new DomainError(
      'conflict',
      `Another sign-up has the NPI ${owner.npi}. Decline this, and ask with the right one.`,
    );
  }
  const { name, email } = owner.contact;
  const addresses = formerAddresses.filter((address) => address !== email);
  if (addresses.length > 0) await cancelDeliveries(trx, { practiceId: practice.id, addresses }, at);
  const chosen = [{ name, email, notices: practiceNoticeKinds }];
  await putContacts(trx, practice.id, { contacts: chosen, revision: contacts.revision + 1 }, at);
  await removeEndpointsOf(trx, practice.id, recorder);
  // The addresses of the practice's own view and calendar were the former owner's, and so was the notice of a price that has not come yet.
  await removeLink(trx, practice.id);
  await removeCalendar(trx, practice.id);
  const announcement = await openAnnouncement(trx, practice.id);
  if (announcement !== undefined) {
    await endAnnouncement(trx, announcement.noticeId, 'the practice has a new owner, who was not told');
  }
  return { legalName: signUp.legal_name, npi: signUp.npi };
}
