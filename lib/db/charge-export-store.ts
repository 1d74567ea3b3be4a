import { type Selectable, sql } from 'kysely';
import { type ExportedStatement, exportedStatement } from '../domain/charge-export.ts';
import type { Day } from '../domain/plan/day.ts';
import type { ChargeExport } from '../ports/charge-export.ts';
import type { ChargeExportTable } from './charge-export-tables.ts';
import type { Connection, Db, Trx } from './database.ts';
import { type Page, type PageRequest, pageFrom, positionOf } from './page.ts';
import { findStatement, statementLines } from './statement-store.ts';
import { countTransfers } from './subscription-approval-store.ts';

type Target = ChargeExport['name'];

/** Lets the statement of a period that is closed in this transaction be exported: to whoever owns the practice now. */
export async function addChargeExport(trx: Trx, practiceId: string, from: Day, now: Date): Promise<void> {
  const transfers = await countTransfers(trx, practiceId);
  await trx
    .insertInto('charge_export')
    .values({
      practice_id: practiceId,
      period_from: from,
      owner: 1 + transfers,
      state: 'pending',
      due_at: now,
    })
    .execute();
}

/** A process's right to hand over one statement. */
export interface ExportClaim {
  readonly practiceId: string;
  readonly from: Day;
  readonly target: Target;
  readonly until: Date;
  /** How many tries were begun, with this one. */
  readonly tries: number;
}

/**
 * Claims the statement that is due for longest; undefined when none is. A claim that ran out may be taken over. Those of one practice come one
 * after the other, unless two processes ask in the same moment, which does no harm.
 * @param targets what this process can hand over to; the first takes what nobody has begun with
 */
export async function claimChargeExport(
  db: Db,
  { targets, now, until }: { readonly targets: readonly Target[]; readonly now: Date; readonly until: Date },
): Promise<ExportClaim | undefined> {
  const { rows } = await sql<
    Pick<Selectable<ChargeExportTable>, 'practice_id' | 'period_from' | 'tries'> & {
      readonly target: Target;
    }
  >`
    update charge_export set claimed_until = ${until}, tries = tries + 1, target = coalesce(target, ${targets[0]})
    where (practice_id, period_from) = (
      select practice_id, period_from from charge_export due
      where state = 'pending' and due_at <= ${now} and (claimed_until is null or claimed_until <= ${now})
        and (target is null or target = any(${targets}::text[]))
        and not exists (select from charge_export other
          where other.practice_id = due.practice_id and other.claimed_until > ${now})
      order by due_at, practice_id, period_from limit 1 for update skip locked
    )
    returning practice_id, period_from, target, tries`.execute(db);
  const [row] = rows;
  if (row === undefined) return undefined;
  const { practice_id: practiceId, period_from: from, target, tries } = row;
  return { practiceId, from, target, tries, until };
}

/** What is to be handed over: the same whenever it is read. */
export async function readExportedStatement(
  connection: Connection,
  { practiceId, from }: Pick<ExportClaim, 'practiceId' | 'from'>,
): Promise<ExportedStatement> {
  const { display_name: displayName, owner } = await connection
    .selectFrom('charge_export')
    .innerJoin('practice', 'practice.id', 'charge_export.practice_id')
    .select(['display_name', 'owner'])
    .where('practice_id', '=', practiceId)
    .where('period_from', '=', from)
    .executeTakeFirstOrThrow();
  const statement = await findStatement(connection, practiceId, from);
  if (statement === undefined)
    throw new Error(`No period of ${practiceId} that begins on ${from} is closed.`);
  const posted = await statementLines(connection, practiceId, statement);
  return exportedStatement({ practice: { id: practiceId, displayName }, owner }, statement, posted);
}

