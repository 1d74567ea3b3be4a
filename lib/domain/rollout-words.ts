import { within } from './rollout-chances.ts';
import { pinAgainst } from './rollout-holds.ts';
import type { PlanInput, PlanPractice } from './rollout-input.ts';
import type { Candidate } from './rollout-turn.ts';

/** Why a practice is not to be planned at all; undefined when it is. */
export function whyNot({ release }: PlanInput, practice: PlanPractice): string | undefined {
  const { state, cellId, currentOrdinal } = practice;
  if (state !== 'active') return `It is ${state}; only active practices are updated.`;
  if (cellId === null) return 'It has no cell yet.';
  if (currentOrdinal === release.ordinal) return 'It runs this release already.';
  if (currentOrdinal !== null && currentOrdinal > release.ordinal) return 'It runs a newer release.';
  return undefined;
}

/** Why nothing is planned for a practice: no start before `until` was to be had. */
export function whyLeft(
  { policy, freezes, release, now, halted }: PlanInput,
  practice: PlanPractice,
  { chances }: Candidate,
  { floor, until }: { readonly floor: number; readonly until: Date },
): string {
  const { window, pin, deferral } = practice;
  const end = until.toISOString();
  if (window.durationMinutes < policy.expectedMinutes) {
    return `Its window of ${window.durationMinutes} minutes is shorter than the ${policy.expectedMinutes} that an update is expected to take.`;
  }
  if (chances.windows.length === 0) return `It has no maintenance window before ${end}.`;
  if (chances.free.length === 0) {
    const against = pinAgainst(release.id, pin);
    const because = against === null ? undefined : halted?.get(against.releaseId);
    const isHalted = because === undefined ? '' : ` (a release that is HALTED: ${because})`;
    const holding = [
      ...(against !== null && against.until > now
        ? [`a pin to ${against.releaseId}${isHalted} until ${against.until.toISOString()}`]
        : []),
      ...(deferral !== null && deferral.until > now
        ? [`a deferral until ${deferral.until.toISOString()}`]
        : []),
      ...freezes
        .filter(({ practiceId }) => practiceId === null || practiceId === practice.id)
        .map(
          ({ practiceId, until: thaw }) =>
            `a freeze of ${practiceId === null ? 'the fleet' : 'the practice'} until ${thaw.toISOString()}`,
        ),
    ];
    return `All its windows before ${end} are held by ${holding.join(', ')}.`;
  }
  const after = within(chances.free, floor, until.getTime());
  if (after.length === 0) return `Its windows before ${end} come before its ring's turn.`;
  return `Its cell updates ${policy.concurrencyPerCell} at a time already in all its windows before ${end}.`;
}

/** Why a practice does not have a security release at its deadline. `floors` are the turns of its own ring and of the last one. */
export function whyLate(
  { policy, now }: PlanInput,
  { chances }: Candidate,
  lastOnTime: number,
  floors: { readonly own: number; readonly last: number },
): string {
  const onTime = (from: number) => within(chances.open, from, lastOnTime).length > 0;
  if (now.getTime() > lastOnTime)
    return 'The deadline had passed, or left no time for an update, when this was planned.';
  if (within(chances.windows, 0, lastOnTime).length === 0) {
    return 'It has no maintenance window before the deadline.';
  }
  if (!onTime(0)) {
    return 'A freeze that a security administrator has renewed holds it in all its windows before the deadline.';
  }
  if (!onTime(floors.own)) return "Its windows before the deadline come before its ring's turn.";
  if (!onTime(floors.last)) return 'Its ring could not wait for its window without making others late.';
  return `Its cell updates ${policy.concurrencyPerCell} at a time already in all its windows before the deadline.`;
}
