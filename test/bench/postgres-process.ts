import { chmodSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { freePort } from '../builders/process.ts';
import { oneByOne } from './one-by-one.ts';
import { nextMessage, type Started, type Workspace } from './workspace.ts';

/** A PostgreSQL server of this machine with an empty database. */
export interface PostgresProcess {
  readonly url: string;
  /** `kill -9` of the server with all its processes, then the same server again, on the same port and directory. */
  crash(): Promise<void>;
}

const readySchema = z.object({ ready: z.literal(true) });
const readyWithinMs = 120_000;
const lookMs = 100;

export async function startPostgres(workspace: Workspace): Promise<PostgresProcess> {
  const port = await freePort();
  const name = `postgresql-${port}`;
  // Started by root, the server runs as another user, who makes the data directory.
  const parent = workspace.folder(name);
  chmodSync(parent, 0o777);
  const start = async (): Promise<Started> => {
    const started = workspace.startEntry(name, 'test/bench/processes/postgres-server.ts', {
      args: [join(parent, 'data'), String(port)],
    });
    await nextMessage(started, (message) => readySchema.safeParse(message).data, readyWithinMs);
    return started;
  };
  let running = await start();
  // A server that is just starting is not there to be killed.
  const inTurn = oneByOne();
  return {
    url: `postgres://lumenality:bench@127.0.0.1:${port}/lumenality`,
    crash: () =>
      inTurn(async () => {
        const postmaster = postmasterOf(join(parent, 'data'));
        await workspace.kill(running);
        if (postmaster !== undefined) await gone(postmaster);
        running = await startedAgain(start);
      }),
  };
}

/** The first line of the file that the server keeps while it runs (PostgreSQL, "Database File Layout"). */
function postmasterOf(data: string): number | undefined {
  const file = join(data, 'postmaster.pid');
  return existsSync(file) ? Number(readFileSync(file, 'utf8').split('\n')[0]) : undefined;
}

/** A server that is killed takes a moment to end on a busy machine, and another one refuses to start beside it. */
async function gone(pid: number): Promise<void> {
  const deadline = Date.now() + readyWithinMs;
  while (isThere(pid)) {
    if (Date.now() > deadline) throw new Error(`PostgreSQL (process ${pid}) was killed and is still there.`);
    await delay(lookMs);
  }
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

/** While one of the killed server's processes still holds its shared memory, the new one ends at once. */
async function startedAgain(start: () => Promise<Started>): Promise<Started> {
  const deadline = Date.now() + readyWithinMs;
  for (;;) {
    try {
      return await start();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await delay(lookMs);
    }
  }
}
