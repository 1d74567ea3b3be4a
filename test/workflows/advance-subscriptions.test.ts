import { type KyselyPlugin, sql } from 'kysely';
import { type Database, type Db, openServer } from '../../lib/db/database.ts';
import { listLedger } from '../../lib/db/ledger-store.ts';
import { insertPlanVersion } from '../../lib/db/plan-store.ts';
import { findStatement } from '../../lib/db/statement-store.ts';
import {
  addFact,
  factsOf,
  lockSubscription,
  readSubscription,
  subscriptionsDue,
  wakeMembers,
} from '../../lib/db/subscription-store.ts';
import { DomainError } from '../../lib/domain/errors.ts';
import type { SubscriptionFact } from '../../lib/domain/plan/facts.ts';
import type { PlanNoticeKind } from '../../lib/domain/plan/notices.ts';
import type { PlanTerms } from '../../lib/domain/plan/terms.ts';
import { timelineOf } from '../../lib/domain/plan/timeline.ts';
import type { Mailer } from '../../lib/ports/notice-ports.ts';
import { advanceDueSubscriptions } from '../../lib/reconcilers/advance-subscriptions.ts';
import { deliverDue } from '../../lib/reconcilers/deliver-notices.ts';
import { billedPractice } from '../builders/billed-practice.ts';
import { createTestDatabase } from '../builders/database.ts';
import { testNoticePorts } from '../builders/notices.ts';
import { foundingTerms, toStandard } from '../builders/plan-terms.ts';
import { silent } from '../builders/runs.ts';

/** In Chicago, free until 20 February 2027 and locked until 20 February 2029; periods begin on the 20th. */
const id = 'oak-aba';
const lockedUntil = '2029-02-20';
const dearer = { ...foundingTerms.rates, base: 19_900 };

let url: string;
let drop: () => Promise<void>;
let database: Database;
const clock = { at: new Date(), now: () => clock.at };
const ports = testNoticePorts();
/** Whether the mail server takes anything. */
const server = { takesMails: true };
const mailer: Mailer = {
  from: ports.mailer.from,
  send: async (mail) => {
    if (!server.takesMails) throw new DomainError('unavailable', 'the server is away', { retryable: true });
    await ports.mailer.send(mail);
  },
};

beforeEach(async () => {
  clock.at = noon('2026-11-22');
  ({ url, drop } = await createTestDatabase());
  database = openServer(url);
  server.takesMails = true;
});
afterEach(async () => {
  await database.close();
  await drop();
});

const parts = (db: Db = database.db) => ({ db, clock, log: silent });
const pass = (db?: Db) => advanceDueSubscriptions(parts(db));
const deliver = () => deliverDue({ ...parts(), notices: { ...ports, mailer } });
/** Noon in Chicago. */
const noon = (day: string) => new Date(`${day}T18:00:00Z`);
const passOn = (day: string) => {
  clock.at = noon(day);
  return pass();
};

/** The first day on which the price is announced that comes with the end of the lock; nobody has looked before. */
async function arriveAtAnnouncement(): Promise<void> {
  await passOn('2028-12-12');
  await deliver();
}

/** Looks whenever something is due, as a control plane that is always there, and delivers what it writes. */
async function liveUntil(day: string): Promise<void> {
  for (;;) {
    const { nextDueAt } = await subscription();
    if (nextDueAt === null || nextDueAt > noon(day)) break;
    if (nextDueAt > clock.at) clock.at = nextDueAt;
    await pass();
    await deliver();
  }
  clock.at = noon(day);
}

const subscription = async () => {
  const found = await readSubscription(database.db, id);
  if (found === undefined) throw new Error('no subscription');
  return found;
};
const noticesOf = (...kinds: PlanNoticeKind[]) =>
  database.db
    .selectFrom('subscription_notice')
    .select(['kind', 'about', 'days_before', 'sent_at', 'outcome', 'written_at'])
    .where('kind', 'in', kinds)
    .orderBy('written_at')
    .orderBy('about')
    .execute();
const chicagoDay = (at: Date | null) =>
  at === null ? null : new Intl.DateTimeFormat('en-CA', { timeZone: 'America/Chicago' }).format(at);
const baseRates = async () => {
  const { items } = await listLedger(database.db, { practiceId: id, limit: 200 });
  return items
    .flatMap(({ charge }) => (charge?.component === 'base' ? [charge] : []))
    .toSorted((one, other) => (one.from < other.from ? -1 : 1));
};

const publish = (version: number, effectiveFrom: string, changes: Partial<PlanTerms>) =>
  database.db.transaction().execute(async (trx) => {
    const terms = { ...foundingTerms, ...changes };
    await insertPlanVersion(trx, { planId: 'founding', version, effectiveFrom, terms });
    await wakeMembers(trx, 'founding', clock.at);
  });
