/** `npm run replicas`: three control planes on one PostgreSQL and one sandbox cloud, all on this machine, to see one die and others go on. */
import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { readConfig } from '../lib/config.ts';
import { DomainError } from '../lib/domain/errors.ts';
import { buildOnce } from './embedded-release.ts';
import { onStopSignal, runUntilStopped, type Stops } from './lifecycle.ts';
import { startLocalPostgres } from './local-postgres.ts';

const replicas = 3;
const startWithinMs = 180_000;

/**
 * Says its process's id, and ends it when standard input closes: that is when we end, however we end. A process that was killed by
 * somebody else ends the shell too.
 */
const withParent =
  '"$@" </dev/null & process=$!; echo "process $process"; exec 3<&0; ' +
  '(cat <&3 >/dev/null; kill -TERM $process 2>/dev/null) & ' +
  'wait $process; code=$?; kill $! 2>/dev/null; exit $code';

await runUntilStopped(async (stops) => {
  const { dataDirectory, host, port } = readConfig();
  const aborted = onStopSignal();
  const directory = mkdtempSync(join(tmpdir(), 'lumenality-replicas-'));
  stops.push(async () => rmSync(directory, { recursive: true, force: true }));
  console.log('Starting PostgreSQL, the sandbox cloud and three control planes.');
  const [release, cell] = [join(dataDirectory, 'release'), join(dataDirectory, 'cell')];
  const [postgres] = await Promise.all([
    startLocalPostgres(createRequire(import.meta.url).resolve).then((started) => {
      stops.push(() => started.stop());
      return started;
    }),
    buildOnce({ release, cell }, aborted),
  ]);
  cpSync(cell, join(directory, 'cell'), { recursive: true });

  const options = ['--port', '0', '--data-dir', join(directory, 'sandbox')];
  const sandbox = launch('sandbox', options, {}, stops);
  const endpoint = await sandbox.said(/AWS_ENDPOINT_URL=(\S+)/);
  const environment = {
    HOST: host,
    DATABASE_URL: await postgres.createDatabase('lumenality'),
    AWS_ENDPOINT_URL: endpoint,
    LUMENALITY_DATA_DIR: directory,
    LUMENALITY_RELEASE_DIR: release,
    LUMENALITY_LOG_LEVEL: 'warn',
    LUMENALITY_DRAIN_SECONDS: '0',
  };
  const lines: string[] = [];
  // One after the other: the first makes what all of them share.
  for (let place = 0; place < replicas; place += 1) {
    const own = await freePort(host, port + place);
    const replica = launch('control-api', [], { ...environment, PORT: String(own) }, stops);
    const address = `http://${host}:${own}`;
    await ready(address, replica, aborted);
    const process = await replica.said(/^process (\d+)/m);
    lines.push(`  ${address}   process ${process}`);
    replica.child.once('close', () => {
      if (aborted.aborted) return;
      console.log(`Process ${process} at ${address} has ended; the others go on with its runs.`);
    });
  }
  console.log(`Three control planes share one PostgreSQL and the sandbox cloud at ${endpoint}:
${lines.join('\n')}

Work with any of them, in a second terminal:
  export LUMENALITY_URL=${lines[0]?.trim().split(' ')[0]} LUMENALITY_TOKEN=$(cat ${join(directory, 'admin.token')})
  npx lumenality doctor
While a run is in work, kill -9 the process of one: another takes the run over within 20 seconds.
Ctrl-C stops them all and throws away what they made.`);
});

interface Launched {
  readonly child: ChildProcess;
  /** The first group of what the process says, once it has said it. */
  said(pattern: RegExp): Promise<string>;
}

function launch(
  name: string,
  options: readonly string[],
  environment: Readonly<Record<string, string>>,
  stops: Stops,
): Launched {
  const entry = fileURLToPath(new URL(`./${name}${extname(import.meta.url)}`, import.meta.url));
  // In a group of its own: the terminal's Ctrl-C is ours alone, and the others hear of it in the right order.
  const child = spawn(
    'sh',
    ['-c', withParent, 'sh', process.execPath, ...process.execArgv, entry, ...options],
    {
      // oxlint-disable-next-line node/no-process-env -- handed on as it is, not read
      env: { ...process.env, ...environment },
      detached: true,
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (more: string) => (text += more));
  // Closed already where somebody has killed the process.
  child.stdin.on('error', () => undefined);
  const ended = new Promise((resolve) => child.once('close', resolve));
  stops.push(async () => {
    child.stdin.end();
    await ended;
  });
  return {
    child,
    said: async (pattern) => {
      for (const deadline = Date.now() + startWithinMs; ; await delay(50)) {
        const found = pattern.exec(text)?.[1];
        if (found !== undefined) return found;
        if (child.exitCode !== null || Date.now() > deadline) throw notStarted(name);
      }
    },
  };
}

async function ready(address: string, { child }: Launched, aborted: AbortSignal): Promise<void> {
  for (const deadline = Date.now() + startWithinMs; ; await delay(100, undefined, { signal: aborted })) {
    const answer = await fetch(`${address}/readyz`).catch(() => undefined);
    if (answer?.status === 200) return;
    if (child.exitCode !== null || Date.now() > deadline) throw notStarted(`control plane at ${address}`);
  }
}

function notStarted(what: string): DomainError {
  return new DomainError('unavailable', `The ${what} did not start; its reason stands above.`);
}

/** The port that was asked for, or another one where it is taken. */
async function freePort(host: string, wanted: number): Promise<number> {
  for (const port of [wanted, 0]) {
    const server = createServer();
    const taken = await new Promise<number | undefined>((resolve) => {
      server.once('error', () => resolve(undefined));
      server.listen(port, host, () => {
        const address = server.address();
        server.close(() => resolve(typeof address === 'object' ? address?.port : undefined));
      });
    });
    if (taken !== undefined) return taken;
  }
  throw new DomainError('configuration', `No port of ${host} is free.`);
}
