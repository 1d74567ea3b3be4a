/**
 * Statements of many subscriptions, all of whose periods end on the same day: `[postgres:// URL] [subscriptions]`. Sends how long it took
 * to its parent, month by month.
 */
import { migrate, openServer, toJson } from '../../../lib/db/database.ts';
import { findStatement, statementLines } from '../../../lib/db/statement-store.ts';
import { addDays, addMonths, type Day } from '../../../lib/domain/plan/day.ts';
import { timelineOf } from '../../../lib/domain/plan/timeline.ts';
import { advanceDueSubscriptions } from '../../../lib/reconcilers/advance-subscriptions.ts';
import { started } from '../../builders/plan-terms.ts';
import { approvedPractice, silent } from '../../builders/runs.ts';
import type { Closed } from '../statements.ts';

const [url = '', subscriptions = '0'] = process.argv.slice(2);
const count = Number(subscriptions);
const activatedOn = '2027-01-15';
const months = 3;
/** Rows of one statement: PostgreSQL takes 65,535 values. */
const batch = 1_000;

const database = openServer(url);
const { db } = database;
let now = new Date(`${activatedOn}T18:00:00Z`);
await migrate(db);
const ids = Array.from({ length: count }, (_, at) => `practice-${at}`);
for (let at = 0; at < count; at += batch) await insertSubscriptions(ids.slice(at, at + batch));
const closing: number[] = [];
for (let month = 1; month <= months; month += 1) closing.push(await close(addMonths(activatedOn, month)));
const reading = await read(addMonths(activatedOn, months - 1));
const { lines } = await db
  .selectFrom('ledger_transaction')
  .select(({ fn }) => fn.countAll<number>().as('lines'))
  .executeTakeFirstOrThrow();
process.send?.({ closing, reading, lines } satisfies Closed);
await database.close();
process.disconnect?.();

/** In Chicago, with 1 to 30 clinicians. */
async function insertSubscriptions(practices: readonly string[]): Promise<void> {
  const rows = practices.map((id, at) => {
    const facts = started(activatedOn, { freeDays: 0 }, { clinicians: 1 + (at % 30), locations: 1 });
    return { id, facts, terms: timelineOf(facts).plans[0]?.terms, ...approvedPractice(id, now) };
  });
  await db.transaction().execute(async (trx) => {
    await trx
      .insertInto('sign_up')
      .values(rows.map(({ signUp }) => signUp))
      .execute();
    await trx
      .insertInto('practice')
      .values(rows.map(({ practice }) => practice))
      .execute();
    await trx
      .insertInto('subscription')
      .values(
        rows.map(({ id, terms }) => ({
          practice_id: id,
          plan_id: 'founding',
          plan_version: 1,
          state: 'active' as const,
          time_zone: 'America/Chicago',
          terms: toJson(terms),
          charged_from: activatedOn,
          next_due_at: now,
          created_at: now,
          updated_at: now,
        })),
      )
      .execute();
    await trx
      .insertInto('subscription_fact')
      .values(
        rows.flatMap(({ id, facts }) =>
          facts.map((fact, place) => ({
            practice_id: id,
            seq: place + 1,
            kind: fact.kind,
            fact: toJson(fact),
            signature: null,
            actor: 'system',
            at: now,
          })),
        ),
      )
      .execute();
  });
}

/** Closes what has ended by a day, as the reconciler of one process does. Seconds. */
async function close(day: Day): Promise<number> {
  now = new Date(`${addDays(day, 1)}T12:00:00Z`);
  const begun = performance.now();
  while ((await advanceDueSubscriptions({ db, clock: { now: () => now }, log: silent })) > 0);
  return (performance.now() - begun) / 1_000;
}

/** Reads a statement with its lines, of up to 500 practices. Milliseconds of each. */
async function read(from: Day): Promise<number[]> {
  const milliseconds: number[] = [];
  for (const id of ids.slice(0, 500)) {
    const begun = performance.now();
    const statement = await findStatement(db, id, from);
    if (statement === undefined) throw new Error(`${id} has no statement from ${from}`);
    await statementLines(db, id, statement);
    milliseconds.push(performance.now() - begun);
  }
  return milliseconds;
}
