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

/** The run that last brought a release to a practice, forward or back, and was verified. */
export async function lastDeployingRun(
  connection: Connection,
  practiceId: string,
): Promise<string | undefined> {
  const last = await connection
    .selectFrom('deployment')
    .select('run_id')
    .where('practice_id', '=', practiceId)
    .where('state', '=', 'succeeded')
    .orderBy('finished_at', 'desc')
    .limit(1)
    .executeTakeFirst();
  return last?.run_id;
}
