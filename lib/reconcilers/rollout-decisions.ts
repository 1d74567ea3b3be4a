import { appendAudit } from '../db/audit-store.ts';
import type { Db, Trx } from '../db/database.ts';
import { addNotice } from '../db/notice-store.ts';
import { lockPractice, type PracticeRow } from '../db/practice-store.ts';
import {
  changeTarget,
  lockStarts,
  type RolloutAtWork,
  readOpenWave,
  readRolloutAtWork,
  readStanding,
  readTarget,
  setRolloutState,
  updatingByCell,
  wasToldOfOverride,
} from '../db/rollout-progress-store.ts';
import { lockRollout } from '../db/rollout-store.ts';
import { systemActor } from '../domain/access.ts';
import {
  decideBegun,
  decidePending,
  decideRollout,
  type Measured,
  type Place,
  type RolloutDecision,
  type TargetDecision,
  type TargetView,
} from '../domain/rollout-progress.ts';
import { isBusy } from '../domain/rollout-standing.ts';
import { queueRollBack, queueUpdate, type UpdateStarts } from '../workflows/queue-update.ts';
import { slotsOf } from '../workflows/rollout-slots.ts';

type DecisionParts = UpdateStarts & { readonly db: Db };

/** What was done to a rollout, or to one of its practices. */
export interface Done {
  readonly rolloutId: string;
  readonly practiceId?: string;
  readonly did: TargetDecision['kind'] | RolloutDecision['kind'];
}

/** Stops or ends a rollout, if that is still what is to be done once its row is locked. */
export function advanceRollout({ db, clock }: DecisionParts, rolloutId: string): Promise<Done | undefined> {
  return db.transaction().execute(async (trx) => {
    await lockRollout(trx, rolloutId);
    const rollout = await readRolloutAtWork(trx, rolloutId);
    if (rollout === undefined) return undefined;
    const decision = decideRollout(rollout, await readStanding(trx, rolloutId));
    if (decision === undefined) return undefined;
    const now = clock.now();
    const { kind, reason } = decision;
    const state = kind === 'pause' ? 'paused' : decision.state;
    await setRolloutState(trx, rolloutId, state === 'paused' ? { state, because: reason } : { state, now });
    await appendAudit(trx, {
      actor: systemActor,
      action: `rollout.${state}`,
      subject: { type: 'rollout', id: rolloutId },
      details: { from: rollout.state, reason },
      at: now,
    });
    if (state === 'paused') {
      const data = { rolloutId, releaseId: rollout.release.id, reason };
      const subject = { type: 'rollout', id: rolloutId };
      await addNotice(trx, { kind: 'rollout_paused', practiceId: null, subject, data }, now);
    }
    return { rolloutId, did: kind };
  });
}

/** Does what is to be done with one practice, if anything still is once rollout and practice are locked. */
export function advanceTarget(
  parts: DecisionParts,
  rolloutId: string,
  practiceId: string,
  measured?: Measured,
): Promise<Done | undefined> {
  return parts.db.transaction().execute(async (trx) => {
    const work = await lockTarget(parts, trx, rolloutId, practiceId);
    if (work === undefined) return undefined;
    const decision = await decideAgain(trx, work, measured);
    if (decision === undefined || decision.kind === 'measure') return undefined;
    await write({ ...work, parts, trx }, decision);
    return { rolloutId, practiceId, did: decision.kind };
  });
}

/** Reads no more than a practice in its state needs: most looks at one find that it goes on baking. */
async function decideAgain(
  trx: Trx,
  { rollout, target, now }: Work,
  measured: Measured | undefined,
): Promise<TargetDecision | undefined> {
  const look = { now, measuredOf: () => measured };
  if (target.state !== 'pending') {
    const withRoom = decideBegun(rollout, target, { ...look, updatingIn: () => 0 });
    // Only whether it may go back now depends on the others of its cell.
    if (withRoom?.kind !== 'roll_back') return withRoom;
  }
  await lockStarts(trx, target.cellId);
  const updating = await updatingByCell(trx);
  const updatingIn = (cellId: string | null) => updating.get(cellId) ?? 0;
  if (target.state !== 'pending') return decideBegun(rollout, target, { ...look, updatingIn });
  const slotOf = await slotsOf(trx, rollout, [target], now);
  return decidePending(rollout, await readOpenWave(trx, rollout.id), target, {
    now,
    slotOf,
    updatingIn,
  });
}

