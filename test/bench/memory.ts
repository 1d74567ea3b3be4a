import { provision, untilActive } from './api-client.ts';
import type { Benchmark } from './benchmark.ts';
import { startControlPlane } from './control-plane.ts';
import { memoryOf } from './process-memory.ts';
import { startSandboxProcess } from './sandbox-process.ts';

/** Resident memory of the control plane's process with its embedded database, before and while practices are added. */
export const memory: Benchmark = {
  name: 'memory',
  title: 'resident memory of the control plane, with its embedded database, while practices are added',
  run: async (bench) => {
    const { workspace, quick, say } = bench;
    const release = await bench.release();
    const { endpoint } = await startSandboxProcess(workspace, 'sandbox', { release, dataPlane: false });
    const controlPlane = await startControlPlane(workspace, 'test/bench/processes/control-plane.ts', {
      endpoint,
      release,
    });
    const start = await memoryOf(controlPlane);
    const counts = quick ? [1, 2, 3] : [10, 50, 100];
    const seen: { readonly count: number; readonly now: Awaited<ReturnType<typeof memoryOf>> }[] = [];
    let made = 0;
    for (const count of counts) {
      say(`up to ${count} practices`);
      for (; made < count; made += 1) await provision(controlPlane, `Memory practice ${made + 1}`);
      await untilActive(controlPlane, count, 15 * 60_000);
      seen.push({ count, now: await memoryOf(controlPlane) });
    }
    const [first, last] = [seen[0], seen.at(-1)];
    if (first === undefined || last === undefined) throw new Error('nothing was measured');
    const growth = (last.now.collected - first.now.collected) / (last.count - first.count);
    return {
      figures: [
        { name: 'before the first practice', value: start.resident, unit: 'MiB' },
        ...seen.map(({ count, now }) => ({
          name: `after ${count} practices`,
          value: now.resident,
          unit: 'MiB',
        })),
        ...seen.map(({ count, now }) => ({
          name: `after ${count} practices, garbage collected`,
          value: now.collected,
          unit: 'MiB',
        })),
        { name: 'highest', value: last.now.peak, unit: 'MiB' },
        {
          name: `growth a practice, from ${first.count} to ${last.count}, garbage collected`,
          value: growth,
          unit: 'MiB',
        },
      ],
      notes: [
        'Sandbox recording only, each batch of practices approved at once. The embedded database lives in the same process; with a PostgreSQL server it is not there.',
      ],
    };
  },
};
