import { sql } from 'kysely';
import { insertPlanVersion } from '../../lib/db/plan-store.ts';
import { factsOf, readSubscription } from '../../lib/db/subscription-store.ts';
import { freshKey } from '../builders/api.ts';
import { foundingTerms } from '../builders/plan-terms.ts';
import { makePlan } from '../builders/plans.ts';
import { subscriptionCalls, trial } from '../builders/subscription-calls.ts';

const the = subscriptionCalls();
const { practice, send, changed, lastFact, lastAudit, told, decide, timePasses } = the;

describe('a change', () => {
  test('is a fact, an audit row and a notice, once for each key', async () => {
    const id = await practice();
    const headers = { 'idempotency-key': freshKey(), 'if-match': '"2"' };
    const first = await send(id, 'quantities', { from: '2027-05-15', clinicians: 8 }, headers);
    expect(first.statusCode).toBe(200);
    expect(first.headers['etag']).toBe('"3"');
    expect(first.json()).toMatchObject({ state: 'active', lockedUntil: '2029-02-20', approvalId: null });
    expect(await lastFact(id)).toMatchObject({ kind: 'quantities', clinicians: 8, locations: 1, seq: 3 });
    expect(await lastAudit(id, 'subscription.quantities_changed')).toMatchObject({
      details: { clinicians: 8, from: '2027-05-15', reason: 'asked for by the practice' },
    });
    expect((await told(id))[0]).toMatchObject({
      kind: 'subscription_changed',
      data: { change: 'quantities', from: '2027-05-15', clinicians: 8, lockedUntil: '2029-02-20' },
      deliveries: [{ channel: 'mail', address: 'ana@example.com' }],
    });
    const again = await send(id, 'quantities', { from: '2027-05-15', clinicians: 8 }, headers);
    expect(again.headers['idempotency-replayed']).toBe('true');
    expect(await factsOf(the.api.database.db, id)).toHaveLength(3);
  });

  test('is held to the revision that its author saw', async () => {
    const id = await practice();
    const answer = await send(id, 'quantities', { clinicians: 8 }, { 'if-match': '"1"' });
    expect(answer.json()).toMatchObject({ status: 412, code: 'precondition_failed' });
    expect(await factsOf(the.api.database.db, id)).toHaveLength(2);
  });

  test('is for plan administrators', async () => {
    const { token } = await the.api.tokenWith(['operator', 'security_admin']);
    const answer = await send(
      await practice(),
      'quantities',
      { clinicians: 8 },
      { authorization: `Bearer ${token}` },
    );
    expect(answer.statusCode).toBe(403);
  });

  test('never speaks of a day in a closed period', async () => {
    const id = await practice();
    await timePasses();
    const answer = await send(id, 'quantities', { from: '2027-04-19', clinicians: 8 });
    expect(answer.json()).toMatchObject({
      status: 409,
      detail: expect.stringContaining('from 2027-04-20 on'),
    });
  });

  test('tells of no lock that is over', async () => {
    const id = await practice();
    the.api.clock.at = new Date('2029-03-01T18:00:00Z');
    await changed(id, 'quantities', { clinicians: 8 });
    expect((await told(id))[0]).toMatchObject({ data: { change: 'quantities', lockedUntil: null } });
  });

  test('speaks of no closed period either when the clock was set back', async () => {
    const id = await practice();
    await timePasses();
    the.api.clock.at = trial;
    expect((await send(id, 'trial-extension', { days: 14 })).json()).toMatchObject({ state: 'active' });
    for (const verb of ['quantities', 'cancellation']) {
      const answer = await send(id, verb, { from: '2027-03-20', clinicians: 8, waiveNotice: true });
      expect([400, 409, 422]).toContain(answer.statusCode);
    }
    expect(await changed(id, 'cancellation', { waiveNotice: true })).toMatchObject({ endsOn: '2027-05-20' });
  });

  test.each([
    ['quantities', {}, '/clinicians'],
    ['quantities', { clinicians: 0 }, '/clinicians'],
    ['quantities', { clinicians: 5, from: '2027-02-30' }, '/from'],
    ['trial-extension', { days: 1.5 }, '/days'],
    ['lock-extension', { months: 61 }, '/months'],
    ['plan', { plan: 'no-such-plan' }, '/plan'],
    ['transfer', { legalName: 'X LLC', npi: '1234567890' }, '/npi'],
    ['suspension', { confirm: 'another-practice' }, '/confirm'],
    ['cancellation', { from: '2027-05-11' }, '/from'],
  ])('%s of %j is refused, and says what is wrong', async (verb, payload, pointer) => {
    const answer = await send(await practice(), verb, payload);
    expect([400, 422]).toContain(answer.statusCode);
    expect(answer.json().errors).toContainEqual({ pointer, message: expect.any(String) });
  });
});

