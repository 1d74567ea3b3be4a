import type { PracticeState } from './practice.ts';
import type { RolloutPolicy, RolloutState, RolloutTarget, TargetState } from './rollout.ts';
import { type HealthLook, judgeHealth } from './rollout-gate.ts';
import { isBusy, outcomeOf, type Standing } from './rollout-standing.ts';

const minute = 60_000;

export interface RolloutView {
  readonly state: RolloutState;
  readonly policy: RolloutPolicy;
  readonly release: {
    readonly id: string;
    readonly ordinal: number;
    /** Why somebody halted it; null while nobody has. */
    readonly haltedBecause: string | null;
  };
}

/** A run of a target, as far as the rollout is concerned. */
export interface RunView {
  readonly id: string;
  /** `cancelled` is a run that somebody called off. */
  readonly outcome: 'open' | 'succeeded' | 'failed' | 'cancelled';
  readonly startedAt: Date;
  /** Null while it is open. */
  readonly finishedAt: Date | null;
  /** Why it failed, in words; null when it did not. */
  readonly failure: string | null;
}

/** One practice of a rollout, with what is known of it elsewhere. */
export interface TargetView {
  readonly practiceId: string;
  readonly cellId: string | null;
  readonly wave: number;
  readonly state: TargetState;
  readonly startsAt: Date;
  readonly latestStartAt: Date;
  readonly bakedUntil: Date | null;
  readonly previousReleaseId: string | null;
  readonly note: string | null;
  readonly run: RunView | null;
  readonly rollBackRun: RunView | null;
  readonly practice: {
    readonly state: PracticeState;
    /** The place of the release that it runs in the order of releases. */
    readonly ordinal: number | null;
    /** The run of the practice that has not ended, whoever asked for it. */
    readonly openRunId: string | null;
    readonly newestRunId: string | null;
  };
}

/** A practice's turn. */
export type Place = Omit<RolloutTarget, 'practiceId'>;

/** Where the rules of the plan would place a practice as things stand now; `left` says why it has no turn before the horizon. */
export type Slot = Place | { readonly left: string };

/** What was measured of a practice; `unread` says why it could not be, `unmeasured` that this control plane has no figures at all. */
export type Measured = HealthLook | { readonly unread: string } | 'unmeasured';

/** What a decision may look at beside the records. */
export interface Look {
  readonly now: Date;
  /** Asked only when it matters: it costs more than everything else. */
  readonly slotOf: (practiceId: string) => Slot;
  /** Undefined while nobody has measured. */
  readonly measuredOf: (practiceId: string) => Measured | undefined;
  /** How many practices of a cell are being updated, or go back, by any rollout. */
  readonly updatingIn: (cellId: string | null) => number;
}

interface Span {
  readonly from: Date;
  readonly until: Date;
}

/** What to do with one practice. */
export type TargetDecision = { readonly practiceId: string } & (
  | { readonly kind: 'start'; readonly place: Place }
  | { readonly kind: 'replan'; readonly place: Place; readonly because: string }
  | { readonly kind: 'miss'; readonly because: string }
  | { readonly kind: 'skip'; readonly because: string }
  | { readonly kind: 'bake'; readonly until: Date }
  /** Nothing is decided before these spans are compared. */
  | { readonly kind: 'measure'; readonly before: Span; readonly after: Span }
  | { readonly kind: 'wait'; readonly note: string }
  | { readonly kind: 'succeed'; readonly note: string }
  | { readonly kind: 'roll_back'; readonly because: string }
  | { readonly kind: 'rolled_back' }
  | { readonly kind: 'fail'; readonly because: string }
);

/** What to do with the rollout as a whole. */
export type RolloutDecision =
  | { readonly kind: 'pause'; readonly reason: string }
  | { readonly kind: 'finish'; readonly state: 'succeeded' | 'failed'; readonly reason: string };

/**
 * Everything that is to be done now, in order: first what has begun is brought to its end, then the rollout as a whole is judged, and last
 * practices are started. `targets` are those whose time has come; the others count by the standing alone. Pure: the same records and the
 * same time give the same decisions, whoever asks and however often.
 */
