import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Client, type ClientConfig } from 'pg';
import { createDataPlane, type OpenedDataPlane } from '../../lib/sandbox/data-plane/index.ts';
import { AwsError, type DatabaseSpec } from '../../lib/sandbox/model.ts';
import { openState } from '../../lib/sandbox/state.ts';
import { builtEntry } from '../builders/built-entries.ts';
import type { HostOptions, HostReport } from './fixtures/data-plane-host.ts';
import { databaseTemplate } from './fixtures/database-template.ts';

let databaseProcess: string;
beforeAll(async () => {
  databaseProcess = await builtEntry('lib/sandbox/data-plane/database-process');
});
const workDirectory = mkdtempSync(join(tmpdir(), 'data-plane-'));
const cleanUps: Array<() => Promise<unknown>> = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});
afterAll(() => rmSync(workDirectory, { recursive: true, force: true }));

interface Sandbox {
  readonly plane: OpenedDataPlane;
  readonly directory: string;
}

async function startSandbox(
  directory = mkdtempSync(join(workDirectory, 'sandbox-')),
  databaseIdleMs = 60_000,
) {
  const state = openState(directory);
  const plane = await createDataPlane({
    directory,
    state,
    endpoint: () => 'http://127.0.0.1:1',
    databaseProcess,
    databaseTemplate,
    databaseIdleMs,
  });
  cleanUps.push(async () => {
    await plane.stop();
    await state.close();
  });
  return { plane, directory };
}

function spec(changes: Partial<DatabaseSpec> = {}): DatabaseSpec {
  const key = randomBytes(32);
  return {
    arn: 'arn:aws:rds:us-east-1:000000000000:db:sunrise',
    databaseName: 'practice',
    masterUsername: 'practice_admin',
    masterPassword: () => 'correct horse',
    forceTls: () => true,
    tokenCheck: () => (token, username) => token === `token of ${username}`,
    storageKey: async () => key,
    ...changes,
  };
}

async function connect(
  { plane }: Pick<Sandbox, 'plane'>,
  { address, port }: { address: string; port: number },
  changes: ClientConfig = {},
): Promise<Client> {
  const client = new Client({
    host: address,
    port,
    user: 'practice_admin',
    password: 'correct horse',
    database: 'practice',
    ssl: { ca: readFileSync(plane.certificatePath, 'utf8'), host: address } as ClientConfig['ssl'],
    ...changes,
  });
  client.on('error', () => {});
  await client.connect();
  cleanUps.push(() => client.end());
  return client;
}

async function eventually(condition: () => boolean): Promise<void> {
  while (!condition()) await wait(20);
}

