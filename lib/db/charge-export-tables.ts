import type { ColumnType } from 'kysely';
import type { NullableText, NullableTime, Time } from './column-types.ts';

/** Of each closed period, whether its statement was handed over, and to whom. Written with the period's closing. */
export interface ChargeExportTable {
  practice_id: string;
  /** `date`: ISO text. */
  period_from: ColumnType<string, string, never>;
  /** Of the practice, who is to pay. Counts from 1. */
  owner: ColumnType<number, number, never>;
  state: 'pending' | 'exported';
  /** Null until somebody begins with it: whoever did goes on. */
  target: ColumnType<'files' | 'stripe' | null, undefined, 'files' | 'stripe'>;
  /** What the other side calls it. */
  external_id: NullableText;
  /** How many tries were begun. */
  tries: ColumnType<number, undefined, number>;
  due_at: Time;
  /** Until then a process is at it. */
  claimed_until: NullableTime;
  last_error: NullableText;
  exported_at: NullableTime;
}

/** Which customer of Stripe an owner of a practice is. */
export interface StripeCustomerTable {
  practice_id: string;
  /** Counts from 1. */
  owner: number;
  customer_id: string;
  created_at: Time;
}

/** Events of Stripe that were handled, so that none is a second time. */
export interface StripeEventTable {
  id: string;
  type: string;
  received_at: Time;
}
