import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { type Database, migrate, openEmbedded, openServer } from '../../lib/db/database.ts';
import { publishRelease } from '../../lib/db/release-store.ts';
import { type Release, releaseManifestSchema } from '../../lib/domain/release.ts';

/** A migrated database of the caller's own, on the PostgreSQL server of the run. It goes when it is closed. */
export const openTestDatabase = async (
  options: { readonly maxConnections?: number } = {},
): Promise<Database> => opened(await createTestDatabase(), options);

/** One that nobody has migrated. */
export const openEmptyDatabase = async (): Promise<Database> => opened(await createEmptyDatabase());

function opened(
  { url, drop }: CreatedDatabase,
  options: { readonly maxConnections?: number } = {},
): Database {
  // On a busy machine many who ask at once wait for each other; how long that may take is not what they test.
  const database = openServer(url, { ...options, patience: { connectionTimeoutMillis: 60_000 } });
  return {
    ...database,
    close: async () => {
      await database.close();
      await drop();
    },
  };
}

/** A migrated database, and nothing of it open yet: for processes and pools of the caller's own. */
export const createTestDatabase = (): Promise<CreatedDatabase> =>
  copyOf(new URL(templateUrl()).pathname.slice(1));

/** One that nobody has migrated. */
export const createEmptyDatabase = (): Promise<CreatedDatabase> => copyOf('template0');

export interface CreatedDatabase {
  readonly url: string;
  readonly drop: () => Promise<void>;
}

async function copyOf(template: string): Promise<CreatedDatabase> {
  const name = `test-${randomUUID()}`;
  await administer(`create database "${name}" template "${template}"`);
  return { url: urlOf(name), drop: () => administer(`drop database "${name}" with (force)`) };
}

async function administer(statement: string): Promise<void> {
  const client = new Client({ connectionString: urlOf('postgres') });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

function urlOf(name: string): string {
  const url = new URL(templateUrl());
  url.pathname = `/${name}`;
  return url.href;
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
