import type { ColumnType } from 'kysely';
import type { Day } from '../domain/plan/day.ts';
import type { SubscriptionFact } from '../domain/plan/facts.ts';
import type { SubscriptionState } from '../domain/plan/state.ts';
import type { PlanTerms } from '../domain/plan/terms.ts';
import type { DsseEnvelope } from '../domain/release-publication.ts';
import type { Json, NullableJson, NullableText, NullableTime, Time } from './column-types.ts';

type NullableDay = ColumnType<Day | null, Day | null | undefined, Day | null>;

/** A practice as a member of a plan. All but `state`, `closed_until` and `next_due_at` follows from its facts; it stands here to be asked for. */
export interface SubscriptionTable {
  practice_id: string;
  /** Of a change of plan that is still to come, the new one: its place is taken already. */
  plan_id: string;
  plan_version: number;
  state: SubscriptionState;
  time_zone: string;
  terms: Json<PlanTerms>;
  charged_from: NullableDay;
  locked_until: NullableDay;
  /** The end of the last period whose charges are in the ledger; no fact may speak of an earlier day. */
  closed_until: NullableDay;
  ends_on: NullableDay;
  /** When somebody has to look at it again; null: never, unless a fact is added. */
  next_due_at: NullableTime;
  revision: ColumnType<number, number | undefined, number>;
  created_at: Time;
  updated_at: Time;
}

/** Append-only. */
export interface SubscriptionFactTable {
  practice_id: string;
  /** Counts from 1 in each subscription. */
  seq: number;
  kind: SubscriptionFact['kind'];
  fact: Json<SubscriptionFact>;
  /** Over the terms that the fact brings; null where it brings none. */
  signature: NullableJson<DsseEnvelope>;
  actor: string;
  reason: NullableText;
  at: Time;
}

/** Sign-ups that found a plan full. Those that are still `requested` wait; the others have had their turn or gave up. */
export interface PlanWaitingTable {
  plan_id: string;
  /** Counts from 1 in each plan, and never changes. */
  position: number;
  sign_up_id: string;
  since: Time;
}

/** Public halves of the keys that terms were signed with. */
export interface TermsKeyTable {
  /** SHA-256 of the key's SubjectPublicKeyInfo (RFC 5280) in hexadecimal. */
  id: string;
  /** PEM. */
  public_key: string;
  registered_at: Time;
}

/** The address at which a practice reads its own subscription: the SHA-256 of its secret, never the secret. */
export interface SubscriptionLinkTable {
  practice_id: string;
  key_sha256: string;
  created_by: string;
  created_at: Time;
}
