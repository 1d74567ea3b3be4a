import { type Kysely, sql } from 'kysely';

/**
 * The exit of practices. A practice has one offboarding that is not cancelled; cancelled ones stay as history. Each time is written
 * when what it tells was observed, the ends of the clocks with their beginnings.
 */
const statements = [
  `create table offboarding (
    id uuid primary key,
    practice_id text not null references practice,
    stage text not null check (stage in ('closing', 'grace', 'cancelling', 'deprovisioning', 'retention',
      'key_deletion_pending', 'shredded', 'cancelled')),
    came_from text not null check (came_from in ('active', 'suspended', 'provisioning_failed')),
    reason text not null,
    requested_by text not null,
    requested_at timestamptz not null,
    grace_days integer not null check (grace_days >= 0),
    retention_days integer not null check (retention_days >= 0),
    exception text,
    run_id uuid references run,
    grace_began_at timestamptz,
    grace_ends_at timestamptz,
    deprovisioning_began_at timestamptz,
    removal_began_at timestamptz,
    deprovisioned_at timestamptz,
    retention_ends_at timestamptz,
    key_deletion_scheduled_at timestamptz,
    key_deletion_at timestamptz,
    shredded_at timestamptz,
    purge_again_at timestamptz,
    cancelled_at timestamptz,
    cancelled_by text,
    cancel_reason text,
    key_arn text,
    final_snapshot jsonb,
    kept jsonb not null default '[]',
    check ((grace_began_at is null) = (grace_ends_at is null)),
    check ((deprovisioned_at is null) = (retention_ends_at is null)),
    check ((key_deletion_scheduled_at is null) = (key_deletion_at is null)),
    check (stage <> 'retention' or deprovisioned_at is not null),
    check ((stage = 'shredded') = (shredded_at is not null)),
    check ((stage = 'cancelled') = (cancelled_at is not null))
  )`,
  `create unique index offboarding_one_a_practice on offboarding (practice_id) where stage <> 'cancelled'`,
  `create index offboarding_of_practice on offboarding (practice_id, requested_at desc)`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}
