import { sql } from 'kysely';
import type { NoticeData, NoticeKind } from '../domain/notice.ts';
import type { Connection, Db, Trx } from './database.ts';
import { giveUpAfter, type NoticeDelivery } from './notice-store.ts';

/** A process's right to try one delivery. */
export interface DeliveryClaim {
  readonly id: string;
  readonly until: Date;
  /** How many tries were begun, with this one. */
  readonly attempt: number;
  readonly giveUpAt: Date;
  readonly destination: string;
}

/** So many tries of a delivery hold up those behind it at the same destination; then they go past, for it may be the one that is refused. */
const triesInOrder = 5;

/** Candidates that are looked at closely. */
const shortList = 20;

/**
 * Claims the oldest delivery that is due; undefined when none is. Of one destination only the first in line is, so that it hears of things in
 * their order, by whichever process. A claim that ran out may be taken over.
 */
export async function claimDelivery(
  db: Db,
  { now, until }: { readonly now: Date; readonly until: Date },
): Promise<DeliveryClaim | undefined> {
  // The first two parts find candidates at little cost, however many stand behind one that is under way or waits. What another process
  // claims in this moment only the third one sees: a delivery goes first only if none before it is open.
  const { rows } = await sql<Pick<NoticeDelivery, 'id' | 'attempts' | 'give_up_at' | 'destination'>>`
    with held as materialized (
      select destination from notice_delivery
      where state = 'pending' and attempts > 0 and attempts < ${triesInOrder} and (claimed_until > ${now} or due_at > ${now})
    ), candidate as materialized (
      select id from notice_delivery
      where state = 'pending' and due_at <= ${now} and (claimed_until is null or claimed_until <= ${now})
        and destination not in (select destination from held)
      order by seq limit ${shortList}
    ), next as (
      select due.id from notice_delivery due
      where due.id in (select id from candidate)
        and due.state = 'pending' and (due.claimed_until is null or due.claimed_until <= ${now})
        and not exists (select from notice_delivery earlier where earlier.state = 'pending'
          and earlier.destination = due.destination and earlier.seq < due.seq and earlier.attempts < ${triesInOrder})
      order by due.seq limit 1 for update skip locked
    )
    update notice_delivery set claimed_until = ${until}, attempts = attempts + 1 where id = (select id from next)
    returning id, attempts, give_up_at, destination`.execute(db);
  const [row] = rows;
  if (row === undefined) return undefined;
  return { id: row.id, until, attempt: row.attempts, giveUpAt: row.give_up_at, destination: row.destination };
}

/** What is sent, and where to. */
export interface ClaimedNotice {
  readonly id: string;
  readonly kind: NoticeKind;
  readonly data: NoticeData;
  readonly createdAt: Date;
  readonly practice: { readonly id: string; readonly displayName: string; readonly timeZone: string } | null;
  readonly to:
    | {
        readonly channel: 'webhook';
        readonly endpointId: string;
        readonly url: string;
        /** Sealed. */
        readonly secret: string;
        readonly previousSecret: string | null;
        readonly previousSecretUntil: Date | null;
      }
    | { readonly channel: 'mail'; readonly address: string };
}

/** Undefined when it was cancelled since it was claimed, or when its endpoint is removed. */
export async function readClaimed(
  connection: Connection,
  { id }: DeliveryClaim,
): Promise<ClaimedNotice | undefined> {
  const row = await connection
    .selectFrom('notice_delivery as delivery')
    .innerJoin('notice', 'notice.id', 'delivery.notice_id')
    .leftJoin('practice', 'practice.id', 'notice.practice_id')
    .leftJoin('notice_endpoint as endpoint', (join) =>
      join.onRef('endpoint.id', '=', 'delivery.endpoint_id').on('endpoint.removed_at', 'is', null),
    )
    .select([
      'notice.id',
      'notice.kind',
      'notice.data',
      'notice.created_at',
      'practice.id as practice_id',
      'practice.display_name',
      'practice.time_zone',
      'delivery.address',
      'endpoint.id as endpoint_id',
      'endpoint.url',
      'endpoint.secret',
      'endpoint.previous_secret',
      'endpoint.previous_secret_until',
    ])
    .where('delivery.id', '=', id)
    .where('delivery.state', '=', 'pending')
    .executeTakeFirst();
  if (row === undefined) return undefined;
  const { practice_id: practiceId, display_name: displayName, time_zone: timeZone } = row;
  const { address, endpoint_id: endpointId, url, secret } = row;
  const notice = {
    id: row.id,
    kind: row.kind,
    data: row.data,
    createdAt: row.created_at,
    practice:
      practiceId === null || displayName === null || timeZone === null
        ? null
        : { id: practiceId, displayName, timeZone },
  };
  if (address !== null) return { ...notice, to: { channel: 'mail', address } };
  if (endpointId === null || url === null || secret === null) return undefined;
  return {
    ...notice,
    to: {
      channel: 'webhook',
      endpointId,
      url,
      secret,
      previousSecret: row.previous_secret,
      previousSecretUntil: row.previous_secret_until,
    },
  };
}

/** How a try ended. `again` is when the next one is due; null for none. */
export type DeliveryOutcome =
  | { readonly delivered: true }
  | { readonly delivered: false; readonly error: string; readonly again: Date | null };

/**
 * Records how a try ended. What else waits for a destination that took something is due at once: it is back. Answers false, and nothing is
 * written, when the claim was lost, or the delivery was cancelled meanwhile.
 */
