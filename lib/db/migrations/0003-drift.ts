import { type Kysely, sql } from 'kysely';

/** What is known of each silo against its release, and every change of that. */
const statements = [
  `create table drift_watch (
    practice_id text primary key references practice,
    state text not null default 'not_checked' check (state in ('not_checked', 'in_sync', 'drifted', 'unknown')),
    checked_at timestamptz,
    next_check_at timestamptz not null,
    requested_at timestamptz,
    claimed_until timestamptz,
    check ((state = 'not_checked') = (checked_at is null))
  )`,
  `create index drift_watch_due on drift_watch (next_check_at)`,
  `create table drift_record (
    id bigint generated always as identity primary key,
    practice_id text not null references practice,
    release_id text not null references release,
    state text not null check (state in ('in_sync', 'drifted', 'unknown')),
    differences jsonb not null,
    accepted jsonb not null,
    problems jsonb not null,
    observed_at timestamptz not null
  )`,
  `create index drift_record_of_practice on drift_record (practice_id, id desc)`,
  `create trigger drift_record_append_only before update or delete on drift_record
    for each row execute function refuse_change()`,
  `create trigger drift_record_no_truncate before truncate on drift_record
    for each statement execute function refuse_change()`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}
