import { type Kysely, sql } from 'kysely';

/**
 * When practices may be updated. A practice without a row, or without a window in it, has the default window of its zone. Of a
 * calendar's address only the SHA-256 of its secret is kept. A freeze is history once it was lifted or is over: it stays.
 */
const statements = [
  `create table practice_schedule (
    practice_id text primary key references practice,
    rule text,
    duration_minutes integer check (duration_minutes between 30 and 1440),
    time_zone text,
    ring text not null default 'general' check (ring in ('canary', 'early', 'general')),
    pin_release_id text references release,
    pin_until timestamptz,
    pin_reason text,
    deferral_until timestamptz,
    deferral_reason text,
    revision integer not null,
    updated_at timestamptz not null,
    check (num_nulls(rule, duration_minutes, time_zone) in (0, 3)),
    check (num_nulls(pin_release_id, pin_until, pin_reason) in (0, 3)),
    check (num_nulls(deferral_until, deferral_reason) in (0, 2))
  )`,
  `create table update_freeze (
    id uuid primary key,
    practice_id text references practice,
    reason text not null,
    starts_at timestamptz not null,
    ends_at timestamptz not null,
    renewed_by text,
    renewed_at timestamptz,
    renewal_reason text,
    lifted_by text,
    lifted_at timestamptz,
    created_by text not null,
    created_at timestamptz not null,
    revision integer not null,
    check (ends_at > starts_at),
    check (num_nulls(renewed_by, renewed_at, renewal_reason) in (0, 3)),
    check ((lifted_by is null) = (lifted_at is null))
  )`,
  `create index update_freeze_by_end on update_freeze (ends_at) where lifted_at is null`,
  `create table practice_calendar (
    practice_id text primary key references practice,
    key_sha256 text not null unique,
    created_by text not null,
    created_at timestamptz not null
  )`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}
