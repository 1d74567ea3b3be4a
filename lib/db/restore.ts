import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import { DomainError } from '../domain/errors.ts';
import { type BackupEnd, type BackupHeader, damaged, marker, parseMark } from './backup-format.ts';
import { type Connection, type Db, migrate, type Trx } from './database.ts';
import { migrations as knownMigrations } from './migrations/index.ts';
import { advanceSequences, tablesInOrder } from './tables.ts';

/** Rows inserted by one statement. */
const rowsAtOnce = 200;

/**
 * Fills an empty database from the lines of a backup (`backup-format.ts`), and brings it to this version's schema. The rows come in
 * one transaction: all of them or none.
 * @throws DomainError `configuration` when the database is in use already, the backup is damaged or not whole, or a newer version wrote it.
 */
export async function restoreBackup(
  db: Db,
  lines: AsyncIterable<string>,
): Promise<{ readonly header: BackupHeader; readonly end: BackupEnd; readonly migrated: string[] }> {
  const read = hashed(lines);
  const first = await read.next();
  const header = first === undefined ? undefined : parseMark(first);
  if (header?.kind !== 'header') throw damaged('it has no header');
  requireKnown(header);
  await requireEmpty(db);
  await migrate(db, header.migrations.at(-1));
  const end = await db.transaction().execute((trx) => fill(trx, read));
  return { header, end, migrated: await migrate(db) };
}

function requireKnown({ migrations }: BackupHeader): void {
  const known = Object.keys(knownMigrations).sort();
  const strange = migrations.find((name, place) => known[place] !== name);
  if (strange === undefined) return;
  throw new DomainError(
    'configuration',
    `The backup is of a database with the migration ${strange}, which this version does not have. Restore it with the version that wrote it, or a newer one.`,
  );
}

/** Tables that every database in use has rows of; what migrations themselves put in is not among them. */
const tellTales = ['audit', 'sign_up', 'release', 'api_token', 'run'];

async function requireEmpty(db: Db): Promise<void> {
  const present = await tablesInOrder(db);
  for (const table of tellTales.filter((name) => present.includes(name))) {
    if (!(await hasRows(db, table))) continue;
    throw new DomainError(
      'configuration',
      `This database is in use: its table ${table} has rows. A backup is restored into an empty database only; name one with DATABASE_URL or LUMENALITY_DATA_DIR.`,
    );
  }
}

async function hasRows(connection: Connection, table: string): Promise<boolean> {
  return (await sql`select 1 from ${sql.table(table)} limit 1`.execute(connection)).rows.length > 0;
}

async function fill(trx: Trx, read: HashedLines): Promise<BackupEnd> {
  await sql`set local time zone 'UTC'`.execute(trx);
  // Triggers that hold a new row against those that were there before it stand aside: here they come in another order.
  await sql`set local lumenality.restores = 'on'`.execute(trx);
  const tables = await tablesInOrder(trx);
  // What the migrations put in stands in the backup too. Triggers that keep rows of a database in use stand aside for it.
  // Of tables that only grow nobody may delete, not even nothing.
  for (const table of tables.toReversed()) {
    if (!(await hasRows(trx, table))) continue;
    await sql`alter table ${sql.table(table)} disable trigger user`.execute(trx);
    await sql`delete from ${sql.table(table)}`.execute(trx);
    await sql`alter table ${sql.table(table)} enable trigger user`.execute(trx);
  }
  let table: string | undefined;
  let rows = 0;
  let batch: string[] = [];
  const flush = async (): Promise<void> => {
    if (batch.length === 0) return;
    if (table === undefined) throw damaged('it has rows that belong to no table');
    await insertRows(trx, table, batch);
    rows += batch.length;
    batch = [];
  };
  for (let text = await read.next(); text !== undefined; text = await read.next()) {
    if (!text.startsWith(marker)) {
      batch.push(text);
      if (batch.length === rowsAtOnce) await flush();
      continue;
    }
    await flush();
    const mark = parseMark(text);
    if (mark.kind === 'end') {
      if (mark.rows !== rows || mark.sha256 !== read.sha256BeforeLast())
        throw damaged('its checksum does not match');
      await advanceSequences(trx, tables);
      return mark;
    }
    if (mark.kind === 'header' || !tables.includes(mark.table))
      throw damaged('it names a table that is not there');
    table = mark.table;
  }
  throw damaged('it ends too early');
}

async function insertRows(trx: Trx, table: string, rows: readonly string[]): Promise<void> {
  try {
    // Each line is a JSON string, so all of them together are a JSON array.
    await sql`insert into ${sql.table(table)} overriding system value
      select (r.line::${sql.table(table)}).* from json_array_elements_text(${`[${rows.join(',')}]`}::json) as r(line)`.execute(
      trx,
    );
  } catch (cause) {
    throw new DomainError(
      'configuration',
      `A row of the table ${table} cannot be restored, so nothing was. Use another backup, or report this one.`,
      { cause },
    );
  }
}

interface HashedLines {
  next(): Promise<string | undefined>;
  /** Of every line before the one that `next` gave last. */
  sha256BeforeLast(): string;
}

function hashed(lines: AsyncIterable<string>): HashedLines {
  const iterator = lines[Symbol.asyncIterator]();
  const hash = createHash('sha256');
  let last: string | undefined;
  return {
    next: async () => {
      if (last !== undefined) hash.update(`${last}\n`);
      const step = await iterator.next();
      last = step.done === true ? undefined : step.value;
      return last;
    },
    sha256BeforeLast: () => hash.copy().digest('hex'),
  };
}
