import { join } from 'node:path';
import { deriveRelease } from '../../bin/demo-rollout-releases.ts';
import { pushImage } from '../../bin/embedded-release.ts';
import { readReleaseDirectory } from '../../bin/release-directory.ts';
import type { Release } from '../../lib/domain/release.ts';
import { batched, type Contest, invocationsAtOnce, scripted, timed } from './against-cdk.ts';
import { provision, untilActive } from './api-client.ts';
import type { Bench, Benchmark } from './benchmark.ts';
import { CdkCommand } from './cdk-command.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { type Figure, sum } from './figures.ts';
import { startPostgres } from './postgres-process.ts';
import { openAllDay, startRollout, untilRolledOut } from './rollout-client.ts';
import { awsEnvironment, type SandboxProcess, startSandboxProcess } from './sandbox-process.ts';

/** What it took to update some practices. */
interface Updated extends Contest {
  readonly practices: number;
}

const withinMs = 30 * 60_000;

/** The same update of the same stacks on the same kind of sandbox: another image, and another release in the tags of everything. */
export const updates: Benchmark = {
  name: 'updates',
  title:
    'practices updated by a rollout against the CDK command line once per practice, on the same kind of sandbox',
  run: async (bench) => {
    const count = bench.quick ? 4 : 200;
    const byCdk = bench.quick ? 2 : 10;
    const directory = await bench.release();
    const next = join(bench.workspace.directory, 'next-release');
    deriveRelease(directory, next, { appVersion: 'next', notes: 'Benchmark' });
    const ours = await throughRollout(bench, count, next);
    const [alone, sideBySide] = await throughCdk(bench, byCdk, next);
    const each = ({ seconds, practices }: Updated): number => seconds / practices;
    return {
      figures: [
        { name: `${count} practices by a rollout`, value: ours.seconds, unit: 's' },
        { name: 'of it until the first begins', value: ours.untilFirst, unit: 's' },
        { name: 'by a rollout, a practice', value: each(ours), unit: 's' },
        { name: `by CDK one after the other, a practice (of ${byCdk})`, value: each(alone), unit: 's' },
        {
          name: `by CDK ${invocationsAtOnce} at a time, a practice (of ${byCdk})`,
          value: each(sideBySide),
          unit: 's',
        },
        { name: 'a practice, CDK one after the other / rollout', value: each(alone) / each(ours), unit: '×' },
        {
          name: `a practice, CDK ${invocationsAtOnce} at a time / rollout`,
          value: each(sideBySide) / each(ours),
          unit: '×',
        },
        ...callFigures('rollout', ours),
        ...callFigures('CDK', alone),
      ],
      notes: [
        `Rollout: from its request over the API to its end, with one wave, windows that are open and no bake time; a control plane with its standard 25 runs at a time on a PostgreSQL server of this machine. It verifies every silo, and the reconciler looks every 5 s. ` +
          'A stand-in answers for the apps, which the sandbox does not run; drift and health checks that fall into the time are counted. Plans go by whole minutes, so the first update may wait for one.',
        `CDK command line: three invocations of "cdk deploy" a practice, as in against-cdk, on stacks that were synthesised and deployed beforehand, which is not counted. ${byCdk} practices are measured one after the other, and ${byCdk} others ${invocationsAtOnce} at a time; nothing is extrapolated to ${count}.`,
        `Calls of the rollout: ${wordsOf(ours)}.`,
        `Calls of the CDK command line: ${wordsOf(alone)}.`,
      ],
    };
  },
};

async function throughRollout(
  bench: Bench,
  count: number,
  next: string,
): Promise<Updated & { readonly untilFirst: number }> {
  const { workspace, say } = bench;
  const release = await bench.release();
  const sandbox = await startSandboxProcess(workspace, 'sandbox-rollout', { release, dataPlane: false });
  const controlPlane = await startControlPlane(workspace, 'test/bench/processes/control-plane.ts', {
    endpoint: sandbox.endpoint,
    release,
    databaseUrl: (await startPostgres(workspace)).url,
  });
  say(`${count} practices are provisioned`);
  const approved = [];
  for (let made = 1; made <= count; made += 1) {
    approved.push(await provision(controlPlane, `Update practice ${made}`));
  }
  await untilActive(controlPlane, count, withinMs);
  for (const { practiceId } of approved) await openAllDay(controlPlane, practiceId);
  const { manifest } = await publish(bench, { controlPlane, sandbox }, next);
  say(`release ${manifest.id} is rolled out`);
  let untilFirst = 0;
  const updated = await timed(sandbox, async () => {
    const begun = performance.now();
    const id = await startRollout(controlPlane, manifest.id, count);
    let told = 0;
    const { practices } = await untilRolledOut(
      controlPlane,
      id,
      withinMs,
      ({ pending = 0, succeeded = 0 }) => {
        if (untilFirst === 0 && pending < count) untilFirst = (performance.now() - begun) / 1_000;
        if (succeeded < told + count / 10) return;
        told = succeeded;
        say(`${succeeded} are updated`);
      },
    );
    if (practices.succeeded !== count) throw new Error(`Not all were updated: ${JSON.stringify(practices)}`);
  });
  await workspace.stop(controlPlane.started);
  await workspace.stop(sandbox.started);
  return { ...updated, practices: count, untilFirst };
}

