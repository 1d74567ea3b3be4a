import type { ColumnType, Generated, GeneratedAlways } from 'kysely';
import type { Role } from '../domain/access.ts';
import type { CallKind } from '../domain/call-budget.ts';
import type { Amounts, Quota } from '../domain/capacity.ts';
import type { CellState } from '../domain/cell.ts';
import type { AcceptedDifference, DriftDifference, DriftState } from '../domain/drift.ts';
import type { CameFrom, FinalSnapshot, KeptResource, OffboardingStage } from '../domain/offboarding.ts';
import type { HealthState, PracticeState, Shape } from '../domain/practice.ts';
import type { Component, ReleaseManifest } from '../domain/release.ts';
import type {
  DsseEnvelope,
  RecordedReleaseState,
  ReleaseKind,
  Severity,
} from '../domain/release-publication.ts';
import type { RunError, RunEventBody, RunEventKind, RunState, StepState, Workflow } from '../domain/run.ts';
import type { Ring } from '../domain/schedule.ts';
import type { PracticeSettings } from '../domain/settings.ts';
import type { Agreement, Discipline, SignUpRequest, SignUpState } from '../domain/sign-up.ts';
import type {
  NoticeDeliveryTable,
  NoticeEndpointTable,
  NoticeTable,
  PracticeContactTable,
} from './notice-tables.ts';
import type { RolloutTable, RolloutTargetTable } from './rollout-tables.ts';

type NullableText = ColumnType<string | null, string | null | undefined, string | null>;
/** `timestamptz`: read as Date, written as Date. */
type Time = ColumnType<Date, Date, Date>;
type NullableTime = ColumnType<Date | null, Date | null | undefined, Date | null>;
/** `jsonb`: written as JSON text (`toJson`), read as the value. */
type Json<T> = ColumnType<T, string, string>;
type NullableJson<T> = ColumnType<T | null, string | null | undefined, string | null>;

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

interface ReleaseTable {
  id: string;
  content_hash: string;
  manifest: Json<ReleaseManifest>;
  templates: Json<Record<Component, string>>;
  published_by: string;
  published_at: Time;
  /** The order of publication, from 1; not without gaps. */
  ordinal: GeneratedAlways<number>;
  kind: ReleaseKind;
  /** Of a security release, as its deadline; null of any other. */
  severity: ColumnType<Severity | null, Severity | null | undefined, Severity | null>;
  deadline: NullableTime;
  notes: string;
  changelog_url: NullableText;
  /** Null where the control plane published a release of its own. */
  signature: NullableJson<DsseEnvelope>;
  state: Generated<RecordedReleaseState>;
  halted_by: NullableText;
  halted_at: NullableTime;
  halted_reason: NullableText;
  revision: Generated<number>;
}

/** One release applied to one practice. */
export interface DeploymentTable {
  id: string;
  practice_id: string;
  release_id: string;
  run_id: string;
  state: 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled';
  /** Why somebody asked for it; null for the first one, which the approval asks for. */
  reason: string | null;
  /** Why it failed; null in any other state. */
  error: NullableJson<RunError>;
  started_at: Time;
  finished_at: NullableTime;
}

/** One change that the review would refuse, allowed once by a security administrator. */
export interface ChangeOverrideTable {
  id: string;
  practice_id: string;
  component: Component;
  logical_id: string;
  resource_type: string;
  effect: 'replace' | 'remove';
  reason: string;
  created_by: string;
  created_at: Time;
  expires_at: Time;
  revoked_by: string | null;
  revoked_at: NullableTime;
  used_by_run: string | null;
  used_at: NullableTime;
  /** When the stack policy was whole again after the use; null while it may still be relaxed. */
  guard_restored_at: NullableTime;
}

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

interface RunEventTable {
  seq: Generated<number>;
  run_id: string;
  kind: RunEventKind;
  body: Json<RunEventBody>;
  at: Time;
}

