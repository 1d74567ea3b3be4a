import {
  DescribeAlarmsCommand,
  type Dimension,
  GetMetricStatisticsCommand,
  type GetMetricStatisticsInput,
} from '@aws-sdk/client-cloudwatch';
import { GetResourcesCommand } from '@aws-sdk/client-resource-groups-tagging-api';
import type { MetricSpan, SiloMetrics } from '../ports/silo-metrics.ts';
import { type AwsClients, call } from './clients.ts';
import { missing } from './missing.ts';

const minuteMs = 60_000;
/** What alarms on the app and its database look at. Those on backups and certificates ring for reasons that no update makes or mends. */
const ofApp = new Set(['AWS/ApplicationELB', 'AWS/ECS', 'AWS/RDS']);

/** The port by Amazon CloudWatch, which keeps figures of single minutes for 15 days ("Metrics retention"). */
export function siloMetrics({ cloudWatch, tagging }: AwsClients): SiloMetrics {
  /** How CloudWatch names the practice's load balancer: what follows `loadbalancer/` in its ARN. */
  const loadBalancerOf = async (practiceId: string, signal?: AbortSignal): Promise<string> => {
    const { ResourceTagMappingList = [] } = await call('tagging', 'GetResources', signal, (options) =>
      tagging.send(
        new GetResourcesCommand({
          TagFilters: [{ Key: 'lumenality:practice', Values: [practiceId] }],
          ResourceTypeFilters: ['elasticloadbalancing:loadbalancer'],
        }),
        options,
      ),
    );
    const names = ResourceTagMappingList.flatMap(
      ({ ResourceARN }) => ResourceARN?.split(':loadbalancer/')[1] ?? [],
    );
    return names[0] ?? missing('elasticloadbalancing', 'load balancer of the practice', practiceId);
  };
  /** One figure for the whole span; undefined where nothing was measured. */
  const figure = async (
    span: MetricSpan,
    Dimensions: Dimension[],
    MetricName: string,
    statistic: 'Sum' | 'p95',
    signal?: AbortSignal,
  ): Promise<number | undefined> => {
    const command = new GetMetricStatisticsCommand({
      Namespace: 'AWS/ApplicationELB',
      MetricName,
      Dimensions,
      ...onePeriod(span),
      ...(statistic === 'Sum' ? { Statistics: [statistic] } : { ExtendedStatistics: [statistic] }),
    });
    const { Datapoints = [] } = await call('cloudwatch', 'GetMetricStatistics', signal, (options) =>
      cloudWatch.send(command, options),
    );
    return statistic === 'Sum' ? Datapoints[0]?.Sum : Datapoints[0]?.ExtendedStatistics?.[statistic];
  };
  return {
    figures: async (practiceId, span, signal) => {
      const dimensions = [{ Name: 'LoadBalancer', Value: await loadBalancerOf(practiceId, signal) }];
      const [requests, errors, seconds] = await Promise.all([
        figure(span, dimensions, 'RequestCount', 'Sum', signal),
        figure(span, dimensions, 'HTTPCode_Target_5XX_Count', 'Sum', signal),
        figure(span, dimensions, 'TargetResponseTime', 'p95', signal),
      ]);
      return {
        requests: requests ?? 0,
        errors: errors ?? 0,
        latencyMs: seconds === undefined ? null : seconds * 1_000,
      };
    },
    alarms: async (practiceId, signal) => {
      const start = `lumenality-${practiceId}-service-`;
      const ringing: string[] = [];
      let NextToken: string | undefined;
      do {
        const page = await call('cloudwatch', 'DescribeAlarms', signal, (options) =>
          cloudWatch.send(
            new DescribeAlarmsCommand({ AlarmNamePrefix: start, StateValue: 'ALARM', NextToken }),
            options,
          ),
        );
        for (const { AlarmName = '', Namespace = '' } of page.MetricAlarms ?? []) {
          if (!ofApp.has(Namespace)) continue;
          // Logical ids begin with a capital letter, so `maple` is not told of the alarms of `maple-service-aba`.
          if (/^[A-Z]/.test(AlarmName.slice(start.length))) ringing.push(AlarmName);
        }
        NextToken = page.NextToken;
      } while (NextToken !== undefined);
      return ringing.sort();
    },
  };
}

/** Whole minutes around a span as the only period: data points begin where the request does ("GetMetricStatistics"). */
function onePeriod({
  from,
  until,
}: MetricSpan): Pick<GetMetricStatisticsInput, 'StartTime' | 'EndTime' | 'Period'> {
  const start = Math.floor(from.getTime() / minuteMs);
  const end = Math.max(Math.ceil(until.getTime() / minuteMs), start + 1);
  return {
    StartTime: new Date(start * minuteMs),
    EndTime: new Date(end * minuteMs),
    Period: (end - start) * 60,
  };
}
