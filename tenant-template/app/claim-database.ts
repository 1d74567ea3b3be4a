import type { Pool, PoolClient } from 'pg';
import { inTransaction, ping } from './database.ts';
import { migrate } from './migrate.ts';
import type { Migration } from './migrations/index.ts';
import type { PracticeKey } from './practice-key.ts';
import { EXIT, StartRefusal } from './start-refusal.ts';
import { isTransient } from './transient.ts';

interface Identity {
  readonly practice_id: string;
  readonly wrapped_data_key: Buffer;
}

export interface Claim {
  readonly practiceId: string;
  readonly releaseId: string;
  readonly appVersion: string;
  /** SHA-256 of the token of the owner's link that this start was given, if any. */
  readonly ownerTokenHash: Buffer | undefined;
}

export interface ClaimedDatabase {
  /** The newest migration in the database. */
  readonly migration: number;
  readonly wrappedDataKey: Buffer;
}

/**
 * Makes sure that the database is this practice's, brings its schema up to date, and writes down the start. Nothing is
 * written into a database that says it is another practice's. An empty one is claimed by the first start.
 *
 * @throws StartRefusal (77) for another practice's database or key, (70) for a changed migration.
 */
export async function claimDatabase(
  pool: Pool,
  key: PracticeKey,
  migrations: readonly Migration[],
  claim: Claim,
): Promise<ClaimedDatabase> {
  if (!(await ping(pool)).tls) {
    throw new StartRefusal(
      EXIT.notOurs,
      'The connection to the database is not encrypted with a verified certificate.',
    );
  }
  const found = await checkedIdentity(pool, claim.practiceId);
  // KMS is asked before the transaction, so that no lock waits for a call over the network.
  const wrapped = found?.wrapped_data_key ?? (await key.newWrappedKey());
  const migration = await inTransaction(pool, async (client) => {
    const newest = await migrate(client, migrations, claim.releaseId);
    await client.query(
      'INSERT INTO silo_identity (practice_id, key_arn, wrapped_data_key) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING',
      [claim.practiceId, key.arn, wrapped],
    );
    await noteEarlierOwnerLink(client, claim.ownerTokenHash);
    return newest;
  });
  const identity = await checkedIdentity(pool, claim.practiceId);
  if (identity === undefined) throw new Error('The database lost its identity between two queries.');
  await proveKey(key, identity.wrapped_data_key);
  await recordStart(pool, claim, migration);
  return { migration, wrappedDataKey: identity.wrapped_data_key };
}

/**
 * Releases before migration 6 did not write down which owner's link was taken. An owner of theirs may have taken the one
 * that this start was given, so it must not be good once more; the next invitation is.
 */
async function noteEarlierOwnerLink(client: PoolClient, given: Buffer | undefined): Promise<void> {
  await client.query(
    `INSERT INTO owner_link (token_hash, taken_at)
     SELECT $1, clock_timestamp()
     WHERE EXISTS (SELECT FROM staff WHERE role = 'owner') AND NOT EXISTS (SELECT FROM owner_link)`,
    // No token has a hash of zeros: it stands for one that nobody knows any more.
    [given ?? Buffer.alloc(32)],
  );
}

async function checkedIdentity(client: Pool | PoolClient, practiceId: string): Promise<Identity | undefined> {
  const known = await client.query<{ exists: boolean }>(
    `SELECT to_regclass('public.silo_identity') IS NOT NULL AS exists`,
  );
  if (!known.rows[0]?.exists) return undefined;
  const { rows } = await client.query<Identity>('SELECT practice_id, wrapped_data_key FROM silo_identity');
  const [identity] = rows;
  if (identity !== undefined && identity.practice_id !== practiceId) {
    throw new StartRefusal(
      EXIT.notOurs,
      `The database belongs to the practice ${identity.practice_id}, not to ${practiceId}. Give the task the database of its own practice (DATABASE_HOST, DATABASE_NAME).`,
    );
  }
  return identity;
}

async function proveKey(key: PracticeKey, wrapped: Uint8Array): Promise<void> {
  try {
    await key.unwrap(wrapped);
  } catch (error) {
    if (isTransient(error)) throw error;
    const { name, message } = error as Error;
    throw new StartRefusal(
      EXIT.notOurs,
      `The database's data key does not decrypt under ${key.arn} (KEY_ARN): ${name}: ${message} The database or the key is not this practice's.`,
      { cause: error },
    );
  }
}

async function recordStart(pool: Pool, claim: Claim, migration: number): Promise<void> {
  await pool.query('INSERT INTO audit_event (actor, action, release_id, details) VALUES ($1, $2, $3, $4)', [
    'practice-app',
    'app.started',
    claim.releaseId,
    JSON.stringify({ appVersion: claim.appVersion, migration }),
  ]);
}
