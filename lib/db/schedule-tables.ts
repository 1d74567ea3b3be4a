import type { ColumnType, Generated } from 'kysely';
import type { Ring } from '../domain/schedule.ts';
import type { NullableText, NullableTime, Time } from './column-types.ts';

/** When a practice may be updated; what is null is as for a practice that has set nothing. */
export interface PracticeScheduleTable {
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
export interface PracticeCalendarTable {
  practice_id: string;
  key_sha256: string;
  created_by: string;
  created_at: Time;
}
