import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CloudWatchClient,
  DescribeAlarmsCommand,
  SetAlarmStateCommand,
  type StateValue,
} from '@aws-sdk/client-cloudwatch';
import { CloudWatchLogsClient, FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import {
  DescribeServicesCommand,
  DescribeTaskDefinitionCommand,
  ECSClient,
  RegisterTaskDefinitionCommand,
  UpdateServiceCommand,
} from '@aws-sdk/client-ecs';
import { sandboxDefaults } from '../../lib/config.ts';
import { defaultPolicy } from '../../lib/domain/rollout.ts';
import { judgeHealth } from '../../lib/domain/rollout-gate.ts';
import type { SiloFigures } from '../../lib/ports/silo-metrics.ts';
import { builtRelease } from '../builders/built-release.ts';
import { errorShare, faultyRelease, type ImageFault, slowerByMs } from '../builders/faulty-images.ts';
import { type SandboxedControlPlane, startProvisionedSilo } from '../builders/provisioned-silo.ts';
import { eventually } from '../builders/runs.ts';
import { control } from '../builders/sandbox-controls.ts';
import { visit } from '../sandbox/fixtures/services-compute-cloud.ts';

/** Its stacks are named as if they were the practice maple's. */
const practiceId = 'maple-service-aba';
const directory = mkdtempSync(join(tmpdir(), 'lumenality-faulty-'));
let silo: SandboxedControlPlane;
let outputs: Record<string, string>;
let ecs: ECSClient;
let logs: CloudWatchLogsClient;
let watch: CloudWatchClient;

beforeAll(async () => {
  silo = await startProvisionedSilo(practiceId);
  outputs = await silo.outputs(practiceId);
  const { region, credentials } = sandboxDefaults;
  ecs = new ECSClient({ endpoint: silo.cloud.endpoint, region, credentials });
  watch = new CloudWatchClient({ endpoint: silo.cloud.endpoint, region, credentials });
  logs = new CloudWatchLogsClient({ endpoint: silo.cloud.endpoint, region, credentials });
});
afterAll(async () => {
  ecs?.destroy();
  logs?.destroy();
  watch?.destroy();
  await silo?.stop();
  rmSync(directory, { recursive: true, force: true });
});

/** The sandbox's time, ahead of the machine's by so many minutes more. */
async function time(minutesOn = 0): Promise<Date> {
  const answer = await control(silo.cloud.endpoint, 'PUT', 'clock', { advanceSeconds: minutesOn * 60 });
  return new Date(((await answer.json()) as { now: string }).now);
}

const host = () => new URL(outputs['Url'] ?? '').hostname;
const ask = (path: string) => visit(silo.cloud.endpoint, host(), path);

/** What is measured of so many requests that are made now, one by one or all at once; minutes before and after are nobody's. */
async function figuresOf(requests: number, atOnce = 1): Promise<SiloFigures> {
  const from = await time(2);
  for (let asked = 0; asked < requests; asked += atOnce)
    await Promise.all(Array.from({ length: atOnce }, () => ask('/sign-in')));
  return silo.cloud.ports.metrics.figures(practiceId, { from, until: await time() });
}

/** Has the service run an image, by ECS alone. How the deployment ended, once the service is steady. */
async function deploy(digest: string): Promise<string | undefined> {
  const [cluster, service] = [outputs['ClusterName'], outputs['ServiceName']];
  const { taskDefinition: good } = await ecs.send(
    new DescribeTaskDefinitionCommand({ taskDefinition: outputs['TaskDefinitionArn'] }),
  );
  const containerDefinitions = (good?.containerDefinitions ?? []).map((container) => ({
    ...container,
    image: container.image?.replace(/@.*/, `@${digest}`),
  }));
  const { taskDefinition } = await ecs.send(
    new RegisterTaskDefinitionCommand({ ...good, family: 'faulty', containerDefinitions }),
  );
  const wanted = taskDefinition?.taskDefinitionArn;
  await ecs.send(new UpdateServiceCommand({ cluster, service, taskDefinition: wanted }));
  let state: string | undefined;
  return eventually(`the service to be steady after ${digest}`, async () => {
    const { services = [] } = await ecs.send(
      new DescribeServicesCommand({ cluster, services: [service ?? ''] }),
    );
    const { deployments = [] } = services[0] ?? {};
    state = deployments.find((deployment) => deployment.taskDefinition === wanted)?.rolloutState ?? state;
    const steady = deployments.length === 1 && deployments[0]?.rolloutState === 'COMPLETED';
    return steady ? state : undefined;
  });
}

async function deployFaulty(fault: ImageFault): Promise<string | undefined> {
  const { release: built } = await builtRelease();
  const folder = join(directory, fault);
  const { manifest } = faultyRelease(silo.cloud.release, join(built, 'image'), fault, folder);
  const { repository, digest } = manifest.image;
  await control(silo.cloud.endpoint, 'PUT', 'images', { repository, folder });
  return deploy(digest);
}

async function logged(words: string): Promise<number> {
  const { events = [] } = await logs.send(
    new FilterLogEventsCommand({ logGroupName: outputs['AppLogGroupName'], filterPattern: `"${words}"` }),
  );
  return events.length;
}

test.each([
  ['crash', 'This image crashes'],
  ['migration', 'table_that_is_not_there'],
] as const)(
  'a deployment of the image with the fault "%s" is rolled back, and the log says why',
  async (fault, words) => {
    expect(await deployFaulty(fault)).not.toBe('COMPLETED');
    expect(await logged(words)).toBeGreaterThan(0);
    expect((await ask('/healthz')).status).toBe(200);
  },
);

test('the image that is never ready runs and says so', async () => {
  expect(await deployFaulty('unready')).toBe('COMPLETED');
  expect((await ask('/healthz')).status).toBe(200);
  expect(await ask('/readyz')).toMatchObject({
    status: 503,
    body: expect.stringContaining('This image is never ready.'),
  });
});

test('the figures of a practice show that an image is slow, and the gate of rollouts fails for it', async () => {
  expect(await figuresOf(0)).toEqual({ requests: 0, errors: 0, latencyMs: null });
  const before = await figuresOf(20);
  expect(await deployFaulty('slow')).toBe('COMPLETED');
  const after = await figuresOf(20, 20);
  expect(after).toMatchObject({ requests: 20, errors: 0 });
  expect(after.latencyMs).toBeGreaterThanOrEqual(slowerByMs);
  const judged = (figures: SiloFigures) =>
    judgeHealth({ before, after: figures, alarms: [] }, defaultPolicy.thresholds);
  expect(judged(before).passed).toBe(true);
  expect(judged(after)).toEqual({
    passed: false,
    words: expect.stringMatching(/^95 % of requests took up to \d+ ms, \d+ ms before; \d+ ms are allowed$/),
  });
});

test('the figures of a practice show that an image answers with errors, and an alarm rings', async () => {
  expect(await silo.cloud.ports.metrics.alarms(practiceId)).toEqual([]);
  expect(await deployFaulty('errors')).toBe('COMPLETED');
  expect((await ask('/readyz')).status).toBe(200);
  expect(await figuresOf(10)).toMatchObject({ requests: 10, errors: 10 * errorShare });
  // Five errors in each of three of the last five minutes ring.
  for (const _minute of [1, 2, 3, 4]) {
    await time(1);
    for (let request = 0; request < 12; request += 1) await ask('/sign-in');
  }
  await time(1);
  expect(await silo.cloud.ports.metrics.alarms(practiceId)).toEqual([
    expect.stringMatching(/^lumenality-maple-service-aba-service-ServiceErrors/),
  ]);
});

test('an alarm on the app counts, one on its backups does not', async () => {
  const prefix = `lumenality-${practiceId}-service-`;
  const { MetricAlarms = [] } = await watch.send(new DescribeAlarmsCommand({ AlarmNamePrefix: prefix }));
  const named = (part: string) => MetricAlarms.find(({ AlarmName }) => AlarmName?.includes(part))?.AlarmName;
  const set = (AlarmName: string | undefined, StateValue: StateValue) =>
    watch.send(new SetAlarmStateCommand({ AlarmName, StateValue, StateReason: 'a drill' }));
  await set(named('MissingBackups'), 'ALARM');
  await set(named('Offline'), 'ALARM');
  const ringing = await silo.cloud.ports.metrics.alarms(practiceId);
  const ofAnother = await silo.cloud.ports.metrics.alarms('maple');
  await set(named('Offline'), 'OK');
  expect(ringing).toContain(named('Offline'));
  expect(ringing).not.toContain(named('MissingBackups'));
  expect(ofAnother).toEqual([]);
});

test('a practice without a load balancer has no figures to make up', async () => {
  const span = { from: await time(), until: await time() };
  await expect(silo.cloud.ports.metrics.figures('nobody', span)).rejects.toMatchObject({
    code: 'cloud_failure',
    publicMessage: expect.stringContaining('no load balancer of the practice nobody'),
  });
});
