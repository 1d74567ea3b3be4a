import type { Insertable, Selectable } from 'kysely';
import type { Db, Trx } from './database.ts';
import type { CiExchangeTable } from './schema.ts';

/** Takes an ID token for this transaction. Returns whether it was free: of two at once the second waits for the first. */
export async function takeIdToken(db: Trx, row: Insertable<CiExchangeTable>): Promise<boolean> {
  const taken = await db
    .insertInto('ci_exchange')
    .values(row)
    .onConflict((conflict) => conflict.column('fingerprint').doNothing())
    .returning('fingerprint')
    .executeTakeFirst();
  return taken !== undefined;
}

/** The ID token whose newest API token this is; nobody else renews that until the transaction ends. */
export function exchangeOf(db: Trx, tokenId: string): Promise<Selectable<CiExchangeTable> | undefined> {
  return db
    .selectFrom('ci_exchange')
    .selectAll()
    .where('token_id', '=', tokenId)
    .forUpdate()
    .executeTakeFirst();
}

export async function setExchangedToken(db: Trx, fingerprint: string, tokenId: string): Promise<void> {
  await db
    .updateTable('ci_exchange')
    .set({ token_id: tokenId })
    .where('fingerprint', '=', fingerprint)
    .execute();
}

/** Forgets ID tokens that expired before `time`: they are refused for that. Returns how many. */
export async function forgetIdTokens(db: Db, time: Date): Promise<number> {
  const { numDeletedRows } = await db
    .deleteFrom('ci_exchange')
    .where('expires_at', '<', time)
    .executeTakeFirstOrThrow();
  return Number(numDeletedRows);
}
