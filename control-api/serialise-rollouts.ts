import type { PlannedRollout } from '../lib/use-cases/plan-rollout.ts';
import type {
  RolloutDetails,
  RolloutOverview,
  RolloutProgress,
  TargetCount,
  TargetOfRollout,
} from '../lib/use-cases/rollouts.ts';
import type {
  Rollout,
  RolloutTarget,
  RolloutOverview as ShownOverview,
  PlannedRollout as ShownPlan,
  RolloutProgress as ShownProgress,
} from './contracts/rollouts.ts';

export function toPlan(planned: PlannedRollout): ShownPlan {
  const { release, policy, plan, takesOver, blockedBy, timeZones } = planned;
  return {
    releaseId: release.id,
    deadline: release.deadline?.toISOString() ?? null,
    policy,
    plannedUntil: plan.until.toISOString(),
    takesOver: takesOver === null ? null : { rolloutId: takesOver.id, releaseId: takesOver.releaseId },
    blockedBy: blockedBy.map(({ id, releaseId, practices }) => ({ rolloutId: id, releaseId, practices })),
    waves: plan.waves.map(({ ring, targets }) => ({
      ring,
      targets: targets.map(({ practiceId, startsAt, latestStartAt, yielded }) => ({
        practiceId,
        timeZone: timeZones.get(practiceId) ?? 'UTC',
        startsAt: startsAt.toISOString(),
        latestStartAt: latestStartAt.toISOString(),
        yielded: [...yielded],
      })),
    })),
    left: [...plan.left],
    late: [...plan.late],
  };
}

export function toOverview({ rollout, counts }: RolloutOverview): ShownOverview {
  return {
    id: rollout.id,
    releaseId: rollout.release_id,
    parentId: rollout.parent_id,
    state: rollout.state,
    pausedBecause: rollout.paused_because,
    reason: rollout.reason,
    createdBy: rollout.created_by,
    createdAt: rollout.created_at.toISOString(),
    startedAt: rollout.started_at?.toISOString() ?? null,
    finishedAt: rollout.finished_at?.toISOString() ?? null,
    practices: byState(counts),
  };
}

export function toProgress(progress: RolloutProgress): ShownProgress {
  const { counts, childId } = progress;
  const waves = [...new Set(counts.map(({ wave }) => wave))];
  return {
    ...toOverview(progress),
    childId,
    waves: waves.map((place) => ({
      wave: place + 1,
      practices: byState(counts.filter(({ wave }) => wave === place)),
    })),
  };
}

export function toRollout(details: RolloutDetails): Rollout {
  const { rollout, plan, counts, childId } = details;
  return {
    ...toOverview(details),
    childId,
    policy: rollout.policy,
    plannedUntil: plan.until.toISOString(),
    waves: plan.waves.map(({ ring, targets }, place) => {
      const starts = targets.map(({ startsAt }) => startsAt.toISOString()).sort();
      return {
        ring,
        firstStartAt: starts[0] ?? plan.until.toISOString(),
        lastStartAt: starts.at(-1) ?? plan.until.toISOString(),
        yielded: targets.filter(({ yielded }) => yielded.length > 0).length,
        practices: byState(counts.filter(({ wave }) => wave === place)),
      };
    }),
    left: [...plan.left],
    late: [...plan.late],
  };
}

function byState(counts: readonly TargetCount[]): ShownOverview['practices'] {
  const sums: ShownOverview['practices'] = {};
  for (const { state, count } of counts) sums[state] = (sums[state] ?? 0) + count;
  return sums;
}

export function toTarget({ target, timeZone }: TargetOfRollout): RolloutTarget {
  return {
    practiceId: target.practice_id,
    timeZone,
    wave: target.wave + 1,
    state: target.state,
    startsAt: target.starts_at.toISOString(),
    latestStartAt: target.latest_start_at.toISOString(),
    runId: target.run_id,
    rollBackRunId: target.roll_back_run_id,
    previousReleaseId: target.previous_release_id,
    bakedUntil: target.baked_until?.toISOString() ?? null,
    note: target.note,
    updatedAt: target.updated_at.toISOString(),
  };
}
