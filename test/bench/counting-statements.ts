import type { KyselyPlugin } from 'kysely';
import type { Db } from '../../lib/db/database.ts';

/** The same database, which counts what is asked of it; the beginning and the end of a transaction are not counted. */
export function countingStatements(database: Db): { readonly db: Db; readonly statements: () => number } {
  let count = 0;
  const plugin: KyselyPlugin = {
    transformQuery: ({ node }) => {
      count += 1;
      return node;
    },
    transformResult: async ({ result }) => result,
  };
  return { db: database.withPlugin(plugin), statements: () => count };
}
