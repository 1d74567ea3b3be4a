import { DomainError } from '../domain/errors.ts';
import type { Release, ReleaseManifest } from '../domain/release.ts';
import { type Connection, toJson } from './database.ts';
import { newestFirst, type Page, type PageRequest } from './page.ts';

/** A published release without the bodies of its templates. */
export interface PublishedRelease {
  readonly id: string;
  readonly manifest: ReleaseManifest;
  readonly publishedBy: string;
  readonly publishedAt: Date;
}

const summary = ['id', 'manifest', 'published_by', 'published_at'] as const;

/**
 * Publishes a release unless it is published already; releases are immutable, so the same content is the same release.
 * Returns whether a row was added.
 */
export async function publishRelease(
  connection: Connection,
  release: Release,
  by: { readonly publishedBy: string; readonly now: Date },
): Promise<boolean> {
  const { manifest, templates } = release;
  const added = await connection
    .insertInto('release')
    .values({
      id: manifest.id,
      content_hash: manifest.contentHash,
      manifest: toJson(manifest),
      templates: toJson(templates),
      published_by: by.publishedBy,
      published_at: by.now,
    })
    .onConflict((conflict) => conflict.doNothing())
    .returning('id')
    .executeTakeFirst();
  if (added !== undefined) return true;
  const published = await connection
    .selectFrom('release')
    .select('content_hash')
    .where('id', '=', manifest.id)
    .executeTakeFirst();
  if (published?.content_hash === manifest.contentHash) return false;
  throw new DomainError(
    'conflict',
    `Release ${manifest.id} is already published with other content. Releases are immutable: build a new one.`,
    { context: { releaseId: manifest.id } },
  );
}

export async function newestRelease(connection: Connection): Promise<PublishedRelease | undefined> {
  return (await listReleases(connection, { limit: 1 })).items[0];
}

export async function readRelease(connection: Connection, id: string): Promise<PublishedRelease | undefined> {
  const row = await connection.selectFrom('release').select(summary).where('id', '=', id).executeTakeFirst();
  return row === undefined ? undefined : toPublished(row);
}

/** A release with the bodies of its templates, byte for byte as they were published. */
export async function readReleaseTemplates(connection: Connection, id: string): Promise<Release | undefined> {
  return connection
    .selectFrom('release')
    .select(['manifest', 'templates'])
    .where('id', '=', id)
    .executeTakeFirst();
}

/** Newest first. */
export async function listReleases(
  connection: Connection,
  page: PageRequest,
): Promise<Page<PublishedRelease>> {
  const query = connection.selectFrom('release').select(summary);
  const { items, nextCursor } = await newestFirst(query, page, { at: 'published_at', ids: 'text' });
  return { items: items.map(toPublished), nextCursor };
}

function toPublished(row: {
  id: string;
  manifest: ReleaseManifest;
  published_by: string;
  published_at: Date;
}): PublishedRelease {
  return {
    id: row.id,
    manifest: row.manifest,
    publishedBy: row.published_by,
    publishedAt: row.published_at,
  };
}
