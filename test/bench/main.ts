/**
 * `npm run bench`: measures the control plane against its goals (docs/benchmarks.md).
 * Exit status: 0 everything was measured, whether or not a goal was met; 1 a benchmark could not run; 2 wrong usage;
 * 130 or 143 interrupted.
 */
import '../../bin/quiet-sdk.ts';
import { appendFile, writeFile } from 'node:fs/promises';
import { cpus, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Command, CommanderError, Option } from 'commander';
import { againstCdk } from './against-cdk.ts';
import type { Benchmark } from './benchmark.ts';
import { engine, takeover } from './engine.ts';
import { enrolment } from './enrolment.ts';
import { fleet } from './fleet.ts';
import { memory } from './memory.ts';
import { overhead } from './overhead.ts';
import { planning } from './planning.ts';
import { projection } from './projection.ts';
import { reads } from './reads.ts';
import { buildRelease } from './release.ts';
import { jsonOf, type Reported, tableOf } from './report.ts';
import { rolloutSimulation } from './rollout-simulation.ts';
import { signUps, signUpsOnPostgres } from './sign-ups.ts';
import { silo } from './silo.ts';
import { statements } from './statements.ts';
import { updates } from './updates.ts';
import { waiting } from './waiting.ts';
import { Workspace } from './workspace.ts';

interface Options {
  readonly json?: string;
  readonly only?: readonly string[];
  readonly quick?: boolean;
}

const benchmarks: readonly Benchmark[] = [
  silo,
  overhead,
  waiting,
  againstCdk,
  signUps,
  signUpsOnPostgres,
  engine,
  takeover,
  memory,
  fleet,
  reads,
  planning,
  enrolment,
  projection,
  statements,
  rolloutSimulation,
  updates,
];
const root = fileURLToPath(new URL('../..', import.meta.url));
const cdk = fileURLToPath(import.meta.resolve('aws-cdk/bin/cdk'));
const open = new Set<Workspace>();
let interrupted = false;

for (const [signal, status] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.on(signal, () => void stopBy(status));
}

try {
  await new Command('bench')
    .description('Measure the control plane: figures with their goals. docs/benchmarks.md explains them.')
    .option('--json <file>', 'write the figures and the machine to this file too')
    .addOption(
      new Option('--only <names...>', 'run these benchmarks alone').choices(
        benchmarks.map(({ name }) => name),
      ),
    )
    .option('--quick', 'small sizes, to see that everything runs; the figures then mean little')
    .addHelpText(
      'after',
      `\nBenchmarks:\n${benchmarks.map(({ name, title }) => `  ${name}: ${title}`).join('\n')}\n`,
    )
    .allowExcessArguments(false)
    .exitOverride()
    .action(run)
    .parseAsync();
} catch (error) {
  // Commander has printed its own message; asking for help is no failure.
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? 0 : 2;
}

async function run({ json, only, quick = false }: Options): Promise<void> {
  if (json !== undefined && !(await isWritable(json))) {
    process.exitCode = 2;
    return;
  }
  const chosen = benchmarks.filter(({ name }) => only === undefined || only.includes(name));
  const shared = opened();
  let built: Promise<string> | undefined;
  const release = (): Promise<string> => {
    built ??= buildRelease(shared);
    return built;
  };
  const load = loadavg()[0] ?? 0;
  if (load > cpus().length / 2) {
    console.error(`The machine is busy with other work (load ${load.toFixed(1)}): times will be too long.`);
  }
  const reports: Reported[] = [];
  for (const benchmark of chosen) {
    const report = await measure(benchmark, quick, release);
    // The signal's handler ends the process as soon as everything has stopped.
    if (interrupted) return;
    reports.push(report);
    console.log(`\n${tableOf(report)}`);
  }
  await closed(shared);
  if (json !== undefined) await writeFile(json, jsonOf(reports, { quick, load }));
  process.exitCode = reports.every(({ outcome }) => outcome !== undefined) ? 0 : 1;
}

/** Asked before anything is measured: the answer would come after ten minutes of work otherwise. */
async function isWritable(file: string): Promise<boolean> {
  try {
    await appendFile(file, '');
    return true;
  } catch (error) {
    console.error(`bench: the figures cannot be written. ${(error as Error).message}`);
    return false;
  }
}

async function measure(
  { name, title, run: runBenchmark }: Benchmark,
  quick: boolean,
  release: () => Promise<string>,
): Promise<Reported> {
  const workspace = opened();
  const say = (line: string): void => console.error(`${name}: ${line}`);
  const begun = performance.now();
  const report = (outcome: Reported['outcome'], problem: Reported['problem']): Reported => ({
    name,
    title,
    outcome,
    problem,
    seconds: (performance.now() - begun) / 1000,
  });
  try {
    return report(await runBenchmark({ workspace, quick, release, cdk, say }), undefined);
  } catch (error) {
    return report(undefined, error instanceof Error ? error.message : String(error));
  } finally {
    await closed(workspace);
  }
}

function opened(): Workspace {
  const workspace = new Workspace(root);
  open.add(workspace);
  return workspace;
}

async function closed(workspace: Workspace): Promise<void> {
  await workspace.close();
  open.delete(workspace);
}

/** Ends all processes in order and removes all directories; a second signal does not wait. */
async function stopBy(status: number): Promise<void> {
  if (interrupted) {
    for (const workspace of open) workspace.destroy();
    process.exit(status);
  }
  interrupted = true;
  console.error('Stopping. Once more stops at once.');
  await Promise.all([...open].map((workspace) => workspace.close()));
  process.exit(status);
}
