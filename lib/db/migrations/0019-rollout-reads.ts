import { type Kysely, sql } from 'kysely';

/** What is asked once for each practice of a rollout, or more often: without them each start reads all runs there ever were, and the whole fleet. */
const statements = [
  'create index run_of_practice on run (practice_id, created_at desc, id desc)',
  `create index rollout_target_busy on rollout_target (rollout_id, wave) where state in ('pending', 'updating', 'baking')`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}
