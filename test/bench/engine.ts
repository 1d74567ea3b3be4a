import { join } from 'node:path';
import { z } from 'zod';
import type { Bench, Benchmark } from './benchmark.ts';
import { median } from './figures.ts';
import { startPostgres } from './postgres-process.ts';
import { nextMessage, type Started } from './workspace.ts';

const script = 'test/bench/processes/engine-worker.ts';
const secondsSchema = z.object({ seconds: z.number() });
const readySchema = z.object({ ready: z.literal(true) });
const begunSchema = z.object({ begun: z.number() });
const takeoverWithinMs = 60_000;

/** What the engine itself costs: queue, journal and events, without a cloud. */
export const engine: Benchmark = {
  name: 'engine',
  title: 'runs of three empty steps through the engine, on PGlite and on PostgreSQL',
  run: async (bench) => {
    const runs = bench.quick ? 100 : 2_000;
    const rate = async (place: string): Promise<number> => {
      const worker = bench.workspace.startEntry('engine', script, { args: [place, String(runs)] });
      const { seconds } = await nextMessage(worker, (message) => secondsSchema.safeParse(message).data);
      return runs / seconds;
    };
    bench.say('on PGlite');
    const embedded = await rate(join(bench.workspace.directory, 'engine-data'));
    bench.say('on PostgreSQL');
    const server = await rate((await startPostgres(bench.workspace)).url);
    return {
      figures: [
        { name: 'runs on PGlite', value: embedded, unit: '1/s' },
        { name: 'runs on PostgreSQL', value: server, unit: '1/s' },
      ],
      notes: [
        `${runs} runs that wait when one process begins to work, 25 at once; from the start of the engine to the end of the last. Each run is 12 transactions or so: ` +
          'claim, begin, three steps with two each and their events, completion.',
      ],
    };
  },
};

/** From `kill -9` of a worker to the moment in which another begins the step anew. */
export const takeover: Benchmark = {
  name: 'takeover',
  title: 'time from kill -9 of a worker until another one has its run, on PostgreSQL',
  run: async (bench) => {
    const times: number[] = [];
    for (let round = 0; round < (bench.quick ? 1 : 5); round += 1) {
      bench.say(`round ${round + 1}`);
      times.push(await timeOfTakeover(bench));
    }
    return {
      figures: [
        { name: 'takeover, median', value: median(times), unit: 's' },
        {
          name: 'takeover, longest',
          value: Math.max(...times),
          unit: 's',
          goal: { kind: 'at most', value: 20 },
        },
      ],
      notes: [
        'A silent worker keeps its run for 10 s; others look every 5 s for runs whose worker is silent, and every 2 s for runs that are free. The worker is killed at a moment of no meaning to them.',
      ],
    };
  },
};

async function timeOfTakeover({ workspace }: Bench): Promise<number> {
  const { url } = await startPostgres(workspace);
  const ready = async (name: string): Promise<Started> => {
    const worker = workspace.startEntry(name, script, { args: [url, '0'] });
    await nextMessage(worker, (message) => readySchema.safeParse(message).data);
    return worker;
  };
  const doomed = await ready('doomed');
  const taken = nextMessage(doomed, (message) => begunSchema.safeParse(message).data);
  workspace.startEntry('enqueue', script, { args: [url, 'enqueue'] });
  await taken;
  const other = await ready('other');
  const begun = nextMessage(other, (message) => begunSchema.safeParse(message).data, takeoverWithinMs);
  const killedAt = performance.now();
  await workspace.kill(doomed);
  await begun;
  const seconds = (performance.now() - killedAt) / 1000;
  await workspace.kill(other);
  return seconds;
}
