import { type Kysely, sql } from 'kysely';

/** Statements on their way out, and what came back. */
const statements = [
  `create table charge_export (
    practice_id text not null references practice,
    period_from date not null,
    state text not null check (state in ('pending', 'exported')),
    target text check (target in ('files', 'stripe')),
    external_id text,
    tries integer not null default 0 check (tries >= 0),
    due_at timestamptz not null,
    claimed_until timestamptz,
    last_error text,
    exported_at timestamptz,
    primary key (practice_id, period_from),
    check ((state = 'exported') = (exported_at is not null)),
    check (state = 'pending' or target is not null)
  )`,
  `create index charge_export_due on charge_export (due_at) where state = 'pending'`,
  // Periods that were closed before there was an export.
  `insert into charge_export (practice_id, period_from, state, due_at)
    select practice_id, period_from, 'pending', closed_at from closed_period`,
  `create table stripe_customer (
    practice_id text primary key references practice,
    customer_id text not null unique,
    created_at timestamptz not null
  )`,
  `create table stripe_event (
    id text primary key,
    type text not null,
    received_at timestamptz not null
  )`,
  `create index ledger_transaction_of_day on ledger_transaction (day, seq)`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}
