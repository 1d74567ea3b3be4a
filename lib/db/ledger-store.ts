import { randomUUID } from 'node:crypto';
import { type Selectable, sql } from 'kysely';
import { exactCents, type LedgerEntry, type LedgerKind } from '../domain/ledger.ts';
import type { Charge } from '../domain/plan/charges.ts';
import type { Day } from '../domain/plan/day.ts';
import { type Connection, type Trx, toJson } from './database.ts';
import type { LedgerEntryTable, LedgerTransactionTable } from './ledger-tables.ts';
import { type Page, type PageRequest, pageFrom, positionOf } from './page.ts';

/** What is to be posted. Its entries sum to 0, or the database refuses the whole commit. */
export interface NewLedgerTransaction {
  readonly practiceId: string;
  readonly kind: LedgerKind;
  /** The day on which it counts, of the practice's calendar. */
  readonly day: Day;
  /** ISO 4217: that of the practice's whole ledger. */
  readonly currency: string;
  readonly reason: string;
  readonly author: string;
  /** Of the second person, where it took one. */
  readonly approvedBy: string | null;
  /** Where it comes from: the database takes one transaction of each, and no other. */
  readonly sourceKey: string | null;
  /** The transaction that it undoes, which is undone once. */
  readonly reverses: string | null;
  readonly charge: Charge | null;
  readonly entries: readonly LedgerEntry[];
  readonly at: Date;
}

export interface LedgerTransaction extends NewLedgerTransaction {
  readonly id: string;
  /** The order of posting. */
  readonly seq: number;
  /** The transaction that undoes this one; null as long as it stands. */
  readonly reversedBy: string | null;
}

/** Posts transactions in this order; answers their ids. */
export async function insertLedgerTransactions(
  trx: Trx,
  posted: readonly NewLedgerTransaction[],
): Promise<string[]> {
  const identified = posted.map((transaction) => ({ id: randomUUID(), transaction }));
  if (identified.length === 0) return [];
  await trx
    .insertInto('ledger_transaction')
    .values(
      identified.map(({ id, transaction }) => ({
        id,
        practice_id: transaction.practiceId,
        kind: transaction.kind,
        day: transaction.day,
        period_from: transaction.charge?.period.from ?? null,
        period_until: transaction.charge?.period.until ?? null,
        currency: transaction.currency,
        entries: transaction.entries.length,
        reason: transaction.reason,
        author: transaction.author,
        approved_by: transaction.approvedBy,
        source_key: transaction.sourceKey,
        reverses: transaction.reverses,
        charge: transaction.charge === null ? null : toJson(transaction.charge),
        at: transaction.at,
      })),
    )
    .execute();
  await trx
    .insertInto('ledger_entry')
    .values(
      identified.flatMap(({ id, transaction }) =>
        transaction.entries.map(({ account, amountCents }, place) => ({
          transaction_id: id,
          line: place + 1,
          account,
          amount_cents: amountCents,
        })),
      ),
    )
    .execute();
  return identified.map(({ id }) => id);
}

export async function findLedgerTransaction(
  connection: Connection,
  id: string,
): Promise<LedgerTransaction | undefined> {
  const row = await transactions(connection).where('own.id', '=', id).executeTakeFirst();
  return row === undefined ? undefined : (await withEntries(connection, [row]))[0];
}

/** These transactions, in no order. */
export async function ledgerTransactions(
  connection: Connection,
  ids: readonly string[],
): Promise<LedgerTransaction[]> {
  if (ids.length === 0) return [];
  return withEntries(connection, await transactions(connection).where('own.id', 'in', ids).execute());
}

/** Whether something from there is posted already. */
export async function isPosted(connection: Connection, sourceKey: string): Promise<boolean> {
  const row = await connection
    .selectFrom('ledger_transaction')
    .select('id')
    .where('source_key', '=', sourceKey)
    .executeTakeFirst();
  return row !== undefined;
}

