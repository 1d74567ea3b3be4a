import { TLSSocket } from 'node:tls';
import { Pool, type PoolClient } from 'pg';
import type { Config } from './config.ts';
import type { DatabaseSecret } from './database-secret.ts';

const MAX_CONNECTIONS = 4;
/** Short, so that a practice without visitors keeps no connection open. */
const IDLE_MS = 2000;
/** A database that was asleep has to start first. */
const CONNECT_MS = 30_000;

/** Connects with TLS and full verification, against the authority in NODE_EXTRA_CA_CERTS. */
export function openPool(config: Config['database'], secret: DatabaseSecret, user: string): Pool {
  return new Pool({
    host: config.host,
    port: config.port,
    database: config.name,
    user,
    // Asked at each new connection: RDS rotates the password.
    password: async () => (await secret.read()).password,
    ssl: { rejectUnauthorized: true, minVersion: 'TLSv1.2' },
    max: MAX_CONNECTIONS,
    idleTimeoutMillis: IDLE_MS,
    connectionTimeoutMillis: CONNECT_MS,
    application_name: 'practice-app',
  });
}

/** Runs `work` on one connection, in a transaction that is rolled back when it throws. */
export async function inTransaction<T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    const result = await work(client);
    await client.query('COMMIT');
    client.release();
    return result;
  } catch (error) {
    // Closing the connection rolls back, also when it is the connection that failed.
    client.release(true);
    throw error;
  }
}

/** One real query. `tls` is what the socket itself says. */
export async function ping(pool: Pool): Promise<{ readonly roundTripMs: number; readonly tls: boolean }> {
  const client = await pool.connect();
  try {
    const started = performance.now();
    await client.query('SELECT 1');
    const roundTripMs = Math.round((performance.now() - started) * 100) / 100;
    const { stream } = (client as PoolClient & { connection: { stream: unknown } }).connection;
    return { roundTripMs, tls: stream instanceof TLSSocket && stream.authorized };
  } finally {
    client.release();
  }
}
