import type { ColumnType, Generated } from 'kysely';
import type { CameFrom, FinalSnapshot, KeptResource, OffboardingStage } from '../domain/offboarding.ts';
import type { HealthState, PracticeState, Shape } from '../domain/practice.ts';
import type { Component } from '../domain/release.ts';
import type { PracticeSettings } from '../domain/settings.ts';
import type { Agreement, Discipline, SignUpRequest, SignUpState } from '../domain/sign-up.ts';
import type { Json, NullableJson, NullableText, NullableTime, Time } from './column-types.ts';

export interface SignUpTable {
  id: string;
  state: SignUpState;
  legal_name: string;
  display_name: string;
  disciplines: Json<Discipline[]>;
  npi: string;
  contact: Json<SignUpRequest['contact']>;
  us_state: string;
  time_zone: string;
  clinician_count: number;
  plan_id: string;
  agreement: NullableJson<Agreement>;
  practice_id: string | null;
  decided_by: string | null;
  decided_at: NullableTime;
  decision_reason: string | null;
  /** Grows by one at each change: the ETag. */
  revision: number;
  created_at: Time;
  updated_at: Time;
}

export interface PracticeTable {
  id: string;
  sign_up_id: string;
  display_name: string;
  disciplines: Json<Discipline[]>;
  us_state: string;
  time_zone: string;
  plan_id: string;
  plan_version: number;
  shape: Shape;
  /** What the practice has set for itself; nothing where it is as the shape has it. */
  settings: ColumnType<PracticeSettings, string | undefined, string>;
  /** Null while it waits for a cell, and for ever when that was cancelled. */
  cell_id: NullableText;
  /** Given with the cell, whose domain it is in; null as long as that. */
  host_name: string | null;
  state: PracticeState;
  /** The release that the practice runs, once a deployment of it was verified. */
  release_id: string | null;
  health: Generated<HealthState>;
  health_checked_at: NullableTime;
  activated_at: NullableTime;
  revision: number;
  created_at: Time;
  updated_at: Time;
}

/** The cloud as it was last seen, one row a stack; never written from what we hoped for. */
export interface SiloStackTable {
  practice_id: string;
  component: Component;
  stack_name: string;
  stack_id: string | null;
  /** CloudFormation's stack status. */
  status: string;
  template_sha256: string | null;
  outputs: Json<Record<string, string>>;
  observed_at: Time;
}

/** Who may become a practice's first owner: one row a practice, of the newest invitation. */
export interface OwnerInvitationTable {
  practice_id: string;
  email: string;
  /** Of the link's token, which was never here. */
  token_sha256: string;
  expires_at: Time;
  created_by: string;
  created_at: Time;
  revoked_by: string | null;
  revoked_at: NullableTime;
}

/** The exit of a practice: its terms, how far it is, and what was seen on the way (docs/life-cycle.md). */
export interface OffboardingTable {
  id: string;
  practice_id: string;
  stage: OffboardingStage;
  /** The state that the practice was in, and goes back to when it is taken back. */
  came_from: CameFrom;
  reason: string;
  requested_by: string;
  requested_at: Time;
  grace_days: number;
  retention_days: number;
  /** Why a time is shorter than it should be. */
  exception: string | null;
  /** The run at work on the stage, or the one that failed there. */
  run_id: string | null;
  grace_began_at: NullableTime;
  grace_ends_at: NullableTime;
  deprovisioning_began_at: NullableTime;
  /** When the first removal was about to be asked for. */
  removal_began_at: NullableTime;
  deprovisioned_at: NullableTime;
  retention_ends_at: NullableTime;
  key_deletion_scheduled_at: NullableTime;
  key_deletion_at: NullableTime;
  shredded_at: NullableTime;
  purge_again_at: NullableTime;
  cancelled_at: NullableTime;
  cancelled_by: NullableText;
  cancel_reason: NullableText;
  key_arn: NullableText;
  final_snapshot: NullableJson<FinalSnapshot>;
  /** What the removed stacks left standing. */
  kept: Json<KeptResource[]>;
}
