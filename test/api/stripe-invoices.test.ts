import { tmpdir } from 'node:os';
import { chargeExports } from '../../bin/charge-exports.ts';
import { stripeEvents } from '../../lib/billing/stripe-events.ts';
import { readConfig } from '../../lib/config.ts';
import { readExportedStatement } from '../../lib/db/charge-export-store.ts';
import { insertLedgerTransactions } from '../../lib/db/ledger-store.ts';
import { entriesOf } from '../../lib/domain/ledger.ts';
import { exportDue } from '../../lib/reconcilers/export-charges.ts';
import { freshKey, startTestApi, type TestApi } from '../builders/api.ts';
import { type BilledPractice, billedPractice } from '../builders/billed-practice.ts';
import { freshNpi } from '../builders/sign-up.ts';
import { stripeEvent } from '../builders/stripe-event.ts';
import { type StripeServer, startStripeServer } from '../builders/stripe-server.ts';

const secret = 'whsec_test_secret';
/** Longer than any wait between two tries. */
const longMs = 6 * 3_600_000;
/** What each period costs: 149.00 + 5 × 29.00 + 19.00. */
const costs = 31_300;

let api: TestApi;
let stripe: StripeServer;
// Ids are given anew by each server: each test has a database of its own.
beforeEach(async () => {
  stripe = await startStripeServer();
  api = await startTestApi({ payments: stripeEvents(secret) });
  api.clock.at = new Date('2027-03-10T18:00:00Z');
});
afterEach(async () => {
  await api.close();
  await stripe.close();
});

const config = () =>
  readConfig({
    LUMENALITY_BILLING_DIR: tmpdir(),
    LUMENALITY_STRIPE_KEY: 'rk_test_abc123',
    LUMENALITY_STRIPE_URL: stripe.address.href,
  });

/** Hands over what is due, as a process does whose configuration names Stripe. */
async function exportStatements(): Promise<void> {
  api.clock.at = new Date(api.clock.at.getTime() + longMs);
  const { db, clock } = api.core;
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  await exportDue({ db, clock, log, exports: chargeExports(config(), { db, clock }) });
}

/** Closes a practice's periods that are over before a day, and hands their statements over. */
async function closeAndExport({ close }: BilledPractice, before: string): Promise<void> {
  await close(before);
  api.clock.at = new Date(`${before}T18:00:00Z`);
  await exportStatements();
}

async function tell(type: string, invoice: object): Promise<string> {
  const { payload, headers } = stripeEvent(type, invoice, { at: api.clock.at, secret });
  const answer = await api.app.inject({ method: 'POST', url: '/v1/stripe/webhook', payload, headers });
  return answer.json().outcome;
}

async function credit({ id }: BilledPractice, amountCents: number): Promise<void> {
  const answer = await api.call({
    method: 'POST',
    url: `/v1/practices/${id}/ledger/credits`,
    payload: { amountCents, reason: 'two weeks without access' },
    headers: { 'idempotency-key': freshKey() },
  });
  expect(answer.statusCode).toBe(201);
}

const ledgerOf = async ({ id }: BilledPractice) =>
  (await api.call({ method: 'GET', url: `/v1/practices/${id}/ledger` })).json();
const balanceOf = async (practice: BilledPractice) => (await ledgerOf(practice)).balanceCents;
const exportsOf = ({ id }: BilledPractice) =>
  api.database.db
    .selectFrom('charge_export')
    .selectAll()
    .where('practice_id', '=', id)
    .orderBy('period_from')
    .execute();

