import { sql } from 'kysely';
import { subscriptionSchema } from '../../control-api/contracts/subscriptions.ts';
import { insertPlanVersion } from '../../lib/db/plan-store.ts';
import { factsOf } from '../../lib/db/subscription-store.ts';
import type { PlanTerms } from '../../lib/domain/plan/terms.ts';
import { timelineOf } from '../../lib/domain/plan/timeline.ts';
import type { SignUpRequest } from '../../lib/domain/sign-up.ts';
import {
  chargesPaused,
  chargesResumed,
  subscriptionActivated,
  subscriptionEnded,
} from '../../lib/workflows/subscription-life.ts';
import { freshKey, startTestApi, type TestApi } from '../builders/api.ts';
import { publishTestRelease } from '../builders/database.ts';
import { foundingTerms } from '../builders/plan-terms.ts';
import { makePlan } from '../builders/plans.ts';
import { signUpRequest } from '../builders/sign-up.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
  await publishTestRelease(api.database, 'b', api.clock.at);
});
afterAll(() => api.close());

let serial = 0;

const planWith = (changes: Partial<PlanTerms>) => makePlan(api.database.db, changes);

async function signUp(changes: Partial<SignUpRequest> = {}): Promise<string> {
  serial += 1;
  const answer = await api.app.inject({
    method: 'POST',
    url: '/v1/signups',
    headers: { 'idempotency-key': freshKey() },
    payload: signUpRequest({ displayName: `Larch ${serial}`, timeZone: 'America/Chicago', ...changes }),
  });
  expect(answer.statusCode).toBe(201);
  return answer.json().id;
}

const approve = (id: string, change: object = {}) =>
  api.call({
    method: 'POST',
    url: `/v1/signups/${id}/approve`,
    payload: { reason: 'NPI and licence checked', ...change },
  });

async function approved(changes: Partial<SignUpRequest> = {}, change: object = {}): Promise<string> {
  const answer = await approve(await signUp(changes), change);
  expect(answer.statusCode).toBe(202);
  return answer.json().practiceId;
}

const read = (path: string) => api.call({ method: 'GET', url: path });
const subscriptionOf = async (practiceId: string) =>
  subscriptionSchema.parse((await read(`/v1/practices/${practiceId}/subscription`)).json());
const signUpsWithPlace = async () =>
  Number(/^lumenality_sign_ups_with_place (\d+)$/m.exec((await read('/metrics')).body)?.[1]);
const waitingList = async (plan: string) => (await read(`/v1/plans/${plan}/waiting-list`)).json().items;

/** What the workflow does when it comes so far, at the clock's time. */
function happens(what: typeof subscriptionActivated, practiceId: string): Promise<void> {
  return api.database.db.transaction().execute((trx) => what(trx, { practiceId, at: api.clock.at }));
}

describe('an approval', () => {
  test('makes the practice a member on the terms in force, signed, before it is active', async () => {
    const practiceId = await approved({ clinicianCount: 6 }, { locations: 2 });
    const found = await subscriptionOf(practiceId);
    expect(found).toMatchObject({
      state: 'pending',
      plan: { id: 'founding', version: 1 },
      rates: { base: 14_900, perClinician: 2_900, perLocation: 1_900 },
      quantities: { clinicians: 6, locations: 2 },
      enrolledOn: '2026-11-20',
      activatedOn: null,
      chargedFrom: null,
      lockedUntil: null,
      terms: { freeDays: 90, lock: { months: 24 }, cap: 100 },
      signature: { good: true, objection: null },
    });
    const [row] = (await read(`/v1/audit?subjectType=subscription&subjectId=${practiceId}`)).json().items;
    expect(row).toMatchObject({
      action: 'subscription.enrolled',
      details: { signature: { signatures: [{}] } },
    });
    const signed = JSON.parse(Buffer.from(row.details.signature.payload, 'base64').toString());
    expect(signed).toMatchObject({ practice: practiceId, plan: 'founding', terms: { freeDays: 90 } });
  });

  test('starts the free period with the activation: a slow provisioning costs nothing', async () => {
    const practiceId = await approved();
    const at = api.clock.at;
    // In Chicago it is still the evening of 3 December.
    api.clock.at = new Date('2026-12-04T05:30:00Z');
    await happens(subscriptionActivated, practiceId);
    expect(await subscriptionOf(practiceId)).toMatchObject({
      state: 'trialing',
      activatedOn: '2026-12-03',
      chargedFrom: '2027-03-03',
      locked: false,
      lockedUntil: '2029-03-03',
      period: null,
    });
    api.clock.at = new Date('2027-03-03T12:00:00Z');
    expect(await subscriptionOf(practiceId)).toMatchObject({
      state: 'active',
      locked: true,
      period: { from: '2027-03-03', until: '2027-04-03' },
    });
    api.clock.at = at;
  });

  test('is held to the enrolment days by the practice’s own calendar', async () => {
    const over = await planWith({ enrolment: { from: null, until: '2026-11-19' } });
    const answer = await approve(await signUp({ plan: over }));
    expect(answer.statusCode).toBe(409);
    expect(answer.json()).toMatchObject({
      code: 'conflict',
      detail: expect.stringContaining('until 2026-11-19'),
    });
    const last = await planWith({ enrolment: { from: null, until: '2026-11-20' } });
    await approved({ plan: last });
    const soon = await planWith({ enrolment: { from: '2026-11-21', until: null } });
    expect((await approve(await signUp({ plan: soon }))).json().detail).toContain('from 2026-11-21');
    // There it is tomorrow already.
    await approved({ plan: soon, timeZone: 'Pacific/Kiritimati' });
  });

  test('is held to the disciplines of the plan', async () => {
    const plan = await planWith({ disciplines: ['aba', 'occupational'] });
    const answer = await approve(await signUp({ plan, disciplines: ['speech', 'physical'] }));
    expect(answer.json()).toMatchObject({
      code: 'conflict',
      detail: expect.stringContaining('aba, occupational'),
    });
    await approved({ plan, disciplines: ['speech', 'aba'] });
  });

  test('can name another plan, and refuses one that there is not', async () => {
    const id = await signUp();
    expect((await approve(id, { plan: 'gold' })).json()).toMatchObject({
      code: 'invalid_input',
      errors: [{ pointer: '/plan' }],
    });
    const { practiceId } = (await approve(id, { plan: 'standard' })).json();
    expect(await subscriptionOf(practiceId)).toMatchObject({ plan: { id: 'standard', version: 1 } });
    const practice = (await read(`/v1/practices/${practiceId}`)).json();
    expect(practice.plan).toEqual({ id: 'standard', version: 1 });
  });
});

