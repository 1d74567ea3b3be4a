import type { Connection, Trx } from './database.ts';

/** The address at which a practice reads its own subscription, by the SHA-256 of its secret. */
export interface SubscriptionLink {
  readonly practiceId: string;
  readonly keySha256: string;
  readonly createdBy: string;
  readonly createdAt: Date;
}

/** Gives a subscription an address. The transaction holds the subscription, and has removed an older address. */
export async function insertLink(trx: Trx, link: SubscriptionLink): Promise<void> {
  await trx
    .insertInto('subscription_link')
    .values({
      practice_id: link.practiceId,
      key_sha256: link.keySha256,
      created_by: link.createdBy,
      created_at: link.createdAt,
    })
    .execute();
}

/** Answers whether there was one. */
export async function removeLink(trx: Trx, practiceId: string): Promise<boolean> {
  const { numDeletedRows } = await trx
    .deleteFrom('subscription_link')
    .where('practice_id', '=', practiceId)
    .executeTakeFirstOrThrow();
  return numDeletedRows === 1n;
}

/** The practice whose subscription has this address. */
export async function findLink(connection: Connection, keySha256: string): Promise<string | undefined> {
  const row = await connection
    .selectFrom('subscription_link')
    .select('practice_id')
    .where('key_sha256', '=', keySha256)
    .executeTakeFirst();
  return row?.practice_id;
}