const happens = (fact: SubscriptionFact) =>
  database.db.transaction().execute(async (trx) => {
    const held = await lockSubscription(trx, id);
    if (held === undefined) throw new Error('no subscription');
    await addFact(trx, held, fact, { actor: 'token:test', reason: 'test', at: clock.at });
  });

test('a subscription goes through trial, lock and a price that rises after it, each told once and in time', async () => {
  await billedPractice(database, id);
  await liveUntil('2027-06-01');
  await publish(2, '2027-07-01', { rates: dearer });
  await liveUntil('2029-05-01');

  expect(
    (await noticesOf('trial_ending', 'lock_ending')).map((told) => [
      told.kind,
      chicagoDay(told.written_at),
      told.days_before,
      chicagoDay(told.sent_at),
    ]),
  ).toEqual([
    ['trial_ending', '2027-01-21', 30, '2027-01-21'],
    ['trial_ending', '2027-02-06', 14, '2027-02-06'],
    ['trial_ending', '2027-02-17', 3, '2027-02-17'],
    ['lock_ending', '2029-01-21', 30, '2029-01-21'],
    ['lock_ending', '2029-02-06', 14, '2029-02-06'],
    ['lock_ending', '2029-02-17', 3, '2029-02-17'],
  ]);
  const [price, ...others] = await noticesOf('price_change');
  expect(others).toEqual([]);
  expect(price).toMatchObject({ about: lockedUntil, outcome: 'taken' });
  expect(chicagoDay(price?.sent_at ?? null)).toBe('2028-12-12');
  // 26 periods are over: 24 of the lock, and two at the new price.
  const charged = await baseRates();
  expect(charged.map(({ rateCents }) => rateCents)).toEqual([
    ...Array.from({ length: 24 }, () => 14_900),
    19_900,
    19_900,
  ]);
  expect(charged.filter(({ locked }) => locked)).toHaveLength(24);
  expect(charged.find(({ rateCents }) => rateCents === 19_900)?.from).toBe(lockedUntil);
  expect(await noticesOf('statement_ready')).toHaveLength(26);
  expect(await subscription()).toMatchObject({ state: 'active', closedUntil: '2029-04-20', planVersion: 2 });
  // The columns repeat what the facts come to.
  const { chargedFrom, lockedUntil: until, endsOn } = timelineOf(await factsOf(database.db, id));
  expect(await subscription()).toMatchObject({ chargedFrom, lockedUntil: until, endsOn });
  const practice = await database.db.selectFrom('practice').select('plan_version').executeTakeFirstOrThrow();
  expect(practice.plan_version).toBe(2);
});

test('a control plane that was away catches up period by period, and tells only what is still to come', async () => {
  await billedPractice(database, id);
  await passOn('2027-07-25');
  expect(await subscription()).toMatchObject({ state: 'active', closedUntil: '2027-07-20' });
  expect((await baseRates()).map(({ from }) => from)).toEqual([
    '2027-02-20',
    '2027-03-20',
    '2027-04-20',
    '2027-05-20',
    '2027-06-20',
  ]);
  expect((await findStatement(database.db, id, '2027-06-20'))?.closingCents).toBe(5 * 31_300);
  expect(await noticesOf('trial_ending')).toEqual([]);
  // Nothing is left to do: another look changes nothing.
  const before = await everything();
  await database.db.updateTable('subscription').set({ next_due_at: clock.at }).execute();
  await pass();
  expect(await everything()).toEqual(before);

  await passOn('2029-02-10');
  expect(await noticesOf('lock_ending')).toMatchObject([{ days_before: 14, about: lockedUntil }]);
});

test('a price whose notice was not sent in time does not come: the old one goes on until another notice was', async () => {
  await billedPractice(database, id);
  await publish(2, '2027-07-01', { rates: dearer });
  server.takesMails = false;
  await arriveAtAnnouncement();
  await liveUntil('2029-01-05');
  server.takesMails = true;
  await liveUntil('2029-06-01');
  expect(await noticesOf('price_change')).toMatchObject([
    { about: lockedUntil, sent_at: null, outcome: 'the notice was not sent' },
    { about: '2029-05-20', outcome: 'taken' },
  ]);
  expect((await baseRates()).filter(({ rateCents }) => rateCents === 19_900)).toEqual([]);
  await liveUntil('2029-06-21');
  expect((await baseRates()).filter(({ rateCents }) => rateCents === 19_900)).toMatchObject([
    { from: '2029-05-20' },
  ]);
});

