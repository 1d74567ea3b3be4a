import type { Generated } from 'kysely';
import type { AcceptedDifference, DriftDifference, DriftState } from '../domain/drift.ts';
import type { RunError, RunEventBody, RunEventKind, RunState, StepState, Workflow } from '../domain/run.ts';
import type { Json, NullableJson, NullableText, NullableTime, Time } from './column-types.ts';

export interface RunTable {
  id: string;
  workflow: Workflow;
  practice_id: string;
  state: RunState;
  /** In words, what a `waiting` run waits for; null in any other state. */
  waiting_for: NullableText;
  input: Json<Record<string, unknown>>;
  error: NullableJson<RunError>;
  /** What a cancelled run left standing, in words for the operator. */
  kept: Json<string[]>;
  /** Grows by one at each retry or cancel: work of an earlier generation must not go on. */
  generation: number;
  requested_by: string;
  created_at: Time;
  started_at: NullableTime;
  finished_at: NullableTime;
}

/** The step journal: a step that has succeeded is never run again; its output feeds the steps after it. */
export interface RunStepTable {
  run_id: string;
  name: string;
  ordinal: number;
  state: StepState;
  attempt: number;
  output: NullableJson<unknown>;
  error: NullableJson<RunError>;
  started_at: NullableTime;
  finished_at: NullableTime;
}

export interface RunEventTable {
  seq: Generated<number>;
  run_id: string;
  kind: RunEventKind;
  body: Json<RunEventBody>;
  at: Time;
}

export interface EvidenceTable {
  id: Generated<number>;
  practice_id: string;
  run_id: string | null;
  check_id: string;
  title: string;
  safeguards: Json<string[]>;
  expected: string;
  observed: string;
  passed: boolean;
  source: string;
  observed_at: Time;
}

/** When a silo was last held against its release, what came of it, and when it is the next one's turn. */
export interface DriftWatchTable {
  practice_id: string;
  state: DriftState;
  /** When the last look began: whatever changed later, it may not have seen. */
  checked_at: NullableTime;
  next_check_at: Time;
  /** When somebody last asked for a look out of turn. */
  requested_at: NullableTime;
  /** Until then a process is looking; later, another may. */
  claimed_until: NullableTime;
}

/** Append-only: one row whenever a look found something else than the one before. */
export interface DriftRecordTable {
  id: Generated<number>;
  practice_id: string;
  release_id: string;
  state: Exclude<DriftState, 'not_checked'>;
  differences: Json<DriftDifference[]>;
  accepted: Json<AcceptedDifference[]>;
  problems: Json<string[]>;
  observed_at: Time;
}
