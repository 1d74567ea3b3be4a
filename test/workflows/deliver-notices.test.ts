import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sql } from 'kysely';
import { listAudit } from '../../lib/db/audit-store.ts';
import { type Database, openServer } from '../../lib/db/database.ts';
import {
  cancelDeliveries,
  claimDelivery,
  type DeliveryClaim,
  type DeliveryOutcome,
  recordOutcome,
} from '../../lib/db/notice-delivery-store.ts';
import { insertEndpoint, lockEndpoint, removeEndpoint } from '../../lib/db/notice-endpoint-store.ts';
import { addNotice, addNotices, findNotice } from '../../lib/db/notice-store.ts';
import type { NewNotice } from '../../lib/domain/notice.ts';
import { endpointNoticeKinds } from '../../lib/domain/notice.ts';
import type { NoticePorts } from '../../lib/ports/notice-ports.ts';
import { deliverDue, deliverNotices, type NoticeParts } from '../../lib/reconcilers/deliver-notices.ts';
import { createTestDatabase } from '../builders/database.ts';
import { testNoticePorts } from '../builders/notices.ts';
import { eventually, insertPracticeRun } from '../builders/runs.ts';
import { believes, startWebhookReceiver, type WebhookReceiver } from '../builders/webhook-receiver.ts';

const started = new Date('2026-11-28T12:00:00Z');
const minutes = 60_000;

