import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { practiceSchema } from '../control-api/contracts/practices.ts';
import type { Release } from '../control-api/contracts/releases.ts';
import type { RolloutTarget } from '../control-api/contracts/rollouts.ts';
import { type Run, runSchema } from '../control-api/contracts/runs.ts';
import type { ShownWindow } from '../control-api/contracts/schedules.ts';
import { rings } from '../lib/domain/schedule.ts';
import { askApp } from './demo-practices.ts';
import type { Member } from './demo-rollout-fleet.ts';
import { type Followed, type Following, memberOf, readRollout } from './demo-rollout-follow.ts';

/** Something that was to be shown, and whether what was read shows it. */
export interface Fact {
  readonly words: string;
  readonly held: boolean;
}

/** How a practice stands, by the control plane's records and by its app's own words. */
export interface Standing {
  readonly practiceId: string;
  readonly recordedRelease: string | null;
  readonly latestRunId: string | null;
  readonly app: { readonly releaseId: string; readonly appVersion: string };
  /** As the app says when it is asked whether it is ready. */
  readonly health: string;
}

/** A practice of a rollout once it is over for it. */
export interface Outcome {
  readonly member: Member;
  readonly target: RolloutTarget;
  /** Of its update; null when there was none. */
  readonly run: Run | null;
  /** That in which its update began and ended, of those that the practice had before the rollout; null when there is none. */
  readonly window: ShownWindow | null;
  readonly standing: Standing;
}

export interface GoodReport {
  readonly release: Release;
  readonly followed: Followed;
  readonly outcomes: readonly Outcome[];
  readonly facts: readonly Fact[];
}

/** Reads back what became of the good release. */
export async function examineGood(
  following: Following,
  release: Release,
  followed: Followed,
): Promise<GoodReport> {
  const outcomes = await Promise.all(followed.targets.map((target) => outcomeOf(following, target)));
  const all = `all ${following.fleet.length} practices`;
  const everyOne = (holds: (outcome: Outcome) => boolean) =>
    outcomes.length === following.fleet.length && outcomes.every(holds);
  const facts: Fact[] = [
    { words: 'its rollout succeeded', held: followed.rollout.state === 'succeeded' },
    {
      words: `${all} have it, by the records and by what their apps answer`,
      held: everyOne(({ standing }) => runs(standing, release)),
    },
    {
      words: 'every update began and ended inside a window of its practice',
      held: everyOne(({ window }) => window !== null),
    },
    { words: 'no ring began before the one before had been watched', held: areRingsInOrder(outcomes) },
    { words: 'every app is ready', held: everyOne(({ standing }) => standing.health === 'ready') },
  ];
  return { release, followed, outcomes, facts };
}

export interface FaultyReport {
  readonly release: Release;
  readonly followed: Followed;
  readonly canary: Outcome;
  /** The run that took it back. */
  readonly rollBack: Run | null;
  /** The other practices, when the rollout had paused and a week later. */
  readonly others: readonly Standing[];
  readonly facts: readonly Fact[];
}

const weekMs = 7 * 86_400_000;
/** Real time in which the reconciler would have started somebody, had it wanted to: several of its passes. */
const idleMs = 3_000;

/**
 * Reads back what became of the faulty release, and once more after a week in which every practice had a window.
 * @param before how the fleet stood before it was published
 */
