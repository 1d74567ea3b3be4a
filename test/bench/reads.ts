import { setTimeout as delay } from 'node:timers/promises';
import { CloudFormationClient, DescribeStackEventsCommand } from '@aws-sdk/client-cloudformation';
import { sandboxDefaults } from '../../lib/config.ts';
import { migrate, openEmbedded } from '../../lib/db/database.ts';
import { sharedCallBudget } from '../../lib/db/shared-call-budget.ts';
import { awsCallRates, callLimits } from '../../lib/domain/call-budget.ts';
import { followed } from '../../lib/workflows/stack-progress.ts';
import { connectSandbox, sandboxCell } from '../builders/sandbox-cell.ts';
import { beginStacks, callsTo, followerOf } from '../builders/stacks-under-way.ts';
import type { Benchmark } from './benchmark.ts';
import { type Figure, median } from './figures.ts';
import { startSandboxProcess } from './sandbox-process.ts';

/** As on AWS (bin/parts.ts). */
const pace = { listEveryMs: 2_000, eventsEveryMs: 2_000 };

/** Stacks that go on at the same time and end at the same time, which is the worst case: each has its one read at its end. */
export const reads: Benchmark = {
  name: 'reads',
  title:
    'calls to CloudFormation while hundreds of stacks are followed at once, with the budget and the pace that AWS gets',
  run: async (bench) => {
    const { workspace, quick, say } = bench;
    const release = await bench.release();
    const { endpoint } = await startSandboxProcess(workspace, 'sandbox', { release, dataPlane: false });
    const database = await openEmbedded(undefined);
    await migrate(database.db);
    const connection = connectSandbox(
      endpoint,
      sharedCallBudget(database.db, callLimits(awsCallRates)),
      pace,
    );
    try {
      const { stacks } = connection.of(sandboxCell);
      const fleet = { count: quick ? 50 : 500, lastingMs: quick ? 5_000 : 60_000, prefix: 'fleet' };
      const ids = await beginStacks(endpoint, fleet);
      say(`${fleet.count} stacks are under way`);
      const watching = new AbortController();
      const seconds = everySecond(endpoint, watching.signal);
      const toldAt = await Promise.all(
        ids.map(async (id) => {
          await followed(followerOf(stacks, database.db).watch, id, true);
          return Date.now();
        }),
      );
      watching.abort();
      const calls = await seconds;
      const endedAt = await endsOf(endpoint, ids);
      const late = ids.map(
        (id, index) => ((toldAt[index] ?? Number.NaN) - (endedAt.get(id) ?? Number.NaN)) / 1_000,
      );
      return {
        figures: figuresOf(calls, late),
        notes: [
          `${fleet.count} stacks, all of which end within a few seconds of each other after ${fleet.lastingMs / 1_000} s. Followed one by one every two seconds they would cost ${fleet.count / 2} calls a second.`,
        ],
      };
    } finally {
      connection.close();
      await database.close();
    }
  },
};

/** Calls a second, by operation, once for each second until it is aborted. */
async function everySecond(
  endpoint: string,
  signal: AbortSignal,
): Promise<readonly ReadonlyMap<string, number>[]> {
  const seconds: ReadonlyMap<string, number>[] = [];
  let before = await callsTo(endpoint);
  let readAt = performance.now();
  while (!signal.aborted) {
    await delay(1_000);
    if (signal.aborted && seconds.length > 0) break;
    const now = await callsTo(endpoint);
    // On a busy machine a second may take longer.
    const span = (performance.now() - readAt) / 1_000;
    const earlier = before;
    seconds.push(new Map([...now].map(([name, count]) => [name, (count - (earlier.get(name) ?? 0)) / span])));
    before = now;
    readAt = performance.now();
  }
  return seconds;
}

/** When each stack's operation ended, by its own events, in milliseconds of the epoch. */
async function endsOf(endpoint: string, ids: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const { region, credentials } = sandboxDefaults;
  const client = new CloudFormationClient({ region, endpoint, credentials });
  const ends = new Map<string, number>();
  for (const StackName of ids) {
    const { StackEvents = [] } = await client.send(new DescribeStackEventsCommand({ StackName }));
    ends.set(StackName, StackEvents[0]?.Timestamp?.getTime() ?? Number.NaN);
  }
  client.destroy();
  return ends;
}

function figuresOf(seconds: readonly ReadonlyMap<string, number>[], late: readonly number[]): Figure[] {
  const each = (operation: string) => seconds.map((second) => second.get(operation) ?? 0);
  const most = (operation: string, goal?: Figure['goal']): Figure => ({
    name: `${operation} in the busiest second`,
    value: Math.max(...each(operation)),
    unit: '1/s',
    ...(goal === undefined ? {} : { goal }),
  });
  const mean = (operation: string): Figure => ({
    name: `${operation}, mean`,
    value: each(operation).reduce((sum, count) => sum + count, 0) / seconds.length,
    unit: '1/s',
  });
  return [
    most('DescribeStacks', { kind: 'at most', value: 5 }),
    mean('DescribeStacks'),
    most('ListStacks'),
    mean('ListStacks'),
    most('DescribeStackEvents'),
    mean('DescribeStackEvents'),
    { name: "from a stack's end until it is known, median", value: median(late), unit: 's' },
    { name: "from a stack's end until it is known, latest", value: Math.max(...late), unit: 's' },
  ];
}
