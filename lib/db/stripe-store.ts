import { sql } from 'kysely';
import type { Payer } from '../ports/charge-export.ts';
import type { Connection, Db, Trx } from './database.ts';

export async function findStripeCustomer(
  connection: Connection,
  { practice, owner }: Payer,
): Promise<string | undefined> {
  const row = await connection
    .selectFrom('stripe_customer')
    .select('customer_id')
    .where('practice_id', '=', practice.id)
    .where('owner', '=', owner)
    .executeTakeFirst();
  return row?.customer_id;
}

/** Keeps the first one that is told. */
export async function keepStripeCustomer(
  connection: Connection,
  { practice, owner }: Payer,
  { customerId, now }: { readonly customerId: string; readonly now: Date },
): Promise<void> {
  await connection
    .insertInto('stripe_customer')
    .values({ practice_id: practice.id, owner, customer_id: customerId, created_at: now })
    .onConflict((conflict) => conflict.columns(['practice_id', 'owner']).doNothing())
    .execute();
}

/** Notes that an event is handled in this transaction; answers whether it was not before. Of two at once the second waits for the first. */
export async function takeStripeEvent(
  trx: Trx,
  { id, type, now }: { readonly id: string; readonly type: string; readonly now: Date },
): Promise<boolean> {
  const taken = await trx
    .insertInto('stripe_event')
    .values({ id, type, received_at: now })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .returning('id')
    .executeTakeFirst();
  return taken !== undefined;
}

/** Whether an invoice of Stripe is that of a practice's statement, as far as is known: its id is on record once it is handed over. */
export async function isInvoiceOf(
  connection: Connection,
  invoice: { readonly id: string; readonly practiceId: string; readonly statement: string },
): Promise<boolean> {
  const found = await connection
    .selectFrom('charge_export')
    .select('practice_id')
    .where('practice_id', '=', invoice.practiceId)
    .where('target', '=', 'stripe')
    .where(sql<string>`practice_id || '-' || period_from`, '=', invoice.statement)
    .where((eb) => eb.or([eb('external_id', 'is', null), eb('external_id', '=', invoice.id)]))
    .executeTakeFirst();
  return found !== undefined;
}

/** Forgets events that were handled before `time`; answers how many. Stripe repeats one for three days. */
export async function forgetStripeEvents(db: Db, time: Date): Promise<number> {
  const { numDeletedRows } = await db
    .deleteFrom('stripe_event')
    .where('received_at', '<', time)
    .executeTakeFirst();
  return Number(numDeletedRows);
}
