import {
  churnReportSchema,
  marginReportSchema,
  membersReportSchema,
  placesReportSchema,
  reportNames,
  revenueReportSchema,
} from '../../control-api/contracts/plan-reports.ts';
import { insertPlanVersion } from '../../lib/db/plan-store.ts';
import { addFact, lockSubscription } from '../../lib/db/subscription-store.ts';
import type { Day } from '../../lib/domain/plan/day.ts';
import type { SubscriptionFact } from '../../lib/domain/plan/facts.ts';
import { freshKey, startTestApi, type TestApi } from '../builders/api.ts';
import { billedPractice } from '../builders/billed-practice.ts';
import { publishTestRelease } from '../builders/database.ts';
import { foundingTerms } from '../builders/plan-terms.ts';
import { shippedTemplates } from '../builders/templates.ts';

let api: TestApi;
/** Those of November pay, those of January are free. */
const today: Day = '2027-03-01';
const rateCents = 14_900 + 5 * 2_900 + 1_900;

const get = (name: string, query = '') =>
  api.call({ method: 'GET', url: `/v1/plan-reports/${name}${query}` });
const read = async (name: string, query = ''): Promise<unknown> => {
  const answer = await get(name, query);
  expect(answer.statusCode).toBe(200);
  return answer.json();
};
async function change(practiceId: string, verb: string, payload: object): Promise<void> {
  const answer = await api.call({
    method: 'POST',
    url: `/v1/practices/${practiceId}/subscription/${verb}`,
    headers: { 'idempotency-key': freshKey() },
    payload,
  });
  expect(answer.statusCode).toBe(200);
}

async function record(practiceId: string, fact: SubscriptionFact, on: Day): Promise<void> {
  await api.database.db.transaction().execute(async (trx) => {
    const subscription = await lockSubscription(trx, practiceId);
    if (subscription === undefined) throw new Error(`${practiceId} has no subscription`);
    await addFact(trx, subscription, fact, {
      actor: 'token:test',
      reason: null,
      at: new Date(`${on}T18:00:00Z`),
    });
  });
}

beforeAll(async () => {
  api = await startTestApi();
  const { database } = api;
  const unpriced = await publishTestRelease(database, 'a', new Date('2026-10-01T00:00:00Z'), {
    ...shippedTemplates(),
    data: JSON.stringify({ Resources: { Stream: { Type: 'AWS::Kinesis::Stream' } } }),
  });
  await publishTestRelease(database, 'b', new Date('2026-11-01T00:00:00Z'), shippedTemplates());
  for (const id of ['alder-aba', 'birch-aba', 'cedar-aba']) await billedPractice(database, id);
  // Sorted by the database between others, and by a spreadsheet taken for a formula.
  await billedPractice(database, 'alder-ot', { on: '2027-01-10' });
  await database.db
    .updateTable('practice')
    .set({ display_name: '=SUM(A1:A9)' })
    .where('id', '=', 'alder-ot')
    .execute();
  await billedPractice(database, 'birch-st', { on: '2027-01-10' });
  await record('birch-st', { kind: 'ends', from: '2027-02-15' }, '2027-02-01');
  await database.db.transaction().execute(async (trx) => {
    const terms = { ...foundingTerms, rates: { ...foundingTerms.rates, base: 15_900 } };
    await insertPlanVersion(trx, { planId: 'founding', version: 2, effectiveFrom: '2027-02-01', terms });
  });
  api.clock.at = new Date('2027-02-22T18:00:00Z');
  await change('birch-aba', 'past-due', { reason: 'invoice not paid' });
  api.clock.at = new Date('2027-02-24T18:00:00Z');
  await change('birch-aba', 'settlement', { reason: 'paid by wire' });
  // In the evenings of the days before, at the practice.
  api.clock.at = new Date('2027-02-26T03:00:00Z');
  await change('cedar-aba', 'past-due', { reason: 'invoice not paid' });
  api.clock.at = new Date('2027-02-27T03:00:00Z');
  await change('cedar-aba', 'settlement', { reason: 'paid by wire' });
  const practice = (id: string) => database.db.updateTable('practice').where('id', '=', id);
  await practice('alder-aba')
    .set({ settings: JSON.stringify({ instanceClass: 'db.t4g.large' }) })
    .execute();
  await practice('birch-aba').set({ state: 'suspended' }).execute();
  await practice('alder-ot').set({ release_id: unpriced }).execute();
  await practice('cedar-aba').set({ state: 'provisioning_cancelled' }).execute();
  api.clock.at = new Date(`${today}T18:00:00Z`);
});
afterAll(() => api.close());

