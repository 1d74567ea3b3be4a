import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { addNotice } from '../../lib/db/notice-store.ts';
import type { NewNotice } from '../../lib/domain/notice.ts';
import { secretBox } from '../../lib/notices/secret-box.ts';
import { deliverDue } from '../../lib/reconcilers/deliver-notices.ts';
import { freshKey, startTestApi, type TestApi } from '../builders/api.ts';
import { publishTestRelease } from '../builders/database.ts';
import { testNoticePorts } from '../builders/notices.ts';
import { silent } from '../builders/runs.ts';
import { signUpRequest } from '../builders/sign-up.ts';
import { believes, startWebhookReceiver, type WebhookReceiver } from '../builders/webhook-receiver.ts';

const notices = testNoticePorts();
const hours = 3_600_000;
let api: TestApi;
let receiver: WebhookReceiver;
beforeAll(async () => {
  api = await startTestApi({ notices });
  receiver = await startWebhookReceiver();
  await publishTestRelease(api.database, 'a', api.clock.at);
});
afterAll(async () => {
  await receiver.close();
  await api.close();
});
beforeEach(async () => {
  receiver.status = 204;
  receiver.received.length = 0;
  // What other tests left to be delivered.
  await api.database.db
    .updateTable('notice_delivery')
    .set({ state: 'cancelled', finished_at: api.clock.at })
    .where('state', '=', 'pending')
    .execute();
});

const post = (url: string, payload: object = {}, headers: Record<string, string> = {}) =>
  api.call({ method: 'POST', url, payload, headers: { 'idempotency-key': freshKey(), ...headers } });
const read = (url: string) => api.call({ url });
const actionsOn = async (id: string): Promise<string[]> =>
  (await read(`/v1/audit?subjectId=${id}`)).json().items.map(({ action }: { action: string }) => action);
const later = (ms: number): void => {
  api.clock.at = new Date(api.clock.at.getTime() + ms);
};
const deliver = () => deliverDue({ ...api.core, notices, log: silent });

let serial = 0;
async function practice(): Promise<string> {
  serial += 1;
  const signUp = (await post('/v1/signups', signUpRequest({ displayName: `Aspen ${serial}` }))).json();
  return (await post(`/v1/signups/${signUp.id}/approve`, { reason: 'checked' })).json().practiceId;
}
const failed = (practiceId: string): NewNotice => ({
  kind: 'update_failed',
  practiceId,
  subject: { type: 'rollout', id: 'rollout-1' },
  data: {
    rolloutId: 'rollout-1',
    releaseId: 'r-0123456789ab',
    runId: 'run-1',
    reason: 'readiness failed',
    rolledBackTo: null,
  },
});
const tell = (notice: NewNotice) =>
  api.database.db.transaction().execute((trx) => addNotice(trx, notice, api.clock.at));
async function endpoint(practiceId: string | null): Promise<{ id: string; secret: string }> {
  return (await post('/v1/notice-endpoints', { url: receiver.url, practice: practiceId })).json();
}

