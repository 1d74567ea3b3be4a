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
const dayMs = 1_440 * minuteMs;
/** What alarms on the app and its database look at. Those on backups and certificates ring for reasons that no update makes or mends. */
const watched = new Set(['AWS/ApplicationELB', 'AWS/ECS', 'AWS/RDS']);

/** The port by Amazon CloudWatch, which keeps figures of single minutes for 15 days ("Metrics retention"). */
export function siloMetrics({ cloudWatch, tagging }: AwsClients): SiloMetrics {
  /** How CloudWatch names the practice's load balancer: what follows `loadbalancer/` in its ARN. */
  const loadBalancerOf = async (practiceId: string, signal?: AbortSignal): Promise<string> => {
    let PaginationToken: string | undefined;
    do {
      const input = {
        TagFilters: [{ Key: 'lumenality:practice', Values: [practiceId] }],
        ResourceTypeFilters: ['elasticloadbalancing:loadbalancer'],
        ...(PaginationToken === undefined ? {} : { PaginationToken }),
      };
      const page = await call('tagging', 'GetResources', signal, (options) =>
        tagging.send(new GetResourcesCommand(input), options),
      );
      for (const { ResourceARN } of page.ResourceTagMappingList ?? []) {
        const name = ResourceARN?.split(':loadbalancer/')[1];
        if (name !== undefined) return name;
      }
      // A page may be empty and not the last; an empty token is ("GetResources").
      PaginationToken = page.PaginationToken === '' ? undefined : page.PaginationToken;
    } while (PaginationToken !== undefined);
    return missing('elasticloadbalancing', 'load balancer of the practice', practiceId);
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
      const [requests = 0, ofApp = 0, ofBalancer = 0, seconds] = await Promise.all([
        figure(span, dimensions, 'RequestCount', 'Sum', signal),
        figure(span, dimensions, 'HTTPCode_Target_5XX_Count', 'Sum', signal),
        figure(span, dimensions, 'HTTPCode_ELB_5XX_Count', 'Sum', signal),
        figure(span, dimensions, 'TargetResponseTime', 'p95', signal),
      ]);
      const errors = ofApp + ofBalancer;
      return {
        // Those for which there was no app to choose are not among the requests.
        requests: Math.max(requests, errors),
        errors,
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
          if (!watched.has(Namespace)) continue;
          // Logical ids begin with a capital letter, so `maple` is not told of the alarms of `maple-service-aba`.
          if (/^[A-Z]/.test(AlarmName.slice(start.length))) ringing.push(AlarmName);
        }
        NextToken = page.NextToken;
      } while (NextToken !== undefined);
      return ringing.sort();
    },
  };
}

/**
 * A span as the only period: data points begin where the request does. A span of more than a day may be one of which CloudWatch has no
 * single minutes any more: from 15 days ago on it refuses what is not a multiple of five ("GetMetricStatistics").
 */
function onePeriod({
  from,
  until,
}: MetricSpan): Pick<GetMetricStatisticsInput, 'StartTime' | 'EndTime' | 'Period'> {
  const grainMs = (until.getTime() - from.getTime() > dayMs ? 5 : 1) * minuteMs;
  const start = Math.floor(from.getTime() / grainMs);
  const end = Math.max(Math.ceil(until.getTime() / grainMs), start + 1);
  return {
    StartTime: new Date(start * grainMs),
    EndTime: new Date(end * grainMs),
    Period: ((end - start) * grainMs) / 1_000,
  };
}
