import { type Selectable, sql } from 'kysely';
import type { Freeze } from '../domain/schedule.ts';
import type { Connection, Trx } from './database.ts';
import { newestFirst, type Page, type PageRequest } from './page.ts';
import type { UpdateFreezeTable } from './schedule-tables.ts';

/** A freeze with its history. */
export interface StoredFreeze extends Freeze {
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly renewal: { readonly by: string; readonly at: Date; readonly reason: string } | null;
  readonly liftedBy: string | null;
  readonly liftedAt: Date | null;
  readonly revision: number;
}

export interface FreezeFilter {
  /** Those that concern this practice: its own, and the fleet's. */
  readonly practiceId?: string | undefined;
  /** Those that hold at this time, or will. */
  readonly openAt?: Date | undefined;
}

/** Newest first. */
export async function listFreezes(
  connection: Connection,
  page: PageRequest & FreezeFilter,
): Promise<Page<StoredFreeze>> {
  const { practiceId, openAt } = page;
  let query = openAt === undefined ? freezes(connection) : openFreezes(connection, openAt);
  if (practiceId !== undefined) {
    query = query.where(sql<boolean>`coalesce(practice_id = ${practiceId}, true)`);
  }
  const { items, nextCursor } = await newestFirst(query, page, { at: 'created_at', ids: 'uuid' });
  return { items: items.map(toStored), nextCursor };
}

/** What holds at a time, or will: neither lifted nor over. */
export const openFreezes = (connection: Connection, at: Date) =>
  freezes(connection).where('lifted_at', 'is', null).where('ends_at', '>', at);

const freezes = (connection: Connection) => connection.selectFrom('update_freeze').selectAll();

export async function insertFreeze(
  trx: Trx,
  freeze: Omit<Freeze, 'renewedBySecurity'> & { readonly createdBy: string; readonly createdAt: Date },
): Promise<StoredFreeze> {
  const row = await trx
    .insertInto('update_freeze')
    .values({
      id: freeze.id,
      practice_id: freeze.practiceId,
      reason: freeze.reason,
      starts_at: freeze.from,
      ends_at: freeze.until,
      created_by: freeze.createdBy,
      created_at: freeze.createdAt,
      revision: 1,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  return toStored(row);
}

export async function findFreeze(connection: Connection, id: string): Promise<StoredFreeze | undefined> {
  const row = await freezes(connection).where('id', '=', id).executeTakeFirst();
  return row === undefined ? undefined : toStored(row);
}

/** Reads a freeze and keeps others from changing it until the transaction ends. */
export async function lockFreeze(trx: Trx, id: string): Promise<StoredFreeze | undefined> {
  const row = await freezes(trx).where('id', '=', id).forUpdate().executeTakeFirst();
  return row === undefined ? undefined : toStored(row);
}

export async function setFreezeLifted(trx: Trx, id: string, by: string, at: Date): Promise<void> {
  await trx
    .updateTable('update_freeze')
    .set((eb) => ({ lifted_by: by, lifted_at: at, revision: eb('revision', '+', 1) }))
    .where('id', '=', id)
    .execute();
}

export async function setFreezeRenewed(
  trx: Trx,
  id: string,
  renewal: { readonly by: string; readonly at: Date; readonly reason: string; readonly until: Date },
): Promise<StoredFreeze> {
  const row = await trx
    .updateTable('update_freeze')
    .set((eb) => ({
      ends_at: renewal.until,
      renewed_by: renewal.by,
      renewed_at: renewal.at,
      renewal_reason: renewal.reason,
      revision: eb('revision', '+', 1),
    }))
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow();
  return toStored(row);
}

export function toFreeze(row: Selectable<UpdateFreezeTable>): Freeze {
  return {
    id: row.id,
    practiceId: row.practice_id,
    reason: row.reason,
    from: row.starts_at,
    until: row.ends_at,
    renewedBySecurity: row.renewed_at !== null,
  };
}

function toStored(row: Selectable<UpdateFreezeTable>): StoredFreeze {
  const { renewed_by: by, renewed_at: at, renewal_reason: reason } = row;
  return {
    ...toFreeze(row),
    createdBy: row.created_by,
    createdAt: row.created_at,
    renewal: by === null || at === null || reason === null ? null : { by, at, reason },
    liftedBy: row.lifted_by,
    liftedAt: row.lifted_at,
    revision: row.revision,
  };
}