/** Answers false, and nothing is written, when the claim was lost. */
export async function recordExported(
  trx: Trx,
  claim: ExportClaim,
  { externalId, now }: { readonly externalId: string | null; readonly now: Date },
): Promise<boolean> {
  return setClaimed(trx, claim, {
    state: 'exported',
    external_id: externalId,
    exported_at: now,
    last_error: null,
  });
}

/** Puts it off after a try that failed. Answers false when the claim was lost. */
export function putOffExport(
  connection: Connection,
  claim: ExportClaim,
  { error, again }: { readonly error: string; readonly again: Date },
): Promise<boolean> {
  return setClaimed(connection, claim, { due_at: again, last_error: error });
}

/** Gives a claim back without a result: another process may take it up at once. */
export async function releaseExport(connection: Connection, claim: ExportClaim): Promise<void> {
  await setClaimed(connection, claim, {});
}

async function setClaimed(
  connection: Connection,
  { practiceId, from, until }: ExportClaim,
  values: Partial<
    Pick<Selectable<ChargeExportTable>, 'state' | 'external_id' | 'exported_at' | 'due_at' | 'last_error'>
  >,
): Promise<boolean> {
  const { numUpdatedRows } = await connection
    .updateTable('charge_export')
    .set({ ...values, claimed_until: null })
    .where('practice_id', '=', practiceId)
    .where('period_from', '=', from)
    .where('state', '=', 'pending')
    .where('claimed_until', '=', until)
    .executeTakeFirstOrThrow();
  return numUpdatedRows > 0n;
}

/** A statement on its way out, or gone. */
export interface StatementExport {
  readonly practiceId: string;
  /** Of the statement's period. */
  readonly from: Day;
  readonly state: ChargeExportTable['state'];
  readonly target: Target | null;
  readonly externalId: string | null;
  readonly tries: number;
  readonly dueAt: Date;
  readonly lastError: string | null;
  readonly exportedAt: Date | null;
}

export interface ExportFilter {
  readonly state?: ChargeExportTable['state'] | undefined;
  readonly practiceId?: string | undefined;
}

/** By their periods, newest first. */
export async function listStatementExports(
  connection: Connection,
  { state, practiceId, limit, cursor }: PageRequest & ExportFilter,
): Promise<Page<StatementExport>> {
  let query = connection.selectFrom('charge_export').selectAll();
  if (state !== undefined) query = query.where('state', '=', state);
  if (practiceId !== undefined) query = query.where('practice_id', '=', practiceId);
  if (cursor !== undefined) {
    const { at, id } = positionOf(cursor, 'text');
    const from = at.toISOString().slice(0, 10);
    query = query.where(sql<boolean>`(period_from, practice_id) < (${from}::date, ${id})`);
  }
  const rows = await query
    .orderBy('period_from', 'desc')
    .orderBy('practice_id', 'desc')
    .limit(limit + 1)
    .execute();
  const page = pageFrom(rows, limit, (row) => ({ at: new Date(row.period_from), id: row.practice_id }));
  return { items: page.items.map(toStatementExport), nextCursor: page.nextCursor };
}

const toStatementExport = (row: Selectable<ChargeExportTable>): StatementExport => ({
  practiceId: row.practice_id,
  from: row.period_from,
  state: row.state,
  target: row.target,
  externalId: row.external_id,
  tries: row.tries,
  dueAt: row.due_at,
  lastError: row.last_error,
  exportedAt: row.exported_at,
});

/** Statements that are still to be handed over, and when the period of the oldest was closed. */
export async function readExportFigures(
  connection: Connection,
): Promise<{ readonly pending: number; readonly oldestAt: Date | null }> {
  const { rows } = await sql<{ pending: number; oldest: Date | null }>`
    select count(*) as pending, min(period.closed_at) as oldest from charge_export own
    join closed_period period on period.practice_id = own.practice_id and period.period_from = own.period_from
    where own.state = 'pending'`.execute(connection);
  const { pending = 0, oldest = null } = rows[0] ?? {};
  return { pending, oldestAt: oldest };
}
