import { readFileSync } from 'node:fs';
import { provision, untilActive } from './api-client.ts';
import type { Bench, Benchmark } from './benchmark.ts';
import { startControlPlane } from './control-plane.ts';
import { type Figure, type Outcome, sum } from './figures.ts';
import { startPostgres } from './postgres-process.ts';
import { memoryOf } from './process-memory.ts';
import { type SandboxProcess, startSandboxProcess } from './sandbox-process.ts';

interface Seen {
  readonly practices: number;
  readonly seconds: number;
  /** Calls to AWS so far, and those of them that read stacks. */
  readonly calls: number;
  readonly describeStacks: number;
  readonly controlPlaneMib: number;
  readonly sandboxMib: number;
}

/** A fleet that is approved all at once: what a practice costs when there are a hundred of them, and when there are a thousand. */
export const fleet: Benchmark = {
  name: 'fleet',
  title:
    'practices approved all at once, on PostgreSQL and a recording sandbox: time, calls and memory at 100 and at 1,000',
  run: async (bench) => {
    const sizes = bench.quick ? [5, 10] : [100, 1_000];
    const seen: Seen[] = [];
    for (const practices of sizes) seen.push(await provisionAll(bench, practices));
    return outcomeOf(seen);
  },
};

async function provisionAll(bench: Bench, practices: number): Promise<Seen> {
  const { workspace, say } = bench;
  const release = await bench.release();
  const name = `sandbox-${practices}`;
  const sandbox = await startSandboxProcess(workspace, name, { release, dataPlane: false });
  const controlPlane = await startControlPlane(workspace, 'test/bench/processes/control-plane.ts', {
    endpoint: sandbox.endpoint,
    release,
    databaseUrl: (await startPostgres(workspace)).url,
    dataDirectory: `control-plane-${practices}`,
  });
  const before = await sandbox.calls();
  const begun = performance.now();
  say(`${practices} practices are approved`);
  for (let made = 1; made <= practices; made += 1) await provision(controlPlane, `Fleet practice ${made}`);
  say(`${practices} practices are provisioned`);
  await untilActive(controlPlane, practices, 60 * 60_000);
  const seconds = (performance.now() - begun) / 1000;
  const calls = await sandbox.calls();
  const { collected } = await memoryOf(controlPlane);
  const sandboxMib = residentMib(sandbox);
  await workspace.stop(controlPlane.started);
  await workspace.stop(sandbox.started);
  return {
    practices,
    seconds,
    calls: sum(Object.values(calls)) - sum(Object.values(before)),
    describeStacks:
      (calls['cloudformation:DescribeStacks'] ?? 0) - (before['cloudformation:DescribeStacks'] ?? 0),
    controlPlaneMib: collected,
    sandboxMib,
  };
}

function outcomeOf(seen: readonly Seen[]): Outcome {
  const each = (name: string, unit: string, of: (at: Seen) => number): Figure[] =>
    seen.map((at) => ({ name: `${at.practices} practices: ${name}`, value: of(at), unit }));
  const [first, last] = [seen[0], seen.at(-1)];
  if (first === undefined || last === undefined) throw new Error('nothing was measured');
  const growth = (name: string, of: (at: Seen) => number): Figure => ({
    name: `${name}, at ${last.practices} against ${first.practices}`,
    value: of(last) / of(first),
    unit: '×',
  });
  return {
    figures: [
      ...each('until all are active', 's', ({ seconds }) => seconds),
      ...each('a practice', 's', ({ seconds, practices }) => seconds / practices),
      ...each('calls to AWS a practice', 'calls', ({ calls, practices }) => calls / practices),
      ...each('DescribeStacks a second', '1/s', ({ describeStacks, seconds }) => describeStacks / seconds),
      ...each('control plane, garbage collected', 'MiB', ({ controlPlaneMib }) => controlPlaneMib),
      ...each('sandbox', 'MiB', ({ sandboxMib }) => sandboxMib),
      growth('time a practice', ({ seconds, practices }) => seconds / practices),
      growth('calls a practice', ({ calls, practices }) => calls / practices),
      growth('memory of the control plane', ({ controlPlaneMib }) => controlPlaneMib),
    ],
    notes: [
      'One control plane with its standard 25 runs at a time, on a PostgreSQL server of this machine; a sandbox without data plane, a stand-in for the apps. Each size on an empty database and an empty sandbox. ' +
        'All of them share the cores.',
    ],
  };
}

/** Of Linux, which tells the memory of another process in /proc (proc(5), `VmRSS`). */
function residentMib({ started }: SandboxProcess): number {
  const [, kib] =
    /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${started.process.pid}/status`, 'utf8')) ?? [];
  return Number(kib) / 1024;
}
