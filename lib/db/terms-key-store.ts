import type { TermsKey } from '../domain/plan/terms-signature.ts';
import type { Connection, Trx } from './database.ts';

/** Keeps the public half of a key that terms are signed with. Answers whether it is new. */
export async function registerTermsKey(trx: Trx, { id, publicKey }: TermsKey, now: Date): Promise<boolean> {
  const added = await trx
    .insertInto('terms_key')
    .values({ id, public_key: publicKey, registered_at: now })
    .onConflict((conflict) => conflict.doNothing())
    .returning('id')
    .executeTakeFirst();
  return added !== undefined;
}

/** Every key that terms were ever signed with. */
export async function listTermsKeys(connection: Connection): Promise<TermsKey[]> {
  const rows = await connection.selectFrom('terms_key').select(['id', 'public_key']).orderBy('id').execute();
  return rows.map((row) => ({ id: row.id, publicKey: row.public_key }));
}
