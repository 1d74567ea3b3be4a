import { appendAudit } from '../db/audit-store.ts';
import type { Trx } from '../db/database.ts';
import { addNotice, addNotices } from '../db/notice-store.ts';
import { lockPractice } from '../db/practice-store.ts';
import {
  changeTarget,
  endBaking,
  joinNextWave,
  type RolloutAtWork,
  readOpenWave,
  readRolloutAtWork,
  readStanding,
  readTarget,
  setRolloutState,
  skipPending,
} from '../db/rollout-progress-store.ts';
import { heldPractices, lockRollout } from '../db/rollout-store.ts';
import type { Actor } from '../domain/access.ts';
import type { RolloutState, TargetState } from '../domain/rollout.ts';
import { decideRollout, type TargetView } from '../domain/rollout-progress.ts';
import { slotsOf } from '../workflows/rollout-slots.ts';
import type { Core } from './core.ts';
import { notFound, requireRevision, wrongState } from './refusals.ts';
import { heldElsewhere, startRollout } from './start-rollout.ts';

/** What somebody asks of a rollout that is there. */
export interface RolloutChange {
  readonly rolloutId: string;
  readonly reason: string;
  readonly revision?: readonly number[] | undefined;
}

export interface TargetChange extends RolloutChange {
  readonly practiceId: string;
}

/** A rollout as it stands after a change. */
export type ControlledRollout = Pick<
  RolloutAtWork,
  'id' | 'state' | 'pausedBecause' | 'revision' | 'release'
>;

/** A practice of a rollout as it stands after a change. */
export type ControlledTarget = Pick<
  TargetView,
  'practiceId' | 'wave' | 'state' | 'startsAt' | 'latestStartAt' | 'note'
> & { readonly rolloutId: string };

/**
 * Begins a rollout that was stored as planned.
 * @throws DomainError as `startRollout`
 */
export function startPlanned(
  core: Core,
  { rolloutId: id, revision }: Omit<RolloutChange, 'reason'>,
  actor: Actor,
): Promise<ControlledRollout> {
  return core.db.transaction().execute(async (trx) => {
    await startRollout(core, trx, { id, revision }, actor);
    return requireFound(await readRolloutAtWork(trx, id));
  });
}

/**
 * Starts nobody from now on; what has begun comes to its end.
 * @throws DomainError `not_found`; `precondition_failed`; `wrong_state`
 */
export function pauseRollout(core: Core, change: RolloutChange, actor: Actor): Promise<ControlledRollout> {
  return changed(core, change, actor, async (trx, rollout, now) => {
    requireState(rollout, ['running'], 'paused');
    const because = `paused by ${actor.name}: ${change.reason}`;
    await setRolloutState(trx, rollout.id, { state: 'paused', because });
    const data = { rolloutId: rollout.id, releaseId: rollout.release.id, reason: because };
    await addNotice(
      trx,
      { kind: 'rollout_paused', practiceId: null, subject: subjectOf(rollout), data },
      now,
    );
    return { action: 'rollout.paused' };
  });
}

/**
 * Goes on with a paused rollout.
 * @throws DomainError `wrong_state`, also while what paused it is still so: it says what to do about it
 */
export function resumeRollout(core: Core, change: RolloutChange, actor: Actor): Promise<ControlledRollout> {
  return changed(core, change, actor, async (trx, rollout) => {
    requireState(rollout, ['paused'], 'resumed');
    const standing = await readStanding(trx, rollout.id);
    const stop = decideRollout({ ...rollout, state: 'running' }, standing);
    if (stop?.kind === 'pause') {
      throw wrongState(rollout.state, `The rollout would be paused again at once: ${stop.reason}.`);
    }
    await setRolloutState(trx, rollout.id, { state: 'running' });
    return { action: 'rollout.resumed', details: { pausedBecause: rollout.pausedBecause } };
  });
}

/**
 * Ends a rollout: whom it has not begun with is skipped, what has begun comes to its end, and goes back if it fails.
 * @throws DomainError `wrong_state`
 */