export function decide(
  rollout: RolloutView,
  standing: Standing,
  targets: readonly TargetView[],
  look: Look,
): (TargetDecision | RolloutDecision)[] {
  const decisions: (TargetDecision | RolloutDecision)[] = [];
  let failing = 0;
  for (const target of targets) {
    if (target.state !== 'updating' && target.state !== 'baking') continue;
    const decision = decideTarget(rollout, standing, target, look);
    if (decision === undefined) continue;
    decisions.push(decision);
    if (decision.kind === 'roll_back' || (decision.kind === 'fail' && target.rollBackRun === null))
      failing += 1;
  }
  const whole = decideRollout(rollout, { ...standing, failures: standing.failures + failing });
  if (whole !== undefined) return [...decisions, whole];
  const started = new Map<string | null, number>();
  const updatingIn = (cellId: string | null) => look.updatingIn(cellId) + (started.get(cellId) ?? 0);
  for (const target of targets) {
    if (target.state !== 'pending') continue;
    const decision = decideTarget(rollout, standing, target, { ...look, updatingIn });
    if (decision === undefined) continue;
    decisions.push(decision);
    if (decision.kind === 'start') started.set(target.cellId, (started.get(target.cellId) ?? 0) + 1);
  }
  return decisions;
}

/** Whether the rollout stops or is over. One that is paused stays so until somebody decides, also when nothing is left to do. */
export function decideRollout(
  { state, policy, release }: RolloutView,
  standing: Standing,
): RolloutDecision | undefined {
  if (state !== 'running') return undefined;
  const { openWave, failures, unproven } = standing;
  const budget = policy.failureBudget.failures;
  if (failures > budget) {
    const allowed = budget === 0 ? 'none' : `at most ${budget}`;
    const reason = `${failures} of its practices failed, ${allowed} may. Retry or skip those that failed, then resume; or abort`;
    return { kind: 'pause', reason };
  }
  if (openWave === null) return { kind: 'finish', ...outcomeOf(standing) };
  if (release.haltedBecause !== null) {
    return { kind: 'pause', reason: `release ${release.id} is halted: ${release.haltedBecause}` };
  }
  if (unproven === null) return undefined;
  const reason = `wave ${unproven + 1} ended without one practice that was updated. Retry or skip those that were missed, then resume; or abort`;
  return { kind: 'pause', reason };
}

/** What to do with one practice; undefined: wait. */
export function decideTarget(
  rollout: RolloutView,
  standing: Standing,
  target: TargetView,
  look: Look,
): TargetDecision | undefined {
  if (!isBusy(target.state)) return undefined;
  if (target.state === 'pending') return decidePending(rollout, standing, target, look);
  if (target.rollBackRun !== null) return decideGoingBack(target, target.rollBackRun);
  return target.state === 'updating' ? decideUpdating(rollout, target) : decideBaking(rollout, target, look);
}

function decidePending(
  rollout: RolloutView,
  standing: Standing,
  target: TargetView,
  { now, slotOf, updatingIn }: Look,
): TargetDecision | undefined {
  const { practiceId, startsAt, latestStartAt } = target;
  if (rollout.state !== 'running' || now < startsAt) return undefined;
  const needless = whyNeedless(rollout, target);
  if (needless !== undefined) return { kind: 'skip', practiceId, because: needless };
  const hindrance = whyNotNow(rollout, standing, target, updatingIn);
  const again = (because: string): TargetDecision => {
    const slot = slotOf(practiceId);
    return 'left' in slot
      ? { kind: 'miss', practiceId, because: `${because}; ${slot.left}` }
      : { kind: 'replan', practiceId, place: slot, because };
  };
  if (now > latestStartAt) return again(`missed its window: ${hindrance ?? 'nothing started it in time'}`);
  if (hindrance !== undefined) return undefined;
  // Windows, pins, deferrals and freezes may be others than when it was planned.
  const slot = slotOf(practiceId);
  if ('left' in slot || slot.startsAt > now)
    return again('its window, a pin, a deferral or a freeze has changed');
  return { kind: 'start', practiceId, place: slot };
}

/** Why a practice is not to get the release at all any more. */
function whyNeedless({ release }: RolloutView, { practice }: TargetView): string | undefined {
  if (practice.ordinal !== null && practice.ordinal >= release.ordinal) {
    return practice.ordinal === release.ordinal ? 'it runs this release already' : 'it runs a newer release';
  }
  if (gone.has(practice.state)) return `the practice is ${practice.state}`;
  return undefined;
}

