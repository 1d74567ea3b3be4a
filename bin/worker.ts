/** `npm run worker`: workers without an API, to scale out beside others on the same PostgreSQL. */
import { createLogger } from '../control-api/logger.ts';
import { readConfig } from '../lib/config.ts';
import { DomainError } from '../lib/domain/errors.ts';
import { runUntilStopped } from './lifecycle.ts';
import { openDatabase } from './open-database.ts';
import { buildParts, startWork } from './parts.ts';
import { warn } from './warnings.ts';

await runUntilStopped(async (stops) => {
  const config = readConfig();
  if (config.databaseUrl === undefined) {
    throw new DomainError(
      'configuration',
      'A worker shares a PostgreSQL server: set DATABASE_URL. The embedded database has one process, npm start.',
    );
  }
  if (config.cloud.kind === 'sandbox' && config.cloud.endpoint === undefined) {
    throw new DomainError(
      'configuration',
      'A worker starts no sandbox of its own: set AWS_ENDPOINT_URL to the one in use, or LUMENALITY_CLOUD=aws.',
    );
  }
  const log = createLogger(config.logLevel);
  warn(config, log);
  const database = await openDatabase(config);
  stops.push(() => database.close());
  stops.push(await startWork(buildParts(config, database, config.cloud.endpoint, log), log));
  console.log('The worker is ready. Ctrl-C stops it.');
});
