import { appendAudit } from '../db/audit-store.ts';
import type { Db, Trx } from '../db/database.ts';
import { changeOffboarding, dueOffboardings, lockOffboarding } from '../db/offboarding-store.ts';
import { lockPractice } from '../db/practice-store.ts';
import { openRunOf } from '../db/run-store.ts';
import { systemActor } from '../domain/access.ts';
import { nextRun } from '../domain/offboarding.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import { beginRun, type RunStarts } from '../runs/begin-run.ts';
import { periodically, type Repeating } from './periodically.ts';

export interface OffboardingParts extends RunStarts {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Log;
  /** How often this process asks whose time has come; 5 seconds unless told. */
  readonly everyMs?: number;
}

/** Begun in one pass at most: the rest comes with the next. */
const batch = 50;

/** Begins the next stage of each offboarding whose time has come. Any number of processes may do so at the same time. */
export function advanceOffboardings(parts: OffboardingParts): Repeating {
  return periodically('advance-offboardings', parts.everyMs ?? 5_000, parts.log, async (signal) => {
    await advanceDue(parts, signal);
  });
}

/** One pass; answers the runs that it began. */
export async function advanceDue(parts: OffboardingParts, signal?: AbortSignal): Promise<string[]> {
  const begun: string[] = [];
  for (const practiceId of await dueOffboardings(parts.db, parts.clock.now(), batch)) {
    if (signal?.aborted) break;
    const runId = await parts.db.transaction().execute((trx) => advance(parts, trx, practiceId));
    if (runId === undefined) continue;
    begun.push(runId);
    parts.log.info({ practiceId, runId }, 'the next stage of an offboarding has begun');
  }
  return begun;
}

/**
 * Under the practice's lock, which whoever asks for a change takes too, the stage is looked at again: another process may have been
 * faster, and a run that somebody asked for goes first.
 */
async function advance(parts: OffboardingParts, trx: Trx, practiceId: string): Promise<string | undefined> {
  await lockPractice(trx, practiceId);
  const offboarding = await lockOffboarding(trx, practiceId);
  if (offboarding === undefined || offboarding.runId !== null) return undefined;
  const now = parts.clock.now();
  const next = nextRun(offboarding);
  if (next === undefined || next.at > now) return undefined;
  if ((await openRunOf(trx, practiceId)) !== undefined) return undefined;
  const { workflow } = next;
  const runId = await beginRun(trx, parts, {
    workflow,
    practiceId,
    input: {},
    requestedBy: systemActor.name,
    reason: `due since ${next.at.toISOString()}`,
    now,
  });
  const began = workflow === 'deprovision-practice';
  await changeOffboarding(trx, practiceId, {
    runId,
    ...(began ? { stage: 'deprovisioning', deprovisioningBeganAt: now } : {}),
  });
  await appendAudit(trx, {
    actor: systemActor,
    action: 'practice.offboarding_advanced',
    subject: { type: 'practice', id: practiceId },
    details: { from: offboarding.stage, workflow, runId, due: next.at.toISOString() },
    at: now,
  });
  return runId;
}
