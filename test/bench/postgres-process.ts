import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { freePort, nextMessage, type Started, type Workspace } from './workspace.ts';

/** A PostgreSQL server of this machine with an empty database. */
export interface PostgresProcess {
  readonly url: string;
  /** `kill -9` of the server with all its processes, then the same server again, on the same port and directory. */
  crash(): Promise<void>;
}

const readySchema = z.object({ ready: z.literal(true) });
const readyWithinMs = 60_000;

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
  let back: Promise<void> = Promise.resolve();
  return {
    url: `postgres://lumenality:bench@127.0.0.1:${port}/lumenality`,
    crash: () => {
      // One after the other: a server that is just starting is not there to be killed.
      const before = back;
      const again = async (): Promise<void> => {
        await before;
        await workspace.kill(running);
        running = await start();
      };
      back = again();
      return back;
    },
  };
}
