import type { PracticeState } from './practice.ts';
import type { RolloutPolicy, RolloutState, RolloutTarget, TargetState } from './rollout.ts';
import { type BakeSpans, lookAt } from './rollout-bake.ts';
import { type HealthLook, judgeHealth, judgeSoFar } from './rollout-gate.ts';
import { outcomeOf, type Standing } from './rollout-standing.ts';

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
  /** When its figures were read for the last time while it baked. */
  readonly lookedAt: Date | null;
  /** Why it is to go back, from when that was decided; null as long as it is not. */
  readonly goingBackBecause: string | null;
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
export type Measured = (HealthLook & Pick<BakeSpans, 'isWhole'>) | { readonly unread: string } | 'unmeasured';

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

/** What to do with one practice. */
export type TargetDecision = { readonly practiceId: string } & (
  | { readonly kind: 'start'; readonly place: Place }
  | { readonly kind: 'replan'; readonly place: Place; readonly because: string }
  | { readonly kind: 'miss'; readonly because: string }
  | { readonly kind: 'skip'; readonly because: string }
  | { readonly kind: 'bake'; readonly until: Date }
  /** Nothing is decided before these spans are compared. */
  | { readonly kind: 'measure'; readonly spans: BakeSpans }
  /** `hasLooked`: its figures were asked for, and it goes on baking. */
  | { readonly kind: 'wait'; readonly note: string; readonly hasLooked: boolean }
  | { readonly kind: 'succeed'; readonly note: string }
  | { readonly kind: 'roll_back'; readonly because: string }
  /** It counts as failed from now on, and goes back once nothing is in the way. */
  | { readonly kind: 'must_go_back'; readonly because: string; readonly note: string }
  | { readonly kind: 'rolled_back'; readonly because: string }
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
  const begun = new Map<string | null, number>();
  const counting: Look = {
    ...look,
    updatingIn: (cellId) => look.updatingIn(cellId) + (begun.get(cellId) ?? 0),
  };
  const take = (target: TargetView): TargetDecision | undefined => {
    const decision =
      target.state === 'pending'
        ? decidePending(rollout, standing, target, counting)
        : decideBegun(rollout, target, counting);
    if (decision === undefined) return undefined;
    decisions.push(decision);
    if (decision.kind === 'start' || (decision.kind === 'roll_back' && target.state === 'baking'))
      begun.set(target.cellId, (begun.get(target.cellId) ?? 0) + 1);
    return decision;
  };
  let failing = 0;
  for (const target of targets) {
    if (target.state !== 'updating' && target.state !== 'baking') continue;
    const decision = take(target);
    const fails = decision !== undefined && failingKinds.has(decision.kind);
    if (fails && target.goingBackBecause === null) failing += 1;
  }
  const whole = decideRollout(rollout, { ...standing, failures: standing.failures + failing });
  if (whole !== undefined) return [...decisions, whole];
  for (const target of targets) if (target.state === 'pending') take(target);
  return decisions;
}

const failingKinds: ReadonlySet<TargetDecision['kind']> = new Set(['roll_back', 'must_go_back', 'fail']);

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
  const reason = `wave ${unproven + 1} ended without one practice that was updated. Retry or skip those that were missed or failed, then resume; or abort`;
  return { kind: 'pause', reason };
}

/** What to do with a practice that has begun; undefined: wait. */
export function decideBegun(
  rollout: RolloutView,
  target: TargetView,
  look: Omit<Look, 'slotOf'>,
): TargetDecision | undefined {
  const { state, rollBackRun, goingBackBecause } = target;
  if (state !== 'updating' && state !== 'baking') return undefined;
  if (rollBackRun !== null) return decideGoingBack(target, rollBackRun);
  if (goingBackBecause !== null) return backOr(rollout, target, goingBackBecause, look);
  return state === 'updating' ? decideUpdating(rollout, target, look) : decideBaking(rollout, target, look);
}

