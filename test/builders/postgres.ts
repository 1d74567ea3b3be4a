import { type LocalPostgres, startLocalPostgres } from '../../bin/local-postgres.ts';

export type PostgresServer = LocalPostgres;

/** A PostgreSQL server of this test's own. */
export const startPostgres = (): Promise<PostgresServer> => startLocalPostgres(require.resolve);
