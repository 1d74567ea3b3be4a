import { sql } from 'kysely';
import type { Day } from '../domain/plan/day.ts';
import type { Discipline } from '../domain/sign-up.ts';
import type { Connection, Trx } from './database.ts';
import { type Page, type PageRequest, pageFrom, positionOf } from './page.ts';

/** A sign-up that found a plan full and still waits for a place. */
export interface WaitingSignUp {
  /** Counts from 1 in each plan, and never changes. */
  readonly position: number;
  readonly signUpId: string;
  readonly displayName: string;
  readonly timeZone: string;
  readonly disciplines: readonly Discipline[];
  readonly since: Date;
}

/** The place of a sign-up on a plan's waiting list; undefined when it has none. */
export async function waitingPosition(
  trx: Trx,
  planId: string,
  signUpId: string,
): Promise<number | undefined> {
  const row = await trx
    .selectFrom('plan_waiting')
    .select('position')
    .where('plan_id', '=', planId)
    .where('sign_up_id', '=', signUpId)
    .executeTakeFirst();
  return row?.position;
}

/** How many sign-ups wait for a plan: before a position, or at all. */
export async function countWaiting(
  connection: Connection,
  planId: string,
  before: number | undefined,
): Promise<number> {
  let query = waiting(connection, planId);
  if (before !== undefined) query = query.where('position', '<', before);
  const { count } = await query
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  return count;
}

/** Gives a sign-up the next place on the waiting list of a plan that the transaction has locked. Answers its position. */
export async function joinWaiting(
  trx: Trx,
  { planId, signUpId, now }: { readonly planId: string; readonly signUpId: string; readonly now: Date },
): Promise<number> {
  const { position } = await trx
    .insertInto('plan_waiting')
    .values((eb) => ({
      plan_id: planId,
      position: eb
        .selectFrom('plan_waiting')
        .select(sql<number>`coalesce(max(position), 0) + 1`.as('next'))
        .where('plan_id', '=', planId),
      sign_up_id: signUpId,
      since: now,
    }))
    .returning('position')
    .executeTakeFirstOrThrow();
  return position;
}

/** Those that still wait, the first of the list first. */
export async function listWaiting(
  connection: Connection,
  planId: string,
  { limit, cursor }: PageRequest,
): Promise<Page<WaitingSignUp>> {
  let query = waiting(connection, planId);
  if (cursor !== undefined) query = query.where('position', '>', Number(positionOf(cursor, 'integer').id));
  const rows = await query
    .select(['position', 'sign_up_id', 'display_name', 'time_zone', 'disciplines', 'since'])
    .orderBy('position')
    .limit(limit + 1)
    .execute();
  const { items, nextCursor } = pageFrom(rows, limit, (row) => ({
    at: row.since,
    id: String(row.position),
  }));
  return {
    items: items.map((row) => ({
      position: row.position,
      signUpId: row.sign_up_id,
      displayName: row.display_name,
      timeZone: row.time_zone,
      disciplines: row.disciplines,
      since: row.since,
    })),
    nextCursor,
  };
}

/** Sign-ups of all waiting lists for which a place is kept, by the caps that hold on a day. */
export async function countPlacesKept(connection: Connection, on: Day): Promise<number> {
  const { rows } = await sql<{ kept: number }>`
    with waiting as (
      select own.plan_id, count(*) as signups from plan_waiting own
      join sign_up on sign_up.id = own.sign_up_id and sign_up.state = 'requested' group by own.plan_id
    ), offered as (
      select waiting.*,
        (select (terms->>'cap')::int from plan_version version
          where version.plan_id = waiting.plan_id and effective_from <= ${on} order by version desc limit 1) as cap,
        (select count(*) from subscription member
          where member.plan_id = waiting.plan_id and member.state <> 'cancelled') as members
      from waiting
    )
    select coalesce(sum(case when cap is null then signups else least(signups, greatest(0, cap - members)) end), 0)::int as kept
    from offered`.execute(connection);
  return rows[0]?.kept ?? 0;
}

/** A sign-up that was approved, with this plan or another, or rejected, waits no more. */
const waiting = (connection: Connection, planId: string) =>
  connection
    .selectFrom('plan_waiting')
    .innerJoin('sign_up', 'sign_up.id', 'plan_waiting.sign_up_id')
    .where('plan_waiting.plan_id', '=', planId)
    .where('sign_up.state', '=', 'requested');
