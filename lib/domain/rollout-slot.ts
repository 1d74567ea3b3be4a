import type { PlanInput, PlanPractice } from './rollout-input.ts';
import { planRollout } from './rollout-plan.ts';
import type { Slot } from './rollout-progress.ts';

const minute = 60_000;
const day = 1_440 * minute;

/** What the place of one practice depends on, beside the practice. */
export interface SlotRules extends Pick<PlanInput, 'release' | 'freezes' | 'policy' | 'now'> {
  /** No place is later: the end of what the rollout's plan has looked at. */
  readonly until: Date;
}

/**
 * Where the rules of the plan place one practice from now on: its next window in which the expected duration fits, and nothing holds it but
 * what yields to the deadline of a security release. A place that has begun is one in which it may start now. Plans go by whole minutes, so
 * the minute that runs counts, unless it was the last.
 */
export function slotFor(practice: PlanPractice, rules: SlotRules): Slot {
  const thisMinute = new Date(Math.floor(rules.now.getTime() / minute) * minute);
  const slot = slotFrom(thisMinute, practice, rules);
  if ('left' in slot || rules.now <= slot.latestStartAt) return slot;
  return slotFrom(new Date(thisMinute.getTime() + minute), practice, rules);
}

function slotFrom(now: Date, practice: PlanPractice, { release, freezes, policy, until }: SlotRules): Slot {
  const horizonDays = (until.getTime() - now.getTime()) / day;
  if (horizonDays <= 0) return { left: `the rollout plans no start after ${until.toISOString()}` };
  const plan = planRollout({ now, release, practices: [practice], freezes, policy, horizonDays });
  const [place] = plan.waves.flatMap(({ targets }) => targets);
  if (place !== undefined) return place;
  return { left: plan.left.map(({ reason }) => reason).join('; ') };
}