test('an announced price yields to a lock that was made longer meanwhile', async () => {
  await billedPractice(database, id);
  await publish(2, '2027-07-01', { rates: dearer });
  await arriveAtAnnouncement();
  await happens({ kind: 'lock_extended', months: 6 });
  await liveUntil('2029-09-21');
  expect(await noticesOf('price_change')).toMatchObject([
    { about: lockedUntil, outcome: 'the rate is locked until 2029-08-20' },
    { about: '2029-08-20', outcome: 'taken' },
  ]);
  expect((await baseRates()).filter(({ rateCents }) => rateCents === 19_900)).toMatchObject([
    { from: '2029-08-20' },
  ]);
});

test('a subscription that ends is charged to its last day, and then left alone', async () => {
  await billedPractice(database, id);
  await liveUntil('2027-05-01');
  await happens({ kind: 'ends', from: '2027-06-01' });
  await liveUntil('2027-06-02');
  expect(await subscription()).toMatchObject({
    state: 'cancelled',
    closedUntil: '2027-06-01',
    nextDueAt: null,
  });
  // 12 of 31 days.
  expect((await baseRates()).at(-1)).toMatchObject({ until: '2027-06-01', amountCents: 5_767 });
});

test('a plan that was to come after the end never is the practice’s', async () => {
  await billedPractice(database, id);
  await liveUntil('2027-05-01');
  await happens(toStandard('2027-06-20'));
  await happens({ kind: 'ends', from: '2027-06-10' });
  await liveUntil('2027-07-10');
  const practice = await database.db.selectFrom('practice').select('plan_id').executeTakeFirstOrThrow();
  expect(practice.plan_id).toBe('founding');
});

test('killed at any statement and begun again, nothing is lost or doubled', async () => {
  await billedPractice(database, id);
  await publish(2, '2026-12-01', { rates: dearer });
  await arriveAtAnnouncement();
  clock.at = noon('2029-02-21');
  const before = await everything();
  let statement = 0;
  let died = true;
  while (died) {
    statement += 1;
    died = await pass(diesAt(statement)).then(
      () => false,
      () => true,
    );
    if (died) expect(await everything()).toEqual(before);
  }
  // It did come so far as to write all that it does.
  expect(statement).toBeGreaterThan(20);
  expect((await factsOf(database.db, id)).at(-1)).toMatchObject({ kind: 'rates', from: lockedUntil });
  expect(await noticesOf('statement_ready')).toHaveLength(24);
});

test('two processes at once do everything once', async () => {
  await billedPractice(database, id);
  await publish(2, '2026-12-01', { rates: dearer });
  await arriveAtAnnouncement();
  clock.at = noon('2029-03-21');
  const other = openServer(url);
  try {
    await Promise.all([pass(), pass(other.db), pass(), pass(other.db)]);
  } finally {
    await other.close();
  }
  expect(await noticesOf('statement_ready')).toHaveLength(25);
  expect((await factsOf(database.db, id)).filter(({ kind }) => kind === 'rates')).toHaveLength(1);
  expect(await baseRates()).toHaveLength(25);
});

test('one that cannot be brought to its day does not hold up the others', async () => {
  await billedPractice(database, 'ash-aba', { on: '2026-11-21' });
  await billedPractice(database, id);
  await sql`alter table subscription_fact disable trigger user`.execute(database.db);
  await database.db.deleteFrom('subscription_fact').where('practice_id', '=', 'ash-aba').execute();
  await expect(passOn('2027-07-25')).rejects.toThrow('first fact');
  expect(await subscription()).toMatchObject({ closedUntil: '2027-07-20' });
  // Nor does it stand before them in the next pass; it is looked at again a minute later.
  const due = (at: Date) => subscriptionsDue(database.db, at, 10);
  expect(await due(clock.at)).not.toContain('ash-aba');
  expect(await due(new Date(clock.at.getTime() + 60_000))).toContain('ash-aba');
});

/** A way into the database that fails at the n-th statement, as if its process had died: what is open is rolled back. */
function diesAt(statement: number): Db {
  let asked = 0;
  const plugin: KyselyPlugin = {
    transformQuery: ({ node }) => {
      asked += 1;
      if (asked >= statement) throw new Error('killed');
      return node;
    },
    transformResult: async ({ result }) => result,
  };
  return database.db.withPlugin(plugin);
}

/** All that a pass may write. */
async function everything() {
  const tables = [
    'subscription_fact',
    'subscription_notice',
    'ledger_entry',
    'closed_period',
    'notice',
    'audit',
  ] as const;
  const counts = await Promise.all(
    tables.map((table) =>
      database.db
        .selectFrom(table)
        .select((eb) => eb.fn.countAll<number>().as('count'))
        .executeTakeFirstOrThrow(),
    ),
  );
  const { updatedAt: _, nextDueAt: __, ...kept } = await subscription();
  return { counts, kept };
}
