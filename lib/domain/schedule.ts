import { DomainError } from './errors.ts';
import type { MaintenanceWindow } from './maintenance-window.ts';

/** Standing groups of practices; a rollout reaches them in this order. */
export const rings = ['canary', 'early', 'general'] as const;
export type Ring = (typeof rings)[number];

/** Stay on this release until then. */
export interface Pin {
  readonly releaseId: string;
  readonly until: Date;
  readonly reason: string;
}

/** No updates before then. */
export interface Deferral {
  readonly until: Date;
  readonly reason: string;
}

/** No update starts from then until then. */
export interface Freeze {
  readonly id: string;
  /** Null for the whole fleet. */
  readonly practiceId: string | null;
  readonly reason: string;
  readonly from: Date;
  readonly until: Date;
  /** Whether a security administrator has renewed it: then it holds against the deadline of a security release too. */
  readonly renewedBySecurity: boolean;
}

export interface PracticeSchedule {
  readonly practiceId: string;
  readonly window: MaintenanceWindow;
  readonly ring: Ring;
  readonly pin: Pin | null;
  readonly deferral: Deferral | null;
  /** Grows by one at each change; 0 before the first. */
  readonly revision: number;
}

/** What keeps updates from starting. */
export const holds = ['pin', 'deferral', 'freeze'] as const;
export type Hold = (typeof holds)[number];

/** What keeps ordinary updates of a practice from starting at a time. */
export function holdsAt(
  { practiceId, pin, deferral }: Pick<PracticeSchedule, 'practiceId' | 'pin' | 'deferral'>,
  freezes: readonly Freeze[],
  at: Date,
): Hold[] {
  const isFrozen = freezes.some(
    (freeze) =>
      (freeze.practiceId === null || freeze.practiceId === practiceId) &&
      freeze.from <= at &&
      at < freeze.until,
  );
  const holding = {
    pin: pin !== null && at < pin.until,
    deferral: deferral !== null && at < deferral.until,
    freeze: isFrozen,
  };
  return holds.filter((hold) => holding[hold]);
}

const day = 86_400_000;

/** How long each may hold at most, in days: nothing keeps a practice from updates without somebody looking at it again. */
const mostDays = { pin: 180, deferral: 60, freeze: 30 } as const;

/**
 * Refuses an end that is not after the beginning, or further off than such a thing may last.
 * @throws DomainError `invalid_input` that names `/until`
 */
export function requireEnd(kind: keyof typeof mostDays, begin: Date, until: Date): void {
  const latest = new Date(begin.getTime() + mostDays[kind] * day);
  if (until > begin && until <= latest) return;
  const message = `must be after ${begin.toISOString()} and at most ${mostDays[kind]} days later, ${latest.toISOString()}`;
  throw new DomainError('invalid_input', `The end of the ${kind} ${message}.`, {
    fields: [{ pointer: '/until', message }],
  });
}

export const freezeStates = ['scheduled', 'in_force', 'over', 'lifted'] as const;
export type FreezeState = (typeof freezeStates)[number];

export function freezeStateOf(
  freeze: { readonly from: Date; readonly until: Date; readonly liftedAt: Date | null },
  now: Date,
): FreezeState {
  if (freeze.liftedAt !== null) return 'lifted';
  if (freeze.until <= now) return 'over';
  return freeze.from <= now ? 'in_force' : 'scheduled';
}
