import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import { DomainError } from '../domain/errors.ts';
import { type BackupEnd, type BackupHeader, markLine } from './backup-format.ts';
import { appliedMigrations, type Connection, type Db } from './database.ts';
import { tablesInOrder } from './tables.ts';

/** Rows read and handed on at a time: what a backup holds in memory. */
const rowsAtOnce = 500;

/**
 * Everything on record, as the lines of a backup (`backup-format.ts`), seen at one moment: one read-only transaction at repeatable
 * read, beside whatever else goes on (PostgreSQL documentation, "Transaction Isolation"). The queue is left out: it is made
 * again from the open runs at the next start.
 */
export async function writeBackup(
  db: Db,
  takenAt: Date,
  write: (text: string) => Promise<void>,
): Promise<BackupEnd> {
  return db
    .transaction()
    .setIsolationLevel('repeatable read')
    .setAccessMode('read only')
    .execute(async (trx) => {
      // Times are written with an offset; theirs must not depend on the server's setting.
      await sql`set local time zone 'UTC'`.execute(trx);
      const header: BackupHeader = {
        kind: 'header',
        format: 'lumenality-control-plane',
        formatVersion: 1,
        takenAt: takenAt.toISOString(),
        migrations: await migrationsOf(trx),
      };
      const hash = createHash('sha256');
      const say = async (text: string) => {
        hash.update(text);
        await write(text);
      };
      await say(`${markLine(header)}\n`);
      let rows = 0;
      for (const table of await tablesInOrder(trx)) {
        await say(`${markLine({ kind: 'table', table })}\n`);
        for await (const row of rowsOf(trx, table)) {
          await say(`${row}\n`);
          rows += 1;
        }
      }
      const end: BackupEnd = { kind: 'end', rows, sha256: hash.digest('hex') };
      await write(`${markLine(end)}\n`);
      return end;
    });
}

async function migrationsOf(connection: Connection): Promise<string[]> {
  const applied = await appliedMigrations(connection);
  if (applied !== undefined) return applied;
  throw new DomainError(
    'configuration',
    'There is nothing to back up: no control plane has used this database. Name the right one with DATABASE_URL or LUMENALITY_DATA_DIR.',
  );
}

/** Each row as PostgreSQL's own text of it: it is never read into JavaScript's numbers and dates, which are narrower. */
async function* rowsOf(connection: Connection, table: string): AsyncGenerator<string> {
  await sql`declare backup_rows no scroll cursor for select r::text as row from ${sql.table(table)} r`.execute(
    connection,
  );
  for (;;) {
    const { rows } = await sql<{ row: string }>`fetch ${sql.lit(rowsAtOnce)} from backup_rows`.execute(
      connection,
    );
    for (const { row } of rows) yield JSON.stringify(row);
    if (rows.length < rowsAtOnce) break;
  }
  await sql`close backup_rows`.execute(connection);
}
