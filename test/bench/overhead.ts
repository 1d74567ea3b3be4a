import {
  CloudFormationClient,
  paginateDescribeStackEvents,
  type StackEvent,
} from '@aws-sdk/client-cloudformation';
import type { Run } from '../../control-api/contracts/runs.ts';
import { sandboxDefaults } from '../../lib/config.ts';
import { components } from '../../lib/domain/release.ts';
import { type Approved, provision, readRun, untilActive } from './api-client.ts';
import type { Benchmark } from './benchmark.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { type Figure, median, sum } from './figures.ts';
import { startSandboxProcess } from './sandbox-process.ts';

/** One practice's run, in seconds. */
interface Measured {
  readonly wall: number;
  readonly cloudFormation: number;
  /** From the start of a step to the first event of its operation: the change set made, reviewed and executed. */
  readonly before: number;
  /** From the last event of an operation to the end of its step: seen, read again, protected and recorded. */
  readonly after: number;
  /** By the journal; a last entry holds what lies between the steps. */
  readonly steps: ReadonlyMap<string, number>;
}

/** When an operation on a stack began and ended, by its events, in milliseconds of the epoch. */
interface Operation {
  readonly begun: number;
  readonly ended: number;
}

/** Each practice alone, on the sandbox with its data plane: a real database, the real app and a real verification. */
export const overhead: Benchmark = {
  name: 'overhead',
  title: "wall time of one practice's provisioning against the time of its CloudFormation operations",
  run: async (bench) => {
    const { workspace, quick, say } = bench;
    const release = await bench.release();
    const { endpoint } = await startSandboxProcess(workspace, 'sandbox', { release, dataPlane: true });
    const controlPlane = await startControlPlane(workspace, 'bin/control-api.ts', { endpoint, release });
    const stacks = new CloudFormationClient({
      region: sandboxDefaults.region,
      endpoint,
      credentials: sandboxDefaults.credentials,
    });
    const practices = quick ? 1 : 5;
    const measured: Measured[] = [];
    for (let made = 1; made <= practices; made += 1) {
      say(`practice ${made} of ${practices}`);
      const approved = await provision(controlPlane, `Overhead practice ${made}`);
      await untilActive(controlPlane, made, 5 * 60_000);
      measured.push(await measure(controlPlane, stacks, approved));
    }
    stacks.destroy();
    return {
      figures: figuresOf(measured),
      notes: [
        `Median of ${practices} practices, one after another. The time of a CloudFormation operation is that between the first and the last event ` +
          'of the stack from CREATE_IN_PROGRESS on, so that making and reviewing the change set counts as overhead. Each figure is a median of its own: the steps need not add up.',
      ],
    };
  },
};

async function measure(
  controlPlane: ControlPlane,
  stacks: CloudFormationClient,
  { practiceId, runId }: Approved,
): Promise<Measured> {
  const run = await readRun(controlPlane, runId);
  const wall = secondsOf(run);
  const deployments: { readonly step: Run['steps'][number]; readonly operation: Operation }[] = [];
  for (const component of components) {
    const step = run.steps.find(({ name }) => name === `deploy-${component}`);
    if (step === undefined) throw new Error(`The run has no step that deploys ${component}.`);
    const operation = await operationOf(stacks, `lumenality-${practiceId}-${component}`);
    deployments.push({ step, operation });
  }
  const total = (of: (each: (typeof deployments)[number]) => number): number =>
    sum(deployments.map(of)) / 1000;
  const steps = new Map(run.steps.map((step) => [`step ${step.name}`, secondsOf(step)]));
  steps.set('between the steps', wall - sum([...steps.values()]));
  return {
    wall,
    cloudFormation: total(({ operation }) => operation.ended - operation.begun),
    before: total(({ step, operation }) => operation.begun - Date.parse(step.startedAt ?? '')),
    after: total(({ step, operation }) => Date.parse(step.finishedAt ?? '') - operation.ended),
    steps,
  };
}

function figuresOf(measured: readonly Measured[]): Figure[] {
  const seconds = (name: string, of: (each: Measured) => number): Figure => ({
    name,
    value: median(measured.map(of)),
    unit: 's',
  });
  const names = [...(measured[0]?.steps.keys() ?? [])];
  return [
    {
      name: 'wall time / CloudFormation time',
      value: median(measured.map(({ wall, cloudFormation }) => wall / cloudFormation)),
      unit: '×',
      goal: { kind: 'at most', value: 1.1 },
    },
    seconds('wall time of the run', ({ wall }) => wall),
    seconds('its CloudFormation operations', ({ cloudFormation }) => cloudFormation),
    seconds('everything else', ({ wall, cloudFormation }) => wall - cloudFormation),
    seconds('in the deploy steps, before their operations', ({ before }) => before),
    seconds('in the deploy steps, after their operations', ({ after }) => after),
    ...names.map((name) => seconds(name, ({ steps }) => steps.get(name) ?? Number.NaN)),
  ];
}

/** A stack's creation, the making of its change set left out. */
async function operationOf(client: CloudFormationClient, stackName: string): Promise<Operation> {
  const events: StackEvent[] = [];
  for await (const page of paginateDescribeStackEvents({ client }, { StackName: stackName })) {
    events.push(...(page.StackEvents ?? []));
  }
  const times = events
    .filter((event) => String(event.ResourceStatus) !== 'REVIEW_IN_PROGRESS')
    .map((event) => event.Timestamp?.getTime() ?? Number.NaN);
  if (times.length < 2) throw new Error(`Stack ${stackName} has no events of an operation.`);
  return { begun: Math.min(...times), ended: Math.max(...times) };
}

function secondsOf(span: Pick<Run, 'startedAt' | 'finishedAt'>): number {
  if (span.startedAt === null || span.finishedAt === null) return 0;
  return (Date.parse(span.finishedAt) - Date.parse(span.startedAt)) / 1000;
}