describe('endpoints', () => {
  test('a secret is shown once, is kept sealed, and is in no log, trail or answer after', async () => {
    const practiceId = await practice();
    const asked = { url: `${receiver.url}?key=of-the-receiver`, practice: practiceId };
    const key = { 'idempotency-key': freshKey() };
    const added = await post('/v1/notice-endpoints', asked, key);
    expect(added.statusCode).toBe(201);
    expect(added.headers['cache-control']).toBe('no-store');
    const { id, secret, ...shown } = added.json();
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(shown).toMatchObject({ ...asked, createdBy: 'first administrator', previousSecretUntil: null });

    const again = await post('/v1/notice-endpoints', asked, key);
    expect(again.statusCode).toBe(409);
    expect(again.json().detail).toContain(id);

    await tell(failed(practiceId));
    receiver.status = 500;
    await deliver();
    const { db } = api.database;
    const everywhere = JSON.stringify([
      await db.selectFrom('notice_endpoint').selectAll().execute(),
      await db.selectFrom('notice_delivery').selectAll().execute(),
      await db.selectFrom('idempotency').selectAll().execute(),
      await db.selectFrom('audit').selectAll().execute(),
      (await read(`/v1/notice-endpoints?practice=${practiceId}`)).json(),
      (await read(`/v1/notices?practice=${practiceId}`)).json(),
      api.log,
    ]);
    expect(everywhere).toContain(id);
    expect(everywhere).not.toContain(secret.replace('whsec_', ''));
    // The address may itself be a secret of its receiver: only its own record has it.
    const trail = await db.selectFrom('audit').selectAll().execute();
    expect(JSON.stringify([trail, api.log])).not.toContain('of-the-receiver');
    const { body = '' } = receiver.received[0] ?? {};
    expect(body).not.toMatch(/@|Robin|Aspen \d/);
  });

  test('after a rotation both secrets sign for a day, then the new one alone', async () => {
    const practiceId = await practice();
    const { id, secret: old } = await endpoint(practiceId);
    const key = { 'idempotency-key': freshKey() };
    const rotated = await post(`/v1/notice-endpoints/${id}/rotate-secret`, {}, key);
    const { secret: fresh, previousSecretUntil } = rotated.json();
    expect(fresh).not.toBe(old);
    expect(Date.parse(previousSecretUntil) - api.clock.at.getTime()).toBe(24 * hours);
    // Carried out twice it would end the secret that the receiver has.
    expect((await post(`/v1/notice-endpoints/${id}/rotate-secret`, {}, key)).statusCode).toBe(409);

    const believed = async () => {
      await tell(failed(practiceId));
      await deliver();
      const webhook = receiver.received.at(-1);
      if (webhook === undefined) throw new Error('nothing came');
      return [old, fresh].map((secret) => believes(secret, webhook));
    };
    expect(await believed()).toEqual([true, true]);
    later(24 * hours);
    expect(await believed()).toEqual([false, true]);
    expect(await actionsOn(id)).toEqual(['notice_endpoint.secret_rotated', 'notice_endpoint.added']);
  });

  test('those of the fleet hear of every practice, those of a practice of theirs, each of the kinds it asked for', async () => {
    const [mine, other] = [await practice(), await practice()];
    const fleet = await startWebhookReceiver();
    const kinds = ['update_failed', 'rollout_paused'];
    const { id: ofTheFleet } = (await post('/v1/notice-endpoints', { url: fleet.url, kinds })).json();
    await endpoint(mine);
    await tell(failed(mine));
    await tell(failed(other));
    await tell({
      kind: 'update_finished',
      practiceId: mine,
      subject: { type: 'rollout', id: 'rollout-1' },
      data: { rolloutId: 'rollout-1', releaseId: 'r-0123456789ab', runId: 'run-1' },
    });
    await tell({
      kind: 'rollout_paused',
      practiceId: null,
      subject: { type: 'rollout', id: 'rollout-1' },
      data: { rolloutId: 'rollout-1', releaseId: 'r-0123456789ab', reason: 'over budget' },
    });
    await deliver();
    await fleet.close();
    // It would hear of what other tests do.
    await api.call({ method: 'DELETE', url: `/v1/notice-endpoints/${ofTheFleet}` });
    expect(receiver.received.map(({ type }) => type)).toEqual(['update_failed', 'update_finished']);
    expect(fleet.received.map(({ type }) => type)).toEqual([
      'update_failed',
      'update_failed',
      'rollout_paused',
    ]);
    expect(JSON.parse(fleet.received[2]?.body ?? '').data).not.toHaveProperty('practiceId');
  });

  test('one can be tried, by the way of all notices, and is told nothing once it is removed', async () => {
    const practiceId = await practice();
    const { id, secret } = await endpoint(practiceId);
    const tried = await post(`/v1/notice-endpoints/${id}/test`);
    expect(tried.statusCode).toBe(202);
    const { location = '' } = tried.headers;
    await deliver();
    expect((await read(location)).json()).toMatchObject({
      kind: 'test',
      deliveries: [{ endpointId: id, state: 'delivered', attempts: 1, dueAt: null }],
    });
    expect(receiver.received.map((webhook) => [webhook.type, believes(secret, webhook)])).toEqual([
      ['test', true],
    ]);

    const notice = await tell(failed(practiceId));
    expect((await api.call({ method: 'DELETE', url: `/v1/notice-endpoints/${id}` })).statusCode).toBe(204);
    await tell(failed(practiceId));
    await deliver();
    expect(receiver.received).toHaveLength(1);
    const { deliveries } = (await read(`/v1/notices/${notice}`)).json();
    expect(deliveries).toContainEqual(expect.objectContaining({ endpointId: id, state: 'cancelled' }));
    for (const after of [
      await post(`/v1/notice-endpoints/${id}/test`),
      await post(`/v1/notice-endpoints/${id}/rotate-secret`),
      await api.call({ method: 'DELETE', url: `/v1/notice-endpoints/${id}` }),
    ]) {
      expect(after.statusCode).toBe(404);
    }
    const kept = await api.database.db
      .selectFrom('notice_endpoint')
      .select('secret')
      .where('id', '=', id)
      .execute();
    expect(kept).toEqual([{ secret: '' }]);
  });

  test.each([
    ['http://hooks.example.com/', '/url', 'must begin with https://'],
    ['https://user:secret@hooks.example.com/', '/url', 'must not hold a user name or a password'],
    ['hooks.example.com', '/url', 'must begin with https://'],
  ])('%s is refused', async (url, pointer, message) => {
    const refused = await post('/v1/notice-endpoints', { url });
    expect(refused.statusCode).toBe(400);
    expect(refused.json().errors).toEqual([{ pointer, message }]);
    expect(refused.body).not.toContain('user:secret');
  });
});

