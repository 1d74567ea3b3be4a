/**
 * A worker process that stops itself (SIGSTOP, as a virtual machine that is paused) at the worst moments: of one run between the
 * checkpoint and the call to AWS, of another inside a transaction. Arguments: DATABASE_URL ENDPOINT pause|go
 */
import { argv, kill, pid, stdout } from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { createLogger } from '../../control-api/logger.ts';
import { openServer } from '../../lib/db/database.ts';
import { lockRun } from '../../lib/db/run-store.ts';
import { createRunEngine } from '../../lib/runs/engine.ts';
import type { StepContext, WorkflowDefinition } from '../../lib/runs/workflow.ts';
import { sandboxPorts } from './sandbox-cell.ts';

const [, , databaseUrl = '', endpoint = '', mode] = argv;
const { stacks } = sandboxPorts(endpoint);
const now = { pauses: mode === 'pause', inTransaction: false };
const say = (line: string): void => void stdout.write(`${line}\n`);

async function write({ write, run }: StepContext): Promise<void> {
  await write(async (trx) => {
    await lockRun(trx, run.id);
    while (now.pauses) {
      now.inTransaction = true;
      await delay(10);
    }
  });
}

async function callAws({ checkpoint, run, signal }: StepContext): Promise<void> {
  while (now.pauses && !now.inTransaction) await delay(10);
  // The first call of a client takes its time; the one that counts leaves without giving timers a turn.
  await stacks.setStackPolicy('first-call', '{}', signal);
  await checkpoint();
  if (now.pauses) {
    now.pauses = false;
    say('paused');
    kill(pid, 'SIGSTOP');
  }
  try {
    await stacks.setStackPolicy(run.practiceId, `{"by": ${pid}}`, signal);
  } catch (error) {
    say(`refused: ${(error as Error).name}`);
    throw error;
  }
}

const definition: WorkflowDefinition = {
  name: 'provision-practice',
  steps: [
    {
      name: 'one',
      output: z.object({ by: z.number() }),
      run: async (context) => {
        await (context.run.practiceId === 'in-transaction' ? write(context) : callAws(context));
        return { by: pid };
      },
    },
  ],
  failed: async () => undefined,
  cancel: async () => [],
  cancelled: async () => undefined,
};
const engine = createRunEngine({
  database: openServer(databaseUrl),
  definitions: [definition],
  clock: { now: () => new Date() },
  log: createLogger('warn'),
  concurrency: 2,
});
await engine.start();
say('ready');
