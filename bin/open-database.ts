/** Apart from the other parts: `npm run migrate` and its like need no cloud, and loading one takes longer than their work. */
import type { Config } from '../lib/config.ts';
import { assertAnswers, bringUpToDate, type Database, openEmbedded, openServer } from '../lib/db/database.ts';

/** The database as it stands, whatever its migrations. */
export async function connectDatabase(
  config: Config,
  options: Parameters<typeof openServer>[1] = {},
): Promise<Database> {
  if (config.databaseUrl === undefined) return openEmbedded(config.dataDirectory);
  return usable(openServer(config.databaseUrl, options), assertAnswers);
}

/** The same, brought up to date. */
export async function openDatabase(config: Config): Promise<Database> {
  return usable(await connectDatabase(config), bringUpToDate);
}

/** A database that cannot be made ready is closed again. */
async function usable(
  database: Database,
  ready: (database: Database) => Promise<unknown>,
): Promise<Database> {
  try {
    await ready(database);
  } catch (error) {
    await database.close();
    throw error;
  }
  return database;
}
