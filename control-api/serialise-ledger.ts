import { whatFor } from '../lib/domain/charge-export.ts';
import { owedBy } from '../lib/domain/ledger.ts';
import { approvalStateOf } from '../lib/domain/subscription-approval.ts';
import type { LedgerTransaction } from '../lib/use-cases/ledger.ts';
import type { Statement, StatementWithLines } from '../lib/use-cases/statements.ts';
import type { StoredApproval } from '../lib/use-cases/subscription-approvals.ts';
import type { ShownTransaction } from './contracts/ledger.ts';
import type { ShownStatement, StatementSummary } from './contracts/statements.ts';
import type { ShownApproval } from './contracts/subscription-approvals.ts';

export function toLedgerTransaction(row: LedgerTransaction): ShownTransaction {
  return {
    id: row.id,
    practiceId: row.practiceId,
    kind: row.kind,
    day: row.day,
    owedCents: owedBy(row.entries),
    currency: row.currency,
    entries: [...row.entries],
    reason: row.reason,
    author: row.author,
    approvedBy: row.approvedBy,
    charge: row.charge === null ? null : whatFor(row.charge),
    reverses: row.reverses,
    reversedBy: row.reversedBy,
    at: row.at.toISOString(),
  };
}

export function toStatementSummary(practiceId: string, statement: Statement): StatementSummary {
  const { number, from, until, currency, openingCents, totals, costCents, closingCents } = statement;
  const closedAt = statement.closedAt.toISOString();
  return {
    number,
    practiceId,
    from,
    until,
    currency,
    openingCents,
    totals,
    costCents,
    closingCents,
    closedAt,
  };
}

export function toStatement(practiceId: string, statement: StatementWithLines): ShownStatement {
  return {
    ...toStatementSummary(practiceId, statement),
    lines: statement.lines.map(toLedgerTransaction),
  };
}

export function toApproval(approval: StoredApproval, now: Date): ShownApproval {
  const { decision } = approval;
  return {
    id: approval.id,
    kind: approval.kind,
    practiceId: approval.practiceId,
    state: approvalStateOf(approval, now),
    input: approval.input,
    valueCents: approval.valueCents,
    currency: approval.currency,
    reason: approval.reason,
    requestedBy: approval.requestedBy.name,
    requestedAt: approval.requestedAt.toISOString(),
    expiresAt: approval.expiresAt.toISOString(),
    decision: decision === null ? null : { ...decision, at: decision.at.toISOString() },
    result: approval.result,
  };
}
