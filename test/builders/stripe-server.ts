import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Stripe } from 'stripe';

/** What the server keeps of each object: the fields of Stripe's own shape that anybody here reads or sets. */
type Kept<Object, Fields extends keyof Object> = { -readonly [Field in Fields]: Object[Field] };
type Customer = Kept<Stripe.Customer, 'id' | 'object' | 'name' | 'balance' | 'metadata' | 'livemode'>;
type Invoice = Kept<
  Stripe.Invoice,
  | 'id'
  | 'object'
  | 'customer'
  | 'status'
  | 'auto_advance'
  | 'collection_method'
  | 'currency'
  | 'description'
  | 'discounts'
  | 'subtotal'
  | 'total'
  | 'starting_balance'
  | 'ending_balance'
  | 'amount_due'
  | 'amount_paid'
  | 'metadata'
>;
type Item = Kept<
  Stripe.InvoiceItem,
  'id' | 'object' | 'customer' | 'invoice' | 'amount' | 'currency' | 'description' | 'metadata'
>;

interface StripeCall {
  /** Such as `POST /v1/invoices`. */
  readonly route: string;
  readonly headers: IncomingMessage['headers'];
  /** As it was sent, decoded. */
  readonly form: Readonly<Record<string, string>>;
}

/** What one call meets: it is refused with a status, or carried out and its answer lost. */
interface Fault {
  readonly route: RegExp;
  readonly answer: 401 | 409 | 429 | 500 | 'lost';
}

/** Somebody's Stripe account, at Stripe's own protocol ("Stripe API reference"), on a port of its own. */
export interface StripeServer {
  readonly address: URL;
  readonly calls: StripeCall[];
  readonly customers: Customer[];
  readonly invoices: Invoice[];
  readonly items: Item[];
  /** Each is met by the first call that fits. */
  readonly faults: Fault[];
  /** Percents that somebody takes off every invoice of a customer, by its id, unless the invoice says otherwise. */
  readonly discounts: Map<string, number>;
  /** What Stripe does by itself within an hour, or somebody in the dashboard: the invoice is no draft any more. */
  finalise(id: string): Invoice;
  /** The customer pays what is due, by card or otherwise. */
  pay(id: string): Invoice;
  /** Only a draft can be deleted; what comes after it is voided. */
  deleteDraft(id: string): void;
  /** As some time later: Stripe forgets each key on its own. */
  forgetKey(key: string): void;
  /** As after a day: keys of earlier calls are as good as new, and what was made then is found by a search. */
  passDay(): void;
  close(): Promise<void>;
}

type Answer = { readonly status: number; readonly body: object };