export function abortRollout(core: Core, change: RolloutChange, actor: Actor): Promise<ControlledRollout> {
  return changed(core, change, actor, async (trx, rollout, now) => {
    requireState(rollout, ['planned', 'running', 'paused'], 'aborted');
    const note = `aborted by ${actor.name}: ${change.reason}`;
    const skipped = await skipPending(trx, rollout.id, note, now);
    await setRolloutState(trx, rollout.id, { state: 'aborted', now });
    return { action: 'rollout.aborted', details: { skipped } };
  });
}

/**
 * Goes past what the wave at work waits for: practices that bake count as updated without a look at their figures, and whoever has not had
 * its turn goes on with the wave after it.
 * @throws DomainError `wrong_state` when there is nothing to go past
 */
export function promoteRollout(core: Core, change: RolloutChange, actor: Actor): Promise<ControlledRollout> {
  return changed(core, change, actor, async (trx, rollout, now) => {
    requireState(rollout, ['running', 'paused'], 'promoted');
    const { openWave } = await readOpenWave(trx, rollout.id);
    const of = { rolloutId: rollout.id, wave: openWave ?? 0 };
    const note = `promoted by ${actor.name}: ${change.reason}`;
    const promoted = openWave === null ? [] : await endBaking(trx, of, note, now);
    const joined = openWave === null ? 0 : await joinNextWave(trx, of, now);
    if (promoted.length === 0 && joined === 0) {
      throw wrongState(
        rollout.state,
        'There is nothing to promote: no practice of its wave bakes, and no wave comes after it. Skip or retry single practices.',
      );
    }
    const notices = promoted.flatMap(({ practiceId, runId }) => {
      if (runId === null) return [];
      const data = { rolloutId: rollout.id, releaseId: rollout.release.id, runId };
      return [{ kind: 'update_finished' as const, practiceId, subject: subjectOf(rollout), data }];
    });
    await addNotices(trx, notices, now);
    const practices = promoted.map(({ practiceId }) => practiceId);
    return { action: 'rollout.promoted', details: { wave: of.wave + 1, practices, joined } };
  });
}

/**
 * Gives a practice that failed, went back, was missed or skipped another turn, in its next window.
 * @throws DomainError `not_found`; `wrong_state`; `conflict` when another rollout holds the practice
 */
export function retryTarget(core: Core, change: TargetChange, actor: Actor): Promise<ControlledTarget> {
  return changedTarget(core, change, actor, async (trx, rollout, target, now) => {
    requireState(rollout, ['running', 'paused'], 'changed');
    requireTargetState(target, ['failed', 'rolled_back', 'missed', 'skipped'], 'retried');
    const { practiceId } = target;
    const held = (await heldPractices(trx)).find((each) => each.practiceId === practiceId);
    if (held !== undefined && held.rolloutId !== rollout.id) throw heldElsewhere(held, 0);
    const slot = (await slotsOf(trx, rollout, [target], now))(practiceId);
    if ('left' in slot) throw wrongState(target.state, `Practice ${practiceId} has no turn: ${slot.left}.`);
    const { startsAt, latestStartAt } = slot;
    await changeTarget(
      trx,
      { rolloutId: rollout.id, practiceId, now },
      {
        state: 'pending',
        held: true,
        starts_at: startsAt,
        latest_start_at: latestStartAt,
        run_id: null,
        roll_back_run_id: null,
        going_back_because: null,
        looked_at: null,
        previous_release_id: null,
        baked_until: null,
        note: `tried again by ${actor.name}: ${change.reason}`,
      },
    );
    const times = { startsAt: startsAt.toISOString(), latestStartAt: latestStartAt.toISOString() };
    const data = { rolloutId: rollout.id, releaseId: rollout.release.id, ...times };
    await addNotice(trx, { kind: 'update_scheduled', practiceId, subject: subjectOf(rollout), data }, now);
    return { action: 'rollout.practice_retried', details: { from: target.state, ...times } };
  });
}

/**
 * Leaves a practice out of a rollout. One that failed does not count against the failure budget any more.
 * @throws DomainError `not_found`; `wrong_state` when the rollout is over, or is at work on the practice
 */