/** Writes beside a practice what keeps it, once. */
export function noteOf(
  parts: DecisionParts,
  rolloutId: string,
  practiceId: string,
  note: string,
): Promise<Done | undefined> {
  return parts.db.transaction().execute(async (trx) => {
    const work = await lockTarget(parts, trx, rolloutId, practiceId);
    if (work === undefined || !isBusy(work.target.state) || work.target.note === note) return undefined;
    await changeTarget(trx, { rolloutId, practiceId, now: work.now }, { note });
    return { rolloutId, practiceId, did: 'wait' };
  });
}

interface Work {
  readonly rollout: RolloutAtWork;
  readonly target: TargetView;
  readonly practice: PracticeRow;
  readonly now: Date;
}

/** The rollout's row first, then the practice's: the order of everybody who takes both. */
async function lockTarget(
  { clock }: DecisionParts,
  trx: Trx,
  rolloutId: string,
  practiceId: string,
): Promise<Work | undefined> {
  await lockRollout(trx, rolloutId);
  const practice = await lockPractice(trx, practiceId);
  const rollout = await readRolloutAtWork(trx, rolloutId);
  const target = await readTarget(trx, rolloutId, practiceId);
  if (practice === undefined || rollout === undefined || target === undefined) return undefined;
  return { rollout, target, practice, now: clock.now() };
}

interface Writing extends Work {
  readonly parts: DecisionParts;
  readonly trx: Trx;
}

type Written = Exclude<TargetDecision, { kind: 'measure' }>;
type MustGoBack = Extract<TargetDecision, { kind: 'must_go_back' }>;

function write(work: Writing, decision: Written): Promise<void> {
  switch (decision.kind) {
    case 'start':
      return start(work, decision.place);
    case 'replan':
      return replan(work, decision.place, decision.because);
    case 'roll_back':
      return goBack(work, decision.because);
    case 'must_go_back':
      return waitToGoBack(work, decision);
    case 'wait':
      return change(work, {
        note: decision.note,
        ...(decision.hasLooked ? { looked_at: work.now } : {}),
      });
    case 'miss':
      return end(work, 'missed', decision.because);
    case 'skip':
      return end(work, 'skipped', decision.because);
    case 'bake':
      return bake(work, decision.until);
    case 'succeed':
      return succeed(work, decision.note);
    case 'rolled_back':
      return fail(work, 'rolled_back', decision.because);
    case 'fail':
      return fail(work, 'failed', decision.because);
  }
}

async function start(work: Writing, { startsAt, latestStartAt, yielded }: Place): Promise<void> {
  const { parts, trx, rollout, practice } = work;
  const reason = `rollout ${rollout.id}: ${rollout.reason}`;
  const { runId } = await queueUpdate(
    parts,
    trx,
    { practice, releaseId: rollout.release.id, reason },
    systemActor,
  );
  await tellYielded(work, { startsAt, latestStartAt, yielded });
  const from = practice.release_id;
  await change(work, { state: 'updating', run_id: runId, previous_release_id: from, note: null });
  await audit(work, 'practice_started', { runId, from, yielded });
  await addNotice(
    trx,
    { kind: 'update_started', ...about(work), data: { ...rolloutOf(work), runId } },
    work.now,
  );
}

/** The plan stays as it was stored: where the practice is to go instead stands in its row, and in the audit trail from where. */
async function replan(work: Writing, place: Place, because: string): Promise<void> {
  const { startsAt, latestStartAt } = place;
  await change(work, { starts_at: startsAt, latest_start_at: latestStartAt, note: because });
  const times = { startsAt: startsAt.toISOString(), latestStartAt: latestStartAt.toISOString() };
  await audit(work, 'practice_replanned', { because, from: work.target.startsAt.toISOString(), ...times });
  await addNotice(
    work.trx,
    { kind: 'update_scheduled', ...about(work), data: { ...rolloutOf(work), ...times } },
    work.now,
  );
  await tellYielded(work, place);
}

