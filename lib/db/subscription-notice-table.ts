import type { PlanNoticeData, PlanNoticeKind } from '../domain/plan/notices.ts';
import type { Json, NullableText, NullableTime, Time } from './column-types.ts';

/** What a practice was told of its subscription, and when it was first delivered. */
export interface SubscriptionNoticeTable {
  /** Of the notice in the outbox, which removes old ones. */
  notice_id: string;
  practice_id: string;
  kind: PlanNoticeKind;
  /** The day that it is about, of the practice's calendar. */
  about: string | null;
  /** Of a notice before an end: which one of them. */
  days_before: number | null;
  data: Json<PlanNoticeData<PlanNoticeKind>>;
  written_at: Time;
  /** When a mail about it was first delivered. */
  sent_at: NullableTime;
  /** Of a price that was announced: `taken`, or why it did not come; null while that is open. */
  outcome: NullableText;
}
