import type { Database } from '../../lib/db/database.ts';
import { listStatements } from '../../lib/db/statement-store.ts';
import {
  addFact,
  insertSubscription,
  lockSubscription,
  readSubscription,
} from '../../lib/db/subscription-store.ts';
import type { SubscriptionFact } from '../../lib/domain/plan/facts.ts';
import { advanceDueSubscriptions } from '../../lib/reconcilers/advance-subscriptions.ts';
import { draftPosting, draftReversal, type Posting, post } from '../../lib/use-cases/post-to-ledger.ts';
import { billedPractice } from '../builders/billed-practice.ts';
import { openTestDatabase } from '../builders/database.ts';
import { enrolment } from '../builders/plan-terms.ts';
import { approvedPractice, silent } from '../builders/runs.ts';

/** In Chicago, free until 20 February 2027; periods begin on the 20th. */
const id = 'oak-aba';
const actor = { id: 'token:ada', name: 'ada', roles: [], requestId: 'test' };

let database: Database;
const clock = { at: new Date(), now: () => clock.at };
beforeEach(async () => {
  clock.at = noon('2026-11-22');
  database = await openTestDatabase();
});
afterEach(() => database.close());

/** Noon in Chicago. */
function noon(day: string): Date {
  return new Date(`${day}T18:00:00Z`);
}
const subscription = async () => {
  const found = await readSubscription(database.db, id);
  if (found === undefined) throw new Error('no subscription');
  return found;
};
/** Looks whenever something is due, as a control plane that is always there. */
async function liveUntil(day: string): Promise<void> {
  for (;;) {
    const { nextDueAt } = await subscription();
    if (nextDueAt === null || nextDueAt > noon(day)) break;
    if (nextDueAt > clock.at) clock.at = nextDueAt;
    await advanceDueSubscriptions({ db: database.db, clock, log: silent });
  }
  clock.at = noon(day);
}
const happens = (fact: SubscriptionFact) =>
  database.db.transaction().execute(async (trx) => {
    const held = await lockSubscription(trx, id);
    if (held === undefined) throw new Error('no subscription');
    await addFact(trx, held, fact, { actor: 'token:test', reason: 'test', at: clock.at });
  });
const authorship = () => ({ reason: 'test', author: 'ada', at: clock.at });
const posts = (kind: Posting['kind'], amountCents: number, day?: string) =>
  database.db
    .transaction()
    .execute(async (trx) =>
      post(trx, await draftPosting(trx, { practiceId: id, kind, amountCents, day }, authorship()), actor),
    );
const reverses = (transaction: string) =>
  database.db
    .transaction()
    .execute(async (trx) => post(trx, await draftReversal(trx, transaction, authorship()), actor));
/** Newest first. */
const statements = async () => {
  const { items } = await listStatements(database.db, { practiceId: id, limit: 100 });
  return items.map(({ from, until, costCents, closingCents }) => ({ from, until, costCents, closingCents }));
};
const exported = async () => {
  const rows = await database.db
    .selectFrom('charge_export')
    .select('period_from')
    .orderBy('period_from')
    .execute();
  return rows.map(({ period_from: from }) => from);
};

test('it begins where the last one ended, in whole months, when there is something to say', async () => {
  await billedPractice(database, id);
  await liveUntil('2027-05-01');
  await happens({ kind: 'ends', from: '2027-06-10' });
  await liveUntil('2027-06-10');
  const [last, ...before] = await statements();
  expect(last).toMatchObject({ from: '2027-05-20', until: '2027-06-10' });
  expect(before).toHaveLength(3);
  const owed = last?.closingCents ?? 0;

  // Money that comes in makes none, and neither does the reversal of it.
  const paid = await posts('payment', owed);
  await reverses(paid);
  await liveUntil('2027-07-21');
  expect((await statements())[0]).toEqual(last);
  expect(await subscription()).toMatchObject({ nextDueAt: null });

  // It has all days since the end.
  await posts('credit', 5_000);
  await liveUntil('2027-08-09');
  expect((await statements())[0]).toEqual(last);
  await liveUntil('2027-08-11');
  expect((await statements())[0]).toEqual({
    from: '2027-06-10',
    until: '2027-08-10',
    costCents: -5_000,
    closingCents: owed - 5_000,
  });
  expect((await exported()).at(-1)).toBe('2027-06-10');
  await expect(posts('credit', 1, '2027-08-09')).rejects.toThrow('name a day from 2027-08-10 on');

  // And so on, years later, also for a control plane that was away.
  clock.at = noon('2029-01-10');
  await posts('adjustment', 700);
  clock.at = noon('2029-09-01');
  await posts('adjustment', 800);
  await liveUntil('2029-11-01');
  expect((await statements()).slice(0, 2)).toEqual([
    { from: '2029-02-10', until: '2029-09-10', costCents: 800, closingCents: owed - 3_500 },
    { from: '2027-08-10', until: '2029-02-10', costCents: 700, closingCents: owed - 4_300 },
  ]);
  expect(await subscription()).toMatchObject({
    state: 'cancelled',
    closedUntil: '2029-09-10',
    nextDueAt: null,
  });
  const told = await database.db
    .selectFrom('subscription_notice')
    .select('about')
    .where('kind', '=', 'statement_ready')
    .execute();
  expect(told).toHaveLength((await statements()).length);
  const charges = await database.db
    .selectFrom('ledger_transaction')
    .select('day')
    .where('kind', '=', 'charge')
    .where('day', '>=', '2027-06-10')
    .execute();
  expect(charges).toEqual([]);
});

test('where nothing was ever charged it begins with the end, and has what came before', async () => {
  await billedPractice(database, id);
  await posts('credit', 900);
  await liveUntil('2026-12-20');
  await happens({ kind: 'ends', from: '2026-12-31' });
  await liveUntil('2027-01-30');
  expect(await statements()).toEqual([]);
  await liveUntil('2027-02-01');
  expect(await statements()).toEqual([
    { from: '2026-12-31', until: '2027-01-31', costCents: -900, closingCents: -900 },
  ]);
  await liveUntil('2027-06-01');
  expect(await statements()).toHaveLength(1);
});

test('a practice that was never made has none, unless something was posted', async () => {
  const { signUp, practice } = approvedPractice(id, clock.at);
  await database.db.transaction().execute(async (trx) => {
    await trx.insertInto('sign_up').values(signUp).execute();
    await trx.insertInto('practice').values(practice).execute();
    const recording = { actor: 'token:test', reason: null, at: clock.at };
    const signature = { payloadType: 'test', payload: '', signatures: [{ keyid: 'test', sig: 'dGVzdA==' }] };
    const of = { practiceId: id, timeZone: 'America/Chicago', enrolled: enrolment() };
    await insertSubscription(trx, of, { ...recording, signature });
  });
  await happens({ kind: 'ends', from: '2026-11-25' });
  await liveUntil('2027-03-01');
  expect(await statements()).toEqual([]);
  await posts('credit', 100);
  await liveUntil('2027-03-26');
  expect(await statements()).toEqual([
    { from: '2026-11-25', until: '2027-03-25', costCents: -100, closingCents: -100 },
  ]);
});

test('two processes at once make it once', async () => {
  await billedPractice(database, id);
  await happens({ kind: 'ends', from: '2026-12-01' });
  await liveUntil('2026-12-01');
  await posts('credit', 100);
  clock.at = noon('2027-03-01');
  const pass = () => advanceDueSubscriptions({ db: database.db, clock, log: silent });
  await Promise.all([pass(), pass(), pass()]);
  expect(await statements()).toHaveLength(1);
  expect(await exported()).toEqual(['2026-12-01']);
});
