import type { Page, PageRequest } from '../db/page.ts';
import {
  type PublishedRelease,
  readRelease as releaseRow,
  listReleases as releaseRows,
} from '../db/release-store.ts';
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
