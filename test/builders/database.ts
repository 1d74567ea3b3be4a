import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { type Database, migrate, openEmbedded, openServer } from '../../lib/db/database.ts';
import { publishRelease } from '../../lib/db/release-store.ts';
import { type Release, releaseManifestSchema } from '../../lib/domain/release.ts';

/** A migrated database of the caller's own, on the PostgreSQL server of the run. It goes when it is closed. */
export async function openTestDatabase(): Promise<Database> {
  const { url, drop } = await createTestDatabase();
  const database = openServer(url);
  return {
    ...database,
    close: async () => {
      await database.close();
      await drop();
    },
  };
}

/** The same, and nothing of it open yet: for processes and pools of the caller's own. */
export async function createTestDatabase(): Promise<{ readonly url: string; drop(): Promise<void> }> {
  const template = new URL(templateUrl());
  const name = `test-${randomUUID()}`;
  const url = new URL(template);
  url.pathname = `/${name}`;
  const administer = async (statement: string): Promise<void> => {
    const client = new Client({ connectionString: template.href.replace(template.pathname, '/postgres') });
    await client.connect();
    try {
      await client.query(statement);
    } finally {
      await client.end();
    }
  };
  await administer(`create database "${name}" template "${template.pathname.slice(1)}"`);
  return { url: url.href, drop: () => administer(`drop database "${name}" with (force)`) };
}

function templateUrl(): string {
  const url = process.env['LUMENALITY_TEST_TEMPLATE_URL'];
  if (url === undefined)
    throw new Error('No server has been started for this run: start the tests by jest.config.cjs.');
  return url;
}

/** A migrated embedded database in memory, for what is about that one. Takes some four seconds. */
export async function openEmbeddedTestDatabase(): Promise<Database> {
  const database = await openEmbedded(undefined);
  await migrate(database.db);
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
