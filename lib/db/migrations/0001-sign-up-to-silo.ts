import { type Kysely, sql } from 'kysely';

/** Statements run one by one: PGlite's and pg's prepared protocol both take a single statement a call. */
const statements = [
  `create table plan (
    id text primary key,
    name text not null,
    description text not null
  )`,
  `create table plan_version (
    plan_id text not null references plan,
    version integer not null check (version > 0),
    effective_from date not null,
    free_days integer not null check (free_days >= 0),
    lock_months integer not null check (lock_months >= 0),
    shape text not null check (shape in ('solo', 'group', 'enterprise')),
    primary key (plan_id, version)
  )`,
  `insert into plan values
    ('founding', 'Founding member', '90 days free, then a rate locked for 24 months'),
    ('standard', 'Standard', 'The standing offer, without a free period or a lock')`,
  `insert into plan_version values
    ('founding', 1, '2026-01-01', 90, 24, 'solo'),
    ('standard', 1, '2026-01-01', 0, 0, 'solo')`,
  `create table sign_up (
    id uuid primary key,
    state text not null check (state in ('requested', 'approved', 'rejected', 'closed')),
    legal_name text not null,
    display_name text not null,
    disciplines jsonb not null,
    npi text not null check (npi ~ '^[0-9]{10}$'),
    contact jsonb not null,
    us_state text not null,
    time_zone text not null,
    clinician_count integer not null check (clinician_count > 0),
    plan_id text not null references plan,
    agreement jsonb,
    practice_id text unique,
    decided_by text,
    decided_at timestamptz,
    decision_reason text,
    revision integer not null default 1,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    check ((state = 'requested') = (decided_at is null)),
    check (state <> 'approved' or (practice_id is not null and agreement is not null))
  )`,
  `create unique index sign_up_npi_in_use on sign_up (npi) where state in ('requested', 'approved')`,
  `create index sign_up_newest on sign_up (created_at desc, id desc)`,
  `create table release (
    id text primary key,
    content_hash text not null unique,
    manifest jsonb not null,
    templates jsonb not null,
    published_by text not null,
    published_at timestamptz not null
  )`,
  `create table practice (
    id text primary key check (id ~ '^[a-z][a-z0-9-]{2,30}$'),
    sign_up_id uuid not null unique references sign_up,
    display_name text not null,
    disciplines jsonb not null,
    us_state text not null,
    time_zone text not null,
    plan_id text not null,
    plan_version integer not null,
    shape text not null,
    host_name text not null unique,
    state text not null check (state in ('provisioning', 'active', 'provisioning_failed', 'provisioning_cancelled',
      'suspended', 'quarantined', 'offboarding', 'deprovisioned')),
    release_id text references release,
    health text not null default 'unknown' check (health in ('unknown', 'healthy', 'unhealthy')),
    health_checked_at timestamptz,
    activated_at timestamptz,
    revision integer not null default 1,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    foreign key (plan_id, plan_version) references plan_version,
    check (state <> 'active' or (activated_at is not null and release_id is not null))
  )`,
  `create index practice_newest on practice (created_at desc, id desc)`,
  `create table silo_stack (
    practice_id text not null references practice,
    component text not null check (component in ('foundation', 'data', 'service')),
    stack_name text not null unique,
    stack_id text,
    status text not null,
    template_sha256 text,
    outputs jsonb not null default '{}',
    observed_at timestamptz not null,
    primary key (practice_id, component)
  )`,
  `create table run (
    id uuid primary key,
    workflow text not null,
    practice_id text not null references practice,
    state text not null check (state in ('queued', 'running', 'succeeded', 'failed', 'cancelling', 'cancelled')),
    input jsonb not null,
    error jsonb,
    kept jsonb not null default '[]',
    generation integer not null default 1,
    requested_by text not null,
    created_at timestamptz not null,
    started_at timestamptz,
    finished_at timestamptz
  )`,
  `create unique index run_one_open_a_practice on run (practice_id) where state in ('queued', 'running', 'cancelling')`,
  `create index run_newest on run (created_at desc, id desc)`,
  `create table run_step (
    run_id uuid not null references run,
    name text not null,
    ordinal integer not null,
    state text not null check (state in ('pending', 'running', 'succeeded', 'failed', 'skipped')),
    attempt integer not null default 0,
    output jsonb,
    error jsonb,
    started_at timestamptz,
    finished_at timestamptz,
    primary key (run_id, name),
    unique (run_id, ordinal)
  )`,
  `create table run_event (
    seq bigint generated always as identity primary key,
    run_id uuid not null references run,
    kind text not null,
    body jsonb not null,
    at timestamptz not null
  )`,
  `create index run_event_of_run on run_event (run_id, seq)`,
  `create table deployment (
    id uuid primary key,
    practice_id text not null references practice,
    release_id text not null references release,
    run_id uuid not null unique references run,
    state text not null check (state in ('running', 'succeeded', 'failed', 'cancelled')),
    started_at timestamptz not null,
    finished_at timestamptz
  )`,
  `create index deployment_of_practice on deployment (practice_id, started_at desc)`,
  `create table evidence (
    id bigint generated always as identity primary key,
    practice_id text not null references practice,
    run_id uuid references run,
    check_id text not null,
    title text not null,
    safeguards jsonb not null,
    expected text not null,
    observed text not null,
    passed boolean not null,
    source text not null,
    observed_at timestamptz not null
  )`,
  `create index evidence_of_practice on evidence (practice_id, id desc)`,
  `create table api_token (
    id text primary key,
    name text not null,
    secret_hash text not null,
    roles jsonb not null,
    created_by text not null,
    created_at timestamptz not null,
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz
  )`,
  `create table audit (
    seq bigint generated always as identity primary key,
    at timestamptz not null,
    actor_id text not null,
    actor_name text not null,
    action text not null,
    subject_type text not null,
    subject_id text not null,
    request_id text not null,
    details jsonb not null
  )`,
  `create index audit_of_subject on audit (subject_type, subject_id, seq desc)`,
  `create table idempotency (
    scope text not null,
    key text not null,
    request_hash text not null,
    status integer not null,
    body jsonb not null,
    created_at timestamptz not null,
    primary key (scope, key)
  )`,
  `create function refuse_change() returns trigger language plpgsql as $$
    begin
      raise exception 'table % is append-only: rows are never changed or removed', tg_table_name;
    end
  $$`,
  ...['audit', 'evidence', 'run_event'].flatMap((table) => [
    `create trigger ${table}_append_only before update or delete on ${table} for each row execute function refuse_change()`,
    `create trigger ${table}_no_truncate before truncate on ${table} for each statement execute function refuse_change()`,
  ]),
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}
