import StripeSdk, { type Stripe } from 'stripe';
import { DomainError } from '../domain/errors.ts';
import type { PaymentEvent, PaymentEvents } from '../ports/payment-events.ts';

/** How old an event may be when it comes: what Stripe's own libraries take ("Receive Stripe events in your webhook endpoint"). Seconds. */
const toleranceSeconds = 300;

const concerns: Readonly<Record<string, 'paid' | 'payment_failed'>> = {
  'invoice.paid': 'paid',
  'invoice.payment_failed': 'payment_failed',
};

/** @param secret of the webhook endpoint, `whsec_…` */
export function stripeEvents(secret: string): PaymentEvents {
  return {
    read: (body, signature, now) => {
      const event = verified(body, signature, secret, now);
      const { id, type } = event;
      return { id, type, about: aboutInvoice(event) };
    },
  };
}

function verified(body: Buffer, signature: string, secret: string, now: Date): Stripe.Event {
  try {
    return StripeSdk.webhooks.constructEvent(
      body,
      signature,
      secret,
      toleranceSeconds,
      undefined,
      now.getTime(),
    );
  } catch (cause) {
    // What the SDK says repeats nothing of the secret, but the event itself: it stays out of the log.
    if (
      !(cause instanceof StripeSdk.errors.StripeSignatureVerificationError) &&
      !(cause instanceof SyntaxError)
    ) {
      throw cause;
    }
    throw new DomainError(
      'invalid_input',
      `The event is not signed with the secret of LUMENALITY_STRIPE_WEBHOOK_SECRET, or was signed more than ${toleranceSeconds} s ago.`,
      { fields: [{ pointer: '/headers/stripe-signature', message: 'must sign this body, and be new' }] },
    );
  }
}

function aboutInvoice({ type, data }: Stripe.Event): PaymentEvent['about'] {
  const what = concerns[type];
  if (what === undefined) return null;
  const invoice = data.object as Stripe.Invoice;
  const { practiceId, statement } = invoice.metadata ?? {};
  // Made by somebody else in the same Stripe account.
  if (practiceId === undefined || statement === undefined) return null;
  return {
    what,
    invoiceId: invoice.id,
    practiceId,
    statement,
    paidCents: invoice.amount_paid,
    currency: invoice.currency.toUpperCase(),
  };
}
