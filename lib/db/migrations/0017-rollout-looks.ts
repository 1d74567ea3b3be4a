import { type Kysely, sql } from 'kysely';

/**
 * What a rollout has decided about a practice before it can do it: that it is to go back, while its cell has no room or another run goes
 * first. When a practice was looked at while it baked. And what every pass asks for, without reading whole plans or whole fleets.
 */
const statements = [
  'alter table rollout_target add column going_back_because text',
  'alter table rollout_target add column looked_at timestamptz',
  `update rollout_target set going_back_because = coalesce(note, 'the update failed') where roll_back_run_id is not null`,
  'alter table rollout_target add check (roll_back_run_id is null or going_back_because is not null)',
  `create index rollout_target_begun on rollout_target (rollout_id, practice_id) where state in ('updating', 'baking')`,
  'alter table rollout add column planned_until timestamptz',
  `update rollout set planned_until = (plan ->> 'until')::timestamptz`,
  'alter table rollout alter column planned_until set not null',
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}
