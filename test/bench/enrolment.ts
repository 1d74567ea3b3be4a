import { z } from 'zod';
import type { Benchmark } from './benchmark.ts';
import { type Figure, median } from './figures.ts';
import { startPostgres } from './postgres-process.ts';
import { nextMessage } from './workspace.ts';

const raceSchema = z.object({
  enrolled: z.number(),
  waiting: z.number(),
  seconds: z.number(),
  /** Of each approval, from its call to its answer. */
  milliseconds: z.array(z.number()).nonempty(),
});
/** What became of approvals that all began at the same moment. */
export type Race = z.infer<typeof raceSchema>;

const racesSchema = z.object({ capped: raceSchema, uncapped: raceSchema });
/** All that the process measures: with a plan that has a tenth of the places, and with one that has places for all. */
export type Races = z.infer<typeof racesSchema>;

const withinMs = 10 * 60_000;

/** Approvals of one plan at the same moment: what its lock costs. */
export const enrolment: Benchmark = {
  name: 'enrolment',
  title: 'approvals at the same moment for the places of one plan, PostgreSQL server',
  run: async ({ workspace, quick, say }) => {
    const approvals = quick ? 50 : 500;
    say('a PostgreSQL server');
    const { url } = await startPostgres(workspace);
    say(`${approvals} approvals with a cap, and ${approvals} without`);
    const started = workspace.startEntry('enrolment', 'test/bench/processes/enrolment.ts', {
      args: [url, String(approvals)],
    });
    const { capped, uncapped } = await nextMessage(
      started,
      (message) => racesSchema.safeParse(message).data,
      withinMs,
    );
    return {
      figures: [...figuresOf('with a cap', capped), ...figuresOf('without a cap', uncapped)],
      notes: [
        `${approvals} approvals are called at once by one process over 20 connections; the plan with a cap has ${approvals / 10} places. ` +
          'Each approval is the whole transaction: the place in the plan, the terms signed, the place in a cell, practice, subscription, run and audit rows; only the queue is left out. ' +
          'Approvals for places of a cell follow one another whatever the plan, so that no cell is given more than it has.',
      ],
    };
  },
};

function figuresOf(plan: string, { enrolled, waiting, seconds, milliseconds }: Race): Figure[] {
  return [
    { name: `${plan}: enrolled`, value: enrolled, unit: 'practices' },
    { name: `${plan}: on the waiting list`, value: waiting, unit: 'sign-ups' },
    { name: `${plan}: answered`, value: milliseconds.length / seconds, unit: '1/s' },
    { name: `${plan}: median from the call to the answer`, value: median(milliseconds), unit: 'ms' },
    { name: `${plan}: the slowest`, value: Math.max(...milliseconds), unit: 'ms' },
  ];
}
