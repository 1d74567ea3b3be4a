import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { components } from '../../lib/domain/release.ts';
import { parametersForShape } from '../../tenant-template/shapes.ts';
import { control } from '../builders/sandbox-controls.ts';
import { provision, readRun, untilActive } from './api-client.ts';
import type { Benchmark } from './benchmark.ts';
import { startControlPlane } from './control-plane.ts';
import { type CriticalPath, criticalPath, type OrderedTemplate, secondsOnAws } from './critical-path.ts';
import type { Figure } from './figures.ts';
import { startSandboxProcess } from './sandbox-process.ts';

/** The shape of the plan that the benchmarks' sign-ups ask for. */
const shape = 'solo';

/** One practice on a sandbox that takes its time as AWS does: how much longer than what AWS itself waits for. */
export const waiting: Benchmark = {
  name: 'waiting',
  title: "wall time of a provisioning at AWS's own pace, scaled, against the longest chain of resources",
  run: async ({ workspace, quick, say, release: built }) => {
    const release = await built();
    const path = criticalPath(templatesIn(release), parametersForShape(shape), secondsOnAws());
    const sandbox = await startSandboxProcess(workspace, 'sandbox', { release, dataPlane: false });
    const controlPlane = await startControlPlane(workspace, 'test/bench/processes/control-plane.ts', {
      endpoint: sandbox.endpoint,
      release,
    });
    const timeScale = quick ? 0.01 : 0.1;
    await control(sandbox.endpoint, 'PUT', 'latency', { profile: 'aws', timeScale });
    say(
      `a silo of ${shape} at ${timeScale} of AWS's time: some ${Math.ceil(path.inStacks.seconds * timeScale)} s`,
    );
    const { runId } = await provision(controlPlane, 'Waiting practice');
    await untilActive(controlPlane, 1, 30 * 60_000);
    const { startedAt, finishedAt } = await readRun(controlPlane, runId);
    const wall = (Date.parse(finishedAt ?? '') - Date.parse(startedAt ?? '')) / 1000;
    return { figures: figuresOf(path, wall / timeScale), notes: notesOf(path, timeScale) };
  },
};

function figuresOf({ stacks, inStacks, longest, excess }: CriticalPath, wall: number): Figure[] {
  return [
    {
      name: 'wall time / longest chain of each stack, one after the other',
      value: wall / inStacks.seconds,
      unit: '×',
      goal: { kind: 'at most', value: 1.1 },
    },
    {
      name: 'wall time / longest chain of the whole silo',
      value: wall / longest.seconds,
      unit: '×',
      goal: { kind: 'at most', value: 1.1 },
    },
    { name: 'of which the order of the stacks', value: 1 + excess, unit: '×' },
    { name: "wall time, in AWS's seconds", value: wall, unit: 's' },
    ...stacks.map(({ stack, seconds }) => ({ name: `longest chain of ${stack}`, value: seconds, unit: 's' })),
    { name: 'longest chain of the whole silo', value: longest.seconds, unit: 's' },
  ];
}

function notesOf({ stacks, longest }: CriticalPath, timeScale: number): string[] {
  const spoken = (resources: readonly string[]): string => resources.join(' → ');
  return [
    `The sandbox's latency profile (docs/sandbox.md) at ${timeScale} of AWS's time, no data plane. What the control plane itself takes is not scaled, so it weighs ${Math.round(1 / timeScale)} times as much here.`,
    ...stacks.map(({ stack, resources }) => `${stack}: ${spoken(resources)}`),
    `whole silo: ${spoken(longest.resources)}. docs/decisions/0018-what-bounds-a-provisioning.md says what follows from it.`,
  ];
}

function templatesIn(release: string): Record<string, OrderedTemplate> {
  return Object.fromEntries(
    components.map((component) => {
      const body = readFileSync(join(release, 'templates', `${component}.json`), 'utf8');
      return [component, JSON.parse(body) as OrderedTemplate];
    }),
  );
}
