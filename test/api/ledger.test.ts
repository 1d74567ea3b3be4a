import {
  ledgerPageSchema,
  ledgerTransactionSchema,
  type ShownTransaction,
} from '../../control-api/contracts/ledger.ts';
import {
  type StatementSummary,
  statementPageSchema,
  statementSchema,
} from '../../control-api/contracts/statements.ts';
import { approvalPageSchema, approvalSchema } from '../../control-api/contracts/subscription-approvals.ts';
import { periodsOf } from '../../lib/domain/plan/periods.ts';
import { closePeriod } from '../../lib/workflows/close-period.ts';
import { freshKey, startTestApi, type TestApi } from '../builders/api.ts';
import { billedPractice } from '../builders/billed-practice.ts';

let api: TestApi;
/** Another plan administrator. */
let second: string;
/** Early on 2 April in Chicago, where it is still 1 April in the west. */
const now = new Date('2027-04-02T06:00:00Z');

beforeAll(async () => {
  api = await startTestApi();
  second = (await api.tokenWith(['plan_admin'], 300)).token;
});
beforeEach(() => {
  api.clock.at = now;
});
afterAll(() => api.close());

const as = (token: string) => ({ authorization: `Bearer ${token}` });
const post = (url: string, payload: object, headers: Record<string, string> = {}) =>
  api.call({ method: 'POST', url, payload, headers: { 'idempotency-key': freshKey(), ...headers } });
const get = async (url: string) => {
  const answer = await api.call({ method: 'GET', url });
  expect(answer.statusCode).toBe(200);
  return answer.json();
};
const ledgerOf = async (id: string) => ledgerPageSchema.parse(await get(`/v1/practices/${id}/ledger`));
const posted = async (url: string, payload: object): Promise<ShownTransaction> => {
  const answer = await post(url, payload);
  expect([answer.statusCode, answer.json()]).toEqual([201, expect.anything()]);
  return ledgerTransactionSchema.parse(answer.json());
};
const actionsOf = async (id: string): Promise<string[]> =>
  (await get(`/v1/audit?subjectType=subscription&subjectId=${id}`)).items.map(
    (row: { action: string }) => row.action,
  );
const reason = 'as agreed';

test('charges of closed periods, credits, adjustments and payments are told in statements that follow one another', async () => {
  const { id, close } = await billedPractice(api.database, 'oak-aba');
  const early = await posted(`/v1/practices/${id}/ledger/credits`, {
    amountCents: 1_000,
    day: '2027-01-05',
    reason,
  });
  expect(early).toMatchObject({
    kind: 'credit',
    owedCents: -1_000,
    day: '2027-01-05',
    author: 'first administrator',
  });
  expect(await close('2027-03-20')).toMatchObject([{ from: '2027-02-20', until: '2027-03-20' }]);
  await posted(`/v1/practices/${id}/ledger/payments`, { amountCents: 30_300, day: '2027-03-20', reason });
  await posted(`/v1/practices/${id}/ledger/adjustments`, { amountCents: 250, day: '2027-03-31', reason });
  api.clock.at = new Date('2027-05-20T12:00:00Z');
  expect(await close('2027-05-20')).toHaveLength(2);

  const page = statementPageSchema.parse(await get(`/v1/practices/${id}/statements?limit=2`));
  const rest = await get(`/v1/practices/${id}/statements?limit=2&cursor=${page.nextCursor}`);
  const statements: StatementSummary[] = [...page.items, ...statementPageSchema.parse(rest).items];
  // 149.00 and 5 times 29.00 and 19.00, a month.
  expect(
    statements.map(({ from, openingCents, closingCents, costCents }) => [
      from,
      openingCents,
      costCents,
      closingCents,
    ]),
  ).toEqual([
    ['2027-04-20', 31_550, 31_300, 62_850],
    ['2027-03-20', 30_300, 31_550, 31_550],
    ['2027-02-20', 0, 30_300, 30_300],
  ]);
  expect(rest.nextCursor).toBeNull();
  const first = statementSchema.parse(await get(`/v1/practices/${id}/statements/2027-02-20`));
  expect(first).toMatchObject({ number: 'oak-aba-2027-02-20', totals: { charge: 31_300, credit: -1_000 } });
  expect(first.lines.map(({ kind, day, owedCents }) => [kind, day, owedCents])).toEqual([
    ['credit', '2027-01-05', -1_000],
    ['charge', '2027-03-19', 14_900],
    ['charge', '2027-03-19', 14_500],
    ['charge', '2027-03-19', 1_900],
  ]);
  const ledger = await ledgerOf(id);
  expect(ledger.balanceCents).toBe(62_850);
  const lines = await Promise.all(
    statements.map(async ({ from }) => (await get(`/v1/practices/${id}/statements/${from}`)).lines),
  );
  expect(new Set(lines.flat().map((line) => line.id))).toEqual(new Set(ledger.items.map((line) => line.id)));
  const entries = ledger.items.flatMap((line) => line.entries.map((entry) => entry.amountCents));
  expect(entries.reduce((sum, cents) => sum + cents, 0)).toBe(0);

  const answer = await api.call({ method: 'GET', url: `/v1/practices/${id}/statements/2027-02-21` });
  expect(answer.json()).toMatchObject({
    status: 404,
    detail: expect.stringContaining('begins on 2027-02-21'),
  });
});

