import type {
  PlannedRollout,
  Rollout,
  RolloutOverview,
  RolloutProgress,
  RolloutTarget,
} from './contracts/rollouts.ts';

const releaseId = 'r-0123456789ab';
const practiceId = 'sunrise-aba';
const timeZone = 'America/Chicago';
const [startsAt, latestStartAt] = ['2026-11-22T08:00:00.000Z', '2026-11-22T11:30:00.000Z'];
const plannedUntil = '2027-01-29T12:00:00.000Z';
const policy: Rollout['policy'] = {
  bakeMinutes: 60,
  expectedMinutes: 30,
  concurrencyPerCell: 10,
  failureBudget: { failures: 0 },
  thresholds: { errorRate: 0.02, latencyRatio: 1.5 },
};
const left = [{ practiceId: 'harbor-speech', reason: 'It is suspended; only active practices are updated.' }];

const plan: PlannedRollout = {
  releaseId,
  deadline: '2026-12-04T00:00:00.000Z',
  policy,
  plannedUntil,
  takesOver: null,
  blockedBy: [],
  waves: [
    {
      ring: 'canary',
      targets: [{ practiceId, timeZone, startsAt, latestStartAt, yielded: ['deferral'] }],
    },
  ],
  left,
  late: [],
};
const overview: RolloutOverview = {
  id: 'b7c1f1de-3c0a-4f7e-8f0a-2f6f3a1d9c55',
  releaseId,
  parentId: null,
  state: 'running',
  pausedBecause: null,
  reason: 'Monthly release',
  createdBy: 'release pipeline',
  createdAt: '2026-11-20T12:00:00.000Z',
  startedAt: '2026-11-20T12:00:00.000Z',
  finishedAt: null,
  practices: { updating: 1 },
};
const rollout: Rollout = {
  ...overview,
  childId: null,
  policy,
  plannedUntil,
  waves: [
    { ring: 'canary', firstStartAt: startsAt, lastStartAt: startsAt, yielded: 1, practices: { updating: 1 } },
  ],
  left,
  late: [],
};
const progress: RolloutProgress = {
  ...overview,
  childId: null,
  waves: [{ wave: 1, practices: { updating: 1 } }],
};
const target: RolloutTarget = {
  practiceId,
  timeZone,
  wave: 1,
  state: 'updating',
  startsAt,
  latestStartAt,
  runId: '3f0a5c52-8a0e-4e39-9f6e-0d6a5c1c7b21',
  rollBackRunId: null,
  previousReleaseId: 'r-ba9876543210',
  bakedUntil: null,
  note: null,
  updatedAt: '2026-11-22T08:00:07.000Z',
};

/** An answer for each named schema of this resource, as response-examples.ts has them. */
export const rolloutExamples: Readonly<Record<string, unknown>> = {
  RolloutPolicy: policy,
  RolloutPlan: plan,
  RolloutOverview: overview,
  Rollout: rollout,
  RolloutProgress: progress,
  RolloutTarget: target,
};
