import { randomUUID } from 'node:crypto';
import { subscriptionChangeSchema } from '../../control-api/contracts/subscription-changes.ts';
import { insertEndpoint } from '../../lib/db/notice-endpoint-store.ts';
import { factsOf, readSubscription } from '../../lib/db/subscription-store.ts';
import { DomainError } from '../../lib/domain/errors.ts';
import type { NoticePorts } from '../../lib/ports/notice-ports.ts';
import { advanceDueSubscriptions } from '../../lib/reconcilers/advance-subscriptions.ts';
import { deliverDue } from '../../lib/reconcilers/deliver-notices.ts';
import { freshKey, startTestApi, type TestApi } from '../builders/api.ts';
import { billedPractice } from '../builders/billed-practice.ts';
import { publishTestRelease } from '../builders/database.ts';
import { testNoticePorts } from '../builders/notices.ts';
import { makePlan } from '../builders/plans.ts';
import { silent } from '../builders/runs.ts';
import { freshNpi } from '../builders/sign-up.ts';
import { startWebhookReceiver } from '../builders/webhook-receiver.ts';

let api: TestApi;
/** Another plan administrator. */
let second: string;
let release: string;
const notices = testNoticePorts();
/** In the free period of practices that are activated on 22 November 2026 in Chicago, which ends on 20 February 2027. */
const trial = new Date('2027-01-10T18:00:00Z');
/** In their third period, from 20 April 2027 on. */
const charged = new Date('2027-05-10T18:00:00Z');

beforeAll(async () => {
  api = await startTestApi();
  release = await publishTestRelease(api.database, 'b', api.clock.at);
  second = (await api.tokenWith(['plan_admin'], 300)).token;
});
beforeEach(() => {
  api.clock.at = charged;
});
afterAll(() => api.close());

let serial = 0;
const practice = async () => {
  serial += 1;
  const { id } = await billedPractice(api.database, `oak-${serial}`);
  const active = { state: 'active', release_id: release, cell_id: 'main', activated_at: trial } as const;
  await api.database.db.updateTable('practice').set(active).where('id', '=', id).execute();
  return id;
};
const send = (id: string, verb: string, payload: object, headers: Record<string, string> = {}) =>
  api.call({
    method: 'POST',
    url: `/v1/practices/${id}/subscription/${verb}`,
    payload: { reason: 'asked for by the practice', ...payload },
    headers: { 'idempotency-key': freshKey(), ...headers },
  });
const changed = async (id: string, verb: string, payload: object) => {
  const answer = await send(id, verb, payload);
  expect([answer.statusCode, answer.json()]).toEqual([
    expect.any(Number),
    expect.objectContaining({ practiceId: id }),
  ]);
  return subscriptionChangeSchema.parse(answer.json());
};
const lastFact = async (id: string) => (await factsOf(api.database.db, id)).at(-1);
const lastAudit = async (id: string) =>
  (await api.call({ method: 'GET', url: `/v1/audit?subjectType=subscription&subjectId=${id}` })).json()
    .items[0];
const told = async (id: string) =>
  (await api.call({ method: 'GET', url: `/v1/notices?practice=${id}` })).json().items;
const decide = (approvalId: string | null, verb: 'approve' | 'decline', token: string) =>
  api.call({
    method: 'POST',
    url: `/v1/subscription-approvals/${approvalId}/${verb}`,
    payload: verb === 'decline' ? { reason: 'not agreed' } : {},
    headers: { authorization: `Bearer ${token}` },
  });
/** What the reconcilers do at the clock's time. */
async function timePasses(by: NoticePorts = notices): Promise<void> {
  const parts = { db: api.database.db, clock: api.core.clock, log: silent };
  await advanceDueSubscriptions(parts);
  await deliverDue({ ...parts, notices: by });
}

