import { type Kysely, sql } from 'kysely';

/** The cells, what of their limits is in use, and practices that wait for a cell with room. */
const statements = [
  `create table cell (
    id text primary key check (id ~ '^[a-z][a-z0-9-]{1,30}$'),
    account_id text not null unique check (account_id ~ '^[0-9]{12}$'),
    region text not null,
    role_arn text,
    external_id text unique,
    domain text not null unique,
    hosted_zone_id text not null,
    image_registry text not null,
    s3_prefix_list_id text,
    backup_copy_region text not null,
    alarm_email text,
    limits jsonb not null,
    state text not null check (state in ('pending', 'active', 'draining')),
    revision integer not null default 1,
    created_by text not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    check ((role_arn is null) = (external_id is null)),
    check (backup_copy_region <> region)
  )`,
  `create table capacity_ledger (
    seq bigint generated always as identity primary key,
    cell_id text not null references cell,
    practice_id text not null references practice,
    run_id uuid references run,
    entry text not null,
    quota text not null,
    amount integer not null check (amount <> 0),
    reason text not null,
    at timestamptz not null,
    unique (practice_id, entry, quota)
  )`,
  `create index capacity_ledger_of_cell on capacity_ledger (cell_id, quota)`,
  `create trigger capacity_ledger_append_only before update or delete on capacity_ledger
    for each row execute function refuse_change()`,
  `create trigger capacity_ledger_no_truncate before truncate on capacity_ledger
    for each statement execute function refuse_change()`,
  `alter table practice add column cell_id text references cell`,
  `create index practice_of_cell on practice (cell_id)`,
  `alter table practice alter column host_name drop not null`,
  `alter table practice drop constraint practice_state_check`,
  `alter table practice add constraint practice_state_check check (state in ('waiting', 'provisioning', 'active',
    'provisioning_failed', 'provisioning_cancelled', 'suspended', 'quarantined', 'offboarding', 'deprovisioned'))`,
  `alter table practice add constraint practice_waits_without_cell
    check (state <> 'waiting' or (cell_id is null and host_name is null))`,
  `alter table practice add constraint practice_has_host
    check (host_name is not null or state in ('waiting', 'provisioning_cancelled'))`,
  `create index practice_waiting on practice (created_at, id) where state = 'waiting'`,
  `alter table run add column waiting_for text`,
  `alter table run drop constraint run_state_check`,
  `alter table run add constraint run_state_check check (state in ('waiting', 'queued', 'running', 'succeeded', 'failed',
    'cancelling', 'cancelled'))`,
  `alter table run add constraint run_waits_for_something check ((state = 'waiting') = (waiting_for is not null))`,
  `drop index run_one_open_a_practice`,
  `create unique index run_one_open_a_practice on run (practice_id)
    where state in ('waiting', 'queued', 'running', 'cancelling')`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}
