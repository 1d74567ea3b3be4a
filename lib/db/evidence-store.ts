import type { Evidence } from '../domain/evidence.ts';
import { type Connection, toJson } from './database.ts';

/** Evidence as it was kept: of which practice, by which run. */
export interface StoredEvidence extends Evidence {
  readonly id: number;
  readonly practiceId: string;
  readonly runId: string | null;
}

/** Keeps what a verification read. Rows are never changed or removed. */
export async function appendEvidence(
  connection: Connection,
  of: { readonly practiceId: string; readonly runId: string | null },
  evidence: readonly Evidence[],
): Promise<void> {
  if (evidence.length === 0) return;
  await connection
    .insertInto('evidence')
    .values(
      evidence.map((item) => ({
        practice_id: of.practiceId,
        run_id: of.runId,
        check_id: item.check,
        title: item.title,
        safeguards: toJson(item.safeguards),
        expected: item.expected,
        observed: item.observed,
        passed: item.passed,
        source: item.source,
        observed_at: new Date(item.observedAt),
      })),
    )
    .execute();
}

/** A page of a practice's evidence, newest first; `beforeId` is the last row of the page before. */
export async function listEvidence(
  connection: Connection,
  page: { readonly practiceId: string; readonly beforeId?: number | undefined; readonly limit: number },
): Promise<StoredEvidence[]> {
  let query = connection.selectFrom('evidence').selectAll().where('practice_id', '=', page.practiceId);
  if (page.beforeId !== undefined) query = query.where('id', '<', page.beforeId);
  const rows = await query.orderBy('id', 'desc').limit(page.limit).execute();
  return rows.map((row) => ({
    id: row.id,
    practiceId: row.practice_id,
    runId: row.run_id,
    check: row.check_id,
    title: row.title,
    safeguards: row.safeguards,
    expected: row.expected,
    observed: row.observed,
    passed: row.passed,
    source: row.source,
    observedAt: row.observed_at.toISOString(),
  }));
}