test('members and places are counted', async () => {
  const members = membersReportSchema.parse(await read('members'));
  expect(members).toMatchObject({ on: today, plan: null });
  expect(members.cohorts).toMatchObject([
    { plan: 'founding', month: '2026-11', enrolled: 3, activeLocked: 3 },
    { plan: 'founding', month: '2027-01', enrolled: 2, trialing: 1, cancelled: 1 },
  ]);
  const places = placesReportSchema.parse(await read('places', '?plan=founding'));
  expect(places.plans).toEqual([
    { plan: 'founding', version: 2, cap: 100, members: 4, placesLeft: 96, waiting: 0 },
  ]);
});

test('who waits is counted as long as nobody has decided', async () => {
  const { db } = api.database;
  const signUp = await db
    .selectFrom('sign_up')
    .selectAll()
    .where('practice_id', '=', 'alder-aba')
    .executeTakeFirstOrThrow();
  const waiting = {
    ...signUp,
    id: 'aaaaaaaa-0000-4000-8000-000000000001',
    state: 'requested' as const,
    npi: '1000000004',
    contact: JSON.stringify(signUp.contact),
    disciplines: JSON.stringify(signUp.disciplines),
    agreement: JSON.stringify(signUp.agreement),
    practice_id: null,
    decided_by: null,
    decided_at: null,
    decision_reason: null,
  };
  await db.insertInto('sign_up').values(waiting).execute();
  const since = new Date('2027-02-20T12:00:00Z');
  await db
    .insertInto('plan_waiting')
    .values({ plan_id: 'founding', position: 1, sign_up_id: waiting.id, since })
    .execute();
  const waitedOn = async (on: Day) =>
    placesReportSchema.parse(await read('places', `?plan=founding&on=${on}`)).plans[0]?.waiting;
  expect([await waitedOn('2027-02-19'), await waitedOn('2027-02-20')]).toEqual([0, 1]);
  const rejected = {
    state: 'rejected' as const,
    decided_by: 'token:test',
    decided_at: new Date('2027-02-25T12:00:00Z'),
    decision_reason: 'test',
  };
  await db.updateTable('sign_up').set(rejected).where('id', '=', waiting.id).execute();
  expect([await waitedOn('2027-02-24'), await waitedOn('2027-02-25')]).toEqual([1, 0]);
});

test('revenue is summed over all pages, and says from when the present price could hold', async () => {
  const whole = revenueReportSchema.parse(await read('revenue'));
  expect(whole.nextCursor).toBeNull();
  expect(whole.items.map(({ practiceId, monthlyCents }) => [practiceId, monthlyCents])).toEqual([
    ['alder-aba', rateCents],
    ['alder-ot', 0],
    ['birch-aba', rateCents],
    ['cedar-aba', rateCents],
  ]);
  expect(whole.items[0]).toMatchObject({
    lockedUntil: '2029-02-20',
    next: {
      from: '2029-02-20',
      plan: 'founding',
      planVersion: 2,
      rateCents: rateCents + 1_000,
      basis: 'assumed',
    },
  });
  expect(whole.totals).toMatchObject([{ currency: 'USD', practices: 4, monthlyCents: 3 * rateCents }]);
  expect(whole.totals[0]?.months.at(-1)).toEqual({
    on: '2029-03-01',
    monthlyCents: 4 * rateCents + 3 * 1_000,
    lockedCents: rateCents,
    agreedCents: 0,
    assumedCents: 3 * (rateCents + 1_000),
  });
  const first = revenueReportSchema.parse(await read('revenue', '?limit=3'));
  expect(first.totals).toEqual(whole.totals);
  const second = revenueReportSchema.parse(await read('revenue', `?limit=3&cursor=${first.nextCursor}`));
  expect([...first.items, ...second.items]).toEqual(whole.items);
  expect(second.nextCursor).toBeNull();
});

test("a margin is the rate less what the practice's silo costs by its own page, and where it is gone there is a reason", async () => {
  const { items, total } = marginReportSchema.parse(await read('margin'));
  for (const id of ['alder-aba', 'birch-aba']) {
    const cost = await api.call({ method: 'GET', url: `/v1/practices/${id}/cost` });
    const costCents = Math.round(cost.json().monthlyNanoUsd / 10_000_000);
    expect(items.find(({ practiceId }) => practiceId === id)).toMatchObject({
      costCents,
      marginCents: rateCents - costCents,
      reason: null,
    });
  }
  expect(items.find(({ practiceId }) => practiceId === 'cedar-aba')).toMatchObject({
    costCents: null,
    marginCents: null,
    reason: 'The practice is provisioning_cancelled: it has no silo.',
  });
  const unpriced = items.find(({ practiceId }) => practiceId === 'alder-ot');
  expect(unpriced?.reason).toContain('data/Stream (AWS::Kinesis::Stream) has no price');
  // A larger database, an app that is stopped, and none that is known.
  expect(new Set(items.map(({ costCents }) => costCents)).size).toBe(3);
  const margins = items.map(({ marginCents }) => marginCents ?? 0);
  expect(total).toMatchObject({
    practices: 2,
    withoutMargin: 2,
    marginCents: margins.reduce((sum, cents) => sum + cents, 0),
  });
});

