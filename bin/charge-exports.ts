import { fileExport } from '../lib/billing/file-export.ts';
import { stripeClient } from '../lib/billing/stripe-client.ts';
import { stripeEvents } from '../lib/billing/stripe-events.ts';
import { stripeExport } from '../lib/billing/stripe-export.ts';
import type { Config } from '../lib/config.ts';
import { findStripeCustomer, keepStripeCustomer } from '../lib/db/stripe-store.ts';
import type { ChargeExports, StripeCustomers } from '../lib/ports/charge-export.ts';
import type { PaymentEvents } from '../lib/ports/payment-events.ts';
import type { Core } from '../lib/use-cases/core.ts';

/** Where statements go, as the configuration says: to Stripe where there is a key, and else into files. */
export function chargeExports(
  { billingDirectory, stripe }: Config,
  { db, clock }: Pick<Core, 'db' | 'clock'>,
): ChargeExports {
  const files = fileExport(billingDirectory);
  if (stripe === undefined) return [files];
  const customers: StripeCustomers = {
    find: (payer) => findStripeCustomer(db, payer),
    keep: (payer, customerId) => keepStripeCustomer(db, payer, { customerId, now: clock.now() }),
  };
  return [stripeExport(stripeClient(stripe.key, stripe.address), customers), files];
}

export const paymentEvents = ({ stripeWebhookSecret: secret }: Config): PaymentEvents | undefined =>
  secret === undefined ? undefined : stripeEvents(secret);
