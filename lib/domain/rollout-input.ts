import type { MaintenanceWindow } from './maintenance-window.ts';
import type { PracticeState } from './practice.ts';
import type { ReleaseKind } from './release-publication.ts';
import type { RolloutPolicy } from './rollout.ts';
import type { Deferral, Freeze, Pin, Ring } from './schedule.ts';

export interface PlanPractice {
  readonly id: string;
  readonly state: PracticeState;
  /** Null while it waits for one. */
  readonly cellId: string | null;
  readonly ring: Ring;
  /** The place of what it runs in the order of publication; null when nothing was verified yet. */
  readonly currentOrdinal: number | null;
  readonly window: MaintenanceWindow;
  readonly pin: Pin | null;
  readonly deferral: Deferral | null;
}

export interface PlanInput {
  readonly now: Date;
  readonly release: {
    readonly id: string;
    readonly ordinal: number;
    readonly kind: ReleaseKind;
    /** Of a security release: until then every practice shall have it. */
    readonly deadline: Date | null;
  };
  readonly practices: readonly PlanPractice[];
  /** Those that hold now or later. */
  readonly freezes: readonly Freeze[];
  /** Why releases are halted, by their ids: a pin to one of them holds as any other, and the plan says so. */
  readonly halted?: ReadonlyMap<string, string> | undefined;
  readonly policy: RolloutPolicy;
  /** How far ahead starts are planned. */
  readonly horizonDays: number;
}
