import { appendAudit } from '../db/audit-store.ts';
import { lockPractice } from '../db/practice-store.ts';
import { appendRunEvents } from '../db/run-event-store.ts';
import { lockRun, newestRunOf, type RunWithSteps, readRun, requestCancel } from '../db/run-store.ts';
import type { Actor } from '../domain/access.ts';
import type { PracticeState } from '../domain/practice.ts';
import type { Workflow } from '../domain/run.ts';
import type { Core } from './core.ts';
import { notFound, wrongState } from './refusals.ts';

/** The states of its practice in which each workflow's run can be called off: what it works towards is not yet so. */
const cancellable: Readonly<Record<Workflow, readonly PracticeState[]>> = {
  'provision-practice': ['provisioning', 'provisioning_failed'],
  'update-practice': ['active'],
};

/**
 * Asks for a run's end: its worker stops at the next safe point and removes what is safe to remove. The answer is the
 * run as `cancelling`; its events tell when it is `cancelled`, and `kept` what was left standing.
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
    if (practice === undefined || !cancellable[run.workflow].includes(practice.state)) {
      const state = practice?.state ?? 'unknown';
      throw wrongState(
        run.state,
        `The run is ${run.state} and its practice is ${state} by now: there is nothing to cancel.`,
      );
    }
    const newest = await newestRunOf(trx, run.practiceId);
    if (newest !== undefined && newest.id !== runId) {
      throw wrongState(
        run.state,
        `Run ${newest.id} of this practice came after this one and is ${newest.state}: of this one there is nothing left to cancel.`,
      );
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
    const asked = await readRun(trx, runId);
    if (asked === undefined) throw notFound('run');
    return asked;
  });
}
