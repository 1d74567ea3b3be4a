import type { Pool } from 'pg';
import { ping } from './database.ts';
import type { PracticeKey } from './practice-key.ts';

/** An answer is good for this long, so that callers without an account cannot drive up the bill for KMS. */
const FRESH_MS = 1000;

export type Readiness =
  | { readonly ready: true; readonly database: { readonly roundTripMs: number; readonly tls: true } }
  /** `reason` is for anybody to read; `cause` is for the log. */
  | { readonly ready: false; readonly reason: string; readonly cause?: unknown };

/** Checks the database and the key for real. Callers at the same moment share one check. */
export function readinessCheck(
  pool: Pool,
  key: PracticeKey,
  wrappedDataKey: Uint8Array,
): () => Promise<Readiness> {
  let latest: { readonly at: number; readonly answer: Promise<Readiness> } | undefined;
  return () => {
    if (latest === undefined || Date.now() - latest.at > FRESH_MS) {
      latest = { at: Date.now(), answer: check(pool, key, wrappedDataKey) };
    }
    return latest.answer;
  };
}

async function check(pool: Pool, key: PracticeKey, wrappedDataKey: Uint8Array): Promise<Readiness> {
  try {
    await key.unwrap(wrappedDataKey);
  } catch (cause) {
    return { ready: false, reason: `The practice's key cannot be used (${(cause as Error).name}).`, cause };
  }
  try {
    const { roundTripMs, tls } = await ping(pool);
    if (!tls) return { ready: false, reason: 'The connection to the database is not verified TLS.' };
    return { ready: true, database: { roundTripMs, tls } };
  } catch (cause) {
    const { code } = cause as { code?: unknown };
    const sort = typeof code === 'string' ? ` (${code})` : '';
    return { ready: false, reason: `The database does not answer${sort}.`, cause };
  }
}
