import type { ColumnType, Generated } from 'kysely';
import type { EndpointNoticeKind, NoticeData, NoticeKind, PracticeNoticeKind } from '../domain/notice.ts';
import type { Json, NullableText, NullableTime, Time } from './column-types.ts';

/** What is to be told, written in the transaction of what it tells. */
export interface NoticeTable {
  id: string;
  /** The order in which notices were written. */
  seq: Generated<number>;
  kind: NoticeKind;
  practice_id: string | null;
  subject_type: string;
  subject_id: string;
  data: Json<NoticeData>;
  created_at: Time;
}

/** One notice for one destination: an endpoint, or an address as the practice's contacts had it when the notice was written. */
export interface NoticeDeliveryTable {
  id: string;
  seq: Generated<number>;
  notice_id: string;
  channel: 'webhook' | 'mail';
  endpoint_id: string | null;
  address: string | null;
  /** What deliveries are held in order by: the endpoint's id, or the address. */
  destination: string;
  state: 'pending' | 'delivered' | 'failed' | 'cancelled';
  /** Tries that were begun. */
  attempts: ColumnType<number, number | undefined, number>;
  due_at: Time;
  /** After a try that fails later than this there is no other. */
  give_up_at: Time;
  /** Until then a process is trying; later, another may. */
  claimed_until: NullableTime;
  last_error: NullableText;
  finished_at: NullableTime;
}

/** Where webhooks go: of the fleet, or of one practice. */
export interface NoticeEndpointTable {
  id: string;
  practice_id: string | null;
  url: string;
  kinds: Json<EndpointNoticeKind[]>;
  /** Sealed (lib/ports/secret-box.ts); empty once the endpoint is removed. */
  secret: string;
  /** The one before, sealed, which signs beside it until then. */
  previous_secret: NullableText;
  previous_secret_until: NullableTime;
  created_by: string;
  created_at: Time;
  removed_by: NullableText;
  removed_at: NullableTime;
}

/** Who of a practice is told what, once somebody has said so; before, the sign-up's contact is told everything. */
export interface PracticeContactTable {
  practice_id: string;
  contacts: Json<PracticeContact[]>;
  revision: number;
  updated_at: Time;
}

export interface PracticeContact {
  readonly name: string;
  readonly email: string;
  readonly notices: readonly PracticeNoticeKind[];
}
