import { randomUUID } from 'node:crypto';
import { appendAudit } from '../db/audit-store.ts';
import type { Trx } from '../db/database.ts';
import {
  changeOffboarding,
  findOffboarding,
  insertOffboarding,
  lockOffboarding,
  type Offboarding,
} from '../db/offboarding-store.ts';
import { type PracticeRow, setPracticeState } from '../db/practice-store.ts';
import type { Actor } from '../domain/access.ts';
import { DomainError } from '../domain/errors.ts';
import {
  isOffboardable,
  type OffboardingStage,
  offboardableStates,
  offboardingTerms,
  stageLines,
  standardReprieveDays,
  takeBack,
} from '../domain/offboarding.ts';
import { reopenProvisioning } from '../workflows/life-cycle-parts.ts';
import { chargesResumed } from '../workflows/subscription-life.ts';
import { answerOnce, type OnceAnswer } from './answer-once.ts';
import { beginRunFor, idlePractice, type LifeChange } from './begin-change.ts';
import type { Core } from './core.ts';
import { beginResumption } from './practice-access.ts';
import { readPractice } from './read-practices.ts';
import { notFound, wrongState } from './refusals.ts';

/** An offboarding as people see it. Plain JSON; times are RFC 3339, UTC. */
export interface ShownOffboarding {
  readonly practiceId: string;
  readonly stage: OffboardingStage;
  readonly cameFrom: string;
  readonly reason: string;
  readonly requestedBy: string;
  readonly requestedAt: string;
  readonly graceDays: number;
  readonly retentionDays: number;
  readonly exception: string | null;
  /** The run at work on the stage, or the one that failed there. */
  readonly runId: string | null;
  /** Whether it can be cancelled now. */
  readonly canBeTakenBack: boolean;
  readonly stages: ReadonlyArray<{
    readonly stage: string;
    readonly state: 'done' | 'current' | 'planned';
    readonly beginsAt: string | null;
    readonly canBeTakenBackUntil: string | null;
  }>;
  readonly finalSnapshot: {
    readonly id: string;
    readonly arn: string;
    readonly allocatedGib: number;
    readonly engineVersion: string;
    readonly createdAt: string;
  } | null;
  readonly keyArn: string | null;
  readonly kept: ReadonlyArray<{ readonly type: string; readonly id: string }>;
  readonly cancelledAt: string | null;
  readonly cancelledBy: string | null;
  readonly cancelReason: string | null;
}

/** The practice's offboarding, or the newest of those that were taken back. @throws DomainError `not_found` when there never was one. */
export async function readOffboarding(core: Core, practiceId: string): Promise<ShownOffboarding> {
  const practice = await readPractice(core, practiceId);
  const offboarding = await findOffboarding(core.db, practiceId);
  if (offboarding !== undefined) return shown(offboarding);
  throw new DomainError('not_found', `Practice ${practiceId} is ${practice.state} and was never offboarded.`);
}

export interface OffboardingRequest extends LifeChange {
  /** The practice's id once more, by the hand that means it. */
  readonly confirm: string;
  readonly graceDays?: number | undefined;
  readonly retentionDays?: number | undefined;
  readonly exception?: string | undefined;
}

/**
 * Begins a practice's exit: offboarding, run, audit row and queue entry commit together, once for each idempotency key. Its grace period
 * begins when its entrance was read as closed.
 * @throws DomainError `not_found`; `precondition_failed`; `invalid_input` (another id to confirm, times that need a reason, or a retention that copies of its backups outlive);
 * `wrong_state` (not active, suspended or failed at its provisioning, or a run is open, which it names).
 */
export function offboardPractice(
  core: Core,
  request: OffboardingRequest,
  call: { readonly idempotencyKey: string },
  actor: Actor,
): Promise<OnceAnswer<ShownOffboarding>> {
  const { revision: _, ...asked } = request;
  const scope = `POST /v1/practices/:id/offboard ${actor.id}`;
  return answerOnce(core, { scope, key: call.idempotencyKey, request: asked }, async (trx) => {
    const practice = await idlePractice(trx, request);
    const { state } = practice;
    if (!isOffboardable(state)) throw wrongState(state, notOffboardable(practice));
    requireConfirmation(request);
    const { BackupRetentionDays } = core.shapes.parametersForShape(practice.shape, practice.settings);
    const terms = offboardingTerms(request, Number(BackupRetentionDays));
    const run = { workflow: 'offboard-practice', input: { cameFrom: state } } as const;
    const runId = await beginRunFor(core, trx, request, run, actor);
    const now = core.clock.now();
    const offboarding = await insertOffboarding(trx, {
      ...terms,
      id: randomUUID(),
      practiceId: practice.id,
      cameFrom: state,
      reason: request.reason,
      requestedBy: actor.name,
      requestedAt: now,
      runId,
    });
    await appendAudit(trx, {
      actor,
      action: 'practice.offboarding_requested',
      subject: { type: 'practice', id: practice.id },
      details: { reason: request.reason, ...terms, from: state, runId },
      at: now,
    });
    return { status: 202, body: shown(offboarding) };
  });
}

/**
 * Takes an offboarding back as far as that is possible: within the grace period the practice becomes what it was; while its key's
 * deletion is pending, the key is kept and the retention goes on for `retentionDays` more.
 * @throws DomainError `not_found`; `precondition_failed`; `invalid_input` (days of retention in another stage); `wrong_state` with why it cannot
 * be taken back and what is possible instead.
 */
