import { exactCents, type LedgerKind } from './ledger.ts';
import type { Day } from './plan/day.ts';

/** A period whose charges are posted: `[from, until)`. */
export interface ClosedPeriod {
  readonly from: Day;
  readonly until: Day;
  /** ISO 4217. */
  readonly currency: string;
  readonly closedAt: Date;
}

/** What the ledger transactions of one kind came to in one period, in cents. */
export interface StatementSum {
  readonly kind: LedgerKind;
  /** Above 0 when the practice owes more by them. */
  readonly owedCents: number;
  /** Above 0 when money came in. */
  readonly cashCents: number;
}

/** What a statement is called: of which practice, and from which day on. */
export const statementNumber = (practiceId: string, from: Day): string => `${practiceId}-${from}`;

/**
 * What a practice is told of a closed period: what it owed before, what came and went, and what it owes at the end. A
 * transaction stands in the statement of the period that its day is in; what came before the first period, in the first.
 */
export interface Statement extends ClosedPeriod {
  readonly number: string;
  readonly openingCents: number;
  /** By kind; above 0 when the practice owes more. */
  readonly totals: Readonly<Record<LedgerKind, number>>;
  /** What the period cost: all that changed what is owed, without money that came in. */
  readonly costCents: number;
  readonly closingCents: number;
}

/**
 * The statements of periods that follow one another, oldest first: each opens with what the one before closed with.
 * @param openingCents what the practice owed when the first of them began
 */
export function statementsOf(
  practiceId: string,
  openingCents: number,
  periods: ReadonlyArray<{ readonly period: ClosedPeriod; readonly sums: readonly StatementSum[] }>,
): Statement[] {
  const statements: Statement[] = [];
  for (const { period, sums } of periods) {
    const opening = statements.at(-1)?.closingCents ?? openingCents;
    statements.push(statementOf(practiceId, period, opening, sums));
  }
  return statements;
}

function statementOf(
  practiceId: string,
  period: ClosedPeriod,
  openingCents: number,
  sums: readonly StatementSum[],
): Statement {
  const totals = { charge: 0, credit: 0, adjustment: 0, payment: 0, reversal: 0 };
  let closingCents = openingCents;
  let costCents = 0;
  for (const { kind, owedCents, cashCents } of sums) {
    totals[kind] = exactCents(totals[kind] + owedCents);
    costCents = exactCents(costCents + owedCents + cashCents);
    closingCents = exactCents(closingCents + owedCents);
  }
  const number = statementNumber(practiceId, period.from);
  return { ...period, number, openingCents, totals, costCents, closingCents };
}
