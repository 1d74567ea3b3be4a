import type { Db, Trx } from './database.ts';
import { toJson } from './database.ts';

/** Which call this is: a route and its caller, the caller's key, and what the call carries. */
export interface IdempotentCall {
  /** Route and actor: two callers never share a key. */
  readonly scope: string;
  readonly key: string;
  /** SHA-256 of the canonical request body. */
  readonly requestHash: string;
}

export interface FirstAnswer {
  readonly requestHash: string;
  readonly status: number;
  readonly body: unknown;
}

/**
 * Takes the key for this transaction. Answers undefined when it was free, else the answer of the call that took it.
 * The primary key settles two at once: the second waits for the first's transaction and then sees its answer, or takes
 * the key when the first came to nothing.
 */
export async function takeKey(db: Trx, call: IdempotentCall, at: Date): Promise<FirstAnswer | undefined> {
  const { scope, key } = call;
  const taken = await db
    .insertInto('idempotency')
    .values({ scope, key, request_hash: call.requestHash, status: 0, body: 'null', created_at: at })
    .onConflict((conflict) => conflict.columns(['scope', 'key']).doNothing())
    .returning('key')
    .executeTakeFirst();
  if (taken !== undefined) return undefined;
  const first = await db
    .selectFrom('idempotency')
    .select(['request_hash', 'status', 'body'])
    .where('scope', '=', scope)
    .where('key', '=', key)
    .executeTakeFirstOrThrow();
  return { requestHash: first.request_hash, status: first.status, body: first.body };
}

/** Keeps the answer for the calls that repeat this one. */
export async function keepAnswer(
  db: Trx,
  call: IdempotentCall,
  answer: { readonly status: number; readonly body: unknown },
): Promise<void> {
  await db
    .updateTable('idempotency')
    .set({ status: answer.status, body: toJson(answer.body) })
    .where('scope', '=', call.scope)
    .where('key', '=', call.key)
    .execute();
}

/** Forgets the answers of calls before `time`: their keys are free again. Returns how many. */
export async function forgetAnswers(db: Db, time: Date): Promise<number> {
  const { numDeletedRows } = await db
    .deleteFrom('idempotency')
    .where('created_at', '<', time)
    .executeTakeFirstOrThrow();
  return Number(numDeletedRows);
}
