import { randomUUID } from 'node:crypto';
import { subscriptionChangeSchema } from '../../control-api/contracts/subscription-changes.ts';
import { insertEndpoint } from '../../lib/db/notice-endpoint-store.ts';
import { openAnnouncement, tellSubscriber } from '../../lib/db/subscription-notice-store.ts';
import { factsOf, readSubscription } from '../../lib/db/subscription-store.ts';
import { DomainError } from '../../lib/domain/errors.ts';
import { freshKey } from '../builders/api.ts';
import { foundingTerms } from '../builders/plan-terms.ts';
import { freshNpi } from '../builders/sign-up.ts';
import { charged, subscriptionCalls } from '../builders/subscription-calls.ts';
import { startWebhookReceiver } from '../builders/webhook-receiver.ts';

const the = subscriptionCalls();
const { notices, practice, send, changed, lastFact, told, decide, timePasses } = the;

describe('an overdue payment', () => {
  const suspend = (id: string) => send(id, 'suspension', { confirm: id });
  const days = (count: number) => {
    the.api.clock.at = new Date(charged.getTime() + count * 86_400_000);
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
    expect(the.api.enqueued.at(-1)).toMatchObject({ id: runId, practiceId: id });
    expect(await lastFact(id)).toMatchObject({ kind: 'suspended', from: '2027-06-13' });

    // Access could still be blocked after a resumption, by the run that is open.
    expect((await send(id, 'resumption', {})).json()).toMatchObject({
      code: 'wrong_state',
      detail: expect.stringContaining(runId ?? ''),
    });

    // The run has ended.
    const { db } = the.api.database;
    await db.updateTable('run').set({ state: 'succeeded' }).where('id', '=', runId).execute();
    await db.updateTable('practice').set({ state: 'suspended' }).where('id', '=', id).execute();
    const around = await the.api.call({
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
    // It was told anew that the payment is still overdue, and has 14 days from there.
    expect((await suspend(id)).json()).toMatchObject({ detail: expect.stringContaining('was not sent yet') });
    expect(await changed(id, 'settlement', {})).toMatchObject({ state: 'active' });
    const list = `/v1/practices/${id}/subscription/notices`;
    const page = (await the.api.call({ method: 'GET', url: `${list}?limit=3` })).json();
    expect(page.items.map(({ kind }: { kind: string }) => kind).toSorted()).toEqual([
      'payment_overdue',
      'subscription_changed',
      'subscription_changed',
    ]);
    const rest = await the.api.call({ method: 'GET', url: `${list}?cursor=${page.nextCursor}` });
    expect(rest.json().items.find(({ kind }: { kind: string }) => kind === 'payment_overdue')).toMatchObject({
      about: '2027-05-01',
      data: { since: '2027-05-01' },
      writtenAt: charged.toISOString(),
      sentAt: '2027-05-30T18:00:00.000Z',
    });
  });

  test('is told to somebody of the practice even if no contact asked for it; a webhook is not enough', async () => {
    const id = await practice();
    const { db } = the.api.database;
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
    const before = await readSubscription(the.api.database.db, id);
    const npi = freshNpi();
    const link = await the.api.call({ method: 'POST', url: `/v1/practices/${id}/subscription/link` });
    const { approvalId } = await changed(id, 'transfer', {
      legalName: 'Lakeside LLC',
      npi,
      contact,
      agreement,
    });
    expect((await decide(approvalId, 'approve', the.api.administrator)).statusCode).toBe(403);
    expect((await decide(approvalId, 'approve', the.second)).statusCode).toBe(200);
    const after = await readSubscription(the.api.database.db, id);
    expect(after).toMatchObject({
      ...before,
      revision: 3,
      nextDueAt: charged,
      updatedAt: charged,
      state: 'active',
    });
    const contacts = await the.api.call({ method: 'GET', url: `/v1/practices/${id}/contacts` });
    expect(contacts.json().contacts).toMatchObject([{ email: contact.email }]);
    expect((await told(id))[0]).toMatchObject({
      data: { change: 'transferred' },
      deliveries: [{ address: contact.email }],
    });
    expect((await the.api.call({ method: 'GET', url: link.json().path })).statusCode).toBe(404);
  });

  test('of a practice that was told of an overdue payment or of a price tells the new owner anew', async () => {
    const id = await practice();
    const { db } = the.api.database;
    await changed(id, 'past-due', { since: '2027-05-01' });
    const { rates } = foundingTerms;
    const price = { from: '2029-02-20', planId: 'founding', planVersion: 2, currency: 'USD' };
    await db
      .transaction()
      .execute((trx) =>
        tellSubscriber(
          trx,
          { kind: 'price_change', data: { ...price, before: rates, after: rates } },
          { practiceId: id, now: charged },
        ),
      );
    const expected = async () => {
      const report = await the.api.call({ method: 'GET', url: '/v1/plan-reports/revenue?limit=10000' });
      return report.json().items.find(({ practiceId }: { practiceId: string }) => practiceId === id).next;
    };
    expect(await expected()).toMatchObject({ from: '2029-02-20', planVersion: 2, basis: 'agreed' });
    await timePasses();
    const owner = { legalName: 'Lakeside LLC', npi: freshNpi(), contact, agreement };
    const { approvalId } = await changed(id, 'transfer', owner);
    the.api.clock.at = new Date(charged.getTime() + 3_600_000);
    expect((await decide(approvalId, 'approve', the.second)).statusCode).toBe(200);
    expect(await expected()).toBeNull();

    const overdue = (await told(id)).find(({ kind }: { kind: string }) => kind === 'payment_overdue');
    expect(overdue).toMatchObject({
      data: { since: '2027-05-01' },
      deliveries: [{ address: contact.email }],
    });
    the.api.clock.at = new Date(charged.getTime() + 20 * 86_400_000);
    expect((await send(id, 'suspension', { confirm: id })).json()).toMatchObject({
      detail: expect.stringContaining('was not sent yet'),
    });
    expect(await openAnnouncement(db, id)).toBeUndefined();
  });

  test('calls back what is still on its way to the former owner, also to whom no contact stands for', async () => {
    const id = await practice();
    await the.api.database.db
      .insertInto('practice_contact')
      .values({ practice_id: id, contacts: '[]', revision: 1, updated_at: charged })
      .execute();
    await changed(id, 'past-due', { since: '2027-05-01' });
    const owner = { legalName: 'Lakeside LLC', npi: freshNpi(), contact, agreement };
    const { approvalId } = await changed(id, 'transfer', owner);
    expect((await decide(approvalId, 'approve', the.second)).statusCode).toBe(200);

    const mails = await the.api.database.db
      .selectFrom('notice_delivery')
      .innerJoin('notice', 'notice.id', 'notice_delivery.notice_id')
      .select(['notice_delivery.address', 'notice_delivery.state'])
      .distinct()
      .where('notice.practice_id', '=', id)
      .orderBy('notice_delivery.address')
      .execute();
    expect(mails).toEqual([
      { address: 'ana@example.com', state: 'cancelled' },
      { address: contact.email, state: 'pending' },
    ]);
  });

  test("ends the practice's own endpoints and its calendar's address, which were the former owner's", async () => {
    const [id, other] = [await practice(), await practice()];
    const { db } = the.api.database;
    const endpointOf = async (practiceId: string | null) => {
      const endpointId = randomUUID();
      await db.transaction().execute((trx) =>
        insertEndpoint(trx, {
          id: endpointId,
          practice_id: practiceId,
          url: 'https://hooks.example.com/',
          kinds: practiceId === null ? [] : ['payment_overdue'],
          secret: notices.secrets.seal(notices.webhooks.newSecret(), endpointId),
          created_by: 'test',
          created_at: charged,
        }),
      );
      return endpointId;
    };
    const own = await endpointOf(id);
    const others = [await endpointOf(other), await endpointOf(null)];
    const calendar = await the.api.call({ method: 'POST', url: `/v1/practices/${id}/calendar` });
    await changed(id, 'past-due', { since: '2027-05-01' });
    const owner = { legalName: 'Lakeside LLC', npi: freshNpi(), contact, agreement };
    const { approvalId } = await changed(id, 'transfer', owner);
    expect((await decide(approvalId, 'approve', the.second)).statusCode).toBe(200);

    const deliveries = await db
      .selectFrom('notice_delivery')
      .select('state')
      .where('endpoint_id', '=', own)
      .execute();
    expect(deliveries).toEqual([{ state: 'cancelled' }]);
    const kept = await db
      .selectFrom('notice_endpoint')
      .select('id')
      .where('id', 'in', [own, ...others])
      .where('removed_at', 'is', null)
      .execute();
    expect(kept.map((each) => each.id).toSorted()).toEqual(others.toSorted());
    expect((await the.api.call({ method: 'GET', url: calendar.json().path })).statusCode).toBe(404);
  });

  test('to an NPI that another practice has is refused', async () => {
    const [id, other] = [await practice(), await practice()];
    const { npi } = await the.api.database.db
      .selectFrom('sign_up')
      .select('npi')
      .where('practice_id', '=', other)
      .executeTakeFirstOrThrow();
    // Those of the builder have no check digit.
    const owner = { legalName: 'Lakeside LLC', npi: freshNpi(), contact, agreement };
    const { approvalId } = await changed(id, 'transfer', owner);
    await the.api.database.db.updateTable('sign_up').set({ npi: owner.npi }).where('npi', '=', npi).execute();
    const answer = await decide(approvalId, 'approve', the.second);
    expect(answer.json()).toMatchObject({ status: 409, detail: expect.stringContaining(owner.npi) });
    expect(await factsOf(the.api.database.db, id)).toHaveLength(2);
  });
});