export async function startStripeServer(): Promise<StripeServer> {
  const answered = new Map<string, { readonly call: string; readonly answer: Answer }>();
  let searchable = 0;
  let drafted = 0;
  const server = createServer((request, response) => {
    void textOf(request).then((text) => serve(request, response, text));
  });
  await new Promise<void>((listening) => {
    server.listen(0, '127.0.0.1', listening);
  });
  const account: StripeServer = {
    address: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    calls: [],
    customers: [],
    invoices: [],
    items: [],
    faults: [],
    discounts: new Map(),
    finalise: (id) => {
      const invoice = kept(id);
      const customer = account.customers.find((one) => one.id === invoice.customer);
      if (customer === undefined) throw new Error(`${id} has no customer`);
      return finished(invoice, customer);
    },
    pay: (id) => Object.assign(kept(id), { status: 'paid', amount_paid: kept(id).amount_due }),
    deleteDraft: (id) => {
      account.invoices.splice(account.invoices.indexOf(kept(id)), 1);
    },
    forgetKey: (key) => void answered.delete(key),
    passDay: () => {
      answered.clear();
      searchable = account.customers.length;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };

  function kept(id: string): Invoice {
    const invoice = account.invoices.find((one) => one.id === id);
    if (invoice === undefined) throw new Error(`there is no ${id}`);
    return invoice;
  }

  function serve(request: IncomingMessage, response: ServerResponse, text: string): void {
    const url = new URL(request.url ?? '', account.address);
    const route = `${request.method} ${url.pathname}`;
    const sent = request.method === 'GET' ? url.searchParams : new URLSearchParams(text);
    const form = Object.fromEntries(sent);
    account.calls.push({ route, headers: request.headers, form });
    const place = account.faults.findIndex((fault) => fault.route.test(route));
    const [fault] = place === -1 ? [] : account.faults.splice(place, 1);
    if (fault !== undefined && fault.answer !== 'lost') return refuse(response, fault.answer);
    const answer = once(request.headers['idempotency-key'], `${route} ${text}`, () => carryOut(route, form));
    if (fault !== undefined) request.socket.destroy();
    else give(response, answer);
  }

  /** "Idempotent requests": the first answer again; another request under the same key is an error. */
  function once(key: string | string[] | undefined, call: string, work: () => Answer): Answer {
    if (typeof key !== 'string') return work();
    const first = answered.get(key);
    if (first === undefined) {
      const answer = work();
      answered.set(key, { call, answer });
      return answer;
    }
    if (first.call === call) return first.answer;
    return failure(400, {
      type: 'idempotency_error',
      message: 'Keys can only be used with the same parameters.',
    });
  }

  function carryOut(route: string, form: Readonly<Record<string, string>>): Answer {
    const { customers, invoices, items } = account;
    const invoiceId = /^(?:GET|POST) \/v1\/invoices\/(\w+)$/.exec(route)?.[1];
    const invoice = invoices.find(({ id }) => id === (invoiceId ?? form['invoice']));
    const discountOf = ({ customer = '' }: typeof form) => account.discounts.get(customer) ?? 0;
    const isKnown = (asked: string | undefined) => customers.some(({ id }) => id === asked);
    const common = { metadata: metadataOf(form), livemode: false };
    switch (invoiceId === undefined ? route : route.replace(invoiceId, ':id')) {
      case 'GET /v1/customers/search': {
        const asked = /^metadata\['practiceId'\]:'([\w-]+)' AND metadata\['owner'\]:'(\d+)'$/.exec(
          form['query'] ?? '',
        );
        const data = customers
          .slice(0, searchable)
          .filter(
            ({ metadata }) => metadata['practiceId'] === asked?.[1] && metadata['owner'] === asked?.[2],
          );
        return ok({
          object: 'search_result',
          url: '/v1/customers/search',
          has_more: false,
          data,
          next_page: null,
        });
      }
      case 'POST /v1/customers': {
        const id = `cus_${customers.length + 1}`;
        return made(customers, { ...common, id, object: 'customer', name: form['name'] ?? null, balance: 0 });
      }
      case 'GET /v1/invoices': {
        if (!isKnown(form['customer'])) return missing('customer');
        return listed(
          '/v1/invoices',
          invoices.filter(({ customer }) => customer === form['customer']),
          form,
        );
      }
      case 'POST /v1/invoices':
        if (!isKnown(form['customer'])) return missing('customer');
        drafted += 1;
        return made(invoices, {
          metadata: metadataOf(form),
          id: `in_${drafted}`,
          object: 'invoice',
          customer: form['customer'] ?? '',
          status: 'draft',
          auto_advance: form['auto_advance'] === 'true',
          collection_method: form['collection_method'] as Invoice['collection_method'],
          currency: form['currency'] ?? '',
          description: form['description'] ?? null,
          // "If not specified, inherits the discount from the invoice's customer."
          discounts: form['discounts'] === undefined && discountOf(form) > 0 ? ['di_1'] : [],
          subtotal: 0,
          total: 0,
          starting_balance: 0,
          ending_balance: null,
          amount_due: 0,
          amount_paid: 0,
        });
      case 'GET /v1/invoices/:id':
        return invoice === undefined ? missing('invoice') : ok(invoice);
      case 'POST /v1/invoices/:id': {
        if (invoice === undefined) return missing('invoice');
        invoice.auto_advance = form['auto_advance'] === 'true';
        return ok(invoice);
      }
      case 'GET /v1/invoiceitems': {
        if (invoice === undefined) return missing('invoice');
        return listed(
          '/v1/invoiceitems',
          items.filter((item) => item.invoice === form['invoice']),
          form,
        );
      }
      case 'POST /v1/invoiceitems': {
        if (invoice === undefined) return missing('invoice');
        const before = items.filter((item) => item.invoice === invoice.id).length;
        if (invoice.status !== 'draft' || before >= 250) {
          return failure(400, {
            type: 'invalid_request_error',
            code: 'invoice_not_editable',
            param: 'invoice',
            message: 'Only a draft takes items, and 250 at most.',
          });
        }
        const amount = Number(form['amount']);
        const percent = invoice.discounts.length === 0 ? 0 : discountOf(form);
        invoice.subtotal += amount;
        invoice.total = invoice.subtotal - Math.round((invoice.subtotal * percent) / 100);
        return made(items, {
          metadata: metadataOf(form),
          id: `ii_${items.length + 1}`,
          object: 'invoiceitem',
          customer: form['customer'] ?? '',
          invoice: invoice.id,
          amount,
          currency: form['currency'] ?? '',
          description: form['description'] ?? null,
        });
      }
      default:
        return failure(404, {
          type: 'invalid_request_error',
          message: `Unrecognized request URL (${route}).`,
        });
    }
  }

  return account;
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const part of request.setEncoding('utf8')) text += part as string;
  return text;
}

