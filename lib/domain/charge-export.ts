import { type CsvColumns, csvOf } from './csv.ts';
import { exactCents, type LedgerEntry, type LedgerKind, owedBy } from './ledger.ts';
import type { Charge } from './plan/charges.ts';
import type { Day } from './plan/day.ts';

/** What is exported: all that a practice owes, or no longer does. Money that came in is not. */
export const exportedKinds = ['charge', 'credit', 'adjustment', 'reversal'] as const satisfies LedgerKind[];

/** One ledger transaction as it leaves the control plane. */
export interface ExportedLine {
  /** Of the ledger transaction: the same whenever and wherever it is exported. */
  readonly id: string;
  readonly kind: (typeof exportedKinds)[number];
  /** On which it counts, of the practice's calendar. */
  readonly day: Day;
  /** Above 0 when the practice owes more by it. */
  readonly amountCents: number;
  /** ISO 4217. */
  readonly currency: string;
  readonly description: string;
  readonly charge: Pick<
    Charge,
    'component' | 'from' | 'until' | 'quantity' | 'rateCents' | 'planId' | 'planVersion' | 'locked'
  > | null;
  /** The transaction that it undoes. */
  readonly reverses: string | null;
}

/** A line with whose it is and where it stands. */
export interface ExportedRow extends ExportedLine {
  readonly practice: ExportedPractice;
  /** The number of its statement; null until its period is closed. */
  readonly statement: string | null;
}

/** All that is told of a practice outside. */
interface ExportedPractice {
  readonly id: string;
  readonly displayName: string;
}

/** What a practice came to owe in one closed period `[from, until)`. It never changes. */
export interface ExportedStatement {
  readonly number: string;
  readonly practice: ExportedPractice;
  /** Whose it is to pay: 1 for the first owner of the practice, one more with each transfer that came before the period was closed. */
  readonly owner: number;
  readonly from: Day;
  readonly until: Day;
  readonly currency: string;
  /** In the order of their days. */
  readonly lines: readonly ExportedLine[];
  /** The sum of the lines; below 0 when there is more to give back than to pay. */
  readonly totalCents: number;
}

/** What the ledger holds of a transaction, as far as it is exported. */
interface Posted {
  readonly id: string;
  readonly kind: LedgerKind;
  readonly day: Day;
  readonly currency: string;
  readonly reason: string;
  readonly charge: Charge | null;
  readonly reverses: string | null;
  readonly entries: readonly LedgerEntry[];
}

export function exportedStatement(
  payer: Pick<ExportedStatement, 'practice' | 'owner'>,
  statement: Pick<ExportedStatement, 'number' | 'from' | 'until' | 'currency'>,
  posted: readonly Posted[],
): ExportedStatement {
  const { number, from, until, currency } = statement;
  const lines = posted.flatMap((transaction) => exportedLine(transaction) ?? []);
  const totalCents = lines.reduce((sum, { amountCents }) => exactCents(sum + amountCents), 0);
  return { number, ...payer, from, until, currency, lines, totalCents };
}

/** Undefined for a payment, and for the reversal of one. */
export function exportedLine(transaction: Posted): ExportedLine | undefined {
  const { id, kind, day, currency, reason, charge, reverses, entries } = transaction;
  if (kind === 'payment' || entries.some(({ account }) => account === 'cash')) return undefined;
  return {
    id,
    kind,
    day,
    amountCents: owedBy(entries),
    currency,
    description: reason,
    charge: charge === null ? null : whatFor(charge),
    reverses,
  };
}

/** What is told of a charge, wherever it is told. */
export function whatFor(charge: Charge): NonNullable<ExportedLine['charge']> {
  const { component, from, until, quantity, rateCents, planId, planVersion, locked } = charge;
  return { component, from, until, quantity, rateCents, planId, planVersion, locked };
}

const columns: CsvColumns<ExportedRow> = {
  id: ({ id }) => id,
  statement: ({ statement }) => statement,
  practice_id: ({ practice }) => practice.id,
  practice: ({ practice }) => practice.displayName,
  kind: ({ kind }) => kind,
  day: ({ day }) => day,
  component: ({ charge }) => charge?.component ?? null,
  from: ({ charge }) => charge?.from ?? null,
  until: ({ charge }) => charge?.until ?? null,
  quantity: ({ charge }) => charge?.quantity ?? null,
  rate_cents: ({ charge }) => charge?.rateCents ?? null,
  amount_cents: ({ amountCents }) => amountCents,
  currency: ({ currency }) => currency,
  plan: ({ charge }) => charge?.planId ?? null,
  plan_version: ({ charge }) => charge?.planVersion ?? null,
  locked: ({ charge }) => (charge === null ? null : String(charge.locked)),
  reverses: ({ reverses }) => reverses,
  description: ({ description }) => description,
};

/** One row a ledger transaction; amounts in whole cents. Columns are only ever added, at the end. */
export const chargesAsCsv = (rows: readonly ExportedRow[]): string => csvOf(columns, rows);

export const rowsOf = ({ lines, practice, number }: ExportedStatement): ExportedRow[] =>
  lines.map((line) => ({ ...line, practice, statement: number }));
