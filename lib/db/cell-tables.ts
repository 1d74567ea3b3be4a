import type { Generated } from 'kysely';
import type { CallKind } from '../domain/call-budget.ts';
import type { Amounts, Quota } from '../domain/capacity.ts';
import type { CellState } from '../domain/cell.ts';
import type { Json, NullableTime, Time } from './column-types.ts';

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
export interface CapacityLedgerTable {
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

/** What all replicas together may ask of a cell's CloudFormation, and what they asked. */
export interface CallBudgetTable {
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
