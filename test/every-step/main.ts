/**
 * `npm run test:every-step`: interrupts every step of every workflow, in every place and by every kind of fault, and compares what
 * comes of it with an undisturbed run. `--sample` has every step and every kind, and not all of their product.
 * Exit status: 0 all came to the same; 1 something differs, or does not end; 2 wrong usage.
 */
import '../../bin/quiet-sdk.ts';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { buildRelease } from '../bench/release.ts';
import { Workspace } from '../bench/workspace.ts';
import { differences } from './compare.ts';
import { type Harness, startHarness } from './harness.ts';
import { type Report, tellInterruption } from './interruption.ts';
import { deaths, type Extent, faults, replays, type SeenStep } from './orders.ts';
import { scenarios } from './scenarios.ts';

const { values: options } = parseArgs({
  options: { release: { type: 'string' }, sample: { type: 'boolean', default: false } },
});
const workspace = new Workspace(fileURLToPath(new URL('../..', import.meta.url)));
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    workspace.destroy();
    process.exit(1);
  });
}

const say = (line: string): void => console.error(`every-step: ${line}`);
try {
  const problems = await check(options.sample ? 'sample' : 'all');
  for (const problem of problems) console.error(problem);
  process.exitCode = problems.length === 0 ? 0 : 1;
} finally {
  await workspace.close();
}

async function check(extent: Extent): Promise<readonly string[]> {
  const harness = await startHarness(workspace, options.release ?? (await buildRelease(workspace)));
  try {
    const missing = Object.keys(harness.steps).filter(
      (name) => !scenarios.some(({ workflow }) => workflow === name),
    );
    if (missing.length > 0)
      return [`No scenario begins ${missing.join(', ')}: add it to test/every-step/scenarios.ts.`];
    if (harness.unknownTables.length > 0)
      return [`Nobody compares ${harness.unknownTables.join(', ')}: add it to test/every-step/picture.ts.`];
    return await interruptAll(harness, extent);
  } finally {
    await harness.close();
  }
}

async function interruptAll(harness: Harness, extent: Extent): Promise<string[]> {
  const seen = seenSteps(harness);
  const begun = performance.now();
  const [reference] = await harness.live({ 'reference-1': [] }, (report) => seen.note(report));
  if (reference === undefined) throw new Error('There is no reference.');
  const steps = seen.steps();
  say(`${steps.length} steps of ${scenarios.length} workflows, undisturbed: ${secondsSince(begun)} s`);
  const withFailures = faults(steps, extent);
  const orders = { ...replays(steps), ...deaths(steps, extent), ...withFailures };
  const problems: string[] = [];
  let reached = 0;
  let passedBy = 0;
  const lives = await harness.live(orders, ({ kind, ...report }) => {
    if (kind === 'reached') reached += 1;
    if (kind !== 'missed' || !('interruption' in report)) return;
    // A fault before may spare a step the call; a death and a repetition are always to be had.
    if (report.practiceId in withFailures) passedBy += 1;
    else problems.push(`${report.practiceId} never came to: ${tellInterruption(report.interruption)}`);
  });
  for (const life of lives) {
    problems.push(...differences(reference, life, { failures: life.practiceId in withFailures }));
  }
  const asked = Object.values(orders).reduce((sum, list) => sum + list.length, 0);
  if (reached + passedBy < asked) problems.push(`Only ${reached} of ${asked} interruptions came about.`);
  say(
    `${reached} interruptions of ${lives.length} practices, ${harness.deaths()} worker processes killed: ` +
      `${problems.length === 0 ? 'all came to the same' : `${problems.length} differences`}; ${secondsSince(begun)} s`,
  );
  return problems;
}

/** What the reference shows: a step that makes no call is still a step. */
function seenSteps({ steps }: Harness) {
  const calls = new Map<string, string[]>();
  const keyOf = (workflow: string, step: string): string => `${workflow}/${step}`;
  return {
    note: (report: Report): void => {
      if (report.kind !== 'call') return;
      const key = keyOf(report.workflow, report.step);
      calls.set(key, [...(calls.get(key) ?? []), report.call]);
    },
    steps: (): SeenStep[] =>
      scenarios.flatMap(({ workflow }) =>
        steps[workflow].map((step) => ({ workflow, step, calls: calls.get(keyOf(workflow, step)) ?? [] })),
      ),
  };
}

function secondsSince(begun: number): string {
  return ((performance.now() - begun) / 1000).toFixed(1);
}
