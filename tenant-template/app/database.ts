import { TLSSocket } from 'node:tls';
import { Signer } from '@aws-sdk/rds-signer';
import { Pool, type PoolClient } from 'pg';
import type { Config } from './config.ts';
import type { DatabaseSecret } from './database-secret.ts';

/** What requests run as; migration 0005 makes it. */
const APP_ROLE = 'practice_app';

const MAX_CONNECTIONS = 4;
/** Short, so that a practice without visitors keeps no connection open. */
const IDLE_MS = 2000;
/** A database that was asleep has to start first. */
const CONNECT_MS = 30_000;

/** Who signs in to the database, and how. */
export interface DatabaseLogin {
  readonly user: string;
  /** Asked at each new connection. */
  readonly password: () => Promise<string>;
}

/** The master user: owns the schema. Its password is read anew each time, because RDS rotates it. */
export function masterLogin(secret: DatabaseSecret, user: string): DatabaseLogin {
  return { user, password: async () => (await secret.read()).password };
}

/**
 * The role that requests run as. It has no password: the task's own keys sign a token that is good for 15 minutes
 * ("IAM database authentication for MariaDB, MySQL, and PostgreSQL", Amazon RDS User Guide). Nothing is sent to AWS.
 */
export function appLogin({ host, port }: Config['database']): DatabaseLogin {
  const signer = new Signer({ hostname: host, port, username: APP_ROLE });
  return { user: APP_ROLE, password: () => signer.getAuthToken() };
}

/** Connects with TLS and full verification, against the authority in NODE_EXTRA_CA_CERTS. */
export function openPool(config: Config['database'], login: DatabaseLogin): Pool {
  return new Pool({
    host: config.host,
    port: config.port,
    database: config.name,
    ...login,
    ssl: { rejectUnauthorized: true, minVersion: 'TLSv1.2' },
    max: MAX_CONNECTIONS,
    idleTimeoutMillis: IDLE_MS,
    connectionTimeoutMillis: CONNECT_MS,
    application_name: 'practice-app',
  });
}

/** Runs `work` on one connection, in a transaction that is rolled back when it throws. */
export async function inTransaction<T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  return withConnection(pool, async (client) => {
    await client.query('BEGIN');
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  });
}

/** One real query. `tls` is what the socket itself says. */
export async function ping(pool: Pool): Promise<{ readonly roundTripMs: number; readonly tls: boolean }> {
  return withConnection(pool, async (client) => {
    const started = performance.now();
    await client.query('SELECT 1');
    const roundTripMs = Math.round((performance.now() - started) * 100) / 100;
    const { stream } = (client as PoolClient & { connection: { stream: unknown } }).connection;
    return { roundTripMs, tls: stream instanceof TLSSocket && stream.authorized };
  });
}

async function withConnection<T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  // The pool listens to idle connections only. One that the database cuts between two queries fails the next of them; an
  // error event that nobody hears would end the process, and with it every request in flight.
  client.on('error', heard);
  try {
    const result = await work(client);
    client.off('error', heard);
    client.release();
    return result;
  } catch (error) {
    // Closing the connection rolls back, also when it is the connection that failed.
    client.release(true);
    throw error;
  }
}

function heard(): void {}
