import { chargePageSchema } from '../../control-api/contracts/charges.ts';
import { stripeEvents } from '../../lib/billing/stripe-events.ts';
import { freshKey, startTestApi, type TestApi } from '../builders/api.ts';
import { billedPractice } from '../builders/billed-practice.ts';
import { stripeEvent } from '../builders/stripe-event.ts';

const secret = 'whsec_test_secret';
const now = new Date('2027-04-02T12:00:00Z');

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi({ payments: stripeEvents(secret) });
});
beforeEach(() => {
  api.clock.at = now;
});
afterAll(() => api.close());

const get = (url: string) => api.call({ method: 'GET', url });
const post = (url: string, payload: object) =>
  api.call({ method: 'POST', url, payload, headers: { 'idempotency-key': freshKey() } });

describe('charges for the books of others', () => {
  // A year before everything else in this file.
  const days = 'from=2026-03-01&until=2026-04-03';
  beforeAll(async () => {
    api.clock.at = new Date('2026-04-02T12:00:00Z');
    const on = '2025-11-22';
    const oak = await billedPractice(api.database, 'oak-aba', { on });
    const elm = await billedPractice(api.database, 'elm-aba', {
      on,
      quantities: { clinicians: 0, locations: 1 },
    });
    await oak.close('2026-03-20');
    await elm.close('2026-03-20');
    const reason = 'two days without access';
    await post('/v1/practices/elm-aba/ledger/credits', { amountCents: 1_000, day: '2026-04-01', reason });
    await post('/v1/practices/elm-aba/ledger/payments', { amountCents: 5_000, day: '2026-04-01', reason });
    const { items } = (await get('/v1/practices/elm-aba/ledger')).json();
    for (const { id, kind } of items) {
      if (kind === 'payment' || kind === 'credit') await post(`/v1/ledger/${id}/reversal`, { reason });
    }
  });

  test('all that came to be owed is there, page by page, and no money that came in', async () => {
    const whole = chargePageSchema.parse((await get(`/v1/charges?${days}&limit=50`)).json());
    expect(
      whole.items.map(({ practiceId, kind, amountCents }) => `${practiceId} ${kind} ${amountCents}`),
    ).toEqual([
      'oak-aba charge 14900',
      'oak-aba charge 14500',
      'oak-aba charge 1900',
      'elm-aba charge 14900',
      'elm-aba charge 1900',
      'elm-aba credit -1000',
      'elm-aba reversal 1000',
    ]);
    expect(whole.items.map(({ statement }) => statement)).toEqual([
      ...Array.from({ length: 3 }, () => 'oak-aba-2026-02-20'),
      ...Array.from({ length: 2 }, () => 'elm-aba-2026-02-20'),
      null,
      null,
    ]);
    const paged = [];
    let next: string | null = '';
    while (next !== null) {
      const page = chargePageSchema.parse((await get(`/v1/charges?${days}&limit=2${next}`)).json());
      paged.push(...page.items);
      next = page.nextCursor === null ? null : `&cursor=${page.nextCursor}`;
    }
    expect(paged).toEqual(whole.items);
  });

  test('CSV has the same rows, and names the next page in a header', async () => {
    const first = await get(`/v1/charges?${days}&limit=4&format=csv`);
    expect(first.headers['content-type']).toBe('text/csv; charset=utf-8; header=present');
    const next = /^<(\/v1\/charges\?[^>]+)>; rel="next"$/.exec(String(first.headers['link']))?.[1] ?? '';
    const second = await get(next);
    expect(second.headers['link']).toBeUndefined();
    const lines = [first, second].flatMap(({ body }) => body.trimEnd().split('\r\n').slice(1));
    expect(lines).toHaveLength(7);
    expect(lines[5]).toMatch(
      /^[\w-]+,,elm-aba,elm-aba,credit,2026-04-01,,,,,,-1000,USD,,,,,two days without access$/,
    );
  });

  test('days in the wrong order, no days and another list’s cursor are refused', async () => {
    const refused = async (query: string) => (await get(`/v1/charges?${query}`)).json();
    expect(await refused('from=2026-03-02&until=2026-03-02')).toMatchObject({
      errors: [{ pointer: '/until' }],
    });
    expect(await refused('from=2026-03-02')).toMatchObject({ errors: [{ pointer: '/until' }] });
    expect(await refused(`${days}&cursor=bm9uZQ`)).toMatchObject({ errors: [{ pointer: '/cursor' }] });
  });
});

