import type { Stripe } from 'stripe';
import type { ExportedLine, ExportedPractice, ExportedStatement } from '../domain/charge-export.ts';
import { DomainError } from '../domain/errors.ts';
import type { ChargeExport, StripeCustomers } from '../ports/charge-export.ts';
import { refusalOf } from './stripe-client.ts';

/**
 * Makes one invoice of each statement, one item of each of its lines, and lets Stripe collect it. What practices owe is decided here alone:
 * Stripe has no prices and no subscriptions of ours (decision 27).
 *
 * Stripe keeps idempotency keys for a day at least ("Idempotent requests", Stripe API reference). What was made before that is found
 * again: the customer in our own table, the invoice and its items by their metadata.
 */
export function stripeExport(stripe: Stripe, customers: StripeCustomers): ChargeExport {
  return {
    name: 'stripe',
    send: async (statement, signal) => {
      // Stripe has no invoice without items.
      if (statement.lines.length === 0) return { externalId: null };
      try {
        return { externalId: await send({ stripe, customers, statement, signal }) };
      } catch (error) {
        throw refusalOf(error);
      }
    },
  };
}

interface Work {
  readonly stripe: Stripe;
  readonly customers: StripeCustomers;
  readonly statement: ExportedStatement;
  readonly signal: AbortSignal | undefined;
}

async function send(work: Work): Promise<string> {
  const { stripe, statement, signal } = work;
  const customer = await customerOf(work);
  const invoice = (await findInvoice(work, customer)) ?? (await draftInvoice(work, customer));
  // Stripe collects it already, or did.
  if (invoice.auto_advance === true || invoice.status !== 'draft') return invoice.id;
  const items = await itemsOf(stripe, invoice.id);
  for (const line of statement.lines) {
    signal?.throwIfAborted();
    if (!items.has(line.id)) await addItem(work, { customer, invoice: invoice.id }, line);
  }
  const { subtotal } = await stripe.invoices.retrieve(invoice.id);
  if (subtotal !== statement.totalCents) throw anotherTotal(statement, invoice.id, subtotal);
  // Only a whole invoice: Stripe finishes it within an hour from here on.
  await stripe.invoices.update(
    invoice.id,
    { auto_advance: true },
    { idempotencyKey: `${statement.number}:collect` },
  );
  return invoice.id;
}

async function customerOf({ stripe, customers, statement }: Work): Promise<string> {
  const { practice } = statement;
  const known = await customers.find(practice.id);
  if (known !== undefined) return known;
  const customer = (await searchCustomer(stripe, practice)) ?? (await createCustomer(stripe, practice));
  await customers.keep(practice.id, customer.id);
  return customer.id;
}

/** Finds one that was made more than some minutes ago ("Search", Stripe API reference); a younger one its idempotency key finds. */
async function searchCustomer(
  stripe: Stripe,
  { id }: ExportedPractice,
): Promise<Stripe.Customer | undefined> {
  // A practice's id has no quotes to escape.
  const { data } = await stripe.customers.search({ query: `metadata['practiceId']:'${id}'`, limit: 1 });
  return data[0];
}

/** No more of a practice than its name: who pays, and how, it tells Stripe itself. */
const createCustomer = (stripe: Stripe, { id, displayName }: ExportedPractice): Promise<Stripe.Customer> =>
  stripe.customers.create(
    { name: displayName, metadata: { practiceId: id } },
    { idempotencyKey: `customer:${id}` },
  );

/** Of an earlier try. Stripe lists the newest first, and what is retried is new. */
async function findInvoice(
  { stripe, statement }: Work,
  customer: string,
): Promise<Stripe.Invoice | undefined> {
  for await (const invoice of stripe.invoices.list({ customer, limit: 100 })) {
    if (invoice.metadata?.['statement'] === statement.number) return invoice;
  }
  return undefined;
}

function draftInvoice({ stripe, statement }: Work, customer: string): Promise<Stripe.Invoice> {
  const { number, practice, from, until, currency } = statement;
  return stripe.invoices.create(
    {
      customer,
      currency: currency.toLowerCase(),
      description: `Statement ${number}: ${from} until ${until}`,
      metadata: { practiceId: practice.id, statement: number },
      collection_method: 'charge_automatically',
      // Nothing that somebody else left for the next invoice gets into this one.
      pending_invoice_items_behavior: 'exclude',
      auto_advance: false,
    },
    { idempotencyKey: `${number}:invoice` },
  );
}

/** Ids of the ledger transactions that are items of an invoice already. */
async function itemsOf(stripe: Stripe, invoice: string): Promise<ReadonlySet<string>> {
  const ids = new Set<string>();
  for await (const { metadata } of stripe.invoiceItems.list({ invoice, limit: 100 })) {
    const id = metadata?.['ledgerTransactionId'];
    if (id !== undefined) ids.add(id);
  }
  return ids;
}

const addItem = (
  { stripe, statement }: Work,
  of: { readonly customer: string; readonly invoice: string },
  { id, amountCents, currency, description, charge }: ExportedLine,
): Promise<Stripe.InvoiceItem> =>
  stripe.invoiceItems.create(
    {
      ...of,
      amount: amountCents,
      currency: currency.toLowerCase(),
      description: charge === null ? description : `${description}: ${charge.quantity}`,
      metadata: { ledgerTransactionId: id, statement: statement.number },
    },
    { idempotencyKey: `${statement.number}:${id}` },
  );

function anotherTotal(
  { number, totalCents }: ExportedStatement,
  invoice: string,
  subtotal: number,
): DomainError {
  return new DomainError(
    'unavailable',
    `The draft ${invoice} of statement ${number} comes to ${subtotal} cents at Stripe and to ${totalCents} here: somebody has changed it. Delete the draft at Stripe; a day later, when Stripe has forgotten it, it is made anew.`,
  );
}