function metadataOf(form: Readonly<Record<string, string>>): Record<string, string> {
  const named = Object.entries(form).map(([name, value]) => [/^metadata\[(\w+)\]$/.exec(name)?.[1], value]);
  return Object.fromEntries(named.filter(([name]) => name !== undefined));
}

/** The least that Stripe collects ("Minimum and maximum charge amounts"). Cents. */
const leastCharge = 50;

/**
 * "Customer invoice balance": below 0 it is a credit. What the balance leaves of a total is due, unless it is less than Stripe
 * collects: then nothing is due, the invoice is paid, and what is left is the customer's new balance.
 */
function finished(invoice: Invoice, customer: Customer): Invoice {
  const left = invoice.total + customer.balance;
  const isDue = left >= leastCharge;
  invoice.starting_balance = customer.balance;
  customer.balance = isDue ? 0 : left;
  invoice.ending_balance = customer.balance;
  invoice.amount_due = isDue ? left : 0;
  invoice.status = isDue ? 'open' : 'paid';
  return invoice;
}

/** "Pagination": the newest first, from after the one that is named. */
function listed(
  url: string,
  oldestFirst: readonly { readonly id: string }[],
  form: Readonly<Record<string, string>>,
): Answer {
  const all = oldestFirst.toReversed();
  const rest = all.slice(all.findIndex(({ id }) => id === form['starting_after']) + 1);
  const data = rest.slice(0, Number(form['limit'] ?? 10));
  return ok({ object: 'list', url, has_more: rest.length > data.length, data });
}

const ok = (body: object): Answer => ({ status: 200, body: structuredClone(body) });

function made<Object extends object>(list: Object[], object: Object): Answer {
  list.push(object);
  return ok(object);
}

const failure = (status: number, error: object): Answer => ({ status, body: { error } });
const missing = (what: string): Answer =>
  failure(400, {
    type: 'invalid_request_error',
    code: 'resource_missing',
    param: what,
    message: `No such ${what}`,
  });

/** "Errors": what Stripe says of itself, and whether its SDK should ask again at once. */
function refuse(response: ServerResponse, status: 401 | 409 | 429 | 500): void {
  response.setHeader('stripe-should-retry', 'false');
  const { body } = {
    401: failure(401, { type: 'invalid_request_error', message: 'Invalid API Key provided: rk_test_***123' }),
    409: failure(409, { type: 'invalid_request_error', code: 'lock_timeout', message: 'Try again later.' }),
    429: failure(429, { type: 'invalid_request_error', code: 'rate_limit', message: 'Too many requests.' }),
    500: failure(500, { type: 'api_error', message: 'An unexpected error occurred.' }),
  }[status];
  give(response, { status, body });
}

function give(response: ServerResponse, { status, body }: Answer): void {
  response.writeHead(status, { 'content-type': 'application/json', 'request-id': 'req_test' });
  response.end(JSON.stringify(body));
}