test('a period is closed once, by whoever is first, in its turn and when it is over; a free one costs nothing', async () => {
  const { id, timeline } = await billedPractice(api.database, 'elm-aba', {
    terms: { rates: { base: 0, perClinician: 0, perLocation: 0 } },
  });
  const [first, next] = periodsOf(timeline, { from: '2027-02-20', until: '2027-04-20' });
  if (first === undefined || next === undefined) throw new Error('no periods');
  const close = (period: typeof first, today: string) =>
    api.database.db
      .transaction()
      .execute((trx) => closePeriod(trx, { practiceId: id, timeline, period, today, now }));
  await expect(close(first, '2027-03-19')).rejects.toThrow('is not over before 2027-03-20');
  await expect(close(next, '2027-05-01')).rejects.toThrow('2027-02-20 comes first');
  const both = await Promise.all([close(first, '2027-03-20'), close(first, '2027-03-20')]);
  expect(both.filter((statement) => statement !== undefined)).toMatchObject([
    { costCents: 0, closingCents: 0 },
  ]);
  expect(await close(first, '2027-03-20')).toBeUndefined();
  expect(await close(next, '2027-04-20')).toMatchObject({ openingCents: 0 });
  expect((await get(`/v1/practices/${id}/statements`)).items).toHaveLength(2);
  expect((await ledgerOf(id)).items).toEqual([]);
  expect(await actionsOf(id)).toEqual(['subscription.period_closed', 'subscription.period_closed']);
});

test('bad input is refused by the field that is wrong', async () => {
  const { id, close } = await billedPractice(api.database, 'ash-aba');
  await close('2027-03-20');
  const credit = async (changes: object) =>
    (await post(`/v1/practices/${id}/ledger/credits`, { amountCents: 100, reason, ...changes })).json();
  for (const amountCents of [0, -5, 1.5, '100', 2 ** 53]) {
    expect(await credit({ amountCents })).toMatchObject({
      status: 400,
      errors: [{ pointer: '/amountCents' }],
    });
  }
  expect(await credit({ reason: ' ' })).toMatchObject({ status: 400, errors: [{ pointer: '/reason' }] });
  expect(await credit({ day: '2027-02-30' })).toMatchObject({ status: 400, errors: [{ pointer: '/day' }] });
  // In Chicago it is the 2nd already.
  expect(await credit({ day: '2027-04-03' })).toMatchObject({ errors: [{ pointer: '/day' }] });
  expect(await credit({ day: '2027-04-02' })).toMatchObject({ day: '2027-04-02' });
  expect(await credit({ day: '2027-03-19' })).toMatchObject({
    status: 409,
    code: 'conflict',
    detail: expect.stringContaining('name a day from 2027-03-20 on'),
  });
  const zero = await post(`/v1/practices/${id}/ledger/adjustments`, { amountCents: 0, reason });
  expect(zero.json()).toMatchObject({ status: 400, errors: [{ pointer: '/amountCents' }] });
  const nobody = await post('/v1/practices/nobody/ledger/credits', { amountCents: 100, reason });
  expect(nobody.statusCode).toBe(404);
});

