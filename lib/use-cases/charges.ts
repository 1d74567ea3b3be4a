import {
  type ExportFilter,
  listStatementExports as exportRows,
  type StatementExport,
} from '../db/charge-export-store.ts';
import { listCharges as chargeRows } from '../db/charge-store.ts';
import type { Page, PageRequest } from '../db/page.ts';
import type { ExportedRow } from '../domain/charge-export.ts';
import { DomainError } from '../domain/errors.ts';
import type { Day } from '../domain/plan/day.ts';
import type { Core } from './core.ts';

export type { StatementExport };

/**
 * What practices came to owe on the days `[from, until)`, oldest first.
 * @throws DomainError `invalid_input` for days that end before they begin
 */
export function listCharges(
  core: Core,
  days: PageRequest & { readonly from: Day; readonly until: Day },
): Promise<Page<ExportedRow>> {
  if (days.from >= days.until) {
    throw new DomainError('invalid_input', 'The days end before they begin.', {
      fields: [{ pointer: '/until', message: `must be after from, ${days.from}` }],
    });
  }
  return chargeRows(core.db, days);
}

/** What became of statements on their way out, by their periods, newest first. */
export const listStatementExports = (
  core: Core,
  page: PageRequest & ExportFilter,
): Promise<Page<StatementExport>> => exportRows(core.db, page);
