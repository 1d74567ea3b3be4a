/**
 * A worker process that stops itself (SIGSTOP, as a virtual machine that is paused) at the worst moments: of one run between the
 * checkpoint and the call to AWS, of another inside a transaction. `node --import tsx pausing-worker.ts DATABASE_URL ENDPOINT pause|go`
 */
import { argv, kill, pid } from 'node:process';
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
let pauses = mode === 'pause';
let inTransaction = false;

async function write({ write, run }: StepContext): Promise<void> {
  await write(async (trx) => {
    await lockRun(trx, run.id);
    while (pauses) {
      inTransaction = true;
      await delay(10);
    }
  });
}

async function callAws({ checkpoint, run, signal }: StepContext): Promise<void> {
  while (pauses && !inTransaction) await delay(10);
  // The first call of a client takes its time; the one that counts leaves without giving timers a turn.
  await stacks.setStackPolicy('first-call', '{}', signal);
  await checkpoint();
  if (pauses) {
    pauses = false;
    console.log('paused');
    kill(pid, 'SIGSTOP');
  }
  try {
    await stacks.setStackPolicy(run.practiceId, `{"by": ${pid}}`, signal);
  } catch (error) {
    console.log(`refused: ${(error as Error).name}`);
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
console.log('ready');
