import { z } from 'zod';
import type { Benchmark } from './benchmark.ts';
import { median, sum } from './figures.ts';
import { startPostgres } from './postgres-process.ts';
import { nextMessage } from './workspace.ts';

const closedSchema = z.object({
  /** Seconds for all subscriptions, month by month. */
  closing: z.array(z.number()).nonempty(),
  /** Milliseconds of each statement that was read. */
  reading: z.array(z.number()),
  /** Ledger transactions in the end. */
  lines: z.number(),
});
export type Closed = z.infer<typeof closedSchema>;

const withinMs = 20 * 60_000;

/** The day on which every subscription's period ends: periods closed, charges in the ledger, statements told of. */
export const statements: Benchmark = {
  name: 'statements',
  title: 'statements of subscriptions whose periods all end on one day, one process, PostgreSQL server',
  run: async ({ workspace, quick, say }) => {
    const count = quick ? 200 : 10_000;
    say('a PostgreSQL server');
    const { url } = await startPostgres(workspace);
    say(`${count.toLocaleString('en-US')} subscriptions, three months`);
    const begun = workspace.startEntry('statements', 'test/bench/processes/statements.ts', {
      args: [url, String(count)],
    });
    const { closing, reading, lines } = await nextMessage(
      begun,
      (message) => closedSchema.safeParse(message).data,
      withinMs,
    );
    const name = `${count.toLocaleString('en-US')} statements`;
    return {
      figures: [
        ...closing.map((seconds, at) => ({ name: `${name}, month ${at + 1}`, value: seconds, unit: 's' })),
        { name: 'statements, all months', value: (count * closing.length) / sum(closing), unit: '1/s' },
        { name: 'one statement read with its lines, median', value: median(reading), unit: 'ms' },
      ],
      notes: [
        `One transaction each, by the reconciler of one process: the timeline from its facts, charges, ledger, audit row and notice. ${lines.toLocaleString('en-US')} transactions in the ledger in the end.`,
      ],
    };
  },
};
