import { sql } from 'kysely';
import { type ExportedRow, exportedLine } from '../domain/charge-export.ts';
import type { Day } from '../domain/plan/day.ts';
import { statementNumber } from '../domain/statement.ts';
import type { Connection } from './database.ts';
import { ledgerTransactions, withoutCash } from './ledger-store.ts';
import { type Page, type PageRequest, pageFrom, positionOf } from './page.ts';

/** What practices came to owe on the days `[from, until)`, oldest first. */
export async function listCharges(
  connection: Connection,
  { from, until, limit, cursor }: PageRequest & { readonly from: Day; readonly until: Day },
): Promise<Page<ExportedRow>> {
  let query = connection
    .selectFrom('ledger_transaction as own')
    .innerJoin('practice', 'practice.id', 'own.practice_id')
    .select(['own.id', 'own.day', 'own.seq', 'practice.id as practice_id', 'practice.display_name'])
    // The statement of a day is that of the first period that ends after it: the first one has all that came before too.
    .select(
      sql<Day | null>`(select min(period.period_from) from closed_period period
      where period.practice_id = own.practice_id and period.period_until > own.day)`.as('period_from'),
    )
    .where('own.day', '>=', from)
    .where('own.day', '<', until)
    .where('own.kind', '<>', 'payment')
    .where(withoutCash('own.id'));
  if (cursor !== undefined) {
    const { at, id } = positionOf(cursor, 'integer');
    const day = at.toISOString().slice(0, 10);
    query = query.where(sql<boolean>`(own.day, own.seq) > (${day}::date, ${Number(id)})`);
  }
  const found = await query
    .orderBy('own.day')
    .orderBy('own.seq')
    .limit(limit + 1)
    .execute();
  const page = pageFrom(found, limit, ({ day, seq }) => ({ at: new Date(day), id: String(seq) }));
  const transactions = new Map(
    (
      await ledgerTransactions(
        connection,
        page.items.map(({ id }) => id),
      )
    ).map((row) => [row.id, row]),
  );
  const items = page.items.map(({ id, practice_id, display_name, period_from }): ExportedRow => {
    const transaction = transactions.get(id);
    const line = transaction === undefined ? undefined : exportedLine(transaction);
    if (line === undefined) throw new Error(`The ledger transaction ${id} is not for export.`);
    const practice = { id: practice_id, displayName: display_name };
    return {
      ...line,
      practice,
      statement: period_from === null ? null : statementNumber(practice_id, period_from),
    };
  });
  return { items, nextCursor: page.nextCursor };
}