describe('a plan that is full', () => {
  test('gives a place on its waiting list, always the same one, and an offer of the standard plan', async () => {
    const plan = await planWith({ cap: 1 });
    await approved({ plan });
    const id = await signUp({ plan });
    for (const _attempt of [1, 2]) {
      const answer = await approve(id);
      expect(answer.statusCode).toBe(409);
      expect(answer.json()).toMatchObject({
        code: 'plan_full',
        waitingListPosition: 1,
        offer: { planId: 'standard', planVersion: 1, terms: { freeDays: 0, cap: null } },
      });
    }
    expect((await read(`/v1/signups/${id}`)).json().state).toBe('requested');
    expect(await waitingList(plan)).toMatchObject([
      { position: 1, signUpId: id, placeFree: false, objection: null },
    ]);
    const audit = await read(`/v1/audit?subjectType=sign_up&subjectId=${id}&action=sign_up.waiting_listed`);
    expect(audit.json().items).toMatchObject([{ details: { plan, position: 1 } }]);
    expect(api.enqueued.filter(({ practiceId }) => practiceId === id)).toEqual([]);
    // The offer is taken: it waits no more.
    expect((await approve(id, { plan: 'standard' })).statusCode).toBe(202);
    expect(await waitingList(plan)).toEqual([]);
  });

  test('gives a place that is free to the head of its list, past those who ask first', async () => {
    const plan = await planWith({ cap: 1 });
    const member = await approved({ plan });
    const [first, second, third] = [await signUp({ plan }), await signUp({ plan }), await signUp({ plan })];
    for (const id of [first, second]) expect((await approve(id)).statusCode).toBe(409);
    const withPlace = await signUpsWithPlace();
    await api.database.db
      .transaction()
      .execute((trx) =>
        subscriptionEnded(trx, { practiceId: member, at: api.clock.at }, 'provisioning was cancelled'),
      );
    expect(await subscriptionOf(member)).toMatchObject({ state: 'cancelled', endsOn: '2026-11-20' });
    expect((await approve(third)).json()).toMatchObject({ code: 'plan_full', waitingListPosition: 3 });
    expect(await waitingList(plan)).toMatchObject([
      { signUpId: first, placeFree: true },
      { signUpId: second, placeFree: false },
      { signUpId: third, placeFree: false },
    ]);
    const [next] = (await read(`/v1/plans/${plan}/waiting-list?limit=1`)).json().items;
    expect(next).toMatchObject({ signUpId: first, placeFree: true });
    expect(await signUpsWithPlace()).toBe(withPlace + 1);
    expect((await approve(second)).json()).toMatchObject({ code: 'plan_full', waitingListPosition: 2 });
    expect((await approve(first)).statusCode).toBe(202);
    expect(await waitingList(plan)).toMatchObject([{ position: 2 }, { position: 3 }]);
    expect(await signUpsWithPlace()).toBe(withPlace);
  });

  test('says of whom it does not take any more why it does not, and that it holds up the others', async () => {
    const plan = await planWith({ cap: 1 });
    await approved({ plan });
    const [first, second] = [await signUp({ plan }), await signUp({ plan })];
    for (const id of [first, second]) expect((await approve(id)).statusCode).toBe(409);
    const terms = { ...foundingTerms, cap: 2, enrolment: { from: null, until: '2026-11-19' } };
    const version = { planId: plan, version: 2, effectiveFrom: '2026-11-20', terms };
    await api.database.db.transaction().execute((trx) => insertPlanVersion(trx, version));
    const objection = expect.stringContaining('took members until 2026-11-19');
    expect(await waitingList(plan)).toMatchObject([
      { signUpId: first, placeFree: true, objection },
      { signUpId: second, placeFree: false, objection },
    ]);
  });

  test('forgets those who were rejected, and keeps a place for each that waits', async () => {
    const plan = await planWith({ cap: 1 });
    const member = await approved({ plan });
    const [first, second] = [await signUp({ plan }), await signUp({ plan })];
    for (const id of [first, second]) expect((await approve(id)).statusCode).toBe(409);
    await api.database.db
      .transaction()
      .execute((trx) => subscriptionEnded(trx, { practiceId: member, at: api.clock.at }, 'deprovisioned'));
    expect((await approve(second)).statusCode).toBe(409);
    const url = `/v1/signups/${first}/reject`;
    expect((await api.call({ method: 'POST', url, payload: { reason: 'It gave up' } })).statusCode).toBe(200);
    expect((await approve(second)).statusCode).toBe(202);
  });
});

