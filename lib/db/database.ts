import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { PGlite, types } from '@electric-sql/pglite';
import { type Kysely, PostgresDialect, sql, type Transaction } from 'kysely';
import { Migrator } from 'kysely/migration';
import { type CustomTypesConfig, Pool, type PoolConfig, types as pgTypes } from 'pg';
import { DomainError } from '../domain/errors.ts';
import { lockDirectory, unwritable } from './directory-lock.ts';
import { embeddedDialect } from './embedded-dialect.ts';
import { isDatabaseFault } from './faults.ts';
import { migrations } from './migrations/index.ts';
import { resilient } from './resilient.ts';
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
  const dataDir = directory === undefined ? undefined : join(directory, 'postgres');
  const isNew = dataDir !== undefined && !existsSync(dataDir);
  const pglite = new PGlite({
    ...(dataDir === undefined ? {} : { dataDir }),
    ...(image === undefined ? {} : { loadDataDir: image }),
    parsers: { [types.DATE]: asText },
  });
  try {
    await pglite.waitReady;
  } catch (cause) {
    // Half a database could not be opened by the next start either, when the disk has room again.
    if (isNew) rmSync(dataDir, { recursive: true, force: true });
    lock?.release();
    throw isRefusedFile(cause) && directory !== undefined
      ? unwritable(directory, cause)
      : unopenable(directory, cause);
  }
  const db = resilient(embeddedDialect(pglite));
  return {
    db,
    engine: { kind: 'embedded', pglite },
    close: async () => {
      await pglite.close();
      lock?.release();
    },
  };
}

/** Errors of files as PGlite's runtime gives them, by WASI's numbers (WASI preview 1, `errno`): EACCES, ENOSPC, EPERM, EROFS. */
function isRefusedFile(cause: unknown): boolean {
  return [2, 51, 63, 69].includes((cause as { errno?: number }).errno ?? 0);
}

function unopenable(directory: string | undefined, cause: unknown): DomainError {
  return new DomainError(
    'configuration',
    `The embedded database in ${directory} cannot be opened. Restore a backup of that directory, or set LUMENALITY_DATA_DIR to another one.`,
    { cause },
  );
}

type ServerPatience = Readonly<
  Pick<
    PoolConfig,
    | 'connectionTimeoutMillis'
    | 'statement_timeout'
    | 'idle_in_transaction_session_timeout'
    | 'query_timeout'
    | 'keepAlive'
  >
>;

/**
 * What keeps one statement, one connection or one paused process from holding up the others: all in milliseconds. A statement
 * that waits for a lock counts as well, and an idle transaction holds the locks of its run, which others wait to take over.
 */
export const serverPatience = {
  connectionTimeoutMillis: 5_000,
  statement_timeout: 30_000,
  idle_in_transaction_session_timeout: 10_000,
  /** Asked by this side too, for a server or network that says nothing any more. */
  query_timeout: 35_000,
  keepAlive: true,
} as const satisfies ServerPatience;

/** How long `close` waits for statements of a server that says nothing any more, in milliseconds. */
const closeWithinMs = 3_000;

/**
 * Connects to a PostgreSQL server, at the first statement. Any number of processes may share it.
 */
export function openServer(
  connectionString: string,
  options: { readonly maxConnections?: number; readonly patience?: Partial<ServerPatience> } = {},
): Database {
  const typesOf: CustomTypesConfig = {
    getTypeParser: (type, format) => {
      const oid: number = type;
      if (oid === int8) return Number;
      if (oid === date) return asText;
      return pgTypes.getTypeParser(type, format);
    },
  };
  const pool = new Pool({
    ...serverPatience,
    ...options.patience,
    connectionString,
    max: options.maxConnections ?? 10,
    types: typesOf,
    application_name: 'lumenality',
  });
  // A connection that breaks is replaced at its next use, and whoever works on it hears of it from the next statement; without
  // these listeners it would end the process.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  const db = resilient(new PostgresDialect({ pool }));
  return {
    db,
    engine: { kind: 'server', connectionString },
    // A statement that hangs holds its connection; whoever closes does not wait for it.
    close: () => Promise.race([db.destroy(), delay(closeWithinMs, undefined, { ref: false })]),
  };
}

