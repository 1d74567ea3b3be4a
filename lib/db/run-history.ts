import type { Connection } from './database.ts';

/** Whether a step of this name was ever begun for a practice, in any of its runs, whatever came of it. */
export async function wasStepTried(
  connection: Connection,
  practiceId: string,
  step: string,
): Promise<boolean> {
  const tried = await connection
    .selectFrom('run_step')
    .innerJoin('run', 'run.id', 'run_step.run_id')
    .select('run_step.name')
    .where('run.practice_id', '=', practiceId)
    .where('run_step.name', '=', step)
    .where('run_step.attempt', '>', 0)
    .limit(1)
    .executeTakeFirst();
  return tried !== undefined;
}
