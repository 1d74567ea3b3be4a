import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { type Database, migrate, openEmbedded } from '../../lib/db/database.ts';
import { publishRelease } from '../../lib/db/release-store.ts';
import { type Release, releaseManifestSchema } from '../../lib/domain/release.ts';
import { isFirst, shared } from './run-directory.ts';

/**
 * A migrated database in memory. Opening takes a second, and four for the first of a run, whose image the others load: share one in
 * a file and keep tests apart by their data.
 */
export async function openTestDatabase(): Promise<Database> {
  const image = shared('database-image');
  if (existsSync(image)) return openEmbedded(undefined, new Blob([readFileSync(image)]));
  const database = await openEmbedded(undefined);
  await migrate(database.db);
  if (database.engine.kind === 'embedded' && isFirst('database')) {
    const dump = await database.engine.pglite.dumpDataDir('none');
    writeFileSync(`${image}-partial`, new Uint8Array(await dump.arrayBuffer()));
    renameSync(`${image}-partial`, image);
  }
  return database;
}

const nothing = JSON.stringify({ Resources: {} });
const empty: Release['templates'] = { foundation: nothing, data: nothing, service: nothing };

/** Publishes a release that nobody could deploy; `digit` (0–9, a–f) makes its id and hashes, whatever the templates. */
export async function publishTestRelease(
  database: Database,
  digit: string,
  publishedAt: Date,
  templates: Release['templates'] = empty,
): Promise<string> {
  const hash = digit.repeat(64);
  const template = { file: 'template.json', sha256: hash, bytes: 2, parameters: [], outputs: [] };
  const manifest = releaseManifestSchema.parse({
    formatVersion: 1,
    id: `r-${digit.repeat(12)}`,
    contentHash: hash,
    appVersion: '1.0.0',
    migration: '0001-start',
    image: { repository: 'lumenality/practice-app', digest: `sha256:${hash}` },
    templates: { foundation: template, data: template, service: template },
    compliance: { file: 'compliance/report.json', sha256: hash, acknowledged: 0, unexplained: 0 },
  });
  await publishRelease(database.db, { manifest, templates }, { publishedBy: 'test', now: publishedAt });
  return manifest.id;
}
