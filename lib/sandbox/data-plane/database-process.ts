/**
 * The process of one database engine, or of one task of preparing storage. The sandbox starts it with an IPC channel
 * and speaks `DatabaseRequest` and `DatabaseReply`; it ends when that channel goes away, however the sandbox died.
 */
import fs from 'node:fs';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import type { DatabaseReply, DatabaseRequest, DatabaseRole } from './database-messages.ts';
import { EncryptedFilesystem } from './encrypted-filesystem.ts';
import { lockStorage } from './storage-lock.ts';

/** PGlite's own 128 MiB of shared buffers would make 30 practices cost gigabytes; the operating system caches pages. */
const START_PARAMETERS = [...PGlite.defaultStartParams, '-c', 'shared_buffers=4MB', '-c', 'wal_buffers=64kB'];

type CreateRequest = Extract<DatabaseRequest, { type: 'create' }>;

let engine: PGlite | undefined;

/** Without a sandbox to hear the reply there is nothing left to do: a closed channel ends the process, quietly. */
function reply(message: DatabaseReply): void {
  process.send?.(message, (error: Error | null) => {
    if (error) process.exit();
  });
}

/** What the instance's database is called before there is an instance. No database on RDS has such a name: they begin with a letter. */
const UNNAMED = '_unnamed';

/**
 * An initialised cluster in plain files with one empty database: it holds nothing of anybody, and each storage begins as its copy. The
 * database is renamed there, because making one takes as long as everything else that a new storage needs.
 */
async function makeTemplate(directory: string): Promise<void> {
  // Small write-ahead log segments: a new database then costs 30 MB of disk instead of 46 MB.
  const cluster = await PGlite.create({ dataDir: directory, initDbStartParams: ['--wal-segsize=1'] });
  await cluster.exec(`CREATE DATABASE ${UNNAMED}`);
  await cluster.close();
}

function openEngine(directory: string, key: Uint8Array, database: string): Promise<PGlite> {
  return PGlite.create({
    fs: new EncryptedFilesystem(directory, Buffer.from(key)),
    database,
    startParams: START_PARAMETERS,
  });
}

async function createStorage(request: CreateRequest): Promise<void> {
  const { template, directory, key, database, username } = request;
  fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
  await lockStorage(directory);
  copyEncrypted(template, directory, Buffer.from(key));
  const cluster = await openEngine(directory, key, 'postgres');
  await cluster.exec(`CREATE ROLE ${identifier(username)} LOGIN CREATEDB CREATEROLE`);
  // The master user may give rds_iam to others (on RDS through rds_superuser), and signs in by password itself.
  await cluster.exec(
    `CREATE ROLE rds_iam; GRANT rds_iam TO ${identifier(username)} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE`,
  );
  // What the master user has through rds_superuser and PostgreSQL has a role for; it is no superuser on RDS either.
  await cluster.exec(`GRANT pg_monitor, pg_signal_backend, pg_checkpoint TO ${identifier(username)}`);
  if (database === 'postgres') await cluster.exec(`DROP DATABASE ${UNNAMED}`);
  else await cluster.exec(`ALTER DATABASE ${UNNAMED} RENAME TO ${identifier(database)}`);
  await cluster.exec(`ALTER DATABASE ${identifier(database)} OWNER TO ${identifier(username)}`);
  await cluster.close();
}

function copyEncrypted(template: string, directory: string, key: Buffer): void {
  const encrypted = new EncryptedFilesystem(directory, key);
  for (const entry of fs.readdirSync(template, { recursive: true, withFileTypes: true })) {
    const source = join(entry.parentPath, entry.name);
    const path = source.slice(template.length);
    if (entry.isDirectory()) encrypted.mkdir(path, { recursive: true, mode: 0o700 });
    else {
      encrypted.mkdir(entry.parentPath.slice(template.length), { recursive: true, mode: 0o700 });
      encrypted.writeFile(path, fs.readFileSync(source));
    }
  }
}

function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** The first packet of a session; PostgreSQL answers with its parameters (version, encodings, time zone). */
function startupPacket(username: string, database: string): Uint8Array {
  const body = Buffer.from(`user\0${username}\0database\0${database}\0client_encoding\0UTF8\0\0`, 'utf8');
  const head = Buffer.alloc(8);
  head.writeInt32BE(body.length + 8, 0);
  head.writeInt32BE(3 << 16, 4);
  return Buffer.concat([head, body]);
}

/** The bootstrap superuser is the sandbox's own: nobody signs in as it. */
const ROLE_QUERY = `
  SELECT rolcanlogin AND NOT rolsuper AS "canLogin",
    has_database_privilege(oid, current_database(), 'CONNECT') AS "canConnect",
    rolpassword AS "password",
    coalesce(rolvaliduntil < now(), false) AS "passwordExpired",
    NOT rolsuper AND EXISTS (
      SELECT FROM pg_roles AS iam WHERE iam.rolname = 'rds_iam' AND pg_has_role(account.oid, iam.oid, 'MEMBER')
    ) AS "signsInByIam"
  FROM pg_authid AS account WHERE rolname = $1`;

async function findRole(database: PGlite, name: string): Promise<DatabaseRole | undefined> {
  await database.exec('SET SESSION AUTHORIZATION postgres');
  return (await database.query<DatabaseRole>(ROLE_QUERY, [name])).rows[0];
}

async function handle(request: DatabaseRequest): Promise<void> {
  switch (request.type) {
    case 'template':
      await makeTemplate(request.directory);
      reply({ type: 'done' });
      break;
    case 'create':
      await createStorage(request);
      reply({ type: 'done' });
      break;
    case 'start': {
      await lockStorage(request.directory);
      engine = await openEngine(request.directory, request.key, request.database);
      const greeting = await engine.execProtocolRaw(startupPacket(request.username, request.database));
      await engine.exec(`SET SESSION AUTHORIZATION ${identifier(request.username)}`);
      reply({ type: 'started', greeting: Buffer.from(greeting) });
      break;
    }
    case 'execute': {
      if (engine === undefined) throw new Error('The engine has not started.');
      const data = await engine.execProtocolRaw(request.messages);
      reply({ type: 'result', id: request.id, data });
      break;
    }
    case 'role': {
      if (engine === undefined) throw new Error('The engine has not started.');
      reply({ type: 'role', id: request.id, role: await findRole(engine, request.name) });
      break;
    }
    case 'copy':
      fs.cpSync(request.from, request.to, { recursive: true, mode: fs.constants.COPYFILE_FICLONE });
      reply({ type: 'copied', id: request.id });
      break;
    case 'stop':
      await engine?.close();
      process.disconnect();
      break;
  }
}

/**
 * After a failure nothing more is tried: PGlite's module may have exited in the middle of a statement (`COPY … FROM
 * STDIN` does that), and the storage recovers at the next start as after a crash.
 */
function fail(error: unknown): void {
  // Emscripten throws an ExitStatus, which is no Error but has a message.
  const message = (error as { message?: string }).message ?? String(error);
  if (process.send === undefined) process.exit(1);
  process.send({ type: 'failed', message } satisfies DatabaseReply, () => process.exit(1));
}

// One after the other: PGlite has one session, and a request may arrive while the one before is under way.
let queue: Promise<void> = Promise.resolve();
process.on('message', (request: DatabaseRequest) => {
  queue = queue.then(() => handle(request)).catch(fail);
});
process.on('disconnect', () => process.exit());
