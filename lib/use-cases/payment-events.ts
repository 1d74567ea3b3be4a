import type { Trx } from '../db/database.ts';
import { isPosted } from '../db/ledger-store.ts';
import { isInvoiceOf, takeStripeEvent } from '../db/stripe-store.ts';
import type { Actor } from '../domain/access.ts';
import { DomainError } from '../domain/errors.ts';
import type { PaymentEvent, PaymentEvents } from '../ports/payment-events.ts';
import type { Core } from './core.ts';
import { draftPosting, post } from './post-to-ledger.ts';
import { wrongState } from './refusals.ts';
import { changeInside } from './subscription-change.ts';
import { pastDueSince } from './subscription-payments.ts';

export type { PaymentEvents };

/** What came of an event: it is of no concern, it was handled before, or what it did. */
export type EventOutcome = 'nothing_to_do' | 'handled_before' | 'payment_posted' | 'marked_past_due';

type About = NonNullable<PaymentEvent['about']>;

/**
 * Takes what the payment provider tells, once for each event: what was paid is posted to the ledger, and a payment that failed makes the
 * subscription past due, as a person would. Nobody is suspended by it: that stays a person's decision.
 * @throws DomainError `conflict` for a payment in another currency than the practice's
 */
export function takePaymentEvent(
  core: Core,
  { id, type, about }: PaymentEvent,
  requestId: string,
): Promise<EventOutcome> {
  const now = core.clock.now();
  // No second person: what the provider signs is what came in.
  const actor: Actor = { id: 'stripe', name: 'Stripe', roles: [], requestId };
  return core.db.transaction().execute(async (trx) => {
    if (!(await takeStripeEvent(trx, { id, type, now }))) return 'handled_before';
    if (about === null) return 'nothing_to_do';
    const { invoiceId, practiceId, statement } = about;
    if (!(await isInvoiceOf(trx, { id: invoiceId, practiceId, statement }))) return 'nothing_to_do';
    if (about.what === 'paid') return postPayment(trx, about, { actor, now });
    return noteFailure(core, trx, about, actor);
  });
}

async function postPayment(
  trx: Trx,
  { invoiceId, practiceId, statement, paidCents, currency }: About,
  { actor, now }: { readonly actor: Actor; readonly now: Date },
): Promise<EventOutcome> {
  if (paidCents === 0) return 'nothing_to_do';
  const posting = { practiceId, kind: 'payment', amountCents: paidCents } as const;
  const reason = `Stripe invoice ${invoiceId} of statement ${statement}`;
  const draft = await draftPosting(trx, posting, { reason, author: actor.name, at: now });
  if (draft.currency !== currency) {
    throw new DomainError(
      'conflict',
      `Invoice ${invoiceId} was paid in ${currency}, and the ledger of ${practiceId} is in ${draft.currency}.`,
    );
  }
  const sourceKey = sourceOf(invoiceId);
  // Asked once the ledger is held: Stripe may tell of one invoice by two events.
  if (await isPosted(trx, sourceKey)) return 'nothing_to_do';
  await post(trx, { ...draft, sourceKey }, actor);
  return 'payment_posted';
}

/** Where the payment of an invoice comes from: it is posted once. */
const sourceOf = (invoiceId: string): string => `stripe:${invoiceId}`;

async function noteFailure(
  core: Core,
  trx: Trx,
  { practiceId, invoiceId, statement }: About,
  actor: Actor,
): Promise<EventOutcome> {
  const reason = `Stripe could not collect invoice ${invoiceId} of statement ${statement}`;
  try {
    await changeInside(core, trx, { practiceId, reason }, actor, async (_trx, held) => {
      // Asked once the subscription is held: events come in any order, and a failure is told again for days.
      if (await isPosted(trx, sourceOf(invoiceId))) {
        throw wrongState(held.standing.state, `Invoice ${invoiceId} is paid.`);
      }
      return pastDueSince(undefined, held);
    });
  } catch (error) {
    // Paid meanwhile, past due already, suspended or cancelled: a decision that refuses has written nothing.
    if (error instanceof DomainError && error.code === 'wrong_state') return 'nothing_to_do';
    throw error;
  }
  return 'marked_past_due';
}
