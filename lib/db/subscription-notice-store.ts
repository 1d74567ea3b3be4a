import { sql } from 'kysely';
import type { EndingNotice } from '../domain/plan/calendar-of-notices.ts';
import type { Day } from '../domain/plan/day.ts';
import type { PlanNoticeData, PlanNoticeKind } from '../domain/plan/notices.ts';
import { type Connection, type Trx, toJson } from './database.ts';
import { addNotice } from './notice-store.ts';
import { type Page, type PageRequest, pageFrom, positionOf } from './page.ts';

export type PlanNotice = {
  readonly [Kind in PlanNoticeKind]: { readonly kind: Kind; readonly data: PlanNoticeData<Kind> };
}[PlanNoticeKind];

/**
 * Writes a notice about a subscription, and keeps that it was written. Call it in the transaction of what it tells, which holds the
 * subscription.
 * @param of.daysBefore of a notice before an end: no second one of them is written for that end
 */
export async function tellSubscriber(
  trx: Trx,
  notice: PlanNotice,
  of: { readonly practiceId: string; readonly now: Date; readonly daysBefore?: number },
): Promise<void> {
  const { practiceId, now, daysBefore } = of;
  const subject = { type: 'subscription', id: practiceId };
  const noticeId = await addNotice(trx, { ...notice, practiceId, subject }, now);
  await trx
    .insertInto('subscription_notice')
    .values({
      notice_id: noticeId,
      practice_id: practiceId,
      kind: notice.kind,
      about: dayOf(notice.data),
      days_before: daysBefore ?? null,
      data: toJson(notice.data),
      written_at: now,
    })
    .execute();
}

/** The day that a notice is about; null where it has none. */
function dayOf(data: PlanNotice['data']): Day | null {
  if ('from' in data) return data.from;
  return 'until' in data ? data.until : data.since;
}

/** The notices before an end that were written. */
export async function endingsTold(
  connection: Connection,
  practiceId: string,
): Promise<Pick<EndingNotice, 'kind' | 'until' | 'daysBefore'>[]> {
  const rows = await connection
    .selectFrom('subscription_notice')
    .select(['kind', 'about', 'days_before'])
    .where('practice_id', '=', practiceId)
    .where('kind', 'in', ['trial_ending', 'lock_ending'])
    .execute();
  return rows.flatMap(({ kind, about, days_before: daysBefore }) =>
    about === null || daysBefore === null
      ? []
      : [{ kind: kind as EndingNotice['kind'], until: about, daysBefore }],
  );
}

/** A change of price that was announced and neither came nor lapsed yet. */
interface OpenAnnouncement {
  readonly noticeId: string;
  readonly data: PlanNoticeData<'price_change'>;
  /** When a mail about it was first delivered. */
  readonly sentAt: Date | null;
}

export async function openAnnouncement(
  connection: Connection,
  practiceId: string,
): Promise<OpenAnnouncement | undefined> {
  const row = await connection
    .selectFrom('subscription_notice')
    .select(['notice_id', 'data', 'sent_at'])
    .where('practice_id', '=', practiceId)
    .where('kind', '=', 'price_change')
    .where('outcome', 'is', null)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  const data = row.data as PlanNoticeData<'price_change'>;
  return { noticeId: row.notice_id, data, sentAt: row.sent_at };
}

/** @param outcome `taken`, or in words why the price did not come */
export async function endAnnouncement(trx: Trx, noticeId: string, outcome: string): Promise<void> {
  await trx.updateTable('subscription_notice').set({ outcome }).where('notice_id', '=', noticeId).execute();
}

/** What a practice was told of a payment that is overdue. */
interface OverdueNotice {
  readonly data: PlanNoticeData<'payment_overdue'>;
  /** When a mail about it was first delivered. */
  readonly sentAt: Date | null;
}

/** The newest one; of two that were written at the same time the one that was not sent. */
export async function newestOverdueNotice(
  connection: Connection,
  practiceId: string,
): Promise<OverdueNotice | undefined> {
  const row = await connection
    .selectFrom('subscription_notice')
    .select(['data', 'sent_at'])
    .where('practice_id', '=', practiceId)
    .where('kind', '=', 'payment_overdue')
    .orderBy('written_at', 'desc')
    .orderBy('sent_at', (order) => order.desc().nullsFirst())
    .limit(1)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  return { data: row.data as PlanNoticeData<'payment_overdue'>, sentAt: row.sent_at };
}

/** What a practice was told of its subscription. */
export interface SubscriptionNotice {
  /** Of the notice in the outbox, as long as that is kept. */
  readonly noticeId: string;
  readonly kind: PlanNoticeKind;
  /** The day that it is about. */
  readonly about: Day | null;
  /** Of a notice before an end: which one of them. */
  readonly daysBefore: number | null;
  readonly data: PlanNoticeData<PlanNoticeKind>;
  readonly writtenAt: Date;
  /** When a mail about it was first delivered. */
  readonly sentAt: Date | null;
  /** Of a price that was announced: `taken`, or why it did not come; null while that is open. */
  readonly outcome: string | null;
}

/** Newest first. */
export async function listSubscriptionNotices(
  connection: Connection,
  practiceId: string,
  { limit, cursor }: PageRequest,
): Promise<Page<SubscriptionNotice>> {
  let query = connection.selectFrom('subscription_notice').selectAll().where('practice_id', '=', practiceId);
  if (cursor !== undefined) {
    const end = positionOf(cursor, 'uuid');
    query = query.where(sql<boolean>`(written_at, notice_id) < (${end.at}, ${end.id})`);
  }
  const rows = await query
    .orderBy('written_at', 'desc')
    .orderBy('notice_id', 'desc')
    .limit(limit + 1)
    .execute();
  const notices = rows.map((row) => ({
    noticeId: row.notice_id,
    kind: row.kind,
    about: row.about,
    daysBefore: row.days_before,
    data: row.data,
    writtenAt: row.written_at,
    sentAt: row.sent_at,
    outcome: row.outcome,
  }));
  return pageFrom(notices, limit, ({ writtenAt, noticeId }) => ({ at: writtenAt, id: noticeId }));
}

/** Keeps when a mail about a notice was first delivered; nothing for one that is not about a subscription. */
export async function recordSent(trx: Trx, noticeId: string, at: Date): Promise<void> {
  await trx
    .updateTable('subscription_notice')
    .set({ sent_at: at })
    .where('notice_id', '=', noticeId)
    .where('sent_at', 'is', null)
    .execute();
}
