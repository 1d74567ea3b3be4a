import { appendAudit } from '../db/audit-store.ts';
import type { Trx } from '../db/database.ts';
import { lockOffboarding } from '../db/offboarding-store.ts';
import { lockPractice } from '../db/practice-store.ts';
import { appendRunEvents } from '../db/run-event-store.ts';
import { lockRun, type Run, type RunWithSteps, readRun, requestCancel } from '../db/run-store.ts';
import type { Actor } from '../domain/access.ts';
import { takeBack } from '../domain/offboarding.ts';
import { endWaitingRun } from './cancel-waiting-run.ts';
import type { Core } from './core.ts';
import { notFound, wrongState } from './refusals.ts';
import { newestThatCounts, runRules } from './run-rules.ts';

/**
 * Asks for a run's end: its worker stops at the next safe point and removes what is safe to remove. The answer is the
 * run as `cancelling`; its events tell when it is `cancelled`, and `kept` what was left standing. A run that waits for a cell is
 * `cancelled` at once.
 * @throws DomainError `not_found`, `wrong_state` (ended or cancelled already, or the practice or a later run has moved on).
 */
export function cancelRun(
  core: Core,
  change: { readonly runId: string; readonly reason: string },
  actor: Actor,
): Promise<RunWithSteps> {
  const { runId, reason } = change;
  return core.db.transaction().execute(async (trx) => {
    const run = await lockRun(trx, runId);
    if (run === undefined) throw notFound('run');
    const practice = await lockPractice(trx, run.practiceId);
    if (practice === undefined || !runRules[run.workflow].cancellable.includes(practice.state)) {
      const state = practice?.state ?? 'unknown';
      throw wrongState(
        run.state,
        `The run is ${run.state} and its practice is ${state} by now: there is nothing to cancel.`,
      );
    }
    await requireReversible(trx, run);
    const newest = await newestThatCounts(trx, run);
    if (newest !== undefined && newest.id !== runId) {
      throw wrongState(
        run.state,
        `Run ${newest.id} of this practice came after this one and is ${newest.state}: of this one there is nothing left to cancel.`,
      );
    }
    if (run.state === 'waiting') {
      await endWaitingRun(core, trx, run, reason, actor);
      return readBack(trx, runId);
    }
    const now = core.clock.now();
    const cancelling = await requestCancel(trx, runId);
    if (cancelling === undefined) {
      throw wrongState(run.state, `The run is ${run.state} already and cannot be cancelled.`);
    }
    await appendRunEvents(trx, runId, [{ kind: 'run', state: 'cancelling', message: reason }], now);
    await appendAudit(trx, {
      actor,
      action: 'run.cancel_requested',
      subject: { type: 'run', id: runId },
      details: { reason, practiceId: run.practiceId, from: run.state, generation: cancelling.generation },
      at: now,
    });
    await core.queue.enqueue(trx, {
      id: runId,
      practiceId: run.practiceId,
      generation: cancelling.generation,
    });
    return readBack(trx, runId);
  });
}

async function readBack(trx: Trx, runId: string): Promise<RunWithSteps> {
  const run = await readRun(trx, runId);
  if (run === undefined) throw notFound('run');
  return run;
}

/** A removal that has begun cannot be taken back. */
async function requireReversible(trx: Trx, run: Run): Promise<void> {
  if (run.workflow !== 'deprovision-practice') return;
  const offboarding = await lockOffboarding(trx, run.practiceId);
  if (offboarding === undefined || offboarding.removalBeganAt === null) return;
  const how = takeBack(offboarding, offboarding.cameFrom, true);
  throw wrongState(run.state, 'refused' in how ? how.refused : 'It cannot be taken back.');
}