test('a repeated call posts once', async () => {
  const { id } = await billedPractice(api.database, 'fir-aba');
  const key = { 'idempotency-key': freshKey() };
  const payload = { amountCents: 700, reason };
  const url = `/v1/practices/${id}/ledger/payments`;
  const first = await post(url, payload, key);
  const again = await post(url, payload, key);
  expect(again.headers['idempotency-replayed']).toBe('true');
  expect(again.json()).toEqual(first.json());
  expect((await ledgerOf(id)).items).toHaveLength(1);
  expect((await post(url, { ...payload, amountCents: 701 }, key)).statusCode).toBe(422);
});

test('a transaction is reversed once, also by two at once, and a reversal stays', async () => {
  const { id } = await billedPractice(api.database, 'yew-aba');
  const { id: paid } = await posted(`/v1/practices/${id}/ledger/payments`, { amountCents: 700, reason });
  const answers = await Promise.all([
    post(`/v1/ledger/${paid}/reversal`, { reason: 'the cheque came back' }),
    post(`/v1/ledger/${paid}/reversal`, { reason: 'the cheque came back' }, as(second)),
  ]);
  expect(answers.map(({ statusCode }) => statusCode).toSorted((one, other) => one - other)).toEqual([
    201, 409,
  ]);
  const reversal = ledgerTransactionSchema.parse(
    answers.find(({ statusCode }) => statusCode === 201)?.json(),
  );
  expect(reversal).toMatchObject({ kind: 'reversal', reverses: paid, owedCents: 700, day: '2027-04-02' });
  const ledger = await ledgerOf(id);
  expect(ledger.balanceCents).toBe(0);
  expect(ledger.items.map(({ reversedBy }) => reversedBy)).toEqual([null, reversal.id]);
  const again = await post(`/v1/ledger/${reversal.id}/reversal`, { reason });
  expect(again.json()).toMatchObject({ status: 409, state: 'reversal' });
});

