import type { Generated } from 'kysely';
import type { Role } from '../domain/access.ts';
import type { CallBudgetTable, CapacityLedgerTable, CellTable } from './cell-tables.ts';
import type { ChargeExportTable, StripeCustomerTable, StripeEventTable } from './charge-export-tables.ts';
import type { Json, NullableTime, Time } from './column-types.ts';
import type {
  ClosedPeriodTable,
  LedgerEntryTable,
  LedgerTransactionTable,
  SubscriptionApprovalTable,
} from './ledger-tables.ts';
import type {
  NoticeDeliveryTable,
  NoticeEndpointTable,
  NoticeTable,
  PracticeContactTable,
} from './notice-tables.ts';
import type { PlanTable, PlanVersionTable } from './plan-tables.ts';
import type {
  OffboardingTable,
  OwnerInvitationTable,
  PracticeTable,
  SignUpTable,
  SiloStackTable,
} from './practice-tables.ts';
import type { ChangeOverrideTable, DeploymentTable, ReleaseTable } from './release-tables.ts';
import type { RolloutTable, RolloutTargetTable } from './rollout-tables.ts';
import type {
  DriftRecordTable,
  DriftWatchTable,
  EvidenceTable,
  RunEventTable,
  RunStepTable,
  RunTable,
} from './run-tables.ts';
import type { PracticeCalendarTable, PracticeScheduleTable, UpdateFreezeTable } from './schedule-tables.ts';
import type { SubscriptionNoticeTable } from './subscription-notice-table.ts';
import type {
  PlanWaitingTable,
  SubscriptionFactTable,
  SubscriptionLinkTable,
  SubscriptionTable,
  TermsKeyTable,
} from './subscription-tables.ts';

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
  subscription: SubscriptionTable;
  subscription_fact: SubscriptionFactTable;
  subscription_notice: SubscriptionNoticeTable;
  plan_waiting: PlanWaitingTable;
  terms_key: TermsKeyTable;
  subscription_link: SubscriptionLinkTable;
  ledger_transaction: LedgerTransactionTable;
  ledger_entry: LedgerEntryTable;
  closed_period: ClosedPeriodTable;
  subscription_approval: SubscriptionApprovalTable;
  charge_export: ChargeExportTable;
  stripe_customer: StripeCustomerTable;
  stripe_event: StripeEventTable;
}