describe('the balance of a customer at Stripe is that of the ledger', () => {
  const balanceAtStripe = () => stripe.customers[0]?.balance;

  test('a statement below 0 is a credit there, and is taken off the next invoice once', async () => {
    const fir = await billedPractice(api.database, 'fir-aba');
    await credit(fir, 50_000);
    await closeAndExport(fir, '2027-03-20');
    const negative = stripe.finalise('in_1');
    expect(negative).toMatchObject({ total: costs - 50_000, amount_due: 0, status: 'paid' });
    expect(await tell('invoice.paid', negative)).toBe('nothing_to_do');
    expect([await balanceOf(fir), balanceAtStripe()]).toEqual([costs - 50_000, costs - 50_000]);

    await closeAndExport(fir, '2027-04-20');
    const next = stripe.finalise('in_2');
    expect(next).toMatchObject({
      total: costs,
      starting_balance: costs - 50_000,
      ending_balance: 0,
      amount_due: 2 * costs - 50_000,
      status: 'open',
    });
    expect(await balanceOf(fir)).toBe(2 * costs - 50_000);
    expect(await tell('invoice.paid', stripe.pay('in_2'))).toBe('payment_posted');
    expect([await balanceOf(fir), balanceAtStripe()]).toEqual([0, 0]);

    await closeAndExport(fir, '2027-05-20');
    expect(stripe.finalise('in_3')).toMatchObject({ amount_due: costs });
    expect(await balanceOf(fir)).toBe(costs);
  });

  test('a statement that comes to nothing is an invoice that nobody pays', async () => {
    const yew = await billedPractice(api.database, 'yew-aba');
    await credit(yew, costs);
    await closeAndExport(yew, '2027-03-20');
    const invoice = stripe.finalise('in_1');
    expect(invoice).toMatchObject({ total: 0, amount_due: 0, status: 'paid' });
    expect(await tell('invoice.paid', invoice)).toBe('nothing_to_do');
    expect([await balanceOf(yew), balanceAtStripe()]).toEqual([0, 0]);
  });

  test('what is less than Stripe collects is owed with the next invoice', async () => {
    const elm = await billedPractice(api.database, 'elm-aba');
    await credit(elm, costs - 20);
    await closeAndExport(elm, '2027-03-20');
    expect(await tell('invoice.paid', stripe.finalise('in_1'))).toBe('nothing_to_do');
    expect([await balanceOf(elm), balanceAtStripe()]).toEqual([20, 20]);
    await closeAndExport(elm, '2027-04-20');
    expect(stripe.finalise('in_2')).toMatchObject({ starting_balance: 20, amount_due: costs + 20 });
    expect(await tell('invoice.paid', stripe.pay('in_2'))).toBe('payment_posted');
    expect([await balanceOf(elm), balanceAtStripe()]).toEqual([0, 0]);
  });
});

test('an invoice may be paid before it is on record', async () => {
  const ash = await billedPractice(api.database, 'ash-aba');
  // Each answer is lost twice: the SDK asks again at once.
  const route = /POST .*invoices\/in_1$/;
  stripe.faults.push({ route, answer: 'lost' }, { route, answer: 'lost' });
  await closeAndExport(ash, '2027-03-20');
  stripe.finalise('in_1');
  expect(await tell('invoice.paid', stripe.pay('in_1'))).toBe('payment_posted');
  await exportStatements();
  expect(await exportsOf(ash)).toMatchObject([{ state: 'exported', external_id: 'in_1' }]);
  expect(await balanceOf(ash)).toBe(0);
});

test('two processes at one statement make one invoice of it', async () => {
  const { db, clock } = api.core;
  const yam = await billedPractice(api.database, 'yam-aba');
  await yam.close('2027-03-20');
  const statement = await readExportedStatement(db, { practiceId: yam.id, from: '2027-02-20' });
  const [one] = chargeExports(config(), { db, clock });
  const [other] = chargeExports(config(), { db, clock });
  expect(await Promise.all([one.send(statement), other.send(statement)])).toEqual([
    { externalId: 'in_1' },
    { externalId: 'in_1' },
  ]);
  expect([stripe.customers.length, stripe.items.length]).toEqual([1, 3]);
  expect(stripe.invoices).toMatchObject([{ total: costs, auto_advance: true }]);
});

test('a new owner is another customer: nobody pays for who came after', async () => {
  const oak = await billedPractice(api.database, 'oak-aba');
  await closeAndExport(oak, '2027-03-20');
  const second = (await api.tokenWith(['plan_admin'])).token;
  const transfer = await api.call({
    method: 'POST',
    url: `/v1/practices/${oak.id}/subscription/transfer`,
    payload: {
      legalName: 'Harbor Group LLC',
      npi: freshNpi(),
      contact: { name: 'Kim Ode', email: 'kim@harbor.example', phone: '+13125550100' },
      agreement: { acceptedBy: 'Kim Ode', acceptedAt: '2027-03-20T12:00:00Z', version: '2027-01' },
      reason: 'the practice is acquired',
    },
    headers: { 'idempotency-key': freshKey() },
  });
  expect(transfer.statusCode).toBe(202);
  // A statement of before goes to who owned the practice then, whenever it goes.
  await oak.close('2027-04-20');
  const approval = await api.call({
    method: 'POST',
    url: `/v1/subscription-approvals/${transfer.json().approvalId}/approve`,
    payload: { reason: 'the deed was seen' },
    headers: { authorization: `Bearer ${second}` },
  });
  expect(approval.statusCode).toBe(200);
  await exportStatements();
  await closeAndExport(oak, '2027-05-20');
  expect(stripe.customers.map(({ metadata }) => metadata)).toEqual([
    { practiceId: oak.id, owner: '1' },
    { practiceId: oak.id, owner: '2' },
  ]);
  expect(stripe.invoices.map(({ customer }) => customer)).toEqual(['cus_1', 'cus_1', 'cus_2']);
});

