import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CloudWatchClient,
  DescribeAlarmsCommand,
  GetMetricDataCommand,
  GetMetricStatisticsCommand,
  type GetMetricStatisticsInput,
  PutMetricAlarmCommand,
  type PutMetricAlarmInput,
} from '@aws-sdk/client-cloudwatch';
import { type Sandbox, startSandbox } from '../../lib/sandbox/server.ts';
import { visit } from './fixtures/services-compute-cloud.ts';
import { refusal } from './fixtures/services-data-cloud.ts';

const accountId = '111122223333';
const loadBalancer = { accountId, region: 'us-east-1', name: 'app/maple/1' };
const LoadBalancer = { Name: 'LoadBalancer', Value: loadBalancer.name };
const TargetGroup = { Name: 'TargetGroup', Value: 'targetgroup/maple/2' };
const start = new Date('2026-11-22T02:00:00Z');
const minutesLater = (minutes: number) => new Date(start.getTime() + minutes * 60_000);

let port: number;
let directory: string;
let now: Date;
let sandbox: Sandbox;
let watch: CloudWatchClient;

const app = createServer((request, response) => {
  response.statusCode = Number(request.url?.slice(1));
  response.end();
});
beforeAll(async () => {
  await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve));
  ({ port } = app.address() as AddressInfo);
});
afterAll(() => {
  app.closeAllConnections();
  app.close();
});

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'sandbox-metrics-'));
  now = start;
  sandbox = await startSandbox({
    port: 0,
    directory,
    dataPlane: false,
    now: () => now,
    routeFor: (_cloud, host) =>
      host === 'maple.test'
        ? { kind: 'target', address: '127.0.0.1', port, targetGroup: TargetGroup.Value, loadBalancer }
        : { kind: 'answer', status: 503, contentType: 'text/plain', body: 'closed', loadBalancer },
  });
  watch = clientOf(accountId);
});
afterEach(async () => {
  watch.destroy();
  await sandbox.stop();
  rmSync(directory, { recursive: true, force: true });
});

function clientOf(account: string): CloudWatchClient {
  return new CloudWatchClient({
    region: 'us-east-1',
    endpoint: sandbox.endpoint,
    credentials: { accessKeyId: account, secretAccessKey: 'any' },
    maxAttempts: 1,
  });
}

/** So many requests, each answered with this status. */
async function ask(status: number, times: number): Promise<void> {
  for (let time = 0; time < times; time += 1) await visit(sandbox.endpoint, 'maple.test', `/${status}`);
}

const asked = (
  MetricName: string,
  change: Partial<GetMetricStatisticsInput> = {},
): GetMetricStatisticsInput => ({
  Namespace: 'AWS/ApplicationELB',
  MetricName,
  Dimensions: [LoadBalancer],
  StartTime: start,
  EndTime: minutesLater(10),
  Period: 600,
  Statistics: ['Sum'],
  ...change,
});
const pointsOf = async (...of: Parameters<typeof asked>) =>
  (await watch.send(new GetMetricStatisticsCommand(asked(...of)))).Datapoints ?? [];

test('what a load balancer passes on and answers itself is counted by the minute', async () => {
  await ask(200, 3);
  now = minutesLater(2);
  await ask(500, 2);
  await visit(sandbox.endpoint, 'closed.test');
  expect(await pointsOf('RequestCount')).toEqual([{ Timestamp: start, Unit: 'Count', Sum: 5 }]);
  expect(await pointsOf('HTTPCode_Target_5XX_Count')).toMatchObject([{ Sum: 2 }]);
  expect(await pointsOf('HTTPCode_ELB_5XX_Count')).toMatchObject([{ Sum: 1 }]);
  const ofGroup = { Dimensions: [TargetGroup, LoadBalancer] };
  expect(await pointsOf('RequestCount', ofGroup)).toMatchObject([{ Sum: 5 }]);
  expect(await pointsOf('HTTPCode_ELB_5XX_Count', ofGroup)).toEqual([]);
  expect(await pointsOf('RequestCount', { EndTime: minutesLater(2) })).toMatchObject([{ Sum: 3 }]);

  const [latency] = await pointsOf('TargetResponseTime', { Statistics: [], ExtendedStatistics: ['p95'] });
  expect(latency).toMatchObject({ Unit: 'Seconds', ExtendedStatistics: { p95: expect.any(Number) } });
  const data = await watch.send(
    new GetMetricDataCommand({
      StartTime: start,
      EndTime: minutesLater(10),
      MetricDataQueries: [
        {
          Id: 'requests',
          MetricStat: {
            Metric: {
              Namespace: 'AWS/ApplicationELB',
              MetricName: 'RequestCount',
              Dimensions: [LoadBalancer],
            },
            Period: 60,
            Stat: 'SampleCount',
          },
        },
      ],
    }),
  );
  expect(data.MetricDataResults).toEqual([
    {
      Id: 'requests',
      Label: 'RequestCount',
      Timestamps: [minutesLater(2), start],
      Values: [2, 3],
      StatusCode: 'Complete',
    },
  ]);
  const stranger = clientOf('222222222222');
  expect((await stranger.send(new GetMetricStatisticsCommand(asked('RequestCount')))).Datapoints).toEqual([]);
  stranger.destroy();
});