async function goBack(work: Writing, because: string): Promise<void> {
  const { parts, trx, rollout, target, practice } = work;
  const releaseId = target.previousReleaseId;
  if (releaseId === null) throw new Error(`${target.practiceId} has no release to go back to`);
  const reason = `rollout ${rollout.id}: ${because}`;
  const { runId } = await queueRollBack(parts, trx, { practice, releaseId, reason }, systemActor);
  await change(work, { going_back_because: because, roll_back_run_id: runId, note: because });
  await audit(work, 'practice_going_back', { because, runId, to: releaseId });
}

async function waitToGoBack(work: Writing, { because, note }: MustGoBack): Promise<void> {
  await change(work, { going_back_because: because, note });
  await audit(work, 'practice_must_go_back', { because, note });
}

async function bake(work: Writing, until: Date): Promise<void> {
  await change(work, { state: 'baking', baked_until: until });
  await audit(work, 'practice_baking', { runId: runOf(work), until: until.toISOString() });
}

async function succeed(work: Writing, note: string): Promise<void> {
  await end(work, 'succeeded', note);
  const data = { ...rolloutOf(work), runId: runOf(work) };
  await addNotice(work.trx, { kind: 'update_finished', ...about(work), data }, work.now);
}

async function fail(work: Writing, state: 'failed' | 'rolled_back', reason: string): Promise<void> {
  await end(work, state, reason);
  const rolledBackTo = state === 'rolled_back' ? work.target.previousReleaseId : null;
  const data = { ...rolloutOf(work), runId: runOf(work), reason, rolledBackTo };
  await addNotice(work.trx, { kind: 'update_failed', ...about(work), data }, work.now);
}

async function end(
  work: Writing,
  state: 'succeeded' | 'failed' | 'rolled_back' | 'skipped' | 'missed',
  note: string,
): Promise<void> {
  // A rollout that is over holds nobody any more once it is done with them.
  const isOver = !['running', 'paused'].includes(work.rollout.state);
  await change(work, { state, note, ...(isOver ? { held: false } : {}) });
  await audit(work, `practice_${state}`, { because: note });
}

/** A practice is told once what yields to the deadline of a security release. */
async function tellYielded(work: Writing, { startsAt, yielded }: Place): Promise<void> {
  const { rollout, target, trx, now } = work;
  const { deadline } = rollout.release;
  if (yielded.length === 0 || deadline === null) return;
  if (await wasToldOfOverride(trx, rollout.id, target.practiceId)) return;
  const times = { deadline: deadline.toISOString(), startsAt: startsAt.toISOString() };
  const data = { ...rolloutOf(work), ...times, yielded: [...yielded] };
  await addNotice(trx, { kind: 'security_override', ...about(work), data }, now);
}

const rolloutOf = ({ rollout }: Work) => ({ rolloutId: rollout.id, releaseId: rollout.release.id });

const about = ({ rollout, target }: Work) => ({
  practiceId: target.practiceId,
  subject: { type: 'rollout', id: rollout.id },
});

/** The run that updated the practice, or tried to. */
function runOf({ target }: Work): string {
  if (target.run === null) throw new Error(`${target.practiceId} was not begun`);
  return target.run.id;
}

function change(
  { trx, rollout, target, now }: Writing,
  to: Parameters<typeof changeTarget>[2],
): Promise<void> {
  return changeTarget(trx, { rolloutId: rollout.id, practiceId: target.practiceId, now }, to);
}

function audit(work: Writing, verb: string, details: Readonly<Record<string, unknown>>): Promise<void> {
  const { trx, rollout, target, now } = work;
  return appendAudit(trx, {
    actor: systemActor,
    action: `rollout.${verb}`,
    subject: { type: 'rollout', id: rollout.id },
    details: { practiceId: target.practiceId, wave: target.wave + 1, ...details },
    at: now,
  });
}