export function skipTarget(core: Core, change: TargetChange, actor: Actor): Promise<ControlledTarget> {
  return changedTarget(core, change, actor, async (trx, rollout, target, now) => {
    requireState(rollout, ['planned', 'running', 'paused'], 'changed');
    requireTargetState(target, ['pending', 'failed', 'rolled_back', 'missed'], 'skipped');
    const note = `skipped by ${actor.name}: ${change.reason}`;
    const { practiceId } = target;
    await changeTarget(trx, { rolloutId: rollout.id, practiceId, now }, { state: 'skipped', note });
    return { action: 'rollout.practice_skipped', details: { from: target.state } };
  });
}

/** What a change writes into the audit trail, beside its reason. */
interface Told {
  readonly action: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Does a change under the rollout's row lock, with its audit row, and answers the rollout after it. */
function changed(
  core: Core,
  change: RolloutChange,
  actor: Actor,
  work: (trx: Trx, rollout: RolloutAtWork, now: Date) => Promise<Told>,
): Promise<ControlledRollout> {
  return core.db.transaction().execute(async (trx) => {
    const rollout = await lockedRollout(trx, change);
    const at = core.clock.now();
    const { action, details } = await work(trx, rollout, at);
    const subject = subjectOf(rollout);
    await appendAudit(trx, { actor, action, subject, details: { reason: change.reason, ...details }, at });
    return requireFound(await readRolloutAtWork(trx, rollout.id));
  });
}

function changedTarget(
  core: Core,
  change: TargetChange,
  actor: Actor,
  work: (trx: Trx, rollout: RolloutAtWork, target: TargetView, now: Date) => Promise<Told>,
): Promise<ControlledTarget> {
  return core.db.transaction().execute(async (trx) => {
    const { practiceId, reason } = change;
    const rollout = await lockedRollout(trx, change);
    await lockPractice(trx, practiceId);
    const target = requireFound(await readTarget(trx, rollout.id, practiceId));
    const at = core.clock.now();
    const { action, details } = await work(trx, rollout, target, at);
    await appendAudit(trx, {
      actor,
      action,
      subject: subjectOf(rollout),
      details: { practiceId, wave: target.wave + 1, reason, ...details },
      at,
    });
    return { rolloutId: rollout.id, ...requireFound(await readTarget(trx, rollout.id, practiceId)) };
  });
}

async function lockedRollout(trx: Trx, { rolloutId, revision }: RolloutChange): Promise<RolloutAtWork> {
  await lockRollout(trx, rolloutId);
  const rollout = requireFound(await readRolloutAtWork(trx, rolloutId));
  requireRevision(rollout.revision, revision);
  return rollout;
}

function requireFound<T>(found: T | undefined): T {
  if (found === undefined) throw notFound('rollout');
  return found;
}

const subjectOf = ({ id }: { readonly id: string }) => ({ type: 'rollout', id });

/** What to do instead, by the state that a rollout is in. */
const instead: Readonly<Record<RolloutState, string>> = {
  planned: 'Start it first.',
  running: 'Pause it first, or wait.',
  paused: 'Resume it first, or abort it.',
  succeeded: 'It is over: plan another one.',
  failed: 'It is over: plan another one for those it did not reach.',
  aborted: 'It is over: plan another one.',
  superseded:
    'A newer release has taken over what it had not begun: look at the rollout that has it as its parent.',
};

function requireState(
  { state, pausedBecause }: RolloutAtWork,
  right: readonly RolloutState[],
  done: string,
): void {
  if (right.includes(state)) return;
  const why = pausedBecause === null ? '' : ` (${pausedBecause})`;
  const words = `The rollout is ${state}${why}; it can be ${done} only while it is ${right.join(' or ')}.`;
  throw wrongState(state, `${words} ${instead[state]}`);
}

function requireTargetState(target: TargetView, right: readonly TargetState[], done: string): void {
  const { state, practiceId, run, rollBackRun, goingBackBecause } = target;
  if (right.includes(state)) return;
  const atWork = rollBackRun ?? (state === 'updating' ? run : null);
  const hint =
    atWork === null
      ? ''
      : ` Run ${atWork.id} is at work on it: wait for its end, or cancel it (lumenality run cancel).`;
  const bakes = state === 'baking' && goingBackBecause === null;
  const baking = bakes ? ' It bakes: promote the rollout, or wait.' : '';
  const words = `Practice ${practiceId} is ${state} in this rollout; it can be ${done} only while it is ${right.join(', ')}.`;
  throw wrongState(state, `${words}${hint}${baking}`);
}