describe('what happens to a silo', () => {
  test('pauses charges while an offboarding can be taken back, keeps the place, and ends them when it is gone', async () => {
    const practiceId = await approved({ plan: await planWith({ cap: 1, freeDays: 0 }) });
    await happens(subscriptionActivated, practiceId);
    const days = async () => {
      const facts = await factsOf(api.database.db, practiceId);
      return timelineOf(facts).suspensions;
    };
    await happens(chargesPaused, practiceId);
    await happens(chargesPaused, practiceId);
    expect(await days()).toEqual([{ from: '2026-11-20', until: null }]);
    const at = api.clock.at;
    api.clock.at = new Date('2026-11-25T12:00:00Z');
    await happens(chargesResumed, practiceId);
    await happens(chargesResumed, practiceId);
    expect(await days()).toEqual([{ from: '2026-11-20', until: '2026-11-25' }]);
    expect((await subscriptionOf(practiceId)).state).toBe('active');
    await api.database.db
      .transaction()
      .execute((trx) =>
        subscriptionEnded(trx, { practiceId, at: api.clock.at }, 'the practice was deprovisioned'),
      );
    expect(await subscriptionOf(practiceId)).toMatchObject({ state: 'cancelled', endsOn: '2026-11-25' });
    expect((await factsOf(api.database.db, practiceId)).map(({ kind }) => kind)).toEqual([
      'enrolled',
      'activated',
      'suspended',
      'resumed',
      'ends',
    ]);
    api.clock.at = at;
  });
});

describe('what was signed', () => {
  /** Changes a row as somebody could who owns the database. */
  async function tamper(statement: ReturnType<typeof sql>): Promise<void> {
    await api.database.db.transaction().execute(async (trx) => {
      await sql`alter table subscription_fact disable trigger user`.execute(trx);
      await statement.execute(trx);
      await sql`alter table subscription_fact enable trigger user`.execute(trx);
    });
  }
  const objection = async (practiceId: string) => (await subscriptionOf(practiceId)).signature.objection;

  test('shows every change of it', async () => {
    const inRow = await approved();
    await tamper(sql`update subscription set terms = jsonb_set(terms, '{rates,base}', '1')
      where practice_id = ${inRow}`);
    expect(await objection(inRow)).toContain('another terms than its facts');

    const inLock = await approved();
    await happens(subscriptionActivated, inLock);
    await tamper(sql`update subscription set locked_until = '2027-03-01', plan_version = 1, ends_on = '2027-01-01'
      where practice_id = ${inLock}`);
    expect(await objection(inLock)).toContain('another lockedUntil, endsOn than its facts');

    const inFact = await approved();
    await tamper(sql`update subscription_fact set fact = jsonb_set(fact, '{terms,lock,months}', '1')
      where practice_id = ${inFact}`);
    expect(await objection(inFact)).toContain('not those that were signed');

    const inEnvelope = await approved();
    const another = Buffer.from('{"plan":"free"}').toString('base64');
    await tamper(sql`update subscription_fact set signature = jsonb_set(signature, '{payload}', ${JSON.stringify(another)}::jsonb)
      where practice_id = ${inEnvelope}`);
    expect(await objection(inEnvelope)).toContain('does not fit');

    const unsigned = await approved();
    await tamper(sql`update subscription_fact set signature = null where practice_id = ${unsigned}`);
    expect(await objection(unsigned)).toBe('The terms were not signed.');

    const fromAnother = await approved();
    await tamper(sql`update subscription_fact set signature = other.signature from subscription_fact other
      where subscription_fact.practice_id = ${fromAnother} and other.practice_id = ${inRow}`);
    expect(await objection(fromAnother)).toContain('not those that were signed');
  });

  test('stays: a fact cannot be changed or removed', async () => {
    const practiceId = await approved();
    const { db } = api.database;
    for (const statement of [
      sql`update subscription_fact set reason = 'x' where practice_id = ${practiceId}`,
      sql`delete from subscription_fact where practice_id = ${practiceId}`,
      sql`truncate subscription_fact`,
    ]) {
      await expect(statement.execute(db)).rejects.toThrow('append-only');
    }
  });
});