test('an alarm on these figures rings and ends with them; what nobody measures says nothing', async () => {
  const alarm: PutMetricAlarmInput = {
    AlarmName: 'errors',
    Namespace: 'AWS/ApplicationELB',
    MetricName: 'HTTPCode_Target_5XX_Count',
    Dimensions: [LoadBalancer, TargetGroup],
    Statistic: 'Sum',
    ComparisonOperator: 'GreaterThanOrEqualToThreshold',
    Threshold: 2,
    Period: 60,
    EvaluationPeriods: 3,
    DatapointsToAlarm: 2,
    TreatMissingData: 'notBreaching',
  };
  await watch.send(new PutMetricAlarmCommand(alarm));
  const unmeasured = { MetricName: 'HealthyHostCount', TreatMissingData: 'breaching' };
  await watch.send(new PutMetricAlarmCommand({ ...alarm, ...unmeasured, AlarmName: 'offline' }));
  const states = async () => {
    const { MetricAlarms = [] } = await watch.send(new DescribeAlarmsCommand({}));
    return Object.fromEntries(MetricAlarms.map(({ AlarmName, StateValue }) => [AlarmName, StateValue]));
  };
  const begin = 10;
  now = minutesLater(begin);
  expect(await states()).toEqual({ errors: 'OK', offline: 'INSUFFICIENT_DATA' });
  await ask(500, 2);
  now = minutesLater(begin + 1);
  await ask(500, 1);
  now = minutesLater(begin + 2);
  await ask(500, 3);
  // The minute is not over.
  expect(await states()).toMatchObject({ errors: 'OK' });
  now = minutesLater(begin + 3);
  const ringing = await watch.send(new DescribeAlarmsCommand({ StateValue: 'ALARM' }));
  expect(ringing.MetricAlarms).toMatchObject([
    {
      AlarmName: 'errors',
      StateTransitionedTimestamp: now,
      StateReason: expect.stringContaining('[3, 1, 2]'),
    },
  ]);
  now = minutesLater(begin + 4);
  expect(await states()).toMatchObject({ errors: 'OK' });
});

test('figures of minutes are kept for 15 days', async () => {
  await ask(200, 1);
  now = minutesLater(1);
  await ask(200, 1);
  now = minutesLater(15 * 24 * 60 + 1);
  await ask(200, 1);
  const all = { EndTime: minutesLater(20 * 24 * 60), Period: 20 * 86_400 };
  expect(await pointsOf('RequestCount', all)).toMatchObject([{ Sum: 2 }]);
});

test.each([
  ['a span that ends before it begins', { EndTime: start }, 'StartTime must be less'],
  ['a period that is no number of minutes', { Period: 90 }, 'multiple of 60'],
  ['too many data points', { Period: 60, EndTime: minutesLater(1_441) }, 'limit of 1440'],
  ['no statistic', { Statistics: [] }, 'either the parameter Statistics'],
  ['a statistic that is not emulated', { Statistics: [], ExtendedStatistics: ['tm99'] }, "'tm99'"],
])('%s is refused', async (_case, change, reason) => {
  const { message } = await refusal(
    watch.send(new GetMetricStatisticsCommand(asked('RequestCount', change))),
  );
  expect(message).toContain(reason);
});
