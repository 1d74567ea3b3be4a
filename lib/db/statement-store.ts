import { type Selectable, sql } from 'kysely';
import type { Day } from '../domain/plan/day.ts';
import { type ClosedPeriod, type Statement, type StatementSum, statementsOf } from '../domain/statement.ts';
import type { Connection, Trx } from './database.ts';
import { balanceOf, type LedgerTransaction, ledgerOfDays } from './ledger-store.ts';
import type { ClosedPeriodTable } from './ledger-tables.ts';
import { type Page, type PageRequest, pageFrom, positionOf } from './page.ts';

/** Notes that a period is closed; answers whether it was not before. Of two at once the second waits for the first's transaction. */
export async function insertClosedPeriod(
  trx: Trx,
  practiceId: string,
  { from, until, currency, closedAt }: ClosedPeriod,
): Promise<boolean> {
  const inserted = await trx
    .insertInto('closed_period')
    .values({
      practice_id: practiceId,
      period_from: from,
      period_until: until,
      currency,
      closed_at: closedAt,
    })
    .onConflict((conflict) => conflict.columns(['practice_id', 'period_from']).doNothing())
    .returning('period_from')
    .executeTakeFirst();
  return inserted !== undefined;
}

/** The first day that is in no closed period any more; null before any is closed. */
export async function closedUntil(connection: Connection, practiceId: string): Promise<Day | null> {
  const row = await ofPractice(connection, practiceId)
    .select(sql<Day | null>`max(period_until)`.as('until'))
    .executeTakeFirstOrThrow();
  return row.until;
}

/** The statements of a practice's closed periods, newest first. */
export async function listStatements(
  connection: Connection,
  { practiceId, limit, cursor }: PageRequest & { readonly practiceId: string },
): Promise<Page<Statement>> {
  let query = ofPractice(connection, practiceId).selectAll();
  if (cursor !== undefined) {
    query = query.where(sql<boolean>`period_from::text < ${positionOf(cursor, 'text').id}`);
  }
  const rows = await query
    .orderBy('period_from', 'desc')
    .limit(limit + 1)
    .execute();
  const page = pageFrom(rows, limit, ({ closed_at, period_from }) => ({ at: closed_at, id: period_from }));
  const statements = await statementsOver(connection, practiceId, page.items.toReversed());
  return { items: statements.toReversed(), nextCursor: page.nextCursor };
}

/** The statement of the closed period that begins on a day, or undefined when none does. */
export async function findStatement(
  connection: Connection,
  practiceId: string,
  from: Day,
): Promise<Statement | undefined> {
  const rows = await ofPractice(connection, practiceId).selectAll().where('period_from', '=', from).execute();
  return (await statementsOver(connection, practiceId, rows))[0];
}

/** What stands in a statement, in the order of its days. */
export async function statementLines(
  connection: Connection,
  practiceId: string,
  { from, until }: Pick<Statement, 'from' | 'until'>,
): Promise<LedgerTransaction[]> {
  const isFirst = from === (await firstPeriod(connection, practiceId));
  return ledgerOfDays(connection, practiceId, { from: isFirst ? null : from, until });
}

const ofPractice = (connection: Connection, practiceId: string) =>
  connection.selectFrom('closed_period').where('practice_id', '=', practiceId);

/** Where a practice's first statement begins, which has all that came before too. */
async function firstPeriod(connection: Connection, practiceId: string): Promise<Day | null> {
  const row = await ofPractice(connection, practiceId)
    .select(sql<Day | null>`min(period_from)`.as('from'))
    .executeTakeFirstOrThrow();
  return row.from;
}

/** @param rows periods that follow one another, oldest first */
async function statementsOver(
  connection: Connection,
  practiceId: string,
  rows: readonly Selectable<ClosedPeriodTable>[],
): Promise<Statement[]> {
  const [oldest] = rows;
  const newest = rows.at(-1);
  if (oldest === undefined || newest === undefined) return [];
  const isFirst = oldest.period_from === (await firstPeriod(connection, practiceId));
  const opening = isFirst ? 0 : await balanceOf(connection, practiceId, oldest.period_from);
  const { rows: sums } = await sql<StatementSum & { readonly from: Day }>`
    select period.period_from as "from", head.kind,
      coalesce(sum(entry.amount_cents) filter (where entry.account = 'receivable'), 0)::bigint as "owedCents",
      coalesce(sum(entry.amount_cents) filter (where entry.account = 'cash'), 0)::bigint as "cashCents"
    from closed_period period
    join ledger_transaction head on head.practice_id = period.practice_id and head.day < period.period_until
      and (head.day >= period.period_from or (${isFirst} and period.period_from = ${oldest.period_from}))
    join ledger_entry entry on entry.transaction_id = head.id
    where period.practice_id = ${practiceId}
      and period.period_from between ${oldest.period_from} and ${newest.period_from}
    group by period.period_from, head.kind`.execute(connection);
  return statementsOf(
    practiceId,
    opening,
    rows.map((row) => ({
      period: {
        from: row.period_from,
        until: row.period_until,
        currency: row.currency,
        closedAt: row.closed_at,
      },
      sums: sums.filter(({ from }) => from === row.period_from),
    })),
  );
}
