import type { Page, PageRequest } from '../db/page.ts';
import {
  type PublishedRelease,
  readRelease as releaseRow,
  listReleases as releaseRows,
  readComplianceReport as reportText,
} from '../db/release-store.ts';
import { DomainError } from '../domain/errors.ts';
import type { Core } from './core.ts';
import { notFound } from './refusals.ts';

export type { PublishedRelease };

/** Published releases, newest first. */
export function listReleases(core: Core, page: PageRequest): Promise<Page<PublishedRelease>> {
  return releaseRows(core.db, page);
}

/** @throws DomainError `not_found` */
export async function readRelease(core: Core, id: string): Promise<PublishedRelease> {
  const release = await releaseRow(core.db, id);
  if (release === undefined) throw notFound('release');
  return release;
}

/**
 * What the checks of a release found and why it was accepted: the text whose SHA-256 stands in its manifest.
 * @throws DomainError `not_found`, also when the release was published before reports were kept
 */
export async function readComplianceReport(core: Core, id: string): Promise<string> {
  const found = await reportText(core.db, id);
  if (found === undefined) throw notFound('release');
  if (found.report !== null) return found.report;
  throw new DomainError(
    'not_found',
    `The compliance report of release ${id} was not kept. Look for compliance/report.json where it was built, with the SHA-256 that the release names.`,
  );
}