describe('what somebody does to an invoice at Stripe', () => {
  const collect = /POST .*invoices\/in_1$/;
  const waits = (why: RegExp) => [{ state: 'pending', last_error: expect.stringMatching(why) }];
  const collected = () => stripe.invoices.map(({ id, total, auto_advance }) => ({ id, total, auto_advance }));

  test('a draft that is finished before it is whole is told; voided, it is made anew a day later', async () => {
    const oak = await billedPractice(api.database, 'oak-aba');
    stripe.faults.push({ route: /POST .*invoiceitems$/, answer: 500 });
    await closeAndExport(oak, '2027-03-20');
    const invoice = stripe.finalise('in_1');
    await exportStatements();
    expect(await exportsOf(oak)).toMatchObject(waits(/in_1 .* comes to 0 cents at Stripe and to 31300 here/));
    invoice.status = 'void';
    stripe.passDay();
    await exportStatements();
    expect(await exportsOf(oak)).toMatchObject([{ state: 'exported', external_id: 'in_2' }]);
    expect(collected()[1]).toEqual({ id: 'in_2', total: costs, auto_advance: true });
  });

  test('a draft that is set to be collected before it is whole is filled first', async () => {
    const bay = await billedPractice(api.database, 'bay-aba');
    stripe.faults.push({ route: /POST .*invoiceitems$/, answer: 500 });
    await closeAndExport(bay, '2027-03-20');
    for (const invoice of stripe.invoices) invoice.auto_advance = true;
    await exportStatements();
    expect(await exportsOf(bay)).toMatchObject([{ state: 'exported', external_id: 'in_1' }]);
    expect(collected()).toEqual([{ id: 'in_1', total: costs, auto_advance: true }]);
  });

  test('one that was voided as it was stays voided', async () => {
    const box = await billedPractice(api.database, 'box-aba');
    stripe.faults.push({ route: collect, answer: 'lost' }, { route: collect, answer: 'lost' });
    await closeAndExport(box, '2027-03-20');
    stripe.finalise('in_1').status = 'void';
    stripe.passDay();
    await exportStatements();
    expect(await exportsOf(box)).toMatchObject([{ state: 'exported', external_id: 'in_1' }]);
    expect(stripe.invoices).toHaveLength(1);
  });

  test('a draft that is deleted is made anew once Stripe has forgotten it, whatever it still knows of its items', async () => {
    const gum = await billedPractice(api.database, 'gum-aba');
    stripe.faults.push({ route: collect, answer: 500 });
    await closeAndExport(gum, '2027-03-20');
    stripe.deleteDraft('in_1');
    await exportStatements();
    expect(await exportsOf(gum)).toMatchObject(waits(/resource_missing, parameter invoice/));
    stripe.forgetKey('gum-aba-2027-02-20:invoice');
    await exportStatements();
    expect(await exportsOf(gum)).toMatchObject([{ state: 'exported', external_id: 'in_2' }]);
    expect(collected()).toEqual([{ id: 'in_2', total: costs, auto_advance: true }]);
  });

  test('a discount of the customer is not for what is owed here', async () => {
    const fig = await billedPractice(api.database, 'fig-aba');
    await closeAndExport(fig, '2027-03-20');
    stripe.discounts.set('cus_1', 50);
    await closeAndExport(fig, '2027-04-20');
    expect(collected().map(({ total }) => total)).toEqual([costs, costs]);
  });

  test('a customer that Stripe does not know any more is told as such', async () => {
    const ivy = await billedPractice(api.database, 'ivy-aba');
    await closeAndExport(ivy, '2027-03-20');
    stripe.customers.pop();
    await closeAndExport(ivy, '2027-04-20');
    expect((await exportsOf(ivy)).slice(1)).toMatchObject(
      waits(/Stripe does not know the customer.*deleted there.*another account/),
    );
  });
});

test('more lines than Stripe takes on one invoice are on it all the same, the last ones together', async () => {
  const tea = await billedPractice(api.database, 'tea-aba');
  await api.database.db.transaction().execute((trx) =>
    insertLedgerTransactions(
      trx,
      Array.from({ length: 300 }, (_, place) => ({
        practiceId: tea.id,
        kind: 'adjustment' as const,
        day: '2027-03-01',
        currency: 'USD',
        reason: `Place ${place}`,
        author: 'test',
        approvedBy: null,
        sourceKey: null,
        reverses: null,
        charge: null,
        entries: entriesOf('adjustment', place + 1),
        at: api.clock.at,
      })),
    ),
  );
  // All items are there when it fails, and are found again.
  stripe.faults.push({ route: /POST .*invoices\/in_1$/, answer: 500 });
  await closeAndExport(tea, '2027-03-20');
  stripe.passDay();
  await exportStatements();
  expect(await exportsOf(tea)).toMatchObject([{ state: 'exported', external_id: 'in_1' }]);
  expect(stripe.items).toHaveLength(250);
  expect(stripe.items.at(-1)).toMatchObject({
    description: '54 more lines of statement tea-aba-2027-02-20',
  });
  expect(stripe.invoices).toMatchObject([{ total: costs + (300 * 301) / 2, auto_advance: true }]);
});