describe('contacts', () => {
  const contactsOf = (id: string) => `/v1/practices/${id}/contacts`;
  const put = (id: string, contacts: object[], headers: Record<string, string> = {}) =>
    api.call({ method: 'PUT', url: contactsOf(id), payload: { contacts }, headers });
  const dana = { name: 'Dana Reyes', email: 'dana@example.com', notices: ['update_failed'] };

  test("are the sign-up's contact until somebody chooses, and a change is held to the revision that its author saw", async () => {
    const id = await practice();
    const before = await read(contactsOf(id));
    expect(before.json()).toMatchObject({
      chosen: false,
      contacts: [{ name: 'Robin Vale', email: 'robin@harbor-speech.example.com' }],
    });
    expect(before.json().contacts[0].notices).toContain('security_override');
    const tag = { 'if-match': String(before.headers['etag']) };
    const changed = await put(id, [dana], tag);
    expect(changed.json()).toEqual({ practiceId: id, contacts: [dana], chosen: true });
    expect((await put(id, [], tag)).statusCode).toBe(412);
    expect((await read(contactsOf(id))).headers['etag']).toBe(changed.headers['etag']);
    expect(await actionsOn(id)).toContain('practice.contacts_changed');
  });

  test('get the mails that they asked for, and none that is left when they are no contact any more', async () => {
    const id = await practice();
    const all = { name: 'Kim Ode', email: 'kim@example.com', notices: ['update_failed', 'update_finished'] };
    await put(id, [dana, all]);
    await tell(failed(id));
    await put(id, [dana]);
    const sentBefore = new Set(readdirSync(notices.mailDirectory));
    await deliver();
    const [notice] = (await read(`/v1/notices?practice=${id}`)).json().items;
    expect(
      notice.deliveries.map(({ address, state }: { address: string; state: string }) => [address, state]),
    ).toEqual([
      ['dana@example.com', 'delivered'],
      ['kim@example.com', 'cancelled'],
    ]);
    const sent = readdirSync(notices.mailDirectory).filter((file) => !sentBefore.has(file));
    expect(sent).toHaveLength(1);
    const mail = readFileSync(join(notices.mailDirectory, sent[0] ?? ''), 'utf8');
    expect(mail).toContain('To: dana@example.com');
    // Whom the practice took off its list is not told by a detour.
    const again = (deliveryId: string) =>
      post(`/v1/notices/${notice.id}/redeliver`, { reason: 'asked for', deliveryId });
    const [toDana, toKim] = notice.deliveries;
    expect((await again(toKim.id)).json().detail).toContain('nobody there wants it any more');
    await put(id, []);
    expect((await again(toDana.id)).statusCode).toBe(409);
    await put(id, [dana]);
    expect((await again(toDana.id)).statusCode).toBe(202);
    // What an operator reads is not for a practice.
    expect(mail).not.toContain('readiness failed');
    expect(JSON.stringify(api.log)).not.toContain('dana@example.com');
  });

  test('of now get the mail that reached nobody, when somebody sends it again', async () => {
    const id = await practice();
    const kim = { ...dana, name: 'Kim Ode', email: 'kim@example.com' };
    const sentTo = async (noticeId: string) =>
      (await read(`/v1/notices/${noticeId}`))
        .json()
        .deliveries.map(({ address, state }: { address: string; state: string }) => [address, state]);
    const again = (noticeId: string) => post(`/v1/notices/${noticeId}/redeliver`, { reason: 'asked for' });
    await put(id, [dana]);
    const [cancelled, refused] = [await tell(failed(id)), await tell(failed(id))];
    await api.database.db
      .updateTable('notice_delivery')
      .set({ state: 'failed', finished_at: api.clock.at })
      .where('notice_id', '=', refused)
      .execute();
    await put(id, [kim]);
    for (const noticeId of [cancelled, refused]) {
      const answers = await Promise.all([again(noticeId), again(noticeId)]);
      expect(new Set(answers.map(({ statusCode }) => statusCode))).toEqual(new Set([202, 409]));
      await deliver();
      expect(await sentTo(noticeId)).toEqual([
        [dana.email, noticeId === cancelled ? 'cancelled' : 'failed'],
        [kim.email, 'delivered'],
      ]);
      expect((await again(noticeId)).statusCode).toBe(409);
    }
    // Who has it has it: a contact that came later is not told of what was.
    await put(id, [dana]);
    expect((await again(cancelled)).statusCode).toBe(409);
    const left = await tell(failed(id));
    await put(id, []);
    await put(id, [dana]);
    expect((await again(left)).statusCode).toBe(202);
    await deliver();
    expect(await sentTo(left)).toEqual([[dana.email, 'delivered']]);
    // Nor is anybody of what no contact asked for.
    await put(id, []);
    const unasked = await tell(failed(id));
    await put(id, [dana]);
    expect((await again(unasked)).statusCode).toBe(409);
  });

  test.each([
    ['an address twice', [dana, { ...dana, name: 'Other' }], '/contacts/1/email'],
    ['a second header line', [{ ...dana, name: 'Dana\r\nBcc: x@example.com' }], '/contacts/0/name'],
    ['two addresses', [{ ...dana, email: 'dana@example.com, x@example.com' }], '/contacts/0/email'],
    ['a kind that no practice is told', [{ ...dana, notices: ['rollout_paused'] }], '/contacts/0/notices/0'],
  ])('%s is refused', async (_what, contacts, pointer) => {
    const id = await practice();
    const refused = await put(id, contacts);
    expect(refused.statusCode).toBe(400);
    expect(refused.json().errors).toEqual([expect.objectContaining({ pointer })]);
  });
});

