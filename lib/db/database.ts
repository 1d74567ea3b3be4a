import { PGlite, types } from '@electric-sql/pglite';
import { Kysely, PGliteDialect, PostgresDialect, type Transaction } from 'kysely';
import { Migrator } from 'kysely/migration';
import { type CustomTypesConfig, Pool, types as pgTypes } from 'pg';
import { DomainError } from '../domain/errors.ts';
import { lockDirectory } from './directory-lock.ts';
import { migrations } from './migrations/index.ts';
import type { Schema } from './schema.ts';

/** The database outside a transaction. */
export type Db = Kysely<Schema>;
/** Inside a transaction use nothing but this: on PGlite, which has one session, the outer `Db` would wait for ever. */
export type Trx = Transaction<Schema>;
/** A store reads and writes through either. */
export type Connection = Db | Trx;

/** An open database: embedded (PGlite in this process) or a PostgreSQL server. */
export interface Database {
  readonly db: Db;
  /** What the queue needs to share the same database. */
  readonly engine:
    | { readonly kind: 'embedded'; readonly pglite: PGlite }
    | { readonly kind: 'server'; readonly connectionString: string };
  close(): Promise<void>;
}

const asText = (value: string): string => value;
/** Type ids of PostgreSQL (pg_type). */
const int8 = 20;
const date = 1082;

/**
 * Opens the embedded database in `directory`, or one in memory when it is undefined. Refuses a directory in use.
 * @param image what PGlite's `dumpDataDir` gave of another one, to begin with: opening it takes a quarter of the time of making one
 */
export async function openEmbedded(directory: string | undefined, image?: Blob): Promise<Database> {
  const lock = directory === undefined ? undefined : lockDirectory(directory);
  const pglite = new PGlite({
    ...(directory === undefined ? {} : { dataDir: `${directory}/postgres` }),
    ...(image === undefined ? {} : { loadDataDir: image }),
    parsers: { [types.DATE]: asText },
  });
  try {
    await pglite.waitReady;
  } catch (cause) {
    lock?.release();
    throw new DomainError(
      'configuration',
      `The embedded database in ${directory} cannot be opened. Restore a backup of that directory, or set LUMENALITY_DATA_DIR to another one.`,
      { cause },
    );
  }
  const db = new Kysely<Schema>({ dialect: new PGliteDialect({ pglite }) });
  return {
    db,
    engine: { kind: 'embedded', pglite },
    close: async () => {
      await pglite.close();
      lock?.release();
    },
  };
}

/** Connects to a PostgreSQL server. Any number of processes may share it. */
export function openServer(
  connectionString: string,
  options: { readonly maxConnections?: number } = {},
): Database {
  const typesOf: CustomTypesConfig = {
    getTypeParser: (type, format) => {
      const oid: number = type;
      if (oid === int8) return Number;
      if (oid === date) return asText;
      return pgTypes.getTypeParser(type, format);
    },
  };
  const pool = new Pool({ connectionString, max: options.maxConnections ?? 10, types: typesOf });
  // An idle connection that breaks is replaced at its next use; without a listener it would end the process.
  pool.on('error', () => undefined);
  const db = new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) });
  return { db, engine: { kind: 'server', connectionString }, close: () => db.destroy() };
}

/** Brings the schema up to date. Safe to call from several processes at once. Returns the names applied. */
export async function migrate(db: Db): Promise<string[]> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => ({ ...migrations }) } });
  const { error, results } = await migrator.migrateToLatest();
  if (error !== undefined) {
    throw new DomainError('configuration', 'The database could not be migrated; nothing was changed.', {
      cause: error,
    });
  }
  return (results ?? [])
    .filter((result) => result.status === 'Success')
    .map((result) => result.migrationName);
}

/** Text for a `jsonb` column. */
export function toJson(value: unknown): string {
  return JSON.stringify(value);
}
