import { appendAudit } from '../db/audit-store.ts';
import { lockPractice } from '../db/practice-store.ts';
import { appendRunEvents } from '../db/run-event-store.ts';
import { lockRun, type RunWithSteps, readRun, requestCancel } from '../db/run-store.ts';
import type { Actor } from '../domain/access.ts';
import type { Core } from './core.ts';
import { notFound, wrongState } from './refusals.ts';

/** In these the practice is still being made, so its run can be called off. */
const cancellable: readonly string[] = ['provisioning', 'provisioning_failed'];

/**
 * Asks for a run's end: its worker stops at the next safe point and removes what is safe to remove. The answer is the
 * run as `cancelling`; its events tell when it is `cancelled`, and `kept` what was left standing.
 * @throws DomainError `not_found`, `wrong_state` (ended or cancelled already, or the practice has moved on).
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
    if (practice === undefined || !cancellable.includes(practice.state)) {
      throw wrongState(
        run.state,
        `The run is ${run.state} and its practice is made: there is nothing to cancel.`,
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