describe('another plan', () => {
  test('begins with the next period, signed, and takes a place of its own at once', async () => {
    const id = await practice();
    const plan = await makePlan(the.api.database.db, {
      cap: 1,
      rates: { base: 30_000, perClinician: 0, perLocation: 0 },
    });
    expect((await send(id, 'plan', { plan })).json()).toMatchObject({
      status: 409,
      detail: expect.stringContaining('locked until 2029-02-20'),
    });
    expect(await changed(id, 'plan', { plan, givesUpLock: true })).toMatchObject({
      plan: { id: plan, version: 1 },
      lockedUntil: '2029-05-20',
    });
    expect(await lastFact(id)).toMatchObject({
      kind: 'plan',
      from: '2027-05-20',
      signature: { signatures: [expect.anything()] },
    });
    const late = await send(await practice(), 'plan', { plan, givesUpLock: true });
    expect(late.json()).toMatchObject({ status: 409, detail: expect.stringContaining('no place free') });
  });

  test('is taken back until its day, while its own plan has a place', async () => {
    const founding = await makePlan(the.api.database.db, {
      cap: 2,
      lock: { months: 24, from: 'activation' },
    });
    const [id, other] = [await practice(), await practice()];
    for (const each of [id, other]) await changed(each, 'plan', { plan: founding, givesUpLock: true });
    the.api.clock.at = new Date('2027-06-10T18:00:00Z');
    const withdraw = () => the.api.call({ method: 'DELETE', url: `/v1/practices/${id}/subscription/plan` });
    expect((await withdraw()).json()).toMatchObject({ status: 409 });
    const leaves = async () => await changed(id, 'plan', { plan: 'standard', givesUpLock: true });
    expect(await leaves()).toMatchObject({ plan: { id: 'standard' }, lockedUntil: '2027-06-20' });
    // Notices are listed by their times.
    the.api.clock.at = new Date('2027-06-10T18:00:01Z');
    expect((await withdraw()).json()).toMatchObject({ plan: { id: founding }, lockedUntil: '2029-05-20' });
    expect((await told(id))[0]).toMatchObject({ data: { change: 'plan_withdrawn', planId: founding } });
    await leaves();
    await changed(await practice(), 'plan', { plan: founding, givesUpLock: true });
    expect((await withdraw()).json()).toMatchObject({
      status: 409,
      detail: expect.stringContaining('not free any more'),
    });
  });

  test('has its last place for one of several who ask at once', async () => {
    const plan = await makePlan(the.api.database.db, { cap: 1 });
    const ids = [await practice(), await practice(), await practice(), await practice()];
    const answers = await Promise.all(ids.map((id) => send(id, 'plan', { plan, givesUpLock: true })));
    expect(answers.map(({ statusCode }) => statusCode).toSorted((a, b) => a - b)).toEqual([
      200, 409, 409, 409,
    ]);
  });
});

