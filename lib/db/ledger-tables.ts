import type { ColumnType, GeneratedAlways } from 'kysely';
import type { LedgerAccount, LedgerKind } from '../domain/ledger.ts';
import type { Charge } from '../domain/plan/charges.ts';
import type { ApprovalDecision, ApprovalKind } from '../domain/subscription-approval.ts';
import type { Json, NullableJson, NullableText, NullableTime, Time } from './column-types.ts';

/** `date`: ISO text. */
type DayColumn = ColumnType<string, string, never>;
type NullableDay = ColumnType<string | null, string | null, never>;

/** Append-only: triggers refuse UPDATE, DELETE and TRUNCATE, and nobody holds the right to them. */
export interface LedgerTransactionTable {
  id: string;
  /** The order of posting; not without gaps. */
  seq: GeneratedAlways<number>;
  practice_id: string;
  kind: LedgerKind;
  /** The day on which it counts, of the practice's calendar. */
  day: DayColumn;
  /** Of a charge: its period. */
  period_from: NullableDay;
  period_until: NullableDay;
  /** The same in a practice's whole ledger. */
  currency: string;
  /** How many entries it is made of. */
  entries: number;
  reason: string;
  /** The name of the token that asked for it, or of the control plane. */
  author: string;
  /** Of the second person, where it took one. */
  approved_by: NullableText;
  /** Where it comes from: no two have the same, so nothing is posted twice. */
  source_key: NullableText;
  reverses: NullableText;
  charge: ColumnType<Charge | null, string | null, never>;
  at: Time;
}

/** Append-only. The entries of a transaction sum to 0, at the latest when the transaction commits. */
export interface LedgerEntryTable {
  transaction_id: string;
  /** From 1. */
  line: number;
  account: LedgerAccount;
  /** A debit above 0, a credit below. */
  amount_cents: number;
}

/** Append-only: a row is the record that a period is closed, which its statement is computed from. */
export interface ClosedPeriodTable {
  practice_id: string;
  period_from: DayColumn;
  period_until: DayColumn;
  currency: string;
  closed_at: Time;
}

/** What one person has asked for and another has to approve. */
export interface SubscriptionApprovalTable {
  id: string;
  kind: ApprovalKind;
  practice_id: string;
  /** What is carried out on approval. */
  input: Json<Readonly<Record<string, unknown>>>;
  value_cents: number;
  currency: string;
  reason: string;
  state: 'requested' | ApprovalDecision;
  /** Ids of tokens, as the audit trail has them. */
  requested_by: string;
  requested_by_name: string;
  requested_at: Time;
  expires_at: Time;
  decided_by: NullableText;
  decided_by_name: NullableText;
  decided_at: NullableTime;
  decision_reason: NullableText;
  /** Of an approved one: what came of it. */
  result: NullableJson<Readonly<Record<string, string>>>;
  revision: number;
}