const gone: ReadonlySet<PracticeState> = new Set(['offboarding', 'deprovisioned', 'provisioning_cancelled']);

/** What stands in the way of a start and may pass. */
function whyNotNow(
  { policy }: RolloutView,
  { openWave }: Standing,
  { wave, cellId, practice }: TargetView,
  updatingIn: Look['updatingIn'],
): string | undefined {
  if (openWave !== null && wave > openWave) return `wave ${openWave + 1} had not ended`;
  if (practice.state !== 'active') return `the practice was ${practice.state}`;
  if (practice.openRunId !== null) return `run ${practice.openRunId} of the practice was under way`;
  if (updatingIn(cellId) >= policy.concurrencyPerCell) {
    return `${policy.concurrencyPerCell} practices of its cell were being updated`;
  }
  return undefined;
}

function decideUpdating({ policy }: RolloutView, target: TargetView): TargetDecision | undefined {
  const { practiceId, run } = target;
  if (run === null || run.outcome === 'open') return undefined;
  if (run.outcome === 'succeeded' && run.finishedAt !== null) {
    return {
      kind: 'bake',
      practiceId,
      until: new Date(run.finishedAt.getTime() + policy.bakeMinutes * minute),
    };
  }
  const because =
    run.outcome === 'cancelled' ? `run ${run.id} was called off` : (run.failure ?? `run ${run.id} failed`);
  return backOr(target, because);
}

function decideBaking(rollout: RolloutView, target: TargetView, look: Look): TargetDecision | undefined {
  const { practiceId, run, bakedUntil, note } = target;
  if (bakedUntil === null || run?.finishedAt == null || look.now < bakedUntil) return undefined;
  const measured = look.measuredOf(practiceId);
  if (measured === undefined) {
    const span = bakedUntil.getTime() - run.finishedAt.getTime();
    return {
      kind: 'measure',
      practiceId,
      before: { from: new Date(run.startedAt.getTime() - span), until: run.startedAt },
      after: { from: run.finishedAt, until: bakedUntil },
    };
  }
  if (measured === 'unmeasured') {
    return { kind: 'succeed', practiceId, note: 'verified; its figures were not read' };
  }
  if ('unread' in measured) {
    const waits = `its figures could not be read: ${measured.unread} It is tried again; promote the rollout to go on without`;
    return note === waits ? undefined : { kind: 'wait', practiceId, note: waits };
  }
  const { passed, words } = judgeHealth(measured, rollout.policy.thresholds);
  return passed ? { kind: 'succeed', practiceId, note: words } : backOr(target, words);
}

/** A practice goes back by itself unless somebody else has taken it in hand since. */
function backOr(
  { practiceId, run, practice, previousReleaseId, note }: TargetView,
  because: string,
): TargetDecision | undefined {
  const fail = (why: string): TargetDecision => ({ kind: 'fail', practiceId, because: `${because} ${why}` });
  if (previousReleaseId === null) return fail('There is no release to go back to.');
  if (practice.openRunId !== null) {
    const waits = `${because} Run ${practice.openRunId} of the practice is under way and goes first.`;
    return note === waits ? undefined : { kind: 'wait', practiceId, note: waits };
  }
  if (practice.newestRunId !== run?.id) {
    return fail(`It was left as it is, for run ${practice.newestRunId} came after the update.`);
  }
  if (practice.state !== 'active')
    return fail(`It was left as it is, for the practice is ${practice.state}.`);
  return { kind: 'roll_back', practiceId, because };
}

function decideGoingBack({ practiceId, note }: TargetView, run: RunView): TargetDecision | undefined {
  if (run.outcome === 'open') return undefined;
  if (run.outcome === 'succeeded') return { kind: 'rolled_back', practiceId };
  const how =
    run.outcome === 'cancelled' ? 'was called off' : `failed: ${run.failure ?? 'no reason is known'}`;
  const because = `${note ?? 'The update failed.'} The roll-back (run ${run.id}) ${how} Retry that run.`;
  return { kind: 'fail', practiceId, because };
}