test('what was given up is counted, listed, and sent again when somebody asks', async () => {
  const practiceId = await practice();
  await endpoint(practiceId);
  const figures = async () => {
    const text = (await read('/metrics')).body;
    const value = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
    return [
      value('lumenality_notice_deliveries_pending'),
      value('lumenality_notice_deliveries_failed'),
      value('lumenality_notice_oldest_pending_seconds'),
    ];
  };
  const [, failedBefore = 0] = await figures();
  const id = await tell(failed(practiceId));
  receiver.status = 410;
  later(60_000);
  expect(await figures()).toEqual([2, failedBefore, 60]);
  await deliver();
  expect(await figures()).toEqual([0, failedBefore + 1, 0]);
  const listed = (await read(`/v1/notices?practice=${practiceId}&delivery=failed`)).json().items;
  expect(listed.map((notice: { id: string }) => notice.id)).toEqual([id]);
  expect((await read(`/v1/notices?practice=${practiceId}&delivery=pending`)).json().items).toEqual([]);

  receiver.status = 200;
  const redeliver = (body: object) => post(`/v1/notices/${id}/redeliver`, { reason: 'it is back', ...body });
  const reopened = await redeliver({});
  expect(reopened.statusCode).toBe(202);
  await deliver();
  expect(receiver.received.filter((webhook) => webhook.id === id)).toHaveLength(2);
  const refused = await redeliver({});
  expect(refused.statusCode).toBe(409);
  expect(refused.json().detail).toContain('deliveryId');
  const hook = reopened.json().deliveries.find(({ channel }: { channel: string }) => channel === 'webhook');
  expect((await redeliver({ deliveryId: hook.id })).statusCode).toBe(202);
  await deliver();
  expect(receiver.received.filter((webhook) => webhook.id === id)).toHaveLength(3);
  expect(await actionsOn(id)).toEqual(['notice.redelivered', 'notice.redelivered', 'notice.given_up']);
});

test('without a key to keep secrets with, an endpoint is refused and says what to do', async () => {
  const keyless = await startTestApi({ notices: { ...notices, secrets: secretBox(undefined) } });
  const refused = await keyless.call({
    method: 'POST',
    url: '/v1/notice-endpoints',
    headers: { 'idempotency-key': freshKey() },
    payload: { url: receiver.url },
  });
  await keyless.close();
  expect(refused.statusCode).toBe(500);
  expect(refused.json()).toMatchObject({
    code: 'configuration',
    detail: expect.stringContaining('LUMENALITY_NOTICE_KEY'),
  });
});
