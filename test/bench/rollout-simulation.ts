import { z } from 'zod';
import { targetStates } from '../../lib/domain/rollout.ts';
import type { Benchmark } from './benchmark.ts';
import { type Figure, median, type Outcome, sum } from './figures.ts';
import { startPostgres } from './postgres-process.ts';
import { nextMessage } from './workspace.ts';

/** What a simulated rollout measured. */
const simulatedSchema = z.object({
  state: z.string(),
  counts: z.array(z.object({ state: z.enum(targetStates), count: z.number() })),
  waves: z.number(),
  /** On the virtual clock. */
  days: z.number(),
  seconds: z.number(),
  planSeconds: z.number(),
  /** To which the clock was moved. */
  moments: z.number(),
  /** Passes in which there was nothing to do, and the others. */
  passMs: z.object({ idle: z.array(z.number()), busy: z.array(z.number()) }),
  statements: z.number(),
  /** Table rows and index entries that PostgreSQL has read. */
  rows: z.number(),
  metricsRead: z.number(),
  heapBeforeMib: z.number(),
  heapMib: z.number(),
  heapAfterMib: z.number(),
  residentMib: z.number(),
});
export type Simulated = z.infer<typeof simulatedSchema>;

const saidSchema = z.object({ say: z.string() });
const withinMs = 60 * 60_000;

/** A rollout over the fleet, from its plan to its end: no cloud and no HTTP, everything else is real but for time. */
export const rolloutSimulation: Benchmark = {
  name: 'rollout',
  title: 'a rollout over the whole fleet on a virtual clock: time, memory and reads of the database',
  run: async ({ workspace, quick, release, say }) => {
    const practices = quick ? 60 : 10_000;
    const directory = await release();
    const { url } = await startPostgres(workspace);
    const simulation = workspace.startEntry('simulation', 'test/bench/processes/rollout-simulation.ts', {
      args: [url, directory, String(practices)],
      flags: ['--expose-gc'],
    });
    simulation.process.on('message', (message) => {
      const said = saidSchema.safeParse(message).data;
      if (said !== undefined) say(said.say);
    });
    const measured = await nextMessage(
      simulation,
      (message) => simulatedSchema.safeParse(message).data,
      withinMs,
    );
    return outcomeOf(practices, measured);
  },
};

function outcomeOf(practices: number, of: Simulated): Outcome {
  const { idle, busy } = of.passMs;
  const count = (state: string): number =>
    sum(of.counts.filter((each) => each.state === state).map((each) => each.count));
  const figure = (name: string, value: number, unit: string): Figure => ({ name, value, unit });
  return {
    figures: [
      figure('from its plan to its end', of.seconds, 's'),
      figure('of it planning, storing and starting', of.planSeconds, 's'),
      figure('a practice', (of.seconds * 1_000) / practices, 'ms'),
      figure('simulated time', of.days, 'days'),
      figure('passes that did something', busy.length, 'passes'),
      figure('the longest of them', Math.max(...busy), 'ms'),
      figure('a pass with nothing to do, median', median(idle), 'ms'),
      figure('statements a practice', of.statements / practices, 'statements'),
      figure('rows and index entries read a practice', of.rows / practices, 'rows'),
      figure('reads of metrics a practice', of.metricsRead / practices, 'calls'),
      figure('heap before, garbage collected', of.heapBeforeMib, 'MiB'),
      figure('heap after, garbage collected', of.heapAfterMib, 'MiB'),
      figure('heap, highest seen', of.heapMib, 'MiB'),
      figure('resident, highest seen', of.residentMib, 'MiB'),
    ],
    notes: [
      `${practices} practices in ${of.waves} waves; ${count('succeeded')} updated, ${count('rolled_back')} gone back, ${count('skipped')} skipped, ` +
        `${count('missed')} missed, ${count('failed')} failed; the rollout ${of.state}. The others were left out by its plan.`,
      `The clock jumped to ${of.moments} moments at which something was due, with passes until one had nothing to do; a control plane makes one every 5 s.`,
      'Practices bake for 30 minutes and are looked at in the meantime, at the moments at which something else is due too. Runs end by a script after 8 to 22 minutes, one of 200 fails and goes back; figures of apps are good and cost no time. Standing in for the workers takes some rows read a practice, too.',
    ],
  };
}
