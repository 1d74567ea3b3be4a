import { readReleaseDirectory } from '../../bin/release-directory.ts';
import { components } from '../../lib/domain/release.ts';
import { provision, untilActive } from './api-client.ts';
import type { Bench, Benchmark } from './benchmark.ts';
import { CdkCommand, type Outputs } from './cdk-command.ts';
import { startControlPlane } from './control-plane.ts';
import { sum } from './figures.ts';
import { type SandboxProcess, startSandboxProcess } from './sandbox-process.ts';

/** What it took, with the calls to AWS by operation. */
export interface Contest {
  readonly seconds: number;
  readonly calls: Readonly<Record<string, number>>;
}

/** Invocations of the CDK command line at once: more than one a core only makes each of them slower. */
export const invocationsAtOnce = 2;

const withinMs = 30 * 60_000;

/** The same practices, templates and sandbox; each contestant has a sandbox process of its own, and its turn. */
export const againstCdk: Benchmark = {
  name: 'against-cdk',
  title: 'practices through the control plane against the CDK command line, on the same kind of sandbox',
  run: async (bench) => {
    const count = bench.quick ? 2 : 20;
    const names = Array.from({ length: count }, (_, index) => `contest-${index + 1}`);
    const ours = await throughControlPlane(bench, names);
    const script = await throughCdk(bench, 'script', names, (cdk) => scripted(cdk, names, invocationsAtOnce));
    const batch = await throughCdk(bench, 'batch', names, (cdk) => batched(cdk, names));
    const callsOf = ({ calls }: Contest): number => sum(Object.values(calls));
    return {
      figures: [
        { name: `${count} practices, control plane`, value: ours.seconds, unit: 's' },
        { name: `${count} practices, CDK command line`, value: script.seconds, unit: 's' },
        {
          name: 'CDK / control plane',
          value: script.seconds / ours.seconds,
          unit: '×',
          goal: { kind: 'at least', value: 10 },
        },
        { name: `${count} practices, CDK as one batch`, value: batch.seconds, unit: 's' },
        { name: 'CDK as one batch / control plane', value: batch.seconds / ours.seconds, unit: '×' },
        { name: 'AWS calls, control plane', value: callsOf(ours), unit: 'calls' },
        { name: 'AWS calls, CDK command line', value: callsOf(script), unit: 'calls' },
        { name: 'AWS calls, CDK as one batch', value: callsOf(batch), unit: 'calls' },
      ],
      notes: [
        'Control plane: sign-up and approval of each practice over the API until all are active; it verifies every silo, which the CDK command line does not. ' +
          'The sandbox only records, so a stand-in answers for the practice app at the port to the outside (HealthProbe); every other read of the verification is real.',
        `CDK command line: ${count * 3} invocations of "cdk deploy" (three stacks a practice, outputs handed on by file), ${invocationsAtOnce} at a time, on stacks that were ` +
          'synthesised once beforehand; that synthesis and the control plane’s start are not counted.',
        'CDK as one batch: the best that the CDK command line can do when all practices are known beforehand: three invocations, each deploying one stack of all practices at once.',
      ],
    };
  },
};

async function throughControlPlane(bench: Bench, names: readonly string[]): Promise<Contest> {
  bench.say(`${names.length} practices through the control plane`);
  const release = await bench.release();
  const sandbox = await startSandboxProcess(bench.workspace, 'sandbox-control-plane', {
    release,
    dataPlane: false,
  });
  const controlPlane = await startControlPlane(bench.workspace, 'test/bench/processes/control-plane.ts', {
    endpoint: sandbox.endpoint,
    release,
  });
  const contest = await timed(sandbox, async () => {
    await Promise.all(names.map((name) => provision(controlPlane, name)));
    await untilActive(controlPlane, names.length, withinMs);
  });
  await bench.workspace.stop(controlPlane.started);
  await bench.workspace.stop(sandbox.started);
  return contest;
}

async function throughCdk(
  bench: Bench,
  way: string,
  names: readonly string[],
  deploy: (cdk: CdkCommand) => Promise<void>,
): Promise<Contest> {
  bench.say(`${names.length} practices through the CDK command line, as a ${way}`);
  const release = await bench.release();
  const { manifest } = await readReleaseDirectory(release);
  const sandbox = await startSandboxProcess(bench.workspace, `sandbox-cdk-${way}`, {
    release,
    dataPlane: false,
  });
  const cdk = new CdkCommand(bench, `cdk-${way}`, sandbox.endpoint, manifest);
  await cdk.synthesise(names);
  const contest = await timed(sandbox, () => deploy(cdk));
  await bench.workspace.stop(sandbox.started);
  return contest;
}

/** What an engineer would script: practice after practice, or some of them at once. */
export async function scripted(cdk: CdkCommand, names: readonly string[], atOnce: number): Promise<void> {
  const left = names.values();
  const lane = async (): Promise<void> => {
    for (const name of left) await cdk.deployPractice(name);
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}

/** One stack of all practices after the other. */
export async function batched(cdk: CdkCommand, names: readonly string[]): Promise<void> {
  let outputs = new Map<string, Outputs>(names.map((name) => [name, {}]));
  for (const component of components) {
    const made = await cdk.deploy(component, outputs);
    outputs = new Map(names.map((name) => [name, { ...outputs.get(name), ...made.get(name) }]));
  }
}

export async function timed(sandbox: SandboxProcess, work: () => Promise<void>): Promise<Contest> {
  const before = await sandbox.calls();
  const begun = performance.now();
  await work();
  const seconds = (performance.now() - begun) / 1_000;
  const after = await sandbox.calls();
  const calls = Object.entries(after).map(([name, times]) => [name, times - (before[name] ?? 0)] as const);
  return { seconds, calls: Object.fromEntries(calls.filter(([, times]) => times > 0)) };
}