/** What to do with a practice that has not begun; undefined: wait. */
export function decidePending(
  rollout: RolloutView,
  standing: Pick<Standing, 'openWave'>,
  target: TargetView,
  { now, slotOf, updatingIn }: Omit<Look, 'measuredOf'>,
): TargetDecision | undefined {
  const { practiceId, startsAt, latestStartAt, state } = target;
  if (state !== 'pending') return undefined;
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
  { openWave }: Pick<Standing, 'openWave'>,
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

function decideUpdating(
  rollout: RolloutView,
  target: TargetView,
  look: Pick<Look, 'updatingIn'>,
): TargetDecision | undefined {
  const { practiceId, run, practice } = target;
  if (run === null || run.outcome === 'open') return undefined;
  if (run.outcome === 'succeeded' && run.finishedAt !== null) {
    const bakeMs = rollout.policy.bakeMinutes * minute;
    return { kind: 'bake', practiceId, until: new Date(run.finishedAt.getTime() + bakeMs) };
  }
  if (gone.has(practice.state)) return skipGone(target);
  const because =
    run.outcome === 'cancelled' ? `run ${run.id} was called off` : (run.failure ?? `run ${run.id} failed`);
  return backOr(rollout, target, because, look);
}

/** What somebody ends while it is updated has no figures any more, and says nothing of the release. */
const skipGone = ({ practiceId, practice }: TargetView): TargetDecision => ({
  kind: 'skip',
  practiceId,
  because: `the practice is ${practice.state}`,
});

function decideBaking(
  rollout: RolloutView,
  target: TargetView,
  look: Omit<Look, 'slotOf'>,
): TargetDecision | undefined {
  const { practiceId, run, bakedUntil, lookedAt, practice } = target;
  if (bakedUntil === null || run?.finishedAt == null) return undefined;
  if (gone.has(practice.state)) return skipGone(target);
  const measured = look.measuredOf(practiceId);
  if (measured === 'unmeasured') {
    if (look.now < bakedUntil) return undefined;
    return { kind: 'succeed', practiceId, note: 'verified; its figures were not read' };
  }
  const { startedAt, finishedAt } = run;
  const spans = lookAt({ startedAt, finishedAt, bakedUntil, lookedAt }, look.now);
  if (spans === undefined) return undefined;
  if (measured === undefined) return { kind: 'measure', practiceId, spans };
  if ('unread' in measured) {
    const note = `its figures could not be read: ${measured.unread} It is tried again; promote the rollout to go on without`;
    return { kind: 'wait', practiceId, note, hasLooked: true };
  }
  const judge = measured.isWhole ? judgeHealth : judgeSoFar;
  const { passed, words } = judge(measured, rollout.policy.thresholds);
  if (!passed) return backOr(rollout, target, words, look);
  return measured.isWhole
    ? { kind: 'succeed', practiceId, note: words }
    : { kind: 'wait', practiceId, note: `so far ${words}`, hasLooked: true };
}

/** A practice goes back by itself unless somebody else has taken it in hand since; it waits for runs that go first, and for its cell. */
function backOr(
  { policy }: RolloutView,
  target: TargetView,
  because: string,
  { updatingIn }: Pick<Look, 'updatingIn'>,
): TargetDecision | undefined {
  const { practiceId, run, practice, previousReleaseId, state, cellId } = target;
  const fail = (why: string): TargetDecision => ({ kind: 'fail', practiceId, because: `${because}. ${why}` });
  if (previousReleaseId === null) return fail('There is no release to go back to.');
  if (practice.openRunId !== null) {
    return waitToGoBack(
      target,
      because,
      `Run ${practice.openRunId} of the practice is under way and goes first.`,
    );
  }
  if (practice.newestRunId !== run?.id) {
    return fail(`It was left as it is, for run ${practice.newestRunId} came after the update.`);
  }
  if (practice.state !== 'active')
    return fail(`It was left as it is, for the practice is ${practice.state}.`);
  // One whose update has failed is among those that are being updated itself.
  const others = updatingIn(cellId) - (state === 'updating' ? 1 : 0);
  if (others >= policy.concurrencyPerCell) {
    return waitToGoBack(
      target,
      because,
      `It goes back when its cell has room: ${others} practices of it are being updated.`,
    );
  }
  return { kind: 'roll_back', practiceId, because };
}

function waitToGoBack(
  { practiceId, goingBackBecause, note: said }: TargetView,
  because: string,
  waits: string,
): TargetDecision | undefined {
  const note = `${because}. ${waits}`;
  if (goingBackBecause === null) return { kind: 'must_go_back', practiceId, because, note };
  return said === note ? undefined : { kind: 'wait', practiceId, note, hasLooked: false };
}

function decideGoingBack(
  { practiceId, goingBackBecause }: TargetView,
  run: RunView,
): TargetDecision | undefined {
  const why = goingBackBecause ?? 'the update failed';
  if (run.outcome === 'open') return undefined;
  if (run.outcome === 'succeeded') return { kind: 'rolled_back', practiceId, because: why };
  const how =
    run.outcome === 'cancelled' ? 'was called off' : `failed: ${run.failure ?? 'no reason is known'}`;
  const because = `${why}. The roll-back (run ${run.id}) ${how}. Retry that run.`;
  return { kind: 'fail', practiceId, because };
}
