import { type Kysely, sql } from 'kysely';

/**
 * One release brought to the fleet. What was planned never changes; what came of it stands in the rows of the targets. A rollout that
 * has started holds its practices (`held`) until it is done with them, and no two hold the same.
 */
const statements = [
  `create table rollout (
    id uuid primary key,
    release_id text not null references release,
    parent_id uuid references rollout deferrable initially deferred,
    state text not null check (state in ('planned', 'running', 'paused', 'succeeded', 'failed', 'aborted', 'superseded')),
    policy jsonb not null,
    plan jsonb not null,
    reason text not null,
    paused_because text,
    created_by text not null,
    created_at timestamptz not null,
    started_at timestamptz,
    finished_at timestamptz,
    revision integer not null,
    check ((state = 'paused') = (paused_because is not null)),
    check ((state in ('planned', 'running', 'paused')) = (finished_at is null)),
    check (state not in ('running', 'paused') or started_at is not null),
    check (parent_id <> id)
  )`,
  `create index rollout_newest on rollout (created_at desc, id desc)`,
  `create index rollout_unfinished on rollout (state) where state in ('running', 'paused')`,
  `create table rollout_target (
    rollout_id uuid not null references rollout,
    practice_id text not null references practice,
    wave integer not null check (wave >= 0),
    starts_at timestamptz not null,
    latest_start_at timestamptz not null,
    state text not null check (state in ('pending', 'updating', 'baking', 'succeeded', 'failed', 'rolled_back', 'skipped',
      'missed')),
    held boolean not null,
    run_id uuid references run,
    roll_back_run_id uuid references run,
    previous_release_id text references release,
    note text,
    baked_until timestamptz,
    updated_at timestamptz not null,
    primary key (rollout_id, practice_id),
    check (latest_start_at >= starts_at)
  )`,
  `create index rollout_target_in_order on rollout_target (rollout_id, starts_at, practice_id)`,
  `create unique index rollout_target_one_open on rollout_target (practice_id)
    where held and state in ('pending', 'missed', 'updating', 'baking')`,
  `create function refuse_rollout_change() returns trigger language plpgsql as $$
    begin
      raise exception 'rollout % was stored: its plan never changes, plan another one', old.id;
    end
  $$`,
  `create trigger rollout_plan_immutable before update of id, release_id, policy, plan, reason, created_by, created_at on rollout
    for each row execute function refuse_rollout_change()`,
  `create trigger rollout_parent_immutable before update of parent_id on rollout
    for each row when (old.parent_id is distinct from new.parent_id and old.parent_id is not null)
    execute function refuse_rollout_change()`,
  `create trigger rollout_kept before delete on rollout for each row execute function refuse_rollout_change()`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}
