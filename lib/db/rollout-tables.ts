import type { ColumnType } from 'kysely';
import type { RolloutPlan, RolloutPolicy, RolloutState, TargetState } from '../domain/rollout.ts';
import type { NullableText, NullableTime, Time } from './column-types.ts';

/** `jsonb`: written as JSON text (`toJson`), read as the value; never changed. */
type Fixed<T> = ColumnType<T, string, never>;

/** A plan as JSON has it: times are RFC 3339, UTC. */
export type StoredPlan = Stored<RolloutPlan>;
type Stored<T> = T extends Date
  ? string
  : T extends object
    ? { readonly [Key in keyof T]: Stored<T[Key]> }
    : T;

/** One release brought to the fleet. */
export interface RolloutTable {
  id: string;
  release_id: string;
  /** The unfinished rollout of an older release that this one takes over. */
  parent_id: NullableText;
  state: RolloutState;
  policy: Fixed<RolloutPolicy>;
  plan: Fixed<StoredPlan>;
  /** The end of what the plan has looked at, which stands in it too: to read it there takes the whole plan. */
  planned_until: Time;
  reason: string;
  /** Why it is `paused`; null in any other state. */
  paused_because: NullableText;
  created_by: string;
  created_at: Time;
  started_at: NullableTime;
  finished_at: NullableTime;
  /** Grows by one at each change: the ETag. */
  revision: number;
}

/** What came of the plan for one practice. */
export interface RolloutTargetTable {
  rollout_id: string;
  practice_id: string;
  /** Which of the plan's waves, from 0. */
  wave: number;
  /** As it is to be now: a missed window moves it. */
  starts_at: Time;
  latest_start_at: Time;
  state: TargetState;
  /** Whether the rollout has started and so keeps the practice for itself while the state is open. */
  held: boolean;
  run_id: NullableText;
  /** Why it is to go back, from when that was decided. */
  going_back_because: NullableText;
  roll_back_run_id: NullableText;
  /** What the practice ran before, and goes back to. */
  previous_release_id: NullableText;
  /** What is to be known about it, in words. */
  note: NullableText;
  baked_until: NullableTime;
  /** When its figures were read for the last time while it baked. */
  looked_at: NullableTime;
  updated_at: Time;
}
