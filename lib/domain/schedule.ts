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
