import { Pool } from 'pg';
import { inTransaction } from '../../tenant-template/app/database.ts';
import { type PostgresServer, startPostgres } from '../builders/postgres.ts';

let postgres: PostgresServer;
let pool: Pool;
let other: Pool;
beforeAll(async () => {
  postgres = await startPostgres();
  const connectionString = await postgres.createDatabase('practice');
  [pool, other] = [new Pool({ connectionString, max: 1 }), new Pool({ connectionString })];
  for (const each of [pool, other]) each.on('error', () => {});
});
afterAll(async () => {
  await Promise.all([pool.end(), other.end()]);
  await postgres.stop();
});

test('a connection that the database cuts within a transaction fails that request, and not the app', async () => {
  await other.query('CREATE TABLE kept (value text)');
  const cut = inTransaction(pool, async (client) => {
    await client.query("INSERT INTO kept VALUES ('half of it')");
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    // As a failover does. Between two queries: nobody but the connection itself learns of it.
    const closed = new Promise((resolve) => client.once('end', resolve));
    await other.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid]);
    await closed;
    await client.query("INSERT INTO kept VALUES ('the rest')");
  });
  await expect(cut).rejects.toThrow(/not queryable|Connection terminated/);
  const after = await inTransaction(pool, (client) => client.query('SELECT FROM kept'));
  expect(after.rowCount).toBe(0);
});
