import { sql } from 'kysely';
import { insertPlanVersion } from '../../lib/db/plan-store.ts';
import { changeSubscription, lockSubscription, subscriptionsDue } from '../../lib/db/subscription-store.ts';
import { offerOf } from '../../lib/use-cases/enrol.ts';
import { subscriptionActivated } from '../../lib/workflows/subscription-life.ts';
import { freshKey, startTestApi, type TestApi } from '../builders/api.ts';
import { openAccess } from '../builders/cells.ts';
import { openTestDatabase, publishTestRelease } from '../builders/database.ts';
import { foundingTerms } from '../builders/plan-terms.ts';
import { makePlan } from '../builders/plans.ts';
import { signUpRequest } from '../builders/sign-up.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi({}, openAccess, await openTestDatabase({ maxConnections: 25 }));
  await publishTestRelease(api.database, 'b', api.clock.at);
});
afterAll(() => api.close());

async function signUp(plan: string): Promise<string> {
  const headers = { 'idempotency-key': freshKey() };
  const payload = signUpRequest({ plan });
  return (await api.app.inject({ method: 'POST', url: '/v1/signups', headers, payload })).json().id;
}

const approve = (id: string) =>
  api.call({ method: 'POST', url: `/v1/signups/${id}/approve`, payload: { reason: 'checked' } });

test('of fifty approvals at the same moment for the last place one gets it, and the others wait in a row', async () => {
  const { db } = api.database;
  const plan = await makePlan(db, { cap: 3 });
  for (const id of [await signUp(plan), await signUp(plan)]) expect((await approve(id)).statusCode).toBe(202);
  const signUps: string[] = [];
  for (let each = 0; each < 50; each += 1) signUps.push(await signUp(plan));
  const before = api.enqueued.length;

  const answers = await Promise.all(signUps.map(approve));

  expect(answers.filter(({ statusCode }) => statusCode === 202)).toHaveLength(1);
  const full = answers.filter(({ statusCode }) => statusCode === 409).map((answer) => answer.json());
  expect(full.map(({ waitingListPosition }) => waitingListPosition).toSorted((a, b) => a - b)).toEqual(
    Array.from({ length: 49 }, (_, place) => place + 1),
  );
  for (const { code, offer } of full) expect([code, offer.planId]).toEqual(['plan_full', 'standard']);
  // Nothing else came of them.
  expect(api.enqueued).toHaveLength(before + 1);
  const practices = await db.selectFrom('practice').select('id').where('plan_id', '=', plan).execute();
  const members = await db
    .selectFrom('subscription')
    .select('practice_id')
    .where('plan_id', '=', plan)
    .execute();
  expect(members.map(({ practice_id: id }) => id).toSorted()).toEqual(
    practices.map(({ id }) => id).toSorted(),
  );
  expect(practices).toHaveLength(3);
  const states = await db.selectFrom('sign_up').select('state').where('id', 'in', signUps).execute();
  expect(states.filter(({ state }) => state === 'requested')).toHaveLength(49);
});

test('approvals with a plan that has no cap do not wait for each other, and those of one that has do', async () => {
  const { db } = api.database;
  const practice = { disciplines: ['speech'] as const, timeZone: 'America/Chicago' };
  const now = api.clock.at;
  await db.transaction().execute(async (one) => {
    await offerOf(one, 'standard', practice, now);
    await db.transaction().execute((other) => offerOf(other, 'standard', practice, now));
  });

  const order: string[] = [];
  let second: Promise<unknown> = Promise.resolve();
  await db.transaction().execute(async (one) => {
    await offerOf(one, 'founding', practice, now);
    second = db.transaction().execute(async (other) => {
      await offerOf(other, 'founding', practice, now);
      order.push('second');
    });
    // The second is at the lock before the first commits.
    await untilWaiting(1);
    order.push('first');
  });
  await second;
  expect(order).toEqual(['first', 'second']);
}, 20_000);

test('a change of plan waits for a publication of it at the plan, so that neither holds what the other needs', async () => {
  const { db } = api.database;
  const plan = await makePlan(db, { freeDays: 0 });
  const { practiceId } = (await approve(await signUp(plan))).json();
  await db.transaction().execute((trx) => subscriptionActivated(trx, { practiceId, at: api.clock.at }));
  const { terms } = await db
    .selectFrom('plan_version')
    .select('terms')
    .where('plan_id', '=', plan)
    .executeTakeFirstOrThrow();
  const later = { planId: plan, version: 2, effectiveFrom: '2026-02-01', terms };
  await db.transaction().execute((trx) => insertPlanVersion(trx, later));
  // As the calendar leaves it.
  const nextDueAt = new Date(api.clock.at.getTime() + 86_400_000);
  await db.transaction().execute((trx) => changeSubscription(trx, practiceId, { nextDueAt }, api.clock.at));
  const post = (url: string, payload: object) =>
    api.call({ method: 'POST', url, headers: { 'idempotency-key': freshKey() }, payload });

  const answers = await db.transaction().execute(async (trx) => {
    await lockSubscription(trx, practiceId);
    const published = post(`/v1/plans/${plan}/versions`, { effectiveFrom: '2027-06-01', terms });
    await untilWaiting(1);
    const changed = post(`/v1/practices/${practiceId}/subscription/plan`, {
      plan,
      givesUpLock: true,
      reason: 'The newer terms',
    });
    expect(await untilWaiting(2)).toContainEqual(expect.stringContaining('from "plan"'));
    return [published, changed];
  });
  const codes = (await Promise.all(answers)).map(({ statusCode }) => statusCode);
  expect(codes).toEqual([201, 200]);
  expect(await subscriptionsDue(db, api.clock.at, 1_000)).toContain(practiceId);
}, 20_000);

test('a change of plan is taken back within the cap of a version that is published at that moment', async () => {
  const { db } = api.database;
  const plan = await makePlan(db, { cap: 2, freeDays: 0 });
  const { practiceId } = (await approve(await signUp(plan))).json();
  await db.transaction().execute((trx) => subscriptionActivated(trx, { practiceId, at: api.clock.at }));
  const url = `/v1/practices/${practiceId}/subscription/plan`;
  const leaving = await api.call({
    method: 'POST',
    url,
    headers: { 'idempotency-key': freshKey() },
    payload: { plan: 'standard', givesUpLock: true, reason: 'Asked for by the practice' },
  });
  expect(leaving.statusCode).toBe(200);
  expect((await approve(await signUp(plan))).statusCode).toBe(202);

  const [withdrawal] = await db.transaction().execute(async (trx) => {
    const terms = { ...foundingTerms, cap: 1, freeDays: 0 };
    await insertPlanVersion(trx, { planId: plan, version: 2, effectiveFrom: '2026-02-01', terms });
    const asked = api.call({ method: 'DELETE', url });
    await untilWaiting(1);
    return [asked];
  });
  expect((await withdrawal).json()).toMatchObject({
    status: 409,
    detail: expect.stringContaining('not free any more'),
  });
}, 20_000);

/** Until so many transactions are at a lock: the server says so. Answers the statements that they are at. */
async function untilWaiting(number: number): Promise<string[]> {
  for (;;) {
    const { rows } = await sql<{ query: string }>`select query from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`.execute(api.database.db);
    if (rows.length >= number) return rows.map(({ query }) => query);
  }
}
