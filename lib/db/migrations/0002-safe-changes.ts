import { type Kysely, sql } from 'kysely';

/** Settings of practices, deployments that are asked for by a person, and exceptions from the change review. */
const statements = [
  `alter table practice add column settings jsonb not null default '{}'`,
  `alter table deployment
    drop constraint deployment_state_check,
    add constraint deployment_state_check check (state in ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
    add column reason text,
    add column error jsonb`,
  `create table change_override (
    id uuid primary key,
    practice_id text not null references practice,
    component text not null check (component in ('foundation', 'data', 'service')),
    logical_id text not null,
    resource_type text not null,
    effect text not null check (effect in ('replace', 'remove')),
    reason text not null,
    created_by text not null,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    revoked_by text,
    revoked_at timestamptz,
    used_by_run uuid references run,
    used_at timestamptz,
    guard_restored_at timestamptz,
    check (expires_at > created_at),
    check ((revoked_at is null) = (revoked_by is null)),
    check ((used_at is null) = (used_by_run is null)),
    check (guard_restored_at is null or used_at is not null)
  )`,
  `create index change_override_of_practice on change_override (practice_id, created_at desc, id desc)`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}
