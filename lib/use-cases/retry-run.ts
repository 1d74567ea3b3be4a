import { appendAudit } from '../db/audit-store.ts';
import type { Trx } from '../db/database.ts';
import { lockPractice, setPracticeState } from '../db/practice-store.ts';
import { appendRunEvents } from '../db/run-event-store.ts';
import { lockRun, type Run, type RunWithSteps, readRun, requeueRun } from '../db/run-store.ts';
import type { Actor } from '../domain/access.ts';
import { refuseHalted } from '../workflows/halted-release.ts';
import type { Core } from './core.ts';
import { notFound, wrongState } from './refusals.ts';
import { newestThatCounts, runRules } from './run-rules.ts';

/**
 * Lets a failed run go on from the step that failed; steps that succeeded are not repeated.
 * @throws DomainError `not_found`, `wrong_state` (the run is not `failed`, its practice has moved on, or a later run has).
 */
export function retryRun(core: Core, runId: string, actor: Actor): Promise<RunWithSteps> {
  return core.db.transaction().execute(async (trx) => {
    const run = await lockRun(trx, runId);
    if (run === undefined) throw notFound('run');
    if (run.state !== 'failed') {
      throw wrongState(run.state, `The run is ${run.state}; only a failed run can be retried.`);
    }
    await requireWork(trx, run);
    const now = core.clock.now();
    const queued = await requeueRun(trx, runId);
    if (queued === undefined) throw wrongState(run.state, 'The run cannot be retried.');
    if (run.workflow === 'provision-practice') {
      await setPracticeState(trx, run.practiceId, 'provisioning', now);
    }
    await appendRunEvents(
      trx,
      runId,
      [{ kind: 'run', state: 'queued', message: `retried by ${actor.name}` }],
      now,
    );
    await appendAudit(trx, {
      actor,
      action: 'run.retried',
      subject: { type: 'run', id: runId },
      details: {
        practiceId: run.practiceId,
        generation: queued.generation,
        failedStep: run.error?.step ?? null,
      },
      at: now,
    });
    await core.queue.enqueue(trx, { id: runId, practiceId: run.practiceId, generation: queued.generation });
    const retried = await readRun(trx, runId);
    if (retried === undefined) throw notFound('run');
    return retried;
  });
}

/** A practice that has moved on must not be taken back to where a run of the past wanted it. */
async function requireWork(trx: Trx, run: Run): Promise<void> {
  const practice = await lockPractice(trx, run.practiceId);
  if (practice === undefined || !runRules[run.workflow].retryable.includes(practice.state)) {
    const state = practice?.state ?? 'unknown';
    throw wrongState(state, `The practice is ${state} by now, so this run has nothing left to do.`);
  }
  const { releaseId } = run.input;
  if (typeof releaseId === 'string') await refuseHalted(trx, releaseId, practice.release_id);
  const newest = await newestThatCounts(trx, run);
  if (newest?.id !== run.id) {
    throw wrongState(
      run.state,
      `Run ${newest?.id} of this practice came after this one: retry that, or ask for an update.`,
    );
  }
}
