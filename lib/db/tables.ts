import { sql } from 'kysely';
import { DomainError } from '../domain/errors.ts';
import type { Connection } from './database.ts';

/** Kysely's own record of migrations: it is made by migrating. */
const ofTheMigrator = ['kysely_migration', 'kysely_migration_lock'];

/** The tables of the control plane, each after those that it refers to, so that rows can be inserted in this order. */
export async function tablesInOrder(connection: Connection): Promise<string[]> {
  const { rows: tables } = await sql<{ name: string }>`
    select c.relname as name from pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' order by 1`.execute(connection);
  const { rows: references } = await sql<{ from: string; to: string }>`
    select distinct f.relname as "from", t.relname as "to" from pg_constraint k
    join pg_class f on f.oid = k.conrelid join pg_class t on t.oid = k.confrelid
    where k.contype = 'f' and k.conrelid <> k.confrelid`.execute(connection);
  let left = tables.map(({ name }) => name).filter((name) => !ofTheMigrator.includes(name));
  const ordered: string[] = [];
  while (left.length > 0) {
    const ready = left.filter(
      (name) => !references.some(({ from, to }) => from === name && left.includes(to)),
    );
    if (ready.length === 0) {
      throw new DomainError(
        'configuration',
        `The tables ${left.join(', ')} refer to each other in a circle, so none can be filled first.`,
      );
    }
    ordered.push(...ready);
    left = left.filter((name) => !ready.includes(name));
  }
  return ordered;
}

/** Sets each identity column's sequence behind the rows that are there. */
export async function advanceSequences(connection: Connection, tables: readonly string[]): Promise<void> {
  const { rows } = await sql<{ table: string; column: string }>`
    select c.relname as "table", a.attname as "column" from pg_attribute a
    join pg_class c on c.oid = a.attrelid
    where c.relnamespace = 'public'::regnamespace and a.attidentity <> ''`.execute(connection);
  for (const { table, column } of rows) {
    if (!tables.includes(table)) continue;
    await sql`select setval(pg_get_serial_sequence(${table}, ${column}), max(${sql.ref(column)})) from ${sql.table(table)}
      having max(${sql.ref(column)}) is not null`.execute(connection);
  }
}
