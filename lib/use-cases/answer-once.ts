import { createHash } from 'node:crypto';
import type { Trx } from '../db/database.ts';
import { keepAnswer, takeKey } from '../db/idempotency-store.ts';
import { DomainError } from '../domain/errors.ts';
import { canonicalJson } from '../domain/json.ts';
import type { Core } from './core.ts';

export interface OnceAnswer<Body> {
  readonly status: number;
  readonly body: Body;
  /** Whether this is the answer of an earlier call with the same key. */
  readonly replayed: boolean;
}

/** A call that may be repeated: `scope` is the route and its caller, `key` the caller's Idempotency-Key. */
export interface RepeatableCall {
  readonly scope: string;
  readonly key: string;
  readonly request: unknown;
}

/**
 * Does the work once for a key, in one transaction with the record of its answer, and answers repeats with that first
 * answer. Only work that succeeded is kept: a call that was refused may be repeated with the same key.
 * The answer's body must be plain JSON, because a repeat gets it from the database.
 * @throws DomainError `idempotency_mismatch` when the key was used with another request.
 */
export async function answerOnce<Body>(
  core: Core,
  call: RepeatableCall,
  work: (trx: Trx) => Promise<{ readonly status: number; readonly body: Body }>,
): Promise<OnceAnswer<Body>> {
  const requestHash = createHash('sha256').update(canonicalJson(call.request)).digest('hex');
  const key = { scope: call.scope, key: call.key, requestHash };
  return core.db.transaction().execute(async (trx) => {
    const first = await takeKey(trx, key, core.clock.now());
    if (first === undefined) {
      const answer = await work(trx);
      await keepAnswer(trx, key, answer);
      return { ...answer, replayed: false };
    }
    if (first.requestHash !== requestHash) {
      throw new DomainError(
        'idempotency_mismatch',
        'This Idempotency-Key was used with another request. Use a new key for a new request.',
      );
    }
    return { status: first.status, body: first.body as Body, replayed: true };
  });
}
