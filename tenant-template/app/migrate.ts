import { createHash } from 'node:crypto';
import type { PoolClient } from 'pg';
import type { Migration } from './migrations/index.ts';
import { EXIT, StartRefusal } from './start-refusal.ts';

/** Any number, the same in every release: 'lumenality' as digits of a telephone. */
const LOCK = 5_863_625_489;

/**
 * Brings the schema up to date inside the caller's transaction. Two apps that start at once take turns at the lock, and
 * the second finds nothing left to do. An older release starts on a newer schema: during a rollout both run.
 *
 * @returns the number of the newest migration in the database.
 * @throws StartRefusal (70) when a migration that this database has run is not the one in this release.
 */
export async function migrate(
  client: PoolClient,
  migrations: readonly Migration[],
  releaseId: string,
): Promise<number> {
  await client.query('SELECT pg_advisory_xact_lock($1)', [LOCK]);
  await client.query(
    `CREATE TABLE IF NOT EXISTS schema_migration (
       number integer PRIMARY KEY,
       name text NOT NULL,
       checksum text NOT NULL,
       release_id text NOT NULL,
       applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
     )`,
  );
  const applied = await client.query<{ number: number; checksum: string }>(
    'SELECT number, checksum FROM schema_migration ORDER BY number',
  );
  const checksums = new Map(applied.rows.map(({ number, checksum }) => [number, checksum]));
  for (const migration of migrations) {
    const recorded = checksums.get(migration.number);
    const checksum = createHash('sha256').update(migration.sql).digest('hex');
    if (recorded === checksum) continue;
    if (recorded !== undefined) throw changed(migration);
    await client.query(migration.sql);
    await client.query(
      'INSERT INTO schema_migration (number, name, checksum, release_id) VALUES ($1, $2, $3, $4)',
      [migration.number, migration.name, checksum, releaseId],
    );
  }
  return Math.max(...checksums.keys(), ...migrations.map(({ number }) => number));
}

function changed({ number, name }: Migration): StartRefusal {
  return new StartRefusal(
    EXIT.software,
    `Migration ${number} (${name}) was changed after this database ran it. Restore its text and add a new migration instead.`,
  );
}
