import { type Selectable, sql } from 'kysely';
import type { Actor } from '../domain/access.ts';
import { type Connection, toJson } from './database.ts';
import { type Page, type PageRequest, pageFrom, positionOf } from './page.ts';
import type { AuditTable } from './schema.ts';

export type AuditRow = Selectable<AuditTable>;

export interface AuditEntry {
  readonly actor: Actor;
  /** `<subject>.<verb in the past>`, for example `sign_up.approved`. */
  readonly action: string;
  readonly subject: { readonly type: string; readonly id: string };
  readonly details?: Readonly<Record<string, unknown>>;
  readonly at: Date;
}

/** Writes one row of the audit trail. Call it in the transaction of the change that it tells of. */
export async function appendAudit(db: Connection, entry: AuditEntry): Promise<void> {
  await db
    .insertInto('audit')
    .values({
      at: entry.at,
      actor_id: entry.actor.id,
      actor_name: entry.actor.name,
      action: entry.action,
      subject_type: entry.subject.type,
      subject_id: entry.subject.id,
      request_id: entry.actor.requestId,
      details: toJson(entry.details ?? {}),
    })
    .execute();
}

export interface AuditFilter {
  readonly subjectType?: string | undefined;
  readonly subjectId?: string | undefined;
  readonly action?: string | undefined;
}

/** Newest first, by the order of writing. */
export async function listAudit(db: Connection, page: PageRequest & AuditFilter): Promise<Page<AuditRow>> {
  let query = db.selectFrom('audit').selectAll();
  if (page.subjectType !== undefined) query = query.where('subject_type', '=', page.subjectType);
  if (page.subjectId !== undefined) query = query.where('subject_id', '=', page.subjectId);
  if (page.action !== undefined) query = query.where('action', '=', page.action);
  if (page.cursor !== undefined) {
    query = query.where('seq', '<', Number(positionOf(page.cursor, 'integer').id));
  }
  const rows = await query
    .orderBy('seq', 'desc')
    .limit(page.limit + 1)
    .execute();
  return pageFrom(rows, page.limit, (row) => ({ at: row.at, id: String(row.seq) }));
}

/** Whether the trail holds such a row since a time; `reason` is the one in its details. */
export async function auditedSince(
  db: Connection,
  row: {
    readonly action: string;
    readonly subject: { readonly type: string; readonly id: string };
    readonly reason: string;
    readonly since: Date;
  },
): Promise<boolean> {
  const found = await db
    .selectFrom('audit')
    .select('seq')
    .where('subject_type', '=', row.subject.type)
    .where('subject_id', '=', row.subject.id)
    .where('action', '=', row.action)
    .where('at', '>', row.since)
    .where(sql<string>`details ->> 'reason'`, '=', row.reason)
    .limit(1)
    .executeTakeFirst();
  return found !== undefined;
}