/**
 * Asks a server, before anything else, whether it answers and takes us.
 * @throws DomainError `unavailable` when it does not answer (it may later), `configuration` when DATABASE_URL is wrong.
 */
export async function assertAnswers({ db, engine }: Database): Promise<void> {
  if (engine.kind === 'embedded') return;
  const { host, pathname, searchParams } = new URL(engine.connectionString);
  const at = `The PostgreSQL server at ${searchParams.get('host') ?? host}`;
  try {
    await sql`select 1`.execute(db);
  } catch (error) {
    if (isDatabaseFault(error)) {
      const message = `${at} does not answer (${reasonOf((error as DomainError).cause)}). Start it, or correct DATABASE_URL.`;
      throw new DomainError('unavailable', message, { cause: error, retryable: true });
    }
    const message = `${at} refuses the connection to the database ${pathname.slice(1) || '(none named)'}: ${reasonOf(error)}. Correct DATABASE_URL.`;
    throw new DomainError('configuration', message, { cause: error });
  }
}

/** A connection that several addresses refused has no message of its own, only a code. */
function reasonOf(error: unknown): string {
  const { message, code } = error as { message?: string; code?: string };
  return message === undefined || message === '' ? (code ?? 'no reason given') : message;
}

/** A migration takes as long as the database is large, and so does waiting for another process that migrates. */
export const migrationPatience = {
  statement_timeout: 0,
  query_timeout: 0,
} as const satisfies Partial<ServerPatience>;

/** `migrate`, on a server by connections of its own: no limit of time may undo a migration that only takes long. */
export async function bringUpToDate({ db, engine }: Database): Promise<string[]> {
  if (engine.kind === 'embedded') return migrate(db);
  const patient = openServer(engine.connectionString, { patience: migrationPatience });
  try {
    return await migrate(patient.db);
  } finally {
    await patient.close();
  }
}

/**
 * Brings the schema up to date, or to the migration `last`: all of it in one transaction. Safe to call from several processes at once.
 * Returns the names applied.
 * @throws DomainError `unavailable` when the database went away, `configuration` when it is a newer version's or a migration fails.
 */
export async function migrate(db: Db, last?: string): Promise<string[]> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => ({ ...migrations }) } });
  const { error, results } = await (last === undefined
    ? migrator.migrateToLatest()
    : migrator.migrateTo(last));
  if (error !== undefined) throw await migrationFailure(db, error);
  return (results ?? [])
    .filter((result) => result.status === 'Success')
    .map((result) => result.migrationName);
}

async function migrationFailure(db: Db, cause: unknown): Promise<unknown> {
  if (isDatabaseFault(cause)) return cause;
  const newer = await unknownMigration(db);
  const message =
    newer === undefined
      ? `The database could not be migrated; nothing was changed: ${reasonOf(cause)}.`
      : `The database was brought up to date by a newer version (migration ${newer}). Start that version, or a newer one, instead of this one.`;
  return new DomainError('configuration', message, { cause });
}

/** A migration on record that this version does not have. */
async function unknownMigration(db: Db): Promise<string | undefined> {
  return (await appliedMigrations(db))?.find((name) => migrations[name] === undefined);
}

/** Names of the migrations on record, in order; undefined for a database that nobody has migrated. */
export async function appliedMigrations(connection: Connection): Promise<string[] | undefined> {
  const { rows: found } = await sql<{ made: boolean }>`
    select to_regclass('kysely_migration') is not null as made`.execute(connection);
  if (found[0]?.made !== true) return undefined;
  const { rows } = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(
    connection,
  );
  return rows.map(({ name }) => name);
}

/** Text for a `jsonb` column. */
export function toJson(value: unknown): string {
  return JSON.stringify(value);
}