test('churn is told month by month', async () => {
  const { months } = churnReportSchema.parse(await read('churn'));
  expect(months.map(({ month, cancelled, churn }) => [month, cancelled, churn])).toEqual([
    ['2026-11', 0, null],
    ['2026-12', 0, 0],
    ['2027-01', 0, 0],
    ['2027-02', 1, 0.2],
    ['2027-03', 0, 0],
  ]);
});

test('a past day is shown as it was then, payments that were overdue included', async () => {
  const dueOn = async (on: Day) =>
    membersReportSchema.parse(await read('members', `?on=${on}`)).total.pastDue;
  const days = ['2027-02-21', '2027-02-22', '2027-02-23', '2027-02-24', '2027-02-25', '2027-02-26'];
  expect(await Promise.all(days.map(dueOn))).toEqual([0, 1, 1, 0, 1, 0]);
  const early = membersReportSchema.parse(await read('members', '?on=2026-12-01'));
  expect(early.total).toMatchObject({ enrolled: 3, trialing: 3 });
});

test('today, states are those that the subscriptions have', async () => {
  const { items } = revenueReportSchema.parse(await read('revenue'));
  const kept = await api.database.db
    .selectFrom('subscription')
    .select(['practice_id', 'state'])
    .where('state', '<>', 'cancelled')
    .orderBy('practice_id')
    .execute();
  const shown = new Map(items.map(({ practiceId, state }) => [practiceId, state]));
  for (const { practice_id: id } of kept) {
    const answer = await api.call({ method: 'GET', url: `/v1/practices/${id}/subscription` });
    expect([id, shown.get(id) ?? 'cancelled']).toEqual([id, answer.json().state]);
  }
});

const headers = {
  members: 'plan,month,enrolled,pending,trialing,active_locked,active_unlocked,past_due,suspended,cancelled',
  places: 'plan,version,cap,members,places_left,waiting',
  revenue:
    'practice_id,display_name,plan,plan_version,state,clinicians,locations,currency,rate_cents,monthly_cents,free_until,free_days_left,locked_until,locked_days_left,ends_on,next_from,next_plan,next_plan_version,next_rate_cents,next_basis',
  margin: 'practice_id,display_name,plan,state,currency,rate_cents,cost_cents,margin_cents,reason',
  churn: 'month,complete,active_at_start,activated,cancelled,cancelled_new,active_at_end,churn',
};

test.each(reportNames)('%s as CSV has the same columns always, and every row', async (name) => {
  const answer = await get(name, '?format=csv');
  expect(answer.statusCode).toBe(200);
  expect(answer.headers['content-type']).toBe('text/csv; charset=utf-8; header=present');
  expect(answer.headers['content-disposition']).toMatch(`filename="plan-${name}-${today}.csv"`);
  expect(answer.body.split('\r\n')[0]).toBe(headers[name]);
  const before = await get(name, '?format=csv&on=2025-12-31');
  expect(before.body).toBe(`${headers[name]}\r\n`);
});

test('names are no formulas, and days and amounts stand in their columns', async () => {
  const { body } = await get('revenue', '?format=csv&limit=1');
  expect(body.split('\r\n')[2]).toBe(
    `alder-ot,'=SUM(A1:A9),founding,1,trialing,5,1,USD,${rateCents},0,2027-04-10,40,2029-04-10,771,,2029-04-10,founding,2,${rateCents + 1_000},assumed`,
  );
});

test.each([
  ['members?on=2027-03-02', 400, '/on'],
  ['revenue?on=yesterday', 400, '/on'],
  ['revenue?limit=0', 400, '/limit'],
  ['margin?cursor=abc', 400, '/cursor'],
  ['churn?format=xml', 400, '/format'],
  ['places?limit=5', 400, '/limit'],
  ['places?plan=nothing', 404, undefined],
])('%s is answered with %i', async (path, status, pointer) => {
  const answer = await get(path);
  expect(answer.statusCode).toBe(status);
  expect(answer.json().errors?.[0]?.pointer).toBe(pointer);
});
