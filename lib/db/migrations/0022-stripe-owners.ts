import { type Kysely, sql } from 'kysely';

/** Each owner of a practice is a customer of its own, so that nobody pays for who came after. */
const statements = [
  `alter table charge_export add column owner integer not null default 1 check (owner > 0)`,
  `alter table charge_export alter column owner drop default`,
  `create index subscription_approval_transfer on subscription_approval (practice_id) where kind = 'transfer' and state = 'approved'`,
  `alter table stripe_customer add column owner integer not null default 1 check (owner > 0)`,
  `alter table stripe_customer alter column owner drop default`,
  `alter table stripe_customer drop constraint stripe_customer_pkey, add primary key (practice_id, owner)`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}
