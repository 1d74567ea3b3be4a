import { DomainError } from '../domain/errors.ts';
import type { Release, ReleaseManifest } from '../domain/release.ts';
import { type Connection, toJson } from './database.ts';

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
  const [newest] = await listReleases(connection, { limit: 1 });
  return newest;
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

/** A page of releases, newest first; `before` is the last one of the page before. */
export async function listReleases(
  connection: Connection,
  page: {
    readonly before?: { readonly publishedAt: Date; readonly id: string } | undefined;
    readonly limit: number;
  },
): Promise<PublishedRelease[]> {
  const { before } = page;
  let query = connection.selectFrom('release').select(summary);
  if (before !== undefined) {
    query = query.where((eb) =>
      eb(eb.refTuple('published_at', 'id'), '<', eb.tuple(before.publishedAt, before.id)),
    );
  }
  const rows = await query.orderBy('published_at', 'desc').orderBy('id', 'desc').limit(page.limit).execute();
  return rows.map(toPublished);
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
