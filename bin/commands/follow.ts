import type { Command } from 'commander';
import type { ExitCode } from './exit-codes.ts';
import type { Session } from './session.ts';
import { type WatchOptions, type WatchRequest, watched, watchRun } from './watch.ts';

/** Options of a command that begins a run. */
export interface FollowOptions extends WatchOptions {
  readonly wait?: boolean | undefined;
}

/** Options of a command that changes a practice. */
export interface Change extends FollowOptions {
  readonly reason: string;
}

/** Adds the options of a command that changes a practice by a run. */
export function changing(command: Command): Command {
  return watched(
    command
      .requiredOption('--reason <text>', 'kept in the audit trail')
      .option('--wait', 'follow the run to its end'),
  );
}

/**
 * With --wait follows the run that a command has begun; else says how to, and `answer` is the document of --json.
 * @param runId null when there is nothing to follow
 */
export async function follow(
  session: Session,
  runId: string | null,
  answer: object,
  { wait, ...watching }: FollowOptions & WatchRequest,
): Promise<ExitCode | undefined> {
  if (wait === true && runId !== null) return watchRun(session, runId, watching);
  session.output.document(answer);
  if (runId !== null) session.output.line(`Follow it with: npx lumenality run watch ${runId}`);
  return undefined;
}
