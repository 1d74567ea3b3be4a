import { type RawBuilder, sql } from 'kysely';
import { DomainError } from '../domain/errors.ts';
import type { Release, ReleaseManifest } from '../domain/release.ts';
import {
  type DsseEnvelope,
  ownPublication,
  type Publication,
  type RecordedReleaseState,
} from '../domain/release-publication.ts';
import { type Connection, type Trx, toJson } from './database.ts';
import { newestFirst, type Page, type PageRequest } from './page.ts';

/** A published release without the bodies of its templates. */
export interface PublishedRelease extends Publication {
  readonly id: string;
  readonly manifest: ReleaseManifest;
  readonly publishedBy: string;
  readonly publishedAt: Date;
  /** The order of publication: a release with a greater one is newer. */
  readonly ordinal: number;
  readonly state: RecordedReleaseState;
  /** A newer release is published that is not halted. */
  readonly superseded: boolean;
  /** Who halted it, when and why; null unless it is halted. */
  readonly halted: { readonly by: string; readonly at: Date; readonly reason: string } | null;
  /** Null where the control plane published a release of its own. */
  readonly signature: DsseEnvelope | null;
  /** Grows by one at each change of the state: the ETag. */
  readonly revision: number;
}

/**
 * Makes publications follow one another until the transaction ends, so that a release which others can see is never followed by one
 * with a smaller ordinal. Reading goes on.
 */
export async function lockPublications(trx: Trx): Promise<void> {
  await sql`lock table release in share row exclusive mode`.execute(trx);
}

/** A release with the text of its compliance report, as far as anybody has it. */
export interface ReportedRelease extends Release {
  readonly compliance?: string;
}

/**
 * Publishes a release unless it is published already; releases are immutable, so the same content is the same release.
 * Returns whether a row was added.
 * @throws DomainError `conflict` when another content has its id.
 */
export async function publishRelease(
  connection: Connection,
  release: ReportedRelease,
  by: {
    readonly publishedBy: string;
    readonly now: Date;
    /** Without one it is a release of the control plane's own. */
    readonly publication?: Publication;
    readonly signature?: DsseEnvelope;
  },
): Promise<boolean> {
  const { manifest, templates, compliance } = release;
  const { kind, severity, deadline, notes, changelogUrl } = by.publication ?? ownPublication;
  const added = await connection
    .insertInto('release')
    .values({
      id: manifest.id,
      content_hash: manifest.contentHash,
      manifest: toJson(manifest),
      templates: toJson(templates),
      ...(compliance === undefined ? {} : { compliance }),
      published_by: by.publishedBy,
      published_at: by.now,
      kind,
      severity,
      deadline,
      notes,
      changelog_url: changelogUrl,
      signature: by.signature === undefined ? null : toJson(by.signature),
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

/** The newest release that is not halted. */
export async function newestRelease(connection: Connection): Promise<PublishedRelease | undefined> {
  const row = await summaries(connection)
    .where('state', '=', 'published')
    .orderBy('ordinal', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row === undefined ? undefined : toPublished(row);
}

export async function readRelease(connection: Connection, id: string): Promise<PublishedRelease | undefined> {
  const row = await summaries(connection).where('id', '=', id).executeTakeFirst();
  return row === undefined ? undefined : toPublished(row);
}

/** The release, as it stays until the transaction ends: one that is being halted is waited for. Others may hold it, too. */
export function holdRelease(trx: Trx, id: string): Promise<PublishedRelease | undefined> {
  return readHeld(trx, id, sql`for share`);
}

/** The release, locked until the transaction ends. */
export function lockRelease(trx: Trx, id: string): Promise<PublishedRelease | undefined> {
  return readHeld(trx, id, sql`for update`);
}

/** Two statements: the first waits for whoever changes the release, the second sees what came of it. */
async function readHeld(
  trx: Trx,
  id: string,
  lock: RawBuilder<unknown>,
): Promise<PublishedRelease | undefined> {
  const held = await trx
    .selectFrom('release')
    .select('id')
    .where('id', '=', id)
    .modifyEnd(lock)
    .executeTakeFirst();
  return held === undefined ? undefined : readRelease(trx, id);
}

/** Halts a release, or lets it go on (`halted` null). The caller holds it (`lockRelease`). */
export async function setHalted(trx: Trx, id: string, halted: PublishedRelease['halted']): Promise<void> {
  await trx
    .updateTable('release')
    .set({
      state: halted === null ? 'published' : 'halted',
      halted_by: halted?.by ?? null,
      halted_at: halted?.at ?? null,
      halted_reason: halted?.reason ?? null,
      revision: sql`revision + 1`,
    })
    .where('id', '=', id)
    .execute();
}

/** A release with the bodies of its templates, byte for byte as they were published. */
export async function readReleaseTemplates(connection: Connection, id: string): Promise<Release | undefined> {
  return connection
    .selectFrom('release')
    .select(['manifest', 'templates'])
    .where('id', '=', id)
    .executeTakeFirst();
}

/** The text of a release's compliance report, byte for byte; null of releases from before it was kept. */
export async function readComplianceReport(
  connection: Connection,
  id: string,
): Promise<{ readonly report: string | null } | undefined> {
  return connection
    .selectFrom('release')
    .select('compliance as report')
    .where('id', '=', id)
    .executeTakeFirst();
}

/** Newest first. */
export async function listReleases(
  connection: Connection,
  page: PageRequest,
): Promise<Page<PublishedRelease>> {
  const { items, nextCursor } = await newestFirst(summaries(connection), page, {
    at: 'published_at',
    ids: 'text',
  });
  return { items: items.map(toPublished), nextCursor };
}

const summaries = (connection: Connection) =>
  connection
    .selectFrom('release')
    .select([
      'id',
      'manifest',
      'published_by',
      'published_at',
      'ordinal',
      'kind',
      'severity',
      'deadline',
      'notes',
      'changelog_url',
      'signature',
      'state',
      'halted_by',
      'halted_at',
      'halted_reason',
      'revision',
    ])
    .select(
      sql<boolean>`exists (select 1 from release as newer where newer.ordinal > release.ordinal and newer.state = 'published')`.as(
        'superseded',
      ),
    );

type Summary = Awaited<ReturnType<ReturnType<typeof summaries>['execute']>>[number];

function toPublished(row: Summary): PublishedRelease {
  const { halted_by: by, halted_at: at, halted_reason: reason } = row;
  return {
    id: row.id,
    manifest: row.manifest,
    publishedBy: row.published_by,
    publishedAt: row.published_at,
    ordinal: row.ordinal,
    kind: row.kind,
    severity: row.severity,
    deadline: row.deadline,
    notes: row.notes,
    changelogUrl: row.changelog_url,
    state: row.state,
    superseded: row.superseded,
    halted: by === null || at === null || reason === null ? null : { by, at, reason },
    signature: row.signature,
    revision: row.revision,
  };
}
