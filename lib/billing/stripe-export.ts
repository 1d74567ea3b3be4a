import type { Stripe } from 'stripe';
import type { ExportedStatement } from '../domain/charge-export.ts';
import { DomainError } from '../domain/errors.ts';
import { exactCents } from '../domain/ledger.ts';
import type { ChargeExport, Payer, StripeCustomers } from '../ports/charge-export.ts';
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
  const { stripe, statement } = work;
  const customer = await customerOf(work);
  const found = (await findInvoice(work, customer)) ?? (await draftInvoice(work, customer));
  const { id } = found;
  if (found.status === 'draft') await fill(work, { customer, invoice: id });
  const { total, status, auto_advance: isCollected } = await stripe.invoices.retrieve(id);
  if (total !== statement.totalCents) throw anotherTotal(statement, id, total);
  // Only a whole invoice: Stripe finishes it within an hour from here on.
  if (status === 'draft' && isCollected !== true) {
    await stripe.invoices.update(id, { auto_advance: true }, { idempotencyKey: `${id}:collect` });
  }
  return id;
}

async function customerOf({ stripe, customers, statement }: Work): Promise<string> {
  const known = await customers.find(statement);
  if (known !== undefined) return known;
  const customer = (await searchCustomer(stripe, statement)) ?? (await createCustomer(stripe, statement));
  await customers.keep(statement, customer.id);
  return customer.id;
}

/** Finds one that was made more than some minutes ago ("Search", Stripe API reference); a younger one its idempotency key finds. */
async function searchCustomer(
  stripe: Stripe,
  { practice, owner }: Payer,
): Promise<Stripe.Customer | undefined> {
  // A practice's id has no quotes to escape.
  const query = `metadata['practiceId']:'${practice.id}' AND metadata['owner']:'${owner}'`;
  const { data } = await stripe.customers.search({ query, limit: 1 });
  return data[0];
}

/**
 * No more of a practice than its name: who pays, and how, it tells Stripe itself. A new owner is another customer, so that nothing is taken
 * from the former one.
 */
const createCustomer = (
  stripe: Stripe,
  { practice: { id, displayName }, owner }: Payer,
): Promise<Stripe.Customer> =>
  stripe.customers.create(
    { name: displayName, metadata: { practiceId: id, owner } },
    { idempotencyKey: `customer:${id}:${owner}` },
  );

/**
 * Of an earlier try. Stripe lists the newest first, and what is retried is new. One that somebody voided because its total was wrong is not
 * it any more.
 */
async function findInvoice(
  { stripe, statement }: Work,
  customer: string,
): Promise<Stripe.Invoice | undefined> {
  for await (const invoice of stripe.invoices.list({ customer, limit: 100 })) {
    const isWrong = invoice.status === 'void' && invoice.total !== statement.totalCents;
    if (invoice.metadata?.['statement'] === statement.number && !isWrong) return invoice;
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
      // Nor does a discount that somebody gave the customer there: credits are given here.
      discounts: '',
      auto_advance: false,
    },
    { idempotencyKey: `${number}:invoice` },
  );
}

/** What an item is made of. */
interface Item {
  /** Of the ledger transaction. */
  readonly id: string;
  readonly amountCents: number;
  readonly description: string;
}

/** "There is a maximum of 250 items per invoice" ("Create an invoice item", Stripe API reference). */
const mostItems = 250;

/** One of each line. Where there are more than Stripe takes, the last ones are one item together, under the id of the first of them. */
function itemsFor({ number, lines }: ExportedStatement): Item[] {
  const items = lines.map(({ id, amountCents, description, charge }): Item => {
    return {
      id,
      amountCents,
      description: charge === null ? description : `${description}: ${charge.quantity}`,
    };
  });
  const rest = items.slice(mostItems - 1);
  const [first] = rest;
  if (first === undefined || rest.length === 1) return items;
  const amountCents = rest.reduce((sum, item) => exactCents(sum + item.amountCents), 0);
  const together = {
    id: first.id,
    amountCents,
    description: `${rest.length} more lines of statement ${number}`,
  };
  return [...items.slice(0, mostItems - 1), together];
}

/** Adds the items that a draft does not have yet. */
async function fill(work: Work, of: { readonly customer: string; readonly invoice: string }): Promise<void> {
  const there = await itemsOf(work.stripe, of.invoice);
  for (const item of itemsFor(work.statement)) {
    work.signal?.throwIfAborted();
    if (!there.has(item.id)) await addItem(work, of, item);
  }
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
  { id, amountCents, description }: Item,
): Promise<Stripe.InvoiceItem> =>
  stripe.invoiceItems.create(
    {
      ...of,
      amount: amountCents,
      currency: statement.currency.toLowerCase(),
      description,
      metadata: { ledgerTransactionId: id, statement: statement.number },
    },
    // Of this invoice: another takes its place when somebody deletes or voids it.
    { idempotencyKey: `${of.invoice}:${id}` },
  );

function anotherTotal(
  { number, totalCents }: ExportedStatement,
  invoice: string,
  total: number,
): DomainError {
  return new DomainError(
    'unavailable',
    `The invoice ${invoice} of statement ${number} comes to ${total} cents at Stripe and to ${totalCents} here: somebody has changed it, or finished it too early. Delete it at Stripe while it is a draft, or else void it; a day later, when Stripe has forgotten it, it is made anew.`,
  );
}