describe('the outbox', () => {
  let url: string;
  let drop: () => Promise<void>;
  let database: Database;
  const receivers: WebhookReceiver[] = [];
  // An outbox is emptied by whoever comes by: each test has one of its own.
  beforeEach(async () => {
    ({ url, drop } = await createTestDatabase());
    database = openServer(url);
  });
  afterEach(async () => {
    await Promise.all(receivers.splice(0).map((receiver) => receiver.close()));
    await database.close();
    await drop();
  });

  /** One control plane's process: its clock is the test's, its log can be read. */
  function replica(changes: Partial<NoticeParts> = {}) {
    const ports = testNoticePorts();
    const clock = { at: started, now: () => clock.at };
    const log: string[] = [];
    const write = (fields: object, message: string) => void log.push(JSON.stringify({ ...fields, message }));
    const parts: NoticeParts = {
      db: database.db,
      clock,
      log: { info: write, warn: write, error: write },
      notices: ports,
      ...changes,
    };
    return {
      parts,
      ports,
      log,
      later: (ms: number) => {
        clock.at = new Date(clock.at.getTime() + ms);
      },
      pass: () => deliverDue(parts),
    };
  }

  /** A practice whose webhooks are what a test is about. */
  async function practice(): Promise<string> {
    const practiceId = 'alder-aba';
    await insertPracticeRun(database.db, { practiceId, steps: ['prepare'] }, async () => undefined);
    // Its sign-up's contact would be told as well.
    await database.db
      .insertInto('practice_contact')
      .values({ practice_id: practiceId, contacts: '[]', revision: 1, updated_at: started })
      .execute();
    return practiceId;
  }

  async function listener(practiceId: string, ports: NoticePorts) {
    const receiver = await startWebhookReceiver();
    receivers.push(receiver);
    const id = randomUUID();
    const secret = ports.webhooks.newSecret();
    await database.db.transaction().execute((trx) =>
      insertEndpoint(trx, {
        id,
        practice_id: practiceId,
        url: receiver.url,
        kinds: endpointNoticeKinds,
        secret: ports.secrets.seal(secret, id),
        created_by: 'test',
        created_at: started,
      }),
    );
    return { id, receiver, secret };
  }

  const scheduled = (practiceId: string): NewNotice => ({
    kind: 'update_scheduled',
    practiceId,
    subject: { type: 'rollout', id: 'rollout-1' },
    data: {
      rolloutId: 'rollout-1',
      releaseId: 'r-0123456789ab',
      startsAt: '2026-11-29T08:00:00.000Z',
      latestStartAt: '2026-11-29T11:30:00.000Z',
    },
  });
  const ended = (practiceId: string, runId: string): NewNotice => ({
    kind: 'update_finished',
    practiceId,
    subject: { type: 'rollout', id: 'rollout-1' },
    data: { rolloutId: 'rollout-1', releaseId: 'r-0123456789ab', runId },
  });
  const tell = (...notices: NewNotice[]) =>
    database.db.transaction().execute((trx) => addNotices(trx, notices, started));
  const deliveriesOf = async (id: string) => (await findNotice(database.db, id))?.deliveries ?? [];

  test('a webhook is signed so that its receiver believes it, and says nothing but ids and times', async () => {
    const { ports, pass } = replica();
    const practiceId = await practice();
    const { receiver, secret } = await listener(practiceId, ports);
    const [id = ''] = await tell(scheduled(practiceId));
    await pass();

    const [webhook, ...others] = receiver.received;
    if (webhook === undefined) throw new Error('nothing came');
    expect(others).toEqual([]);
    expect(believes(secret, webhook)).toBe(true);
    expect(believes(ports.webhooks.newSecret(), webhook)).toBe(false);
    expect(believes(secret, { ...webhook, body: webhook.body.replace('08:00', '09:00') })).toBe(false);
    expect(webhook.id).toBe(id);
    expect(JSON.parse(webhook.body)).toEqual({
      type: 'update_scheduled',
      timestamp: started.toISOString(),
      data: { practiceId, ...scheduled(practiceId).data },
    });
    expect(await deliveriesOf(id)).toMatchObject([{ state: 'delivered', attempts: 1, last_error: null }]);
  });

  test('a change that is rolled back is told to nobody', async () => {
    const { ports, pass } = replica();
    const practiceId = await practice();
    const { receiver } = await listener(practiceId, ports);
    const undone = database.db.transaction().execute(async (trx) => {
      await addNotice(trx, scheduled(practiceId), started);
      throw new Error('undone');
    });
    await expect(undone).rejects.toThrow('undone');
    await pass();
    expect(receiver.received).toEqual([]);
  });

  test('what nobody has thought of is not written', async () => {
    const practiceId = await practice();
    const notice = scheduled(practiceId);
    const data = { ...notice.data, patient: 'somebody' } as never;
    await expect(tell({ ...notice, data })).rejects.toThrow('patient');
  });

  test('a receiver that fails is tried again, and gets everything in order once it is back', async () => {
    const { ports, pass, later, log } = replica();
    const practiceId = await practice();
    const { receiver } = await listener(practiceId, ports);
    const ids = await tell(scheduled(practiceId), ended(practiceId, 'run-1'), ended(practiceId, 'run-2'));

    receiver.status = 503;
    await pass();
    receiver.status = 302;
    later(7_000);
    await pass();
    receiver.status = 'cut';
    later(30_000);
    await pass();
    // The first holds up the others, which would fail as well.
    expect(receiver.received.map(({ id }) => id)).toEqual([ids[0], ids[0], ids[0]]);
    expect(await deliveriesOf(ids[0] ?? '')).toMatchObject([{ state: 'pending', attempts: 3 }]);
    expect(log.join()).toContain('302, and redirects are not followed');
    await pass();
    expect(receiver.received).toHaveLength(3);

    receiver.status = 200;
    later(3 * minutes);
    await pass();
    expect(receiver.received.slice(3).map(({ id }) => id)).toEqual(ids);
  });

  test('one notice that is never taken holds up the others for some minutes only', async () => {
    const { ports, pass, later } = replica();
    const practiceId = await practice();
    const { receiver } = await listener(practiceId, ports);
    await tell(scheduled(practiceId), ended(practiceId, 'run-1'));
    receiver.status = 400;
    for (const wait of [7_000, 30_000, 2 * minutes, 8 * minutes]) {
      await pass();
      later(wait);
    }
    expect(receiver.received.map(({ type }) => type)).not.toContain('update_finished');
    await pass();
    expect(receiver.received.map(({ type }) => type)).toContain('update_finished');
  });

  test('a notice is given up after three days, visibly; one whose receiver is gone for good at once', async () => {
    const { ports, pass, later, log } = replica();
    const practiceId = await practice();
    const { receiver } = await listener(practiceId, ports);
    const [id = ''] = await tell(scheduled(practiceId));
    receiver.status = 500;
    for (let hour = 0; hour <= 80; hour += 1) {
      await pass();
      later(60 * minutes);
    }
    expect(await deliveriesOf(id)).toMatchObject([
      { state: 'failed', last_error: 'The receiver answered 500.', claimed_until: null },
    ]);
    expect(log.at(-1)).toContain('a notice was given up');
    const trail = await listAudit(database.db, { limit: 10, subjectType: 'notice', subjectId: id });
    expect(trail.items.map(({ action }) => action)).toEqual(['notice.given_up']);

    receiver.status = 410;
    const [gone = ''] = await database.db
      .transaction()
      .execute((trx) =>
        addNotices(trx, [scheduled(practiceId)], new Date(started.getTime() + 81 * 60 * minutes)),
      );
    await pass();
    expect(await deliveriesOf(gone)).toMatchObject([{ state: 'failed', attempts: 1 }]);
  });

  test('a process that dies between sending and recording leaves the notice to be sent again under its id', async () => {
    const dying = replica();
    const { webhooks } = dying.ports;
    const practiceId = await practice();
    const { receiver, secret } = await listener(practiceId, dying.ports);
    const [id = ''] = await tell(scheduled(practiceId));
    const dies: NoticePorts = {
      ...dying.ports,
      webhooks: {
        ...webhooks,
        post: async (message, signal) => {
          await webhooks.post(message, signal);
          throw new Error('killed');
        },
      },
    };
    await expect(deliverDue({ ...dying.parts, notices: dies })).rejects.toThrow('killed');
    const next = replica();
    await next.pass();
    expect(receiver.received).toHaveLength(1);
    next.later(6 * minutes);
    await next.pass();
    expect(receiver.received.map((webhook) => webhook.id)).toEqual([id, id]);
    expect(receiver.received.every((webhook) => believes(secret, webhook))).toBe(true);
  });

  test('a process that stops breaks off, and the next one sends at once', async () => {
    const { ports, parts } = replica();
    const practiceId = await practice();
    const { receiver } = await listener(practiceId, ports);
    const [id = ''] = await tell(scheduled(practiceId));
    receiver.status = 'silent';
    const stopping = deliverNotices(parts);
    await eventually('the webhook to be under way', () => receiver.received[0]);
    await stopping.stop();
    expect(await deliveriesOf(id)).toMatchObject([
      { state: 'pending', claimed_until: null, last_error: null },
    ]);
    receiver.status = 204;
    await replica().pass();
    const [delivery, ...others] = await deliveriesOf(id);
    expect(others).toEqual([]);
    expect(delivery?.state).toBe('delivered');
    // The process that stops may claim it once more when it has just let go of it.
    expect([2, 3]).toContain(delivery?.attempts);
  });

  test('two replicas share the work: each destination gets each notice once, and in order', async () => {
    const other = openServer(url);
    const [one, two] = [replica(), replica({ db: other.db })];
    const practiceId = await practice();
    const listeners = [await listener(practiceId, one.ports), await listener(practiceId, one.ports)];
    const ids = await tell(...Array.from({ length: 30 }, (_, run) => ended(practiceId, `run-${run}`)));
    const running = [
      deliverNotices({ ...one.parts, everyMs: 5 }),
      deliverNotices({ ...two.parts, everyMs: 5 }),
    ];
    await eventually('everything to be delivered', async () => {
      const open = await database.db
        .selectFrom('notice_delivery')
        .select('id')
        .where('notice_id', 'in', ids)
        .where('state', '=', 'pending')
        .execute();
      return open.length === 0 ? true : undefined;
    });
    await Promise.all(running.map((each) => each.stop()));
    await other.close();
    for (const { receiver } of listeners) expect(receiver.received.map(({ id }) => id)).toEqual(ids);
  });

  test('nobody goes past the first in line, also while another process is just about to claim it', async () => {
    const { ports } = replica();
    const practiceId = await practice();
    await listener(practiceId, ports);
    await tell(ended(practiceId, 'run-1'), ended(practiceId, 'run-2'));
    const claim = { now: started, until: new Date(started.getTime() + 5 * minutes) };
    await database.db.transaction().execute(async (trx) => {
      await trx
        .selectFrom('notice_delivery')
        .select('id')
        .orderBy('seq')
        .limit(1)
        .forUpdate()
        .executeTakeFirstOrThrow();
      expect(await claimDelivery(database.db, claim)).toBeUndefined();
    });
    expect(await claimDelivery(database.db, claim)).toMatchObject({ attempt: 1 });
    expect(await claimDelivery(database.db, claim)).toBeUndefined();
  });

  test('a process that lost its claim changes nothing any more', async () => {
    const { ports } = replica();
    const practiceId = await practice();
    await listener(practiceId, ports);
    const [id = ''] = await tell(ended(practiceId, 'run-1'));
    const claimAt = async (at: Date) => {
      const claim = await claimDelivery(database.db, {
        now: at,
        until: new Date(at.getTime() + 5 * minutes),
      });
      if (claim === undefined) throw new Error('there was nothing to claim');
      return claim;
    };
    const slow = await claimAt(started);
    const later = new Date(started.getTime() + 5 * minutes);
    const quick = await claimAt(later);
    const record = (claim: DeliveryClaim, outcome: DeliveryOutcome) =>
      database.db.transaction().execute((trx) => recordOutcome(trx, claim, outcome, later));
    expect(await record(slow, { delivered: false, error: 'too late', again: null })).toBe(false);
    expect(await deliveriesOf(id)).toMatchObject([{ state: 'pending', last_error: null, attempts: 2 }]);
    expect(await record(quick, { delivered: true })).toBe(true);
    expect(await record(quick, { delivered: true })).toBe(false);
  });

  test('an endpoint that is removed while a notice is being written gets nothing, and nothing waits for it', async () => {
    const { ports, pass } = replica();
    const practiceId = await practice();
    const { id: endpointId, receiver } = await listener(practiceId, ports);
    let telling: Promise<string[]> | undefined;
    await database.db.transaction().execute(async (trx) => {
      await lockEndpoint(trx, endpointId);
      await cancelDeliveries(trx, { endpointId }, started);
      await removeEndpoint(trx, endpointId, 'test', started);
      // It still sees the endpoint, and waits for it to be free.
      telling = tell(scheduled(practiceId));
      await eventually('the notice to wait', async () => {
        const { rows } = await sql`select from pg_locks where not granted`.execute(trx);
        return rows.length > 0 ? true : undefined;
      });
    });
    const [id = ''] = (await telling) ?? [];
    expect(await deliveriesOf(id)).toMatchObject([{ state: 'pending' }]);
    await pass();
    expect(receiver.received).toEqual([]);
    expect(await deliveriesOf(id)).toMatchObject([{ state: 'cancelled', claimed_until: null }]);
  });

  test('a mail says in the practice’s own time what happens when, and whom to ask', async () => {
    const { ports, pass } = replica();
    const practiceId = await practice();
    await database.db.deleteFrom('practice_contact').where('practice_id', '=', practiceId).execute();
    const [id = ''] = await tell(scheduled(practiceId));
    await pass();
    const [delivery] = await deliveriesOf(id);
    // Nobody has chosen contacts: the one of the sign-up is told.
    expect(delivery).toMatchObject({ channel: 'mail', address: 'ana@example.com', state: 'delivered' });
    expect(readdirSync(ports.mailDirectory)).toEqual([`${delivery?.id}.eml`]);
    const mail = readFileSync(join(ports.mailDirectory, `${delivery?.id}.eml`), 'utf8').replace(/=\r\n/g, '');
    expect(mail).toContain('From: Lumenality <help@lumenality.test>');
    expect(mail).toContain('To: ana@example.com');
    expect(mail).toContain(`Message-ID: <${delivery?.id}@lumenality.test>`);
    expect(mail).toContain('It starts on Sunday, November 29, 2026 at 2:00 AM CST, and not later than');
    expect(mail).toContain('All times and days are those of America/Chicago.');
    expect(mail).toContain('write to help@lumenality.test');
  });
});