const pidFileOf = (directory: string) =>
  readdirSync(join(directory, 'databases'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('data.pid'))
    .map((path) => join(directory, 'databases', path))[0] ?? join(directory, 'none');

describe('a database of the sandbox', () => {
  let shared: Sandbox;
  let at: { readonly address: string; readonly port: number };
  let stopShared: () => Promise<unknown>;

  beforeAll(async () => {
    shared = await startSandbox();
    at = await shared.plane.databases.open(spec());
    stopShared = cleanUps.pop() as () => Promise<unknown>;
  });
  afterAll(() => stopShared());

  test('lets in who verifies its certificate and knows the password, and nobody else', async () => {
    const client = await connect(shared, at);
    const { rows } = await client.query('SELECT current_user, session_user, current_database() AS database');
    expect(rows).toEqual([
      { current_user: 'practice_admin', session_user: 'practice_admin', database: 'practice' },
    ]);

    await expect(connect(shared, at, { ssl: false })).rejects.toMatchObject({
      code: '28000',
      message: expect.stringMatching(/^no pg_hba.conf entry for host .* no encryption$/),
    });
    await expect(connect(shared, at, { ssl: true })).rejects.toThrow(/unable to verify|self.signed/);
    await expect(connect(shared, at, { password: 'wrong' })).rejects.toMatchObject({ code: '28P01' });
    await expect(connect(shared, at, { user: 'somebody' })).rejects.toMatchObject({ code: '28P01' });
    await expect(connect(shared, at, { database: 'other' })).rejects.toMatchObject({ code: '3D000' });
  });

  test('takes a new password and an optional TLS into account at the next session', async () => {
    let password = 'first';
    let forceTls = true;
    const sandbox = await startSandbox();
    const at = await sandbox.plane.databases.open(
      spec({ masterPassword: () => password, forceTls: () => forceTls }),
    );
    password = 'second';
    await expect(connect(sandbox, at, { password: 'first' })).rejects.toMatchObject({ code: '28P01' });
    forceTls = false;
    const client = await connect(sandbox, at, { password: 'second', ssl: false });
    await expect(client.query('SELECT 1')).resolves.toMatchObject({ rowCount: 1 });
  });

  test('gives each client whole transactions, and rolls back what a lost client left open', async () => {
    const [first, second] = [await connect(shared, at), await connect(shared, at)];
    await first.query('CREATE TABLE visit (id int)');
    await first.query('BEGIN');
    await first.query('SELECT pg_advisory_xact_lock(7)');
    await first.query('INSERT INTO visit VALUES (1)');
    const counted = second.query('SELECT count(*)::int AS visits FROM visit WHERE id >= $1', [0]);
    await first.query('INSERT INTO visit VALUES (2)');
    await first.query('COMMIT');
    expect((await counted).rows).toEqual([{ visits: 2 }]);

    await first.query('BEGIN');
    await first.query('DELETE FROM visit');
    (first as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
    expect((await second.query('SELECT count(*)::int AS visits FROM visit')).rows).toEqual([{ visits: 2 }]);
  });

  test('lets roles that SQL made in, each with its own rights and by its own proof', async () => {
    const master = await connect(shared, at);
    await master.query(`
      CREATE TABLE account (balance int);
      CREATE TABLE shown AS SELECT 7 AS value;
      CREATE ROLE reader LOGIN PASSWORD 'reader-password'; GRANT SELECT ON shown TO reader;
      CREATE ROLE app LOGIN; GRANT rds_iam TO app; GRANT SELECT, INSERT ON shown TO app;
      CREATE ROLE nobody_in NOLOGIN PASSWORD 'reader-password'`);
    const reader = await connect(shared, at, { user: 'reader', password: 'reader-password' });
    const apps = await Promise.all(
      [1, 2, 3].map(() => connect(shared, at, { user: 'app', password: 'token of app' })),
    );
    const users = await Promise.all(
      [master, reader, ...apps].map((client) => client.query('SELECT session_user || current_user AS user')),
    );
    expect(users.map(({ rows }) => rows[0].user)).toEqual([
      'practice_adminpractice_admin',
      'readerreader',
      ...apps.map(() => 'appapp'),
    ]);
    await apps[0]?.query('INSERT INTO shown VALUES (8)');
    await expect(reader.query('INSERT INTO shown VALUES (9)')).rejects.toMatchObject({ code: '42501' });
    await expect(apps[1]?.query('SELECT * FROM account')).rejects.toMatchObject({ code: '42501' });
    expect((await master.query('SELECT count(*)::int FROM account')).rows).toEqual([{ count: 0 }]);

    const wrong = (user: string, password: string) => connect(shared, at, { user, password });
    await expect(wrong('app', 'token of reader')).rejects.toMatchObject({
      code: '28000',
      message: 'PAM authentication failed for user "app"',
    });
    await expect(wrong('reader', 'token of reader')).rejects.toMatchObject({ code: '28P01' });
    await expect(wrong('postgres', 'token of postgres')).rejects.toMatchObject({ code: '28P01' });
    await expect(wrong('nobody_in', 'reader-password')).rejects.toMatchObject({ code: '28000' });
  });

  test.each([
    'SET SESSION AUTHORIZATION practice_admin',
    'SET LOCAL SESSION /* quietly /* and */ */ AUTHORIZATION practice_admin',
    'SET U&"session\\005fauthorization" TO practice_admin',
    'SET session_authorization TO postgres',
    "SELECT set_config('session_authorization', 'postgres', true)",
    'SET ROLE practice_admin',
    'GRANT practice_admin TO limited',
  ])('keeps a session to its role: %s', async (statement) => {
    const master = await connect(shared, at);
    await master.query(`
      DROP TABLE IF EXISTS ledger; DROP ROLE IF EXISTS limited;
      CREATE TABLE ledger (id int); CREATE ROLE limited LOGIN; GRANT rds_iam TO limited`);
    const limited = await connect(shared, at, { user: 'limited', password: 'token of limited' });
    await expect(limited.query(statement)).rejects.toMatchObject({ code: '42501' });
    await limited.query('BEGIN');
    await expect(limited.query({ text: statement, values: [] })).rejects.toMatchObject({ code: '42501' });
    await expect(limited.query('SELECT 1')).rejects.toMatchObject({ code: '25P02' });
    await limited.query('ROLLBACK');
    for (const harmless of ['RESET SESSION AUTHORIZATION', 'RESET ROLE', 'RESET ALL', 'DISCARD ALL']) {
      await limited.query(harmless);
      await expect(limited.query('SELECT * FROM ledger')).rejects.toMatchObject({ code: '42501' });
    }
  });

  test('ends a session that made itself another role behind a composed statement', async () => {
    const master = await connect(shared, at);
    await master.query('CREATE ROLE crafty LOGIN; GRANT rds_iam TO crafty');
    const crafty = await connect(shared, at, { user: 'crafty', password: 'token of crafty' });
    await expect(
      crafty.query("SELECT set_config('session_' || 'authorization', 'postgres', false), 'secret'"),
    ).rejects.toMatchObject({ code: '42501' });
    await expect(crafty.query('SELECT 1')).rejects.toThrow();
    expect((await master.query('SELECT session_user')).rows).toEqual([{ session_user: 'practice_admin' }]);
  });

  test('keeps nothing of a session for the next one', async () => {
    const first = await connect(shared, at);
    await first.query("SET statement_timeout = '12s'");
    await first.query('CREATE TEMPORARY TABLE leftover (id int)');
    await first.query({ name: 'known', text: 'SELECT 1' });
    await first.end();
    const second = await connect(shared, at);
    await second.query({ name: 'known', text: 'SELECT 2' });
    expect((await second.query('SHOW statement_timeout')).rows).toEqual([{ statement_timeout: '0' }]);
    await expect(second.query('SELECT * FROM leftover')).rejects.toMatchObject({ code: '42P01' });
    expect((await second.query('SELECT session_user')).rows).toEqual([{ session_user: 'practice_admin' }]);
  });

  test('tells a client whose statement ended the engine, and serves the next one', async () => {
    const first = await connect(shared, at);
    await first.query('CREATE TABLE import (line text)');
    await expect(first.query('COPY import FROM STDIN')).rejects.toThrow(/terminating connection/);
    const second = await connect(shared, at);
    expect((await second.query('SELECT count(*)::int AS lines FROM import')).rows).toEqual([{ lines: 0 }]);
  });

  test('writes nothing readable to the disk', async () => {
    const client = await connect(shared, at);
    await client.query('CREATE TABLE note (body text)');
    await client.query('INSERT INTO note VALUES ($1)', ['plain-text-of-a-row']);
    await client.query('CHECKPOINT');
    const files = readdirSync(join(shared.directory, 'databases'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name)));
    expect(files.length).toBeGreaterThan(900);
    expect(files.filter((bytes) => bytes.includes('plain-text-of-a-row'))).toEqual([]);
    // Not even what every cluster holds.
    expect(files.filter((bytes) => bytes.includes('pg_catalog'))).toEqual([]);
  });

  test('ends its engine when idle and starts it again for the next session, with the rows still there', async () => {
    const sandbox = await startSandbox(undefined, 100);
    const at = await sandbox.plane.databases.open(spec());
    const first = await connect(sandbox, at);
    await first.query('CREATE TABLE visit AS SELECT 1 AS id');
    const pidFile = pidFileOf(sandbox.directory);
    expect(existsSync(pidFile)).toBe(true);
    await first.end();
    await eventually(() => !existsSync(pidFile));
    const second = await connect(sandbox, at);
    expect((await second.query('SELECT id FROM visit')).rows).toEqual([{ id: 1 }]);
  });

  test('does not start while its key cannot be used, and says why', async () => {
    let refusal: AwsError | undefined;
    const key = randomBytes(32);
    const sandbox = await startSandbox();
    const given = spec({
      storageKey: async () => {
        if (refusal) throw refusal;
        return key;
      },
    });
    const at = await sandbox.plane.databases.open(given);
    const running = await connect(sandbox, at);
    const ended = new Promise<void>((resolve) => {
      running.once('end', resolve);
    });
    refusal = new AwsError('DisabledException', 'arn:aws:kms:…:key/1 is disabled.');
    await sandbox.plane.databases.evict(given.arn);
    await ended;
    await expect(connect(sandbox, at)).rejects.toMatchObject({
      code: '57P03',
      message: expect.stringContaining('DisabledException: arn:aws:kms:…:key/1 is disabled.'),
    });
    refusal = undefined;
    await expect(connect(sandbox, at)).resolves.toBeDefined();
    await expect(sandbox.plane.databases.open({ ...given, arn: `${given.arn}-2` })).resolves.toBeDefined();
    refusal = new AwsError('KMSInvalidStateException', 'pending deletion');
    await expect(sandbox.plane.databases.open({ ...given, arn: `${given.arn}-3` })).rejects.toBe(refusal);
  });

  test('makes a new database of a snapshot that outlived its own, under the same key only', async () => {
    let key = randomBytes(32);
    const sandbox = await startSandbox(undefined, 0);
    const { databases } = sandbox.plane;
    const given = spec({ storageKey: async () => key });
    const snapshot = 'arn:aws:rds:us-east-1:000000000000:snapshot:monday';
    const client = await connect(sandbox, await databases.open(given));
    await client.query("CREATE TABLE visit AS SELECT 'monday' AS day");
    await client.end();
    await eventually(() => !existsSync(pidFileOf(sandbox.directory)));
    await databases.snapshot(given.arn, snapshot);
    await databases.erase(given.arn);

    const restore = (arn: string) => databases.open({ ...given, arn, restoreFrom: snapshot });
    const restored = await connect(sandbox, await restore(`${given.arn}-2`));
    expect((await restored.query('SELECT day FROM visit')).rows).toEqual([{ day: 'monday' }]);
    const right = key;
    key = randomBytes(32);
    await expect(restore(`${given.arn}-3`)).rejects.toThrow(/another key/);
    key = right;
    await databases.eraseSnapshot(snapshot);
    await expect(restore(`${given.arn}-4`)).rejects.toThrow(/no copy of/);
  });

  test('refuses a storage key that is not the one the storage was made with', async () => {
    let key = randomBytes(32);
    const sandbox = await startSandbox();
    const given = spec({ storageKey: async () => key });
    const at = await sandbox.plane.databases.open(given);
    key = randomBytes(32);
    await expect(connect(sandbox, at)).rejects.toMatchObject({
      code: '57P03',
      message: expect.stringContaining('encrypted with another key'),
    });
  });

  test('keeps every acknowledged row, and its address, when sandbox and engine are killed', async () => {
    const directory = mkdtempSync(join(workDirectory, 'killed-'));
    const key = randomBytes(32);
    const given = spec({ storageKey: async () => key });
    const host = fork(await builtEntry('test/sandbox/fixtures/data-plane-host'), [
      JSON.stringify({
        directory,
        databaseProcess,
        databaseTemplate,
        database: { arn: given.arn, password: given.masterPassword(), key: key.toString('hex') },
      } satisfies HostOptions),
    ]);
    const [{ endpoint }] = (await once(host, 'message')) as [HostReport];
    const plane = { certificatePath: join(directory, 'ca/authority.pem') } as OpenedDataPlane;
    const client = await connect({ plane }, endpoint);
    await client.query('CREATE TABLE visit (id int)');
    for (let id = 1; id <= 20; id += 1) await client.query('INSERT INTO visit VALUES ($1)', [id]);
    const enginePid = (JSON.parse(readFileSync(pidFileOf(directory), 'utf8')) as { pid: number }).pid;
    process.kill(enginePid, 'SIGKILL');
    host.kill('SIGKILL');
    await once(host, 'exit');

    const sandbox = await startSandbox(directory);
    expect(await sandbox.plane.databases.open(given)).toEqual(endpoint);
    const after = await connect(sandbox, endpoint);
    expect((await after.query('SELECT count(*)::int AS visits FROM visit')).rows).toEqual([{ visits: 20 }]);
    await sandbox.plane.databases.erase(given.arn);
    expect(existsSync(join(pidFileOf(directory), '..'))).toBe(true);
    expect(readdirSync(join(directory, 'databases'))).toEqual([]);
  });

  test('an engine that lost its sandbox ends by itself', async () => {
    const directory = mkdtempSync(join(workDirectory, 'orphan-'));
    const host = fork(await builtEntry('test/sandbox/fixtures/data-plane-host'), [
      JSON.stringify({
        directory,
        databaseProcess,
        databaseTemplate,
        database: { arn: spec().arn, password: 'correct horse', key: randomBytes(32).toString('hex') },
      } satisfies HostOptions),
    ]);
    const [{ endpoint }] = (await once(host, 'message')) as [HostReport];
    const plane = { certificatePath: join(directory, 'ca/authority.pem') } as OpenedDataPlane;
    const client = await connect({ plane }, endpoint);
    await client.query('SELECT 1');
    const pidFile = pidFileOf(directory);
    expect(existsSync(pidFile)).toBe(true);
    host.kill('SIGKILL');
    await eventually(() => !existsSync(pidFile));
  });
});
