import type { Trx } from '../db/database.ts';
import { type PublishedRelease, readRelease } from '../db/release-store.ts';
import {
  haltedReleases,
  heldPractices,
  readFleet,
  type UnfinishedRollout,
  unfinishedRollouts,
} from '../db/rollout-store.ts';
import { readFreezes, readSchedules } from '../db/schedule-store.ts';
import { DomainError } from '../domain/errors.ts';
import { defaultPolicy, type RolloutPlan, type RolloutPolicy } from '../domain/rollout.ts';
import { planRollout as planOf } from '../domain/rollout-plan.ts';
import { refuseHalted } from '../workflows/halted-release.ts';
import type { Core } from './core.ts';

type Given<Whole> = { readonly [Part in keyof Whole]?: Whole[Part] | undefined };
type GivenPolicy = Given<Omit<RolloutPolicy, 'thresholds'>> & {
  readonly thresholds?: Given<RolloutPolicy['thresholds']> | undefined;
};

export interface PlanRequest {
  readonly releaseId: string;
  /** What is not given is as `defaultPolicy` has it. */
  readonly policy?: GivenPolicy | undefined;
  /** How far ahead starts are planned; `defaultHorizonDays` unless given. */
  readonly horizonDays?: number | undefined;
}

/** Longer than the 62 days that two windows of a practice may lie apart. */
const defaultHorizonDays = 70;

export interface PlannedRollout {
  readonly release: PublishedRelease;
  readonly policy: RolloutPolicy;
  readonly plan: RolloutPlan;
  /** The unfinished rollout of an older release that this one takes over when it starts; the newest where there are several. */
  readonly takesOver: UnfinishedRollout | null;
  /** Unfinished rollouts of this release or a newer one that have practices of this plan: as long as they do, it cannot start. */
  readonly blockedBy: readonly (UnfinishedRollout & { readonly practices: number })[];
  /** The zone of each practice's window. */
  readonly timeZones: ReadonlyMap<string, string>;
}

/**
 * Plans a rollout of a release over the fleet as it is now; stores nothing.
 * @throws DomainError `invalid_input` for a release that is not published; `wrong_state` for one that is halted
 */
export function planRollout(core: Core, request: PlanRequest): Promise<PlannedRollout> {
  return core.db.transaction().execute((trx) => planWith(trx, request, core.clock.now()));
}

/** `planRollout` in the caller's transaction, to whose end the release is kept from being halted. */
export async function planWith(
  trx: Trx,
  { releaseId, policy: asked = {}, horizonDays = defaultHorizonDays }: PlanRequest,
  now: Date,
): Promise<PlannedRollout> {
  const release = await publishedRelease(trx, releaseId);
  const fleet = await readFleet(trx);
  const schedules = new Map((await readSchedules(trx)).map((each) => [each.practiceId, each]));
  const freezes = await readFreezes(trx, now);
  const halted = await haltedReleases(trx);
  const policy = policyOf(asked);
  const held = await heldPractices(trx);
  const unfinished = await unfinishedRollouts(trx);
  // Who is being updated comes to the end of that first, by whichever rollout it is.
  const underWay = new Map(
    held
      .filter(({ state }) => state === 'updating' || state === 'baking')
      .map((each) => [each.practiceId, each]),
  );
  const practices = fleet.flatMap((practice) => {
    const schedule = schedules.get(practice.id);
    return schedule === undefined || underWay.has(practice.id) ? [] : [{ ...practice, ...schedule }];
  });
  const { kind, ordinal, deadline } = release;
  const plan = planOf({
    now,
    release: { id: release.id, ordinal, kind, deadline },
    practices,
    freezes,
    halted,
    policy,
    horizonDays,
  });
  const busy = [...underWay.values()].map(({ practiceId, rolloutId, releaseId: other }) => ({
    practiceId,
    reason: `Rollout ${rolloutId} is updating it to ${other} now; plan again when that has ended.`,
  }));
  const planned = new Set(plan.waves.flatMap(({ targets }) => targets.map(({ practiceId }) => practiceId)));
  const blockedBy = unfinished
    .filter((other) => other.ordinal >= ordinal)
    .map((other) => ({
      ...other,
      practices: held.filter((each) => each.rolloutId === other.id && planned.has(each.practiceId)).length,
    }))
    .filter((other) => other.practices > 0);
  return {
    release,
    policy,
    plan: { ...plan, left: [...plan.left, ...busy] },
    takesOver: unfinished.find((other) => other.ordinal < ordinal) ?? null,
    blockedBy,
    timeZones: new Map([...schedules].map(([id, { window }]) => [id, window.timeZone])),
  };
}

/** @throws DomainError `invalid_input` for a release that is not published; `wrong_state` for one that is halted */
async function publishedRelease(trx: Trx, releaseId: string): Promise<PublishedRelease> {
  await refuseHalted(trx, releaseId, null);
  const release = await readRelease(trx, releaseId);
  if (release !== undefined) return release;
  throw new DomainError('invalid_input', `Release ${releaseId} is not published.`, {
    fields: [{ pointer: '/releaseId', message: 'must be the id of a published release' }],
  });
}

function policyOf({ thresholds = {}, ...rest }: GivenPolicy): RolloutPolicy {
  const whole = { ...defaultPolicy.thresholds, ...given(thresholds) };
  return { ...defaultPolicy, ...given(rest), thresholds: whole };
}

/** Without what is undefined, which would hide the default. */
function given<Whole extends object>(
  some: Whole,
): { [Part in keyof Whole]?: Exclude<Whole[Part], undefined> } {
  return Object.fromEntries(Object.entries(some).filter(([, value]) => value !== undefined)) as {
    [Part in keyof Whole]?: Exclude<Whole[Part], undefined>;
  };
}