export function cancelOffboarding(
  core: Core,
  change: LifeChange & { readonly retentionDays?: number | undefined },
  call: { readonly idempotencyKey: string },
  actor: Actor,
): Promise<OnceAnswer<ShownOffboarding>> {
  const { revision: _, ...asked } = change;
  const scope = `POST /v1/practices/:id/offboarding/cancel ${actor.id}`;
  return answerOnce(core, { scope, key: call.idempotencyKey, request: asked }, async (trx) => {
    const practice = await idlePractice(trx, change);
    const offboarding = await lockOffboarding(trx, practice.id);
    if (offboarding === undefined) {
      throw wrongState(practice.state, `The practice is ${practice.state} and is not being offboarded.`);
    }
    const runId = await takenBack(core, trx, { practice, offboarding, change }, actor);
    if (runId !== null) {
      await appendAudit(trx, {
        actor,
        action: 'practice.offboarding_cancel_requested',
        subject: { type: 'practice', id: practice.id },
        details: { reason: change.reason, stage: offboarding.stage, runId },
        at: core.clock.now(),
      });
    }
    const after = await findOffboarding(trx, practice.id);
    if (after === undefined) throw notFound('practice');
    return { status: 202, body: shown(after) };
  });
}

interface Taking {
  readonly practice: PracticeRow;
  readonly offboarding: Offboarding;
  readonly change: LifeChange & { readonly retentionDays?: number | undefined };
}

/** Answers the run that does it; null when nothing has to be done on AWS. */
async function takenBack(core: Core, trx: Trx, taking: Taking, actor: Actor): Promise<string | null> {
  const { practice, offboarding, change } = taking;
  const how = takeBack(offboarding, offboarding.cameFrom, offboarding.runId !== null);
  if ('refused' in how) throw wrongState(offboarding.stage, how.refused);
  if (how.by !== 'keep-key') requireNoRetention(offboarding, change.retentionDays);
  switch (how.by) {
    case 'resume-practice': {
      const runId = await beginResumption(core, trx, practice, change, actor);
      await changeOffboarding(trx, practice.id, {
        stage: 'cancelling',
        runId,
        cancelledBy: actor.name,
        cancelReason: change.reason,
      });
      return runId;
    }
    case 'keep-key': {
      const retentionDays = change.retentionDays ?? standardReprieveDays;
      const run = { workflow: 'keep-key', input: { retentionDays } } as const;
      const runId = await beginRunFor(core, trx, change, run, actor);
      await changeOffboarding(trx, practice.id, { runId });
      return runId;
    }
    case 'record':
      await recordTakenBack(core, trx, taking, actor);
      return null;
  }
}

/** The practice was closed to people before, and still is: it becomes on record what it was. */
async function recordTakenBack(
  core: Core,
  trx: Trx,
  { practice, offboarding, change }: Taking,
  actor: Actor,
): Promise<void> {
  const now = core.clock.now();
  await setPracticeState(trx, practice.id, offboarding.cameFrom, now);
  await changeOffboarding(trx, practice.id, {
    stage: 'cancelled',
    cancelledAt: now,
    cancelledBy: actor.name,
    cancelReason: change.reason,
  });
  await appendAudit(trx, {
    actor,
    action: 'practice.offboarding_cancelled',
    subject: { type: 'practice', id: practice.id },
    details: { reason: change.reason, to: offboarding.cameFrom },
    at: now,
  });
  await chargesResumed(trx, { practiceId: practice.id, at: now, actor });
  if (offboarding.cameFrom === 'provisioning_failed') await reopenProvisioning(trx, practice.id);
}

function requireConfirmation({ practiceId, confirm }: OffboardingRequest): void {
  if (confirm === practiceId) return;
  throw new DomainError(
    'invalid_input',
    'Confirm an offboarding with the id of the practice that is meant.',
    {
      fields: [{ pointer: '/confirm', message: `must be ${practiceId}` }],
    },
  );
}

/** Days that would be taken and forgotten are refused instead. */
function requireNoRetention({ stage }: Offboarding, retentionDays: number | undefined): void {
  if (retentionDays === undefined) return;
  throw new DomainError(
    'invalid_input',
    `The offboarding is in the stage ${stage}: days of retention are given only while the key's deletion is pending.`,
    { fields: [{ pointer: '/retentionDays', message: 'must be left out in this stage' }] },
  );
}

function notOffboardable({ state }: PracticeRow): string {
  if (state === 'offboarding') return 'The practice is being offboarded already.';
  if (state === 'deprovisioned') return 'The practice is deprovisioned: its infrastructure is gone already.';
  return `The practice is ${state}; only one that is ${offboardableStates.join(', ')} can be offboarded.`;
}

function shown(offboarding: Offboarding): ShownOffboarding {
  const time = (at: Date | null): string | null => at?.toISOString() ?? null;
  return {
    practiceId: offboarding.practiceId,
    stage: offboarding.stage,
    cameFrom: offboarding.cameFrom,
    reason: offboarding.reason,
    requestedBy: offboarding.requestedBy,
    requestedAt: offboarding.requestedAt.toISOString(),
    graceDays: offboarding.graceDays,
    retentionDays: offboarding.retentionDays,
    exception: offboarding.exception,
    runId: offboarding.runId,
    canBeTakenBack: 'by' in takeBack(offboarding, offboarding.cameFrom, offboarding.runId !== null),
    stages: stageLines(offboarding).map(({ stage, state, beginsAt, canBeTakenBackUntil }) => ({
      stage,
      state,
      beginsAt: time(beginsAt),
      canBeTakenBackUntil: time(canBeTakenBackUntil),
    })),
    finalSnapshot: offboarding.finalSnapshot,
    keyArn: offboarding.keyArn,
    kept: offboarding.kept,
    cancelledAt: time(offboarding.cancelledAt),
    cancelledBy: offboarding.cancelledBy,
    cancelReason: offboarding.cancelReason,
  };
}