export async function recordOutcome(
  trx: Trx,
  claim: DeliveryClaim,
  outcome: DeliveryOutcome,
  now: Date,
): Promise<boolean> {
  const again = outcome.delivered ? null : outcome.again;
  const state = outcome.delivered ? 'delivered' : 'failed';
  const { numUpdatedRows } = await trx
    .updateTable('notice_delivery')
    .set({
      claimed_until: null,
      last_error: outcome.delivered ? null : outcome.error,
      ...(again === null ? { state, finished_at: now } : { due_at: again }),
    })
    .where('id', '=', claim.id)
    .where('state', '=', 'pending')
    .where('claimed_until', '=', claim.until)
    .executeTakeFirstOrThrow();
  if (numUpdatedRows === 0n) return false;
  if (outcome.delivered) {
    await trx
      .updateTable('notice_delivery')
      .set({ due_at: now })
      .where('destination', '=', claim.destination)
      .where('state', '=', 'pending')
      .where('due_at', '>', now)
      .execute();
  }
  return true;
}

/** Ends a claimed delivery that has no destination any more. What was cancelled by others stays as it is. */
export async function cancelClaimed(connection: Connection, claim: DeliveryClaim, now: Date): Promise<void> {
  await connection
    .updateTable('notice_delivery')
    .set({ state: 'cancelled', finished_at: now, claimed_until: null })
    .where('id', '=', claim.id)
    .where('state', '=', 'pending')
    .where('claimed_until', '=', claim.until)
    .execute();
}

/** Gives a claim back without a result: another process may take it up at once. */
export async function releaseDelivery(connection: Connection, claim: DeliveryClaim): Promise<void> {
  await connection
    .updateTable('notice_delivery')
    .set({ claimed_until: null })
    .where('id', '=', claim.id)
    .where('claimed_until', '=', claim.until)
    .execute();
}

/**
 * Opens deliveries of a notice once more, and answers how many: one by its id, also when it arrived, or all that failed. What was
 * cancelled, or went to an endpoint that is removed or another address than these, stays as it is: nobody there wants it any more.
 */
export async function reopenDeliveries(
  trx: Trx,
  noticeId: string,
  {
    deliveryId,
    addresses,
  }: { readonly deliveryId: string | undefined; readonly addresses: readonly string[] },
  now: Date,
): Promise<number> {
  let query = trx
    .updateTable('notice_delivery')
    .set({
      state: 'pending',
      attempts: 0,
      due_at: now,
      give_up_at: giveUpAfter(now),
      last_error: null,
      finished_at: null,
    })
    .where('notice_id', '=', noticeId)
    .where((eb) =>
      eb.or([
        sql<boolean>`address = any(${addresses}::text[])`,
        eb(
          'endpoint_id',
          'in',
          eb.selectFrom('notice_endpoint').select('notice_endpoint.id').where('removed_at', 'is', null),
        ),
      ]),
    );
  query =
    deliveryId === undefined
      ? query.where('state', '=', 'failed')
      : query.where('id', '=', deliveryId).where('state', 'in', ['delivered', 'failed']);
  const { numUpdatedRows } = await query.executeTakeFirstOrThrow();
  return Number(numUpdatedRows);
}

/** Ends open deliveries to destinations that nobody wants told any more. */
export async function cancelDeliveries(
  trx: Trx,
  which:
    | { readonly endpointId: string }
    | { readonly practiceId: string; readonly addresses: readonly string[] },
  now: Date,
): Promise<void> {
  let query = trx
    .updateTable('notice_delivery')
    .set({ state: 'cancelled', finished_at: now, claimed_until: null })
    .where('state', '=', 'pending');
  if ('endpointId' in which) {
    query = query.where('endpoint_id', '=', which.endpointId);
  } else {
    query = query
      .where('address', 'in', which.addresses)
      .where((eb) =>
        eb.exists(
          eb
            .selectFrom('notice')
            .select('notice.id')
            .whereRef('notice.id', '=', 'notice_delivery.notice_id')
            .where('notice.practice_id', '=', which.practiceId),
        ),
      );
  }
  await query.execute();
}

/** Notices that one call forgets at most, so that none holds its locks for long. */
const forgottenAtOnce = 20_000;

/**
 * Forgets notices of these kinds that were written before `time`, with their deliveries; none that is still to be sent. Returns how many.
 */
export async function forgetNotices(
  db: Db,
  { kinds, time }: { readonly kinds: readonly NoticeKind[]; readonly time: Date },
): Promise<number> {
  const { rows } = await sql`
    with old as materialized (
      select id from notice
      where created_at < ${time} and kind = any(${kinds}::text[])
        and not exists (select from notice_delivery where notice_id = notice.id and state = 'pending')
      order by created_at limit ${forgottenAtOnce}
    ), told as (
      delete from notice_delivery where notice_id in (select id from old) and state <> 'pending'
    )
    delete from notice where id in (select id from old) returning id`.execute(db);
  return rows.length;
}

/** Deliveries that are open or were given up, and since when the oldest open one is due. */
export interface DeliveryFigures {
  readonly pending: number;
  readonly failed: number;
  readonly oldestAt: Date | null;
}

export async function readDeliveryFigures(connection: Connection): Promise<DeliveryFigures> {
  const { rows } = await sql<{ pending: number; failed: number; oldest: Date | null }>`
    select count(*) filter (where delivery.state = 'pending') as pending,
      count(*) filter (where delivery.state = 'failed') as failed,
      min(notice.created_at) filter (where delivery.state = 'pending') as oldest
    from notice_delivery delivery join notice on notice.id = delivery.notice_id
    where delivery.state in ('pending', 'failed')`.execute(connection);
  const { pending = 0, failed = 0, oldest = null } = rows[0] ?? {};
  return { pending, failed, oldestAt: oldest };
}
