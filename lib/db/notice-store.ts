import { randomUUID } from 'node:crypto';
import { type Selectable, sql } from 'kysely';
import { checkNoticeData, type NewNotice, practiceNoticeKinds } from '../domain/notice.ts';
import { mustBeTold } from '../domain/plan/notices.ts';
import { type Connection, type Trx, toJson } from './database.ts';
import type { NoticeDeliveryTable, NoticeTable } from './notice-tables.ts';
import { newestFirst, type Page, type PageRequest } from './page.ts';

const dayMs = 86_400_000;

/** How long a destination that does not take a notice is tried. */
const patienceMs = 3 * dayMs;

/** After a try that fails later than this, a delivery that is due at `now` is given up. */
export const giveUpAfter = (now: Date): Date => new Date(now.getTime() + patienceMs);

/** Rows of one statement: PostgreSQL takes 65,535 values. */
const batch = 1_000;

/**
 * Writes notices and one delivery for each destination that asked for them: endpoints of the fleet and of the practice, and the practice's
 * contacts. Call it in the transaction of what they tell; they are sent once it has committed. Answers their ids, in order.
 */
export async function addNotices(trx: Trx, notices: readonly NewNotice[], now: Date): Promise<string[]> {
  const rows = notices.map((notice) => ({
    id: randomUUID(),
    kind: notice.kind,
    practice_id: notice.practiceId,
    subject_type: notice.subject.type,
    subject_id: notice.subject.id,
    data: toJson(checkNoticeData(notice)),
    created_at: now,
  }));
  for (let start = 0; start < rows.length; start += batch) {
    const part = rows.slice(start, start + batch);
    await trx.insertInto('notice').values(part).execute();
    const ids = part.map(({ id }) => id);
    await addDeliveries(trx, ids, now);
  }
  return rows.map(({ id }) => id);
}

/** `addNotices` of one. */
export async function addNotice(trx: Trx, notice: NewNotice, now: Date): Promise<string> {
  const [id] = await addNotices(trx, [notice], now);
  return id as string;
}

/** Nobody has chosen contacts: the one of the sign-up is told everything. */
const signUpsContact = sql`jsonb_build_array(jsonb_build_object(
  'email', sign_up.contact->>'email', 'notices', ${toJson(practiceNoticeKinds)}::jsonb))`;

/**
 * Gives a notice to the practice's contacts of now, if its mails reached nobody and are not tried any more: the addresses that it was
 * written for may have been wrong. Answers how many mails come of it.
 */
export function mailContactsOfNow(trx: Trx, noticeId: string, now: Date): Promise<number> {
  const reachedNobody = sql<boolean>`channel = 'mail' and (select bool_and(state in ('failed', 'cancelled'))
    from notice_delivery before where before.notice_id = destination.notice_id and before.channel = 'mail')`;
  return addDeliveries(trx, [noticeId], now, reachedNobody);
}

/** @param condition of the destinations; all of them unless given */
async function addDeliveries(
  trx: Trx,
  noticeIds: readonly string[],
  now: Date,
  condition = sql<boolean>`true`,
): Promise<number> {
  const { numAffectedRows } = await sql`
    with told as (select id, seq, kind, practice_id, data from notice where id = any(${noticeIds}::uuid[])),
    destination as (
      select told.id as notice_id, told.seq, 'webhook' as channel, endpoint.id as endpoint_id, null as address
      from told join notice_endpoint endpoint on endpoint.removed_at is null
      where case told.kind when 'test' then endpoint.id::text = told.data->>'endpointId'
        else endpoint.kinds ? told.kind and (endpoint.practice_id is null or endpoint.practice_id = told.practice_id) end
      union all
      select told.id, told.seq, 'mail', null::uuid, person->>'email'
      from told join practice on practice.id = told.practice_id
      join sign_up on sign_up.id = practice.sign_up_id
      left join practice_contact chosen on chosen.practice_id = practice.id
      cross join jsonb_array_elements(coalesce(chosen.contacts, ${signUpsContact})) listed (person)
      where person->'notices' ? told.kind
      union all
      select told.id, told.seq, 'mail', null::uuid, sign_up.contact->>'email'
      from told join practice on practice.id = told.practice_id
      join sign_up on sign_up.id = practice.sign_up_id
      join practice_contact chosen on chosen.practice_id = practice.id
      where told.kind = any(${mustBeTold}::text[])
        and not exists (select from jsonb_array_elements(chosen.contacts) listed (person) where person->'notices' ? told.kind)
    )
    insert into notice_delivery (id, notice_id, channel, endpoint_id, address, destination, state, due_at, give_up_at)
    select gen_random_uuid(), notice_id, channel, endpoint_id, address, coalesce(endpoint_id::text, address), 'pending',
      ${now}, ${giveUpAfter(now)}
    from destination where ${condition} order by seq, channel, endpoint_id, address
    -- A contact that had left, and is one again.
    on conflict (notice_id, destination) do update set state = 'pending', attempts = 0, due_at = excluded.due_at,
      give_up_at = excluded.give_up_at, last_error = null, finished_at = null
      where notice_delivery.state = 'cancelled'`.execute(trx);
  return Number(numAffectedRows);
}

export type NoticeDelivery = Selectable<NoticeDeliveryTable>;

/** A notice with what became of it at each destination. */
export type Notice = Selectable<NoticeTable> & { readonly deliveries: readonly NoticeDelivery[] };

export interface NoticeFilter {
  /** Id of a practice. */
  readonly practice?: string | undefined;
  /** Only notices with a delivery in this state. */
  readonly delivery?: NoticeDelivery['state'] | undefined;
}

/** Newest first. */
export async function listNotices(
  connection: Connection,
  page: PageRequest & NoticeFilter,
): Promise<Page<Notice>> {
  const { practice, delivery } = page;
  let query = connection.selectFrom('notice').selectAll();
  if (practice !== undefined) query = query.where('practice_id', '=', practice);
  if (delivery !== undefined) {
    query = query.where((eb) =>
      eb.exists(
        eb
          .selectFrom('notice_delivery')
          .select('notice_delivery.id')
          .whereRef('notice_delivery.notice_id', '=', 'notice.id')
          .where('notice_delivery.state', '=', delivery),
      ),
    );
  }
  const { items, nextCursor } = await newestFirst(query, page, { at: 'created_at', ids: 'uuid' });
  return { items: await withDeliveries(connection, items), nextCursor };
}

export async function findNotice(connection: Connection, id: string): Promise<Notice | undefined> {
  const rows = await connection.selectFrom('notice').selectAll().where('id', '=', id).execute();
  return (await withDeliveries(connection, rows))[0];
}

/** One query more for the whole page, never one a row. */
async function withDeliveries(connection: Connection, rows: Selectable<NoticeTable>[]): Promise<Notice[]> {
  if (rows.length === 0) return [];
  const deliveries = await connection
    .selectFrom('notice_delivery')
    .selectAll()
    .where(
      'notice_id',
      'in',
      rows.map(({ id }) => id),
    )
    .orderBy('seq')
    .execute();
  return rows.map((row) => ({
    ...row,
    deliveries: deliveries.filter(({ notice_id: id }) => id === row.id),
  }));
}