/** A practice's ledger, in the order of posting, newest first. */
export async function listLedger(
  connection: Connection,
  { practiceId, limit, cursor }: PageRequest & { readonly practiceId: string },
): Promise<Page<LedgerTransaction>> {
  let query = transactions(connection).where('own.practice_id', '=', practiceId);
  if (cursor !== undefined) query = query.where('own.seq', '<', Number(positionOf(cursor, 'integer').id));
  const rows = await query
    .orderBy('own.seq', 'desc')
    .limit(limit + 1)
    .execute();
  const { items, nextCursor } = pageFrom(rows, limit, ({ at, seq }) => ({ at, id: String(seq) }));
  return { items: await withEntries(connection, items), nextCursor };
}

/** Those whose day is before `until` and, where it is given, not before `from`: in the order of their days. */
export async function ledgerOfDays(
  connection: Connection,
  practiceId: string,
  { from, until }: { readonly from: Day | null; readonly until: Day },
): Promise<LedgerTransaction[]> {
  let query = transactions(connection).where('own.practice_id', '=', practiceId).where('own.day', '<', until);
  if (from !== null) query = query.where('own.day', '>=', from);
  return withEntries(connection, await query.orderBy('own.day').orderBy('own.seq').execute());
}

/** Whether a ledger transaction, by the column of its id, moves no money: a payment does, and so does the reversal of one. */
export const withoutCash = (id: 'own.id' | 'head.id') =>
  sql<boolean>`not exists (select from ledger_entry where transaction_id = ${sql.ref(id)} and account = 'cash')`;

/** The first day, on or after `since` where it is given, on which a practice came to owe more or less otherwise than by money. */
export async function firstDayOwed(
  connection: Connection,
  practiceId: string,
  since: Day | null,
): Promise<Day | null> {
  let query = connection
    .selectFrom('ledger_transaction as head')
    .select(sql<Day | null>`min(head.day)`.as('day'))
    .where('head.practice_id', '=', practiceId)
    .where(withoutCash('head.id'));
  if (since !== null) query = query.where('head.day', '>=', since);
  return (await query.executeTakeFirstOrThrow()).day;
}

/** What a practice owes, in cents, by everything that counts before a day, or by all of its ledger; below 0 when it is owed. */
export async function balanceOf(connection: Connection, practiceId: string, before?: Day): Promise<number> {
  let query = connection
    .selectFrom('ledger_entry as entry')
    .innerJoin('ledger_transaction as head', 'head.id', 'entry.transaction_id')
    .select(sql<number>`coalesce(sum(entry.amount_cents), 0)::bigint`.as('owed'))
    .where('head.practice_id', '=', practiceId)
    .where('entry.account', '=', 'receivable');
  if (before !== undefined) query = query.where('head.day', '<', before);
  return exactCents((await query.executeTakeFirstOrThrow()).owed);
}

const transactions = (connection: Connection) =>
  connection
    .selectFrom('ledger_transaction as own')
    .leftJoin('ledger_transaction as reversal', 'reversal.reverses', 'own.id')
    .selectAll('own')
    .select('reversal.id as reversed_by');

type Row = Selectable<LedgerTransactionTable> & { readonly reversed_by: string | null };

async function withEntries(connection: Connection, rows: readonly Row[]): Promise<LedgerTransaction[]> {
  if (rows.length === 0) return [];
  const entries = await connection
    .selectFrom('ledger_entry')
    .selectAll()
    .where(
      'transaction_id',
      'in',
      rows.map(({ id }) => id),
    )
    .orderBy('line')
    .execute();
  return rows.map((row) =>
    toTransaction(
      row,
      entries.filter((entry) => entry.transaction_id === row.id),
    ),
  );
}

function toTransaction(row: Row, entries: readonly Selectable<LedgerEntryTable>[]): LedgerTransaction {
  return {
    id: row.id,
    seq: row.seq,
    practiceId: row.practice_id,
    kind: row.kind,
    day: row.day,
    currency: row.currency,
    reason: row.reason,
    author: row.author,
    approvedBy: row.approved_by,
    sourceKey: row.source_key,
    reverses: row.reverses,
    reversedBy: row.reversed_by,
    charge: row.charge,
    entries: entries.map(({ account, amount_cents }) => ({ account, amountCents: exactCents(amount_cents) })),
    at: row.at,
  };
}
