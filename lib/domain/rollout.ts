import type { Hold, Ring } from './schedule.ts';

export const rolloutStates = [
  'planned',
  'running',
  'paused',
  'succeeded',
  'failed',
  'aborted',
  'superseded',
] as const;
export type RolloutState = (typeof rolloutStates)[number];

/** States in which a rollout has begun and not ended. */
export const unfinishedRolloutStates = ['running', 'paused'] as const satisfies readonly RolloutState[];

/** How far a rollout is with one practice. */
export const targetStates = [
  'pending',
  'updating',
  'baking',
  'succeeded',
  'failed',
  'rolled_back',
  'skipped',
  'missed',
] as const;
export type TargetState = (typeof targetStates)[number];

/** Not begun: what a newer rollout takes over. */
export const unbegunTargetStates = ['pending', 'missed'] as const satisfies readonly TargetState[];
/** Not at an end: no other rollout that has begun may have the practice. The unique index `rollout_target_one_open` lists the same. */
export const openTargetStates = [
  ...unbegunTargetStates,
  'updating',
  'baking',
] as const satisfies readonly TargetState[];

/** How a rollout goes about it; stored with it and never changed. */
export interface RolloutPolicy {
  /** How long updated practices are watched before the next wave. */
  readonly bakeMinutes: number;
  /** What one deployment takes: it has to fit into the window in which it starts. */
  readonly expectedMinutes: number;
  /** Deployments at the same time in one cell, at most. */
  readonly concurrencyPerCell: number;
  /** More failed practices than this pause the rollout. */
  readonly failureBudget: { readonly failures: number };
  /** How much worse than before an updated app may be: errors as a share of requests, latency as a ratio. */
  readonly thresholds: { readonly errorRate: number; readonly latencyRatio: number };
  /** Practices in one wave, at most, where a ring shall be more than one. */
  readonly practicesPerWave?: { readonly [Each in Ring]?: number | undefined } | undefined;
}

export const defaultPolicy: RolloutPolicy = {
  bakeMinutes: 60,
  expectedMinutes: 30,
  concurrencyPerCell: 10,
  failureBudget: { failures: 0 },
  thresholds: { errorRate: 0.02, latencyRatio: 1.5 },
};

/** When a practice's turn is. */
export interface RolloutTarget {
  readonly practiceId: string;
  readonly startsAt: Date;
  /** Later than this the update would not fit into the window any more, or something would hold it. */
  readonly latestStartAt: Date;
  /** What would have kept the practice from being updated then, and yields to the deadline of a security release. */
  readonly yielded: readonly Hold[];
}

export interface Wave {
  readonly ring: Ring;
  /** In the order of their starts; never none. */
  readonly targets: readonly RolloutTarget[];
}

export interface Reasoned {
  readonly practiceId: string;
  /** For people. */
  readonly reason: string;
}

/** Every practice is in exactly one of `waves` and `left`. */
export interface RolloutPlan {
  readonly waves: readonly Wave[];
  /** Who gets no update by this plan. */
  readonly left: readonly Reasoned[];
  /** Who does not have a security release at its deadline, whether planned after it or left. */
  readonly late: readonly Reasoned[];
  /** The end of what was looked at: no start is later. */
  readonly until: Date;
}