describe('what is worth more than one person may decide', () => {
  async function request(name: string, amountCents = 50_001) {
    const { id } = await billedPractice(api.database, name);
    const asked = await post(`/v1/practices/${id}/ledger/credits`, { amountCents, reason });
    expect(asked.statusCode).toBe(202);
    const approval = approvalSchema.parse(asked.json());
    expect(approval).toMatchObject({
      kind: 'credit',
      state: 'requested',
      valueCents: amountCents,
      practiceId: id,
    });
    expect((await ledgerOf(id)).items).toEqual([]);
    const url = `/v1/subscription-approvals/${approval.id}`;
    return { id, url, approval, etag: String(asked.headers['etag']) };
  }

  test('is done by the second person who approves it, in the name of the first', async () => {
    const { id } = await billedPractice(api.database, 'ivy-aba');
    expect(
      (await posted(`/v1/practices/${id}/ledger/credits`, { amountCents: 50_000, reason })).approvedBy,
    ).toBeNull();
    const { id: other, url, etag } = await request('box-aba');
    const own = await post(`${url}/approve`, {});
    expect(own.json()).toMatchObject({
      status: 403,
      detail: expect.stringContaining('asked for this yourself'),
    });
    const stale = await post(`${url}/approve`, {}, { ...as(second), 'if-match': '"7"' });
    expect(stale.statusCode).toBe(412);
    const approved = await post(`${url}/approve`, { reason: 'yes' }, { ...as(second), 'if-match': etag });
    const { result, decision } = approvalSchema.parse(approved.json());
    expect(decision).toMatchObject({ by: 'test plan_admin', reason: 'yes' });
    const ledger = await ledgerOf(other);
    expect(ledger.items).toMatchObject([
      {
        id: result?.['ledgerTransactionId'],
        owedCents: -50_001,
        author: 'first administrator',
        approvedBy: 'test plan_admin',
      },
    ]);
    expect((await post(`${url}/approve`, {}, as(second))).json()).toMatchObject({
      status: 409,
      state: 'approved',
    });
    expect(await actionsOf(other)).toEqual([
      'subscription_approval.approved',
      'ledger.posted',
      'subscription_approval.requested',
    ]);
  });

  test('is done once by two who approve at once, and not at all when it is declined or 14 days old', async () => {
    const twice = await request('oat-aba');
    const third = (await api.tokenWith(['plan_admin'])).token;
    const answers = await Promise.all(
      [second, third].map((token) => post(`${twice.url}/approve`, {}, as(token))),
    );
    expect(answers.map(({ statusCode }) => statusCode).toSorted((one, other) => one - other)).toEqual([
      200, 409,
    ]);
    expect((await ledgerOf(twice.id)).items).toHaveLength(1);

    const declined = await request('rye-aba');
    expect((await post(`${declined.url}/decline`, {})).statusCode).toBe(400);
    expect((await post(`${declined.url}/decline`, { reason: 'not agreed' })).json()).toMatchObject({
      state: 'declined',
      result: null,
    });
    expect((await post(`${declined.url}/approve`, {}, as(second))).json()).toMatchObject({
      state: 'declined',
    });

    const late = await request('hop-aba');
    api.clock.at = new Date(now.getTime() + 14 * 86_400_000);
    expect((await post(`${late.url}/approve`, {}, as(second))).json()).toMatchObject({
      status: 409,
      state: 'expired',
    });
    expect((await get(late.url)).state).toBe('expired');
    const open = approvalPageSchema.parse(
      await get(`/v1/subscription-approvals?open=true&practiceId=${late.id}`),
    );
    expect(open.items).toEqual([]);
    const all = approvalPageSchema.parse(await get(`/v1/subscription-approvals?practiceId=${late.id}`));
    expect(all.items).toMatchObject([{ id: late.approval.id }]);
    expect((await ledgerOf(late.id)).items).toEqual([]);
  });

  test('is looked at again when it is approved: what was reversed meanwhile is refused, and stays requested', async () => {
    const { id } = await billedPractice(api.database, 'tea-aba');
    const { id: paid } = await posted(`/v1/practices/${id}/ledger/payments`, { amountCents: 50_000, reason });
    await posted(`/v1/ledger/${paid}/reversal`, { reason });
    const { url, id: other } = await request('fig-aba', 90_000);
    await post(`${url}/approve`, {}, as(second));
    const [credit] = (await ledgerOf(other)).items;
    const asked = await post(`/v1/ledger/${credit?.id}/reversal`, { reason });
    expect(asked.statusCode).toBe(202);
    const twin = await post(`/v1/ledger/${credit?.id}/reversal`, { reason });
    const approve = (answer: typeof asked) =>
      post(`/v1/subscription-approvals/${answer.json().id}/approve`, {}, as(second));
    expect((await approve(asked)).statusCode).toBe(200);
    expect((await approve(twin)).json()).toMatchObject({ status: 409, code: 'conflict' });
    expect((await get(`/v1/subscription-approvals/${twin.json().id}`)).state).toBe('requested');
    expect((await ledgerOf(other)).balanceCents).toBe(0);
  });
});