describe('a change', () => {
  test('is a fact, an audit row and a notice, once for each key', async () => {
    const id = await practice();
    const headers = { 'idempotency-key': freshKey(), 'if-match': '"2"' };
    const first = await send(id, 'quantities', { from: '2027-05-15', clinicians: 8 }, headers);
    expect(first.statusCode).toBe(200);
    expect(first.headers['etag']).toBe('"3"');
    expect(first.json()).toMatchObject({ state: 'active', lockedUntil: '2029-02-20', approvalId: null });
    expect(await lastFact(id)).toMatchObject({ kind: 'quantities', clinicians: 8, locations: 1, seq: 3 });
    expect(await lastAudit(id)).toMatchObject({
      action: 'subscription.quantities_changed',
      details: { clinicians: 8, from: '2027-05-15', reason: 'asked for by the practice' },
    });
    expect((await told(id))[0]).toMatchObject({
      kind: 'subscription_changed',
      data: { change: 'quantities', from: '2027-05-15', clinicians: 8, lockedUntil: '2029-02-20' },
      deliveries: [{ channel: 'mail', address: 'ana@example.com' }],
    });
    const again = await send(id, 'quantities', { from: '2027-05-15', clinicians: 8 }, headers);
    expect(again.headers['idempotency-replayed']).toBe('true');
    expect(await factsOf(api.database.db, id)).toHaveLength(3);
  });

  test('is held to the revision that its author saw', async () => {
    const id = await practice();
    const answer = await send(id, 'quantities', { clinicians: 8 }, { 'if-match': '"1"' });
    expect(answer.json()).toMatchObject({ status: 412, code: 'precondition_failed' });
    expect(await factsOf(api.database.db, id)).toHaveLength(2);
  });

  test('is for plan administrators', async () => {
    const { token } = await api.tokenWith(['operator', 'security_admin']);
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
    const plan = await makePlan(api.database.db, {
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

  test('has its last place for one of several who ask at once', async () => {
    const plan = await makePlan(api.database.db, { cap: 1 });
    const ids = [await practice(), await practice(), await practice(), await practice()];
    const answers = await Promise.all(ids.map((id) => send(id, 'plan', { plan, givesUpLock: true })));
    expect(answers.map(({ statusCode }) => statusCode).toSorted((a, b) => a - b)).toEqual([
      200, 409, 409, 409,
    ]);
  });
});

describe('extensions', () => {
  test('of a free period are made at once, up to what one person may give away', async () => {
    api.clock.at = trial;
    const id = await practice();
    expect(await changed(id, 'trial-extension', { days: 14 })).toMatchObject({
      chargedFrom: '2027-03-06',
      lockedUntil: '2029-03-06',
      approvalId: null,
    });
    // 40 days more are worth 411.62 USD, and with the 14 from before 555.69.
    const { approvalId, chargedFrom } = await changed(id, 'trial-extension', { days: 40 });
    expect(chargedFrom).toBe('2027-03-06');
    expect((await decide(approvalId, 'approve', api.administrator)).json()).toMatchObject({ status: 403 });
    expect((await decide(approvalId, 'approve', second)).statusCode).toBe(200);
    expect(await readSubscription(api.database.db, id)).toMatchObject({ chargedFrom: '2027-04-15' });
    expect(await lastAudit(id)).toMatchObject({
      action: 'subscription.trial_extended',
      details: { days: 40, valueCents: 55_569, requestedBy: 'first administrator' },
    });
  });

  test('that were asked for change nothing when they are declined, or when the free period is over by then', async () => {
    api.clock.at = trial;
    const [declined, late] = [await practice(), await practice()];
    const first = await changed(declined, 'trial-extension', { days: 100 });
    expect((await decide(first.approvalId, 'decline', second)).statusCode).toBe(200);
    const other = await changed(late, 'trial-extension', { days: 100 });
    api.clock.at = new Date('2027-01-23T18:00:00Z');
    await changed(late, 'cancellation', { from: '2027-01-23' });
    expect((await decide(other.approvalId, 'approve', second)).json()).toMatchObject({ code: 'wrong_state' });
    for (const id of [declined, late]) {
      expect(await readSubscription(api.database.db, id)).toMatchObject({ chargedFrom: '2027-02-20' });
    }
  });

  test('of a lock are worth nothing while new members pay the same', async () => {
    const id = await practice();
    expect(await changed(id, 'lock-extension', { months: 6 })).toMatchObject({ lockedUntil: '2029-08-20' });
    expect(await lastAudit(id)).toMatchObject({ details: { months: 6, valueCents: 0 } });
  });
});

describe('an end', () => {
  const withdraw = (id: string) =>
    api.call({ method: 'DELETE', url: `/v1/practices/${id}/subscription/cancellation` });

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
    api.clock.at = new Date('2027-05-11T18:00:00Z');
    await timePasses();
    expect(await readSubscription(api.database.db, id)).toMatchObject({
      state: 'cancelled',
      nextDueAt: null,
    });
    expect((await withdraw(id)).json()).toMatchObject({ code: 'wrong_state', state: 'cancelled' });
  });
});

describe('an overdue payment', () => {
  const suspend = (id: string) => send(id, 'suspension', { confirm: id });
  const days = (count: number) => {
    api.clock.at = new Date(charged.getTime() + count * 86_400_000);
  };

  test('leads to a suspension by a person, 14 days after the practice was told, and back', async () => {
    const id = await practice();
    expect((await suspend(id)).json()).toMatchObject({ code: 'wrong_state', state: 'active' });
    expect(await changed(id, 'past-due', { since: '2027-05-01' })).toMatchObject({ state: 'past_due' });
    days(20);
    // Nobody was sent anything yet.
    expect((await suspend(id)).json()).toMatchObject({
      status: 409,
      detail: expect.stringContaining('was not sent yet'),
    });
    await timePasses();
    days(33);
    expect((await suspend(id)).json()).toMatchObject({
      status: 409,
      detail: expect.stringContaining('from 2027-06-13 on'),
    });
    days(34);
    const suspended = await suspend(id);
    expect(suspended.statusCode).toBe(202);
    const { runId, state } = subscriptionChangeSchema.parse(suspended.json());
    expect(state).toBe('suspended');
    expect(suspended.headers['location']).toBe(`/v1/runs/${runId}`);
    expect(api.enqueued.at(-1)).toMatchObject({ id: runId, practiceId: id });
    expect(await lastFact(id)).toMatchObject({ kind: 'suspended', from: '2027-06-13' });

    // The run has ended.
    const { db } = api.database;
    await db.updateTable('run').set({ state: 'succeeded' }).where('id', '=', runId).execute();
    await db.updateTable('practice').set({ state: 'suspended' }).where('id', '=', id).execute();
    const around = await api.call({
      method: 'POST',
      url: `/v1/practices/${id}/resume`,
      payload: { reason: 'the practice asked' },
      headers: { 'idempotency-key': freshKey() },
    });
    expect(around.json()).toMatchObject({ detail: expect.stringContaining(`subscription resume ${id}`) });
    days(40);
    expect((await send(id, 'settlement', {})).json()).toMatchObject({ code: 'wrong_state' });
    const resumed = await changed(id, 'resumption', {});
    expect(resumed).toMatchObject({ state: 'past_due', runId: expect.any(String) });
    expect(await lastFact(id)).toMatchObject({ kind: 'resumed', from: '2027-06-20' });
    expect(await changed(id, 'settlement', {})).toMatchObject({ state: 'active' });
    const list = `/v1/practices/${id}/subscription/notices`;
    const page = (await api.call({ method: 'GET', url: `${list}?limit=3` })).json();
    expect(page.items.map(({ kind }: { kind: string }) => kind)).toEqual([
      'subscription_changed',
      'subscription_changed',
      'subscription_suspended',
    ]);
    const rest = await api.call({ method: 'GET', url: `${list}?cursor=${page.nextCursor}` });
    expect(rest.json().items.find(({ kind }: { kind: string }) => kind === 'payment_overdue')).toMatchObject({
      about: '2027-05-01',
      data: { since: '2027-05-01' },
      writtenAt: charged.toISOString(),
      sentAt: '2027-05-30T18:00:00.000Z',
    });
  });

  test('is told to somebody of the practice even if no contact asked for it; a webhook is not enough', async () => {
    const id = await practice();
    const { db } = api.database;
    await db
      .insertInto('practice_contact')
      .values({ practice_id: id, contacts: '[]', revision: 1, updated_at: charged })
      .execute();
    const receiver = await startWebhookReceiver();
    const endpointId = randomUUID();
    await db.transaction().execute((trx) =>
      insertEndpoint(trx, {
        id: endpointId,
        practice_id: id,
        url: receiver.url,
        kinds: ['payment_overdue'],
        secret: notices.secrets.seal(notices.webhooks.newSecret(), endpointId),
        created_by: 'test',
        created_at: charged,
      }),
    );
    await changed(id, 'past-due', {});
    const [notice] = await told(id);
    expect(notice.deliveries).toMatchObject([
      { channel: 'mail', address: 'ana@example.com' },
      { endpointId },
    ]);
    const away = async () => {
      throw new DomainError('unavailable', 'the mail server is away', { retryable: true });
    };
    await timePasses({ ...notices, mailer: { ...notices.mailer, send: away } });
    expect(receiver.received.map(({ type }) => type)).toEqual(['payment_overdue']);
    await receiver.close();
    days(30);
    expect((await suspend(id)).json()).toMatchObject({ detail: expect.stringContaining('was not sent yet') });
  });

  test('that was told before does not count for the next one', async () => {
    const id = await practice();
    await changed(id, 'past-due', {});
    await timePasses();
    days(20);
    await changed(id, 'settlement', {});
    await changed(id, 'past-due', {});
    expect((await suspend(id)).json()).toMatchObject({ detail: expect.stringContaining('was not sent yet') });
  });
});

describe('a transfer', () => {
  const agreement = { acceptedBy: 'Kim Ode', acceptedAt: '2027-05-01T12:00:00Z', version: '2027-01' };
  const contact = { name: 'Kim Ode', email: 'kim@lakeside.example.com', phone: '+13125550100' };

  test('takes a second person, and leaves plan, lock and free days as they are', async () => {
    const id = await practice();
    const before = await readSubscription(api.database.db, id);
    const npi = freshNpi();
    const link = await api.call({ method: 'POST', url: `/v1/practices/${id}/subscription/link` });
    const { approvalId } = await changed(id, 'transfer', {
      legalName: 'Lakeside LLC',
      npi,
      contact,
      agreement,
    });
    expect((await decide(approvalId, 'approve', api.administrator)).statusCode).toBe(403);
    expect((await decide(approvalId, 'approve', second)).statusCode).toBe(200);
    const after = await readSubscription(api.database.db, id);
    expect(after).toMatchObject({
      ...before,
      revision: 3,
      nextDueAt: charged,
      updatedAt: charged,
      state: 'active',
    });
    const contacts = await api.call({ method: 'GET', url: `/v1/practices/${id}/contacts` });
    expect(contacts.json().contacts).toMatchObject([{ email: contact.email }]);
    expect((await told(id))[0]).toMatchObject({
      data: { change: 'transferred' },
      deliveries: [{ address: contact.email }],
    });
    expect((await api.call({ method: 'GET', url: link.json().path })).statusCode).toBe(404);
  });

  test('to an NPI that another practice has is refused', async () => {
    const [id, other] = [await practice(), await practice()];
    const { npi } = await api.database.db
      .selectFrom('sign_up')
      .select('npi')
      .where('practice_id', '=', other)
      .executeTakeFirstOrThrow();
    // Those of the builder have no check digit.
    const owner = { legalName: 'Lakeside LLC', npi: freshNpi(), contact, agreement };
    const { approvalId } = await changed(id, 'transfer', owner);
    await api.database.db.updateTable('sign_up').set({ npi: owner.npi }).where('npi', '=', npi).execute();
    const answer = await decide(approvalId, 'approve', second);
    expect(answer.json()).toMatchObject({ status: 409, detail: expect.stringContaining(owner.npi) });
    expect(await factsOf(api.database.db, id)).toHaveLength(2);
  });
});
