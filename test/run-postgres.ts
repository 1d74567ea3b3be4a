import { startLocalPostgres } from '../bin/local-postgres.ts';
import { migrate, openServer } from '../lib/db/database.ts';

/** Starts the PostgreSQL server that all test files of a run share, with a migrated database in it for them to copy. */
export async function startRunPostgres(): Promise<{
  readonly templateUrl: string;
  stop(): Promise<void>;
}> {
  const server = await startLocalPostgres(require.resolve);
  const templateUrl = await server.createDatabase('lumenality_template');
  const template = openServer(templateUrl);
  try {
    await migrate(template.db);
  } finally {
    await template.close();
  }
  return { templateUrl, stop: () => server.stop() };
}