describe('extensions', () => {
  test('of a free period are made at once, up to what one person may give away', async () => {
    the.api.clock.at = trial;
    const id = await practice();
    expect(await changed(id, 'trial-extension', { days: 14 })).toMatchObject({
      chargedFrom: '2027-03-06',
      lockedUntil: '2029-03-06',
      approvalId: null,
    });
    // 40 days more are worth 411.62 USD, and with the 14 from before 555.69.
    const { approvalId, chargedFrom } = await changed(id, 'trial-extension', { days: 40 });
    expect(chargedFrom).toBe('2027-03-06');
    expect((await decide(approvalId, 'approve', the.api.administrator)).json()).toMatchObject({
      status: 403,
    });
    expect((await decide(approvalId, 'approve', the.second)).statusCode).toBe(200);
    expect(await readSubscription(the.api.database.db, id)).toMatchObject({ chargedFrom: '2027-04-15' });
    expect(await lastAudit(id, 'subscription.trial_extended')).toMatchObject({
      details: { days: 40, valueCents: 55_569, requestedBy: 'first administrator' },
    });
  });

  test('that were asked for change nothing when they are declined, or when the free period is over by then', async () => {
    the.api.clock.at = trial;
    const [declined, late] = [await practice(), await practice()];
    const first = await changed(declined, 'trial-extension', { days: 100 });
    expect((await decide(first.approvalId, 'decline', the.second)).statusCode).toBe(200);
    const other = await changed(late, 'trial-extension', { days: 100 });
    the.api.clock.at = new Date('2027-01-23T18:00:00Z');
    await changed(late, 'cancellation', { from: '2027-01-23' });
    expect((await decide(other.approvalId, 'approve', the.second)).json()).toMatchObject({
      code: 'wrong_state',
    });
    for (const id of [declined, late]) {
      expect(await readSubscription(the.api.database.db, id)).toMatchObject({ chargedFrom: '2027-02-20' });
    }
  });

  test('of a lock are worth nothing while new members pay the same', async () => {
    const id = await practice();
    expect(await changed(id, 'lock-extension', { months: 6 })).toMatchObject({ lockedUntil: '2029-08-20' });
    expect(await lastAudit(id, 'subscription.lock_extended')).toMatchObject({
      details: { months: 6, valueCents: 0 },
    });
  });
});

describe('a price that is published for later', () => {
  afterEach(() => withPrices());
  /** Version 2 of the plan, dearer from 2028 on; without it the plan has version 1 alone. */
  const withPrices = async (base?: number) => {
    const { db } = the.api.database;
    await sql`alter table plan_version disable trigger user`.execute(db);
    await db.deleteFrom('plan_version').where('plan_id', '=', 'founding').where('version', '>', 1).execute();
    await sql`alter table plan_version enable trigger user`.execute(db);
    if (base === undefined) return;
    const terms = { ...foundingTerms, rates: { ...foundingTerms.rates, base } };
    const version = { planId: 'founding', version: 2, effectiveFrom: '2028-01-01', terms };
    await db.transaction().execute((trx) => insertPlanVersion(trx, version));
  };

  test('counts for the value of a longer lock', async () => {
    await withPrices(foundingTerms.rates.base + 10_000);
    const { approvalId, lockedUntil } = await changed(await practice(), 'lock-extension', { months: 6 });
    expect([approvalId, lockedUntil]).toEqual([expect.any(String), '2029-02-20']);
  });
});

describe('an end', () => {
  const withdraw = (id: string) =>
    the.api.call({ method: 'DELETE', url: `/v1/practices/${id}/subscription/cancellation` });

  test('comes on its day, until which it can be taken back', async () => {
    const id = await practice();
    expect(await changed(id, 'cancellation', {})).toMatchObject({ state: 'active', endsOn: '2027-06-09' });
    expect((await told(id))[0]).toMatchObject({
      kind: 'subscription_cancelled',
      data: { until: '2027-06-09' },
    });
    expect((await withdraw(id)).json()).toMatchObject({ state: 'active', endsOn: null });
    expect((await withdraw(id)).json()).toMatchObject({ status: 409 });
    expect(await changed(id, 'cancellation', { from: '2027-05-11', waiveNotice: true })).toMatchObject({
      endsOn: '2027-05-11',
    });
    the.api.clock.at = new Date('2027-05-11T18:00:00Z');
    await timePasses();
    expect(await readSubscription(the.api.database.db, id)).toMatchObject({
      state: 'cancelled',
      nextDueAt: null,
    });
    expect((await withdraw(id)).json()).toMatchObject({ code: 'wrong_state', state: 'cancelled' });
  });
});
