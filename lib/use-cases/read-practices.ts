import { type Deployment, listDeployments as deploymentRows } from '../db/deployment-store.ts';
import { listEvidence as evidenceRows, type StoredEvidence } from '../db/evidence-store.ts';
import { type Page, type PageRequest, pageFrom, positionOf } from '../db/page.ts';
import {
  findPractice,
  listPractices as listRows,
  type PracticeFilter,
  type PracticeOverview,
} from '../db/practice-store.ts';
import type { Core } from './core.ts';
import { notFound } from './refusals.ts';

export type { Deployment, PracticeOverview, StoredEvidence };

/** @throws DomainError `not_found` */
export async function readPractice(core: Core, id: string): Promise<PracticeOverview> {
  const row = await findPractice(core.db, id);
  if (row === undefined) throw notFound('practice');
  return row;
}

/** Newest first. */
export function listPractices(
  core: Core,
  page: PageRequest & PracticeFilter,
): Promise<Page<PracticeOverview>> {
  return listRows(core.db, page);
}

/** What verifications of this practice read, newest first. @throws DomainError `not_found` */
export async function listEvidence(
  core: Core,
  practiceId: string,
  page: PageRequest,
): Promise<Page<StoredEvidence>> {
  await readPractice(core, practiceId);
  const beforeId = page.cursor === undefined ? undefined : Number(positionOf(page.cursor, 'integer').id);
  const rows = await evidenceRows(core.db, { practiceId, beforeId, limit: page.limit + 1 });
  return pageFrom(rows, page.limit, (row) => ({ at: new Date(row.observedAt), id: String(row.id) }));
}

/** Releases that were applied to this practice, newest first. @throws DomainError `not_found` */
export async function listDeployments(
  core: Core,
  practiceId: string,
  page: PageRequest,
): Promise<Page<Deployment>> {
  await readPractice(core, practiceId);
  return deploymentRows(core.db, { ...page, practiceId });
}
