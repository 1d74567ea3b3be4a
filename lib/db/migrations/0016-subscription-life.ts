import { type Kysely, sql } from 'kysely';

/** What practices were told of their subscriptions. It outlives the outbox, where old notices are removed. */
const statements = [
  `create table subscription_notice (
    notice_id uuid primary key,
    practice_id text not null references subscription,
    kind text not null,
    about date,
    days_before smallint,
    data jsonb not null,
    written_at timestamptz not null,
    sent_at timestamptz,
    outcome text,
    check (days_before is null or about is not null),
    check (outcome is null or kind = 'price_change')
  )`,
  `create unique index subscription_notice_once on subscription_notice (practice_id, kind, about, days_before)
    where days_before is not null`,
  `create unique index subscription_notice_one_price on subscription_notice (practice_id)
    where kind = 'price_change' and outcome is null`,
  `create index subscription_notice_newest on subscription_notice (practice_id, written_at desc)`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}