interface EvidenceTable {
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

export interface PlanTable {
  id: string;
  name: string;
  description: string;
}

export interface PlanVersionTable {
  plan_id: string;
  version: number;
  /** ISO date: the first day on which it can be chosen. */
  effective_from: ColumnType<string, string, string>;
  free_days: number;
  lock_months: number;
  shape: Shape;
}

export interface ApiTokenTable {
  id: string;
  name: string;
  /** SHA-256 of the secret part; the token itself is shown once and never kept. */
  secret_hash: string;
  roles: Json<Role[]>;
  created_by: string;
  created_at: Time;
  expires_at: NullableTime;
  revoked_at: NullableTime;
  last_used_at: NullableTime;
}

/** An ID token that a pipeline exchanged. Kept until it is refused for its age. */
export interface CiExchangeTable {
  /** SHA-256 of its issuer and id. */
  fingerprint: string;
  token_id: string;
  exchanged_at: Time;
  /** When the ID token expires, not the API token. */
  expires_at: Time;
}

/** Append-only: a trigger refuses UPDATE, DELETE and TRUNCATE. */
export interface AuditTable {
  seq: Generated<number>;
  at: Time;
  actor_id: string;
  actor_name: string;
  /** `<subject>.<verb in the past>`, for example `sign_up.approved`. */
  action: string;
  subject_type: string;
  subject_id: string;
  request_id: string;
  details: Json<Record<string, unknown>>;
}

interface IdempotencyTable {
  /** Route and actor, so that two callers never share a key. */
  scope: string;
  key: string;
  /** SHA-256 of the canonical request body. */
  request_hash: string;
  status: number;
  body: Json<unknown>;
  created_at: Time;
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

/** One AWS account and Region that holds many silos. */
export interface CellTable {
  id: string;
  account_id: string;
  region: string;
  /** Null for the control plane's own credentials. */
  role_arn: string | null;
  external_id: string | null;
  domain: string;
  hosted_zone_id: string;
  image_registry: string;
  s3_prefix_list_id: string | null;
  backup_copy_region: string;
  alarm_email: string | null;
  limits: Json<Amounts>;
  state: CellState;
  revision: number;
  created_by: string;
  created_at: Time;
  updated_at: Time;
}

/** Append-only: what practices take of a cell's limits and give back, one row a quota. */
interface CapacityLedgerTable {
  seq: Generated<number>;
  cell_id: string;
  practice_id: string;
  run_id: string | null;
  /** Which entry of the practice: no practice has two of one name, so none is made twice. */
  entry: string;
  quota: Quota;
  /** Above 0 what is taken, below 0 what is given back. */
  amount: number;
  reason: string;
  at: Time;
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

/** What all replicas together may ask of a cell's CloudFormation, and what they asked. */
interface CallBudgetTable {
  cell_id: string;
  kind: CallKind;
  /** Calls a second. */
  rate: number;
  /** Below zero when calls have been let through that wait for their turn. */
  tokens: number;
  /** How many calls the latest question let through. */
  granted: number;
  refilled_at: Time;
  throttled_at: NullableTime;
  calls: number;
  throttles: number;
  waited_ms: number;
}

/** When a practice may be updated; what is null is as for a practice that has set nothing. */
interface PracticeScheduleTable {
  practice_id: string;
  rule: NullableText;
  duration_minutes: ColumnType<number | null, number | null | undefined, number | null>;
  time_zone: NullableText;
  ring: Generated<Ring>;
  pin_release_id: NullableText;
  pin_until: NullableTime;
  pin_reason: NullableText;
  deferral_until: NullableTime;
  deferral_reason: NullableText;
  revision: number;
  updated_at: Time;
}

/** No update starts meanwhile: of one practice, or of the fleet where none is named. */
export interface UpdateFreezeTable {
  id: string;
  practice_id: string | null;
  reason: string;
  starts_at: Time;
  ends_at: Time;
  renewed_by: NullableText;
  renewed_at: NullableTime;
  renewal_reason: NullableText;
  lifted_by: NullableText;
  lifted_at: NullableTime;
  created_by: string;
  created_at: Time;
  revision: number;
}

/** The address of a practice's calendar feed: the SHA-256 of its secret, never the secret. */
interface PracticeCalendarTable {
  practice_id: string;
  key_sha256: string;
  created_by: string;
  created_at: Time;
}

export interface Schema {
  cell: CellTable;
  capacity_ledger: CapacityLedgerTable;
  sign_up: SignUpTable;
  practice: PracticeTable;
  silo_stack: SiloStackTable;
  release: ReleaseTable;
  deployment: DeploymentTable;
  change_override: ChangeOverrideTable;
  run: RunTable;
  run_step: RunStepTable;
  run_event: RunEventTable;
  evidence: EvidenceTable;
  drift_watch: DriftWatchTable;
  drift_record: DriftRecordTable;
  plan: PlanTable;
  plan_version: PlanVersionTable;
  api_token: ApiTokenTable;
  audit: AuditTable;
  idempotency: IdempotencyTable;
  owner_invitation: OwnerInvitationTable;
  offboarding: OffboardingTable;
  call_budget: CallBudgetTable;
  practice_schedule: PracticeScheduleTable;
  update_freeze: UpdateFreezeTable;
  practice_calendar: PracticeCalendarTable;
  notice: NoticeTable;
  notice_delivery: NoticeDeliveryTable;
  notice_endpoint: NoticeEndpointTable;
  practice_contact: PracticeContactTable;
  rollout: RolloutTable;
  rollout_target: RolloutTargetTable;
  ci_exchange: CiExchangeTable;
}
