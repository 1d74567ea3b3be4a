import type { Page, PageRequest } from '../db/page.ts';
import { listRunEvents as eventRows, type RunEvent } from '../db/run-event-store.ts';
import { type RunWithSteps, readRun as runRow, listRuns as runRows } from '../db/run-store.ts';
import type { RunState } from '../domain/run.ts';
import type { Core } from './core.ts';
import { readPractice } from './read-practices.ts';
import { notFound } from './refusals.ts';

export type { RunEvent, RunWithSteps };

/** @throws DomainError `not_found` */
export async function readRun(core: Core, id: string): Promise<RunWithSteps> {
  const run = await runRow(core.db, id);
  if (run === undefined) throw notFound('run');
  return run;
}

/** Newest first, of all practices or of one. @throws DomainError `not_found` for an unknown practice. */
export async function listRuns(
  core: Core,
  page: PageRequest & { readonly practiceId?: string | undefined; readonly state?: RunState | undefined },
): Promise<Page<RunWithSteps>> {
  if (page.practiceId !== undefined) await readPractice(core, page.practiceId);
  return runRows(core.db, page);
}

/** What happened in a run after an event (0: from its start), oldest first. The run must exist: `readRun` tells. */
export function listRunEvents(
  core: Core,
  runId: string,
  page: { readonly afterSeq: number; readonly limit: number },
): Promise<RunEvent[]> {
  return eventRows(core.db, runId, page);
}