/** Signed and uploaded by the command line, as a pipeline does. */
async function publish(
  { workspace }: Bench,
  { controlPlane, sandbox }: { readonly controlPlane: ControlPlane; readonly sandbox: SandboxProcess },
  directory: string,
): Promise<Release> {
  const release = await readReleaseDirectory(directory);
  await pushImage(sandbox.endpoint, { ...release.manifest.image, folder: join(directory, 'image') });
  const command = ['release', 'publish', directory, '--kind=fix', '--notes=Benchmark'];
  const signing = ['--sign-with=kms:alias/lumenality-release', '--url', controlPlane.url];
  const entry = ['--import', 'tsx', join(workspace.root, 'bin', 'lumenality.ts')];
  await workspace.run('release-publish', [...entry, ...command, ...signing], {
    ...awsEnvironment(sandbox.endpoint),
    LUMENALITY_TOKEN: controlPlane.token,
  });
  return release;
}

/** Practices one after the other, then others some at a time. */
async function throughCdk(bench: Bench, count: number, next: string): Promise<readonly [Updated, Updated]> {
  const { workspace, say } = bench;
  const release = await bench.release();
  const { manifest } = await readReleaseDirectory(release);
  const { manifest: nextManifest } = await readReleaseDirectory(next);
  const sandbox = await startSandboxProcess(workspace, 'sandbox-cdk', { release, dataPlane: false });
  await pushImage(sandbox.endpoint, { ...nextManifest.image, folder: join(next, 'image') });
  const cdk = new CdkCommand(bench, 'cdk-update', sandbox.endpoint, manifest);
  const names = Array.from({ length: 2 * count }, (_, index) => `update-${index + 1}`);
  say(`${names.length} practices are deployed by the CDK command line, as a batch`);
  await cdk.synthesise(names);
  await batched(cdk, names);
  cdk.use(nextManifest);
  const update = async (some: readonly string[], atOnce: number): Promise<Updated> => {
    say(`${some.length} of them are updated, ${atOnce} at a time`);
    return { ...(await timed(sandbox, () => scripted(cdk, some, atOnce))), practices: some.length };
  };
  const alone = await update(names.slice(0, count), 1);
  const sideBySide = await update(names.slice(count), invocationsAtOnce);
  await workspace.stop(sandbox.started);
  return [alone, sideBySide];
}

const kinds: Readonly<Record<string, (operation: string) => boolean>> = {
  DescribeStacks: (operation) => operation === 'cloudformation:DescribeStacks',
  'other reads of CloudFormation': (operation) =>
    operation !== 'cloudformation:DescribeStacks' &&
    operation.startsWith('cloudformation:') &&
    isRead(operation),
  'reads of other services': (operation) => !operation.startsWith('cloudformation:') && isRead(operation),
  changes: (operation) => !isRead(operation),
};

const isRead = (operation: string): boolean => /:(Describe|Get|List|Head|AssumeRole)/.test(operation);

function callFigures(who: string, { calls, practices }: Updated): Figure[] {
  return Object.entries(kinds).map(([kind, matches]) => ({
    name: `${who}: ${kind} a practice`,
    value: sum(Object.entries(calls).flatMap(([name, times]) => (matches(name) ? [times] : []))) / practices,
    unit: 'calls',
  }));
}

/** The ten most frequent operations, a practice. */
function wordsOf({ calls, practices }: Updated): string {
  return Object.entries(calls)
    .sort(([, one], [, other]) => other - one)
    .slice(0, 10)
    .map(([name, times]) => `${(times / practices).toFixed(1)} ${name}`)
    .join(', ');
}
