import type { TargetState } from './rollout.ts';

/** States of a practice for which a rollout will still do something by itself. The index `rollout_target_busy` lists the same. */
export const busyStates = ['pending', 'updating', 'baking'] as const satisfies readonly TargetState[];

export const isBusy = (state: TargetState): boolean => busyStates.some((busy) => busy === state);

/** How far a rollout is, without its practices one by one. */
export interface Standing {
  /** The first wave with a practice that the rollout is not done with; null when it is done with all. */
  readonly openWave: number | null;
  /** Practices that failed or went back, or are on their way back: what the failure budget counts. */
  readonly failures: number;
  readonly succeeded: number;
  readonly missed: number;
  /** A wave before the open one in which nobody got the release and somebody was missed or failed: it has proved nothing good. */
  readonly unproven: number | null;
}

/** Practices of a rollout that are alike. */
export interface Placed {
  readonly wave: number;
  readonly state: TargetState;
  readonly isGoingBack: boolean;
  /** How many; 1 unless given. */
  readonly count?: number;
}

export function standingOf(targets: readonly Placed[]): Standing {
  const waves = new Map<number, { open: boolean; succeeded: boolean; without: boolean }>();
  let [failures, succeeded, missed] = [0, 0, 0];
  for (const { wave, state, isGoingBack, count = 1 } of targets) {
    const seen = waves.get(wave) ?? { open: false, succeeded: false, without: false };
    waves.set(wave, seen);
    seen.open ||= isBusy(state);
    seen.succeeded ||= state === 'succeeded';
    seen.without ||= state === 'missed' || state === 'failed' || state === 'rolled_back';
    if (state === 'succeeded') succeeded += count;
    if (state === 'missed') missed += count;
    if (state === 'failed' || state === 'rolled_back' || (isGoingBack && isBusy(state))) failures += count;
  }
  const ordered = [...waves].sort(([a], [b]) => a - b);
  const openWave = ordered.find(([, { open }]) => open)?.[0] ?? null;
  const unproven = ordered.find(
    ([wave, seen]) => (openWave === null || wave < openWave) && seen.without && !seen.succeeded,
  );
  return { openWave, failures, succeeded, missed, unproven: unproven?.[0] ?? null };
}

/** What a rollout comes to whose every practice has been dealt with. */
export function outcomeOf({ failures, succeeded, missed }: Standing): {
  readonly state: 'succeeded' | 'failed';
  readonly reason: string;
} {
  const counted = `${succeeded} updated, ${failures} failed, ${missed} missed`;
  if (missed > 0) return { state: 'failed', reason: `${counted}: plan another rollout for those missed` };
  if (failures > 0 && succeeded === 0) return { state: 'failed', reason: `${counted}: nobody got it` };
  return { state: 'succeeded', reason: counted };
}
