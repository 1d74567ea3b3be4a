import { type Freeze, type Hold, holdsAt, type PracticeSchedule } from './schedule.ts';

type Held = Pick<PracticeSchedule, 'practiceId' | 'pin' | 'deferral'>;

/** What keeps a practice from an ordinary update to this release at a time; a pin to that very release does not. */
export function holdsOn(releaseId: string, held: Held, freezes: readonly Freeze[], at: Date): Hold[] {
  return holdsAt({ ...held, pin: pinAgainst(releaseId, held.pin) }, freezes, at);
}

/** A pin, unless it is to the release that it would keep out. */
export const pinAgainst = (releaseId: string, pin: Held['pin']): Held['pin'] =>
  pin?.releaseId === releaseId ? null : pin;
