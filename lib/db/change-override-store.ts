import type { Selectable } from 'kysely';
import type { ChangeOverride } from '../domain/change-review.ts';
import type { Component } from '../domain/release.ts';
import type { Connection, Trx } from './database.ts';
import { newestFirst, type Page, type PageRequest } from './page.ts';
import type { ChangeOverrideTable } from './release-tables.ts';

export type ChangeOverrideRow = Selectable<ChangeOverrideTable>;

type NewOverride = Pick<
  ChangeOverrideRow,
  | 'id'
  | 'practice_id'
  | 'component'
  | 'logical_id'
  | 'resource_type'
  | 'effect'
  | 'reason'
  | 'created_by'
  | 'created_at'
  | 'expires_at'
>;

export function insertOverride(trx: Trx, row: NewOverride): Promise<ChangeOverrideRow> {
  return trx.insertInto('change_override').values(row).returningAll().executeTakeFirstOrThrow();
}

/** Newest first; also those that were used, revoked or have expired. */
export function listOverrides(
  db: Connection,
  page: PageRequest & { readonly practiceId: string },
): Promise<Page<ChangeOverrideRow>> {
  const query = db.selectFrom('change_override').selectAll().where('practice_id', '=', page.practiceId);
  return newestFirst(query, page, { at: 'created_at', ids: 'uuid' });
}

export function findOverride(
  db: Connection,
  of: { readonly practiceId: string; readonly id: string },
): Promise<ChangeOverrideRow | undefined> {
  return override(db, of).executeTakeFirst();
}

/** Reads an override and keeps others from changing it until the transaction ends. */
export function lockOverride(
  trx: Trx,
  of: { readonly practiceId: string; readonly id: string },
): Promise<ChangeOverrideRow | undefined> {
  return override(trx, of).forUpdate().executeTakeFirst();
}

function override(db: Connection, of: { readonly practiceId: string; readonly id: string }) {
  return db
    .selectFrom('change_override')
    .selectAll()
    .where('id', '=', of.id)
    .where('practice_id', '=', of.practiceId);
}

export async function setOverrideRevoked(trx: Trx, id: string, by: string, at: Date): Promise<void> {
  await trx
    .updateTable('change_override')
    .set({ revoked_by: by, revoked_at: at })
    .where('id', '=', id)
    .execute();
}

/** Whose use by which run is meant, in which stack. */
export interface OverrideUse {
  readonly practiceId: string;
  readonly component: Component;
  readonly runId: string;
  readonly now: Date;
}

/** What a run may rely on: neither revoked nor expired, and used by no other run. */
export async function usableOverrides(db: Connection, use: OverrideUse): Promise<ChangeOverride[]> {
  const rows = await usable(db, use).orderBy('created_at').execute();
  return rows.map((row) => ({ id: row.id, logicalId: row.logical_id, effect: row.effect }));
}

/** Marks overrides as used by a run, until the guard is whole again. False, and nothing is written, when one cannot be used any more. */
export async function takeOverrides(
  trx: Trx,
  ids: readonly string[],
  use: OverrideUse,
): Promise<ChangeOverrideRow[] | undefined> {
  const rows = await usable(trx, use).where('id', 'in', ids).forUpdate().execute();
  if (rows.length !== ids.length) return undefined;
  await trx
    .updateTable('change_override')
    .set((eb) => ({
      used_by_run: use.runId,
      used_at: eb.fn.coalesce('used_at', eb.val(use.now)),
      guard_restored_at: null,
    }))
    .where('id', 'in', ids)
    .execute();
  return rows;
}

/** Marks the guard of a stack as whole again; answers the overrides for which it was relaxed. */
export function recordGuardRestored(
  trx: Trx,
  stack: { readonly practiceId: string; readonly component: Component; readonly now: Date },
): Promise<ChangeOverrideRow[]> {
  return trx
    .updateTable('change_override')
    .set({ guard_restored_at: stack.now })
    .where('practice_id', '=', stack.practiceId)
    .where('component', '=', stack.component)
    .where('used_at', 'is not', null)
    .where('guard_restored_at', 'is', null)
    .returningAll()
    .execute();
}

/** Whether a stack's guard was relaxed, by whichever run, and nobody has recorded that it is whole again. */
export async function isGuardRelaxed(
  db: Connection,
  stack: { readonly practiceId: string; readonly component: Component },
): Promise<boolean> {
  const open = await db
    .selectFrom('change_override')
    .select('id')
    .where('practice_id', '=', stack.practiceId)
    .where('component', '=', stack.component)
    .where('used_at', 'is not', null)
    .where('guard_restored_at', 'is', null)
    .limit(1)
    .executeTakeFirst();
  return open !== undefined;
}

function usable(db: Connection, use: OverrideUse) {
  return db
    .selectFrom('change_override')
    .selectAll()
    .where('practice_id', '=', use.practiceId)
    .where('component', '=', use.component)
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', use.now)
    .where((eb) => eb.or([eb('used_by_run', 'is', null), eb('used_by_run', '=', use.runId)]));
}