test('what is still to be exported is told, with why it was not, and measured', async () => {
  const { close } = await billedPractice(api.database, 'late-aba', { on: '2024-11-22' });
  await close('2025-04-20');
  await api.database.db
    .updateTable('charge_export')
    .set({ last_error: 'Stripe did not take it (status 500).', due_at: now })
    .where('practice_id', '=', 'late-aba')
    .execute();
  const { items, nextCursor } = (
    await get('/v1/charge-exports?practiceId=late-aba&state=pending&limit=1')
  ).json();
  expect(items).toEqual([
    {
      statement: 'late-aba-2025-03-20',
      practiceId: 'late-aba',
      state: 'pending',
      target: null,
      externalId: null,
      tries: 0,
      nextTryAt: now.toISOString(),
      lastError: 'Stripe did not take it (status 500).',
      exportedAt: null,
    },
  ]);
  const rest = (await get(`/v1/charge-exports?practiceId=late-aba&cursor=${nextCursor}`)).json();
  expect(rest).toMatchObject({ items: [{ statement: 'late-aba-2025-02-20' }], nextCursor: null });
  const { body } = await get('/metrics');
  expect(Number(/^lumenality_statements_pending (\d+)$/m.exec(body)?.[1])).toBeGreaterThanOrEqual(2);
  // Closed on 20 March 2025 at 18:00, two years and some days ago.
  expect(body).toMatch(/^lumenality_statement_oldest_pending_seconds 64173600$/m);
});