export async function examineFaulty(
  following: Following,
  {
    release,
    good,
    followed,
  }: { readonly release: Release; readonly good: Release; readonly followed: Followed },
  before: readonly Standing[],
): Promise<FaultyReport> {
  const { session, fleet, clock, interrupt } = following;
  const canary = await outcomeOf(following, theCanary(followed));
  const { rollBackRunId } = canary.target;
  const rollBack =
    rollBackRunId === null ? null : await session.api.get(`/v1/runs/${rollBackRunId}`, runSchema);
  const othersNow = () =>
    standingsOf(
      following,
      fleet.filter((member) => member !== canary.member),
    );
  const others = await othersNow();

  await clock.jumpTo(new Date(clock.now().getTime() + weekMs));
  await delay(idleMs, undefined, { signal: interrupt });
  const later = await readRollout(session, followed.rollout.id);
  const othersLater = await othersNow();

  const untouched = (standings: readonly Standing[], { targets }: Followed) =>
    targets.length === fleet.length &&
    targets.every(
      ({ practiceId, state, runId }) =>
        practiceId === canary.target.practiceId || (state === 'pending' && runId === null),
    ) &&
    standings.length === fleet.length - 1 &&
    standings.every(
      (standing) =>
        runs(standing, good) &&
        standing.latestRunId ===
          before.find(({ practiceId }) => practiceId === standing.practiceId)?.latestRunId,
    );
  const facts: Fact[] = [
    {
      words: 'it began with the canary, inside its window',
      held: canary.member.schedule.ring === 'canary' && canary.window !== null,
    },
    {
      words: 'the canary was updated to it, and failed the gate',
      held: canary.run?.state === 'succeeded' && canary.target.state === 'rolled_back',
    },
    {
      words: 'the canary is back on the release before and ready, by the records and by what its app answers',
      held:
        rollBack?.state === 'succeeded' && runs(canary.standing, good) && canary.standing.health === 'ready',
    },
    {
      words: 'the rollout paused and says why',
      held: followed.rollout.state === 'paused' && followed.rollout.pausedBecause !== null,
    },
    { words: 'the other practices were not touched', held: untouched(others, followed) },
    {
      words: 'a week later, after a window of each, they still were not',
      held: later.rollout.state === 'paused' && untouched(othersLater, later),
    },
  ];
  return { release, followed, canary, rollBack, others: othersLater, facts };
}

/** How every practice stands now. */
export function standingsOf(following: Following, members: readonly Member[]): Promise<Standing[]> {
  return Promise.all(members.map((member) => standingOf(following, member)));
}

const versionSchema = z.object({ releaseId: z.string(), appVersion: z.string() });
const readinessSchema = z.object({ status: z.string() });

async function standingOf({ session }: Following, { practice }: Member): Promise<Standing> {
  const { releaseId, latestRunId } = await session.api.get(`/v1/practices/${practice.id}`, practiceSchema);
  return {
    practiceId: practice.id,
    recordedRelease: releaseId,
    latestRunId,
    app: versionSchema.parse(await askApp(practice, '/version')),
    health: readinessSchema.parse(await askApp(practice, '/readyz')).status,
  };
}

async function outcomeOf(following: Following, target: RolloutTarget): Promise<Outcome> {
  const member = memberOf(following.fleet, target.practiceId);
  const run =
    target.runId === null ? null : await following.session.api.get(`/v1/runs/${target.runId}`, runSchema);
  const standing = await standingOf(following, member);
  return { member, target, run, window: run === null ? null : windowOf(run, member.windows), standing };
}

function windowOf({ startedAt, finishedAt }: Run, windows: readonly ShownWindow[]): ShownWindow | null {
  if (startedAt === null || finishedAt === null) return null;
  const isIn = ({ startsAt, endsAt }: ShownWindow) =>
    time(startsAt) <= time(startedAt) && time(finishedAt) <= time(endsAt);
  return windows.find(isIn) ?? null;
}

/** Whether a practice runs a release, by its record and its app alike. */
const runs = ({ recordedRelease, app }: Standing, { id, appVersion }: Release): boolean =>
  recordedRelease === id && app.releaseId === id && app.appVersion === appVersion;

function areRingsInOrder(outcomes: readonly Outcome[]): boolean {
  const place = ({ member }: Outcome) => rings.indexOf(member.schedule.ring);
  return outcomes.every((outcome) => {
    const { bakedUntil } = outcome.target;
    return outcomes
      .filter((later) => place(later) > place(outcome))
      .every(
        ({ run }) => bakedUntil !== null && run?.startedAt != null && time(bakedUntil) <= time(run.startedAt),
      );
  });
}

const time = (text: string): number => Date.parse(text);

function theCanary({ targets }: Followed): RolloutTarget {
  const [first, ...more] = targets.filter(({ wave }) => wave === 1);
  if (first === undefined || more.length > 0) throw new Error('the first wave is not one practice');
  return first;
}
