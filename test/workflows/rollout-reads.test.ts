import { sql } from 'kysely';
import type { Database } from '../../lib/db/database.ts';
import { advanceTarget } from '../../lib/reconcilers/rollout-decisions.ts';
import { openTestDatabase } from '../builders/database.ts';
import { type RolloutFleet, startRolloutFleet } from '../builders/rollout-fleet.ts';

const practices = 40;
let database: Database;
let fleet: RolloutFleet;
let rolloutId: string;

beforeEach(async () => {
  // One connection, whose settings and counts are everybody's.
  database = await openTestDatabase({ maxConnections: 1 });
  fleet = await startRolloutFleet(database);
  for (let made = 0; made < practices; made += 1) await fleet.practice(`practice-${made}`);
  const policy = { concurrencyPerCell: practices };
  rolloutId = await fleet.rollout({ releaseId: fleet.releases[1], policy });
  await sql`analyze`.execute(database.db);
  // In tables of a few rows the planner takes none of the indexes that matter in large ones.
  await sql`set enable_seqscan = off`.execute(database.db);
});
afterEach(() => fleet.close());

interface Reads {
  readonly scans: number;
  readonly rows: number;
}

/** Scans of whole tables so far, and rows read of them (PostgreSQL, "pg_stat_all_tables"). */
async function readsOf(table: 'run' | 'rollout_target'): Promise<Reads> {
  await sql`select pg_stat_force_next_flush()`.execute(database.db);
  const { rows } = await sql<Reads>`
    select seq_scan::int as scans, (seq_tup_read + coalesce(idx_tup_fetch, 0))::int as rows
    from pg_stat_user_tables where relname = ${table}`.execute(database.db);
  return rows[0] ?? { scans: 0, rows: 0 };
}

async function added(table: 'run' | 'rollout_target', work: () => Promise<unknown>): Promise<Reads> {
  const before = await readsOf(table);
  await work();
  const after = await readsOf(table);
  return { scans: after.scans - before.scans, rows: after.rows - before.rows };
}

test('a start reads its own practice of the fleet, and no other runs than that has', async () => {
  fleet.at('2026-11-21T02:00:00Z');
  const start = (practiceId: string) => async () =>
    expect(await advanceTarget(fleet.api.core, rolloutId, practiceId)).toMatchObject({ did: 'start' });
  expect((await added('rollout_target', start('practice-0'))).rows).toBeLessThan(practices / 2);
  const { scans, rows } = await added('run', start('practice-1'));
  expect(scans).toBe(0);
  expect(rows).toBeLessThan(practices / 2);
});

test('a pass over a rollout that is paused asks for nobody who waits', async () => {
  const { db } = database;
  fleet.at('2026-11-21T02:00:00Z');
  const paused = { state: 'paused', paused_because: 'by a person' } as const;
  await db.updateTable('rollout').set(paused).where('id', '=', rolloutId).execute();
  const { rows } = await added('run', async () => expect(await fleet.pass()).toEqual([]));
  expect(rows).toBe(0);
});