describe('events of Stripe', () => {
  let address: string;
  beforeAll(async () => {
    address = await api.app.listen({ host: '127.0.0.1', port: 0 });
  });
  async function told(
    type: string,
    invoice: object,
    signing: { at?: Date; with?: string; id?: string } = {},
  ) {
    const { at = api.clock.at, with: key = secret, ...event } = signing;
    const { payload, headers } = stripeEvent(type, invoice, { at, secret: key, ...event });
    return send(payload, headers);
  }
  /** Over a socket: the signature is of bytes. */
  async function send(body: string, headers: Record<string, string>) {
    const response = await fetch(`${address}/v1/stripe/webhook`, { method: 'POST', headers, body });
    return {
      statusCode: response.status,
      json: (await response.json()) as { code?: string; outcome?: string },
    };
  }
  const outcomeOf = async (...event: Parameters<typeof told>) => (await told(...event)).json.outcome;

  /** A practice whose first statement is an invoice of Stripe. */
  async function invoiced(id: string) {
    const { close } = await billedPractice(api.database, id);
    await close('2027-03-20');
    // The calendar has seen the end of its free period.
    await api.database.db
      .updateTable('subscription')
      .set({ state: 'active' })
      .where('practice_id', '=', id)
      .execute();
    await api.database.db
      .updateTable('charge_export')
      .set({ state: 'exported', target: 'stripe', external_id: `in_${id}`, exported_at: now })
      .where('practice_id', '=', id)
      .execute();
    const metadata = { practiceId: id, statement: `${id}-2027-02-20` };
    return { id: `in_${id}`, amount_paid: 31_300, metadata };
  }
  const ledgerOf = async (id: string) => (await get(`/v1/practices/${id}/ledger`)).json();
  const stateOf = async (id: string) => (await get(`/v1/practices/${id}/subscription`)).json().state;

  test('a paid invoice is a payment in the ledger, once, however often and by however many events it is told', async () => {
    const invoice = await invoiced('fir-aba');
    const event = { id: 'evt_fir' };
    expect(await outcomeOf('invoice.paid', invoice, event)).toBe('payment_posted');
    expect(await outcomeOf('invoice.paid', invoice, event)).toBe('handled_before');
    expect(await outcomeOf('invoice.paid', invoice)).toBe('nothing_to_do');
    const ledger = await ledgerOf('fir-aba');
    expect(ledger.balanceCents).toBe(0);
    expect(ledger.items[0]).toMatchObject({
      kind: 'payment',
      owedCents: -31_300,
      author: 'Stripe',
      reason: 'Stripe invoice in_fir-aba of statement fir-aba-2027-02-20',
    });
  });

  test('the same event many times at once is posted once', async () => {
    const invoice = await invoiced('ash-aba');
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => outcomeOf('invoice.paid', invoice, { id: 'evt_ash' })),
    );
    expect(answers.filter((outcome) => outcome === 'payment_posted')).toHaveLength(1);
    expect(answers.filter((outcome) => outcome === 'handled_before')).toHaveLength(4);
    expect((await ledgerOf('ash-aba')).balanceCents).toBe(0);
  });

  test('a payment that failed makes past due and tells the practice; it never suspends', async () => {
    const invoice = await invoiced('yew-aba');
    expect(await outcomeOf('invoice.payment_failed', { ...invoice, amount_paid: 0 })).toBe('marked_past_due');
    expect(await stateOf('yew-aba')).toBe('past_due');
    expect(await outcomeOf('invoice.payment_failed', { ...invoice, amount_paid: 0 })).toBe('nothing_to_do');
    expect(await stateOf('yew-aba')).toBe('past_due');
    const { items } = (await get('/v1/audit?subjectType=subscription&subjectId=yew-aba')).json();
    expect(items[0]).toMatchObject({
      action: 'subscription.marked_past_due',
      actor: { name: 'Stripe' },
      details: { reason: 'Stripe could not collect invoice in_yew-aba of statement yew-aba-2027-02-20' },
    });
  });

  test('a failure that is told again after the payment changes nothing', async () => {
    const invoice = await invoiced('box-aba');
    expect(await outcomeOf('invoice.paid', invoice)).toBe('payment_posted');
    expect(await outcomeOf('invoice.payment_failed', { ...invoice, amount_paid: 0 })).toBe('nothing_to_do');
    expect(await stateOf('box-aba')).toBe('active');
  });

  test('what is not signed by Stripe, or was signed long ago, changes nothing', async () => {
    const invoice = await invoiced('bay-aba');
    const old = new Date(now.getTime() - 301_000);
    for (const signing of [{ with: 'whsec_of_somebody_else' }, { at: old }]) {
      const answer = await told('invoice.paid', invoice, signing);
      expect([answer.statusCode, answer.json.code]).toEqual([400, 'invalid_input']);
    }
    const unsigned = await send(JSON.stringify(invoice), { 'content-type': 'application/json' });
    expect(unsigned.statusCode).toBe(400);
    expect((await ledgerOf('bay-aba')).balanceCents).toBe(31_300);
    expect(api.log.join()).not.toContain(secret);
    expect(await outcomeOf('invoice.paid', invoice, { at: new Date(now.getTime() - 299_000) })).toBe(
      'payment_posted',
    );
  });

  test('what is not about an invoice of ours, or brought no money, is taken and left', async () => {
    const invoice = await invoiced('oak-two');
    expect(await outcomeOf('invoice.finalized', invoice)).toBe('nothing_to_do');
    expect(await outcomeOf('invoice.paid', { ...invoice, metadata: {} })).toBe('nothing_to_do');
    expect(await outcomeOf('invoice.paid', { ...invoice, id: 'in_copy' })).toBe('nothing_to_do');
    expect(await outcomeOf('invoice.paid', { ...invoice, amount_paid: 0 })).toBe('nothing_to_do');
    const conflict = await told('invoice.paid', { ...invoice, currency: 'eur' }, { id: 'evt_eur' });
    expect([conflict.statusCode, conflict.json.code]).toEqual([409, 'conflict']);
    expect((await ledgerOf('oak-two')).balanceCents).toBe(31_300);
    // Refused is not handled: Stripe tells it again.
    expect((await told('invoice.paid', { ...invoice, currency: 'eur' }, { id: 'evt_eur' })).statusCode).toBe(
      409,
    );
  });

  test('without a secret no events are taken', async () => {
    const other = await startTestApi();
    try {
      const answer = await other.app.inject({
        method: 'POST',
        url: '/v1/stripe/webhook',
        headers: { 'stripe-signature': 't=1,v1=0' },
        payload: {},
      });
      expect([answer.statusCode, answer.json().detail]).toEqual([
        404,
        expect.stringContaining('LUMENALITY_STRIPE_WEBHOOK_SECRET'),
      ]);
    } finally {
      await other.close();
    }
  });
});
