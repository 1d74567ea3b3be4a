import type { LedgerTransaction } from '../db/ledger-store.ts';
import type { Page, PageRequest } from '../db/page.ts';
import { findStatement, statementLines, listStatements as statementRows } from '../db/statement-store.ts';
import { DomainError } from '../domain/errors.ts';
import type { Day } from '../domain/plan/day.ts';
import type { Statement } from '../domain/statement.ts';
import type { Core } from './core.ts';
import { readPractice } from './read-practices.ts';

export type { Statement };

/** The statements of a practice's closed periods, newest first. @throws DomainError `not_found` */
export async function listStatements(
  core: Core,
  page: PageRequest & { readonly practiceId: string },
): Promise<Page<Statement>> {
  await readPractice(core, page.practiceId);
  return statementRows(core.db, page);
}

/** A statement with what stands in it, in the order of its days. */
export interface StatementWithLines extends Statement {
  readonly lines: readonly LedgerTransaction[];
}

/** @param from the first day of its period @throws DomainError `not_found` */
export async function readStatement(core: Core, practiceId: string, from: Day): Promise<StatementWithLines> {
  await readPractice(core, practiceId);
  const statement = await findStatement(core.db, practiceId, from);
  if (statement === undefined) {
    throw new DomainError(
      'not_found',
      `No closed period of ${practiceId} begins on ${from}. List the statements to find the days; a period is closed when it is over.`,
    );
  }
  return { ...statement, lines: await statementLines(core.db, practiceId, statement) };
}
