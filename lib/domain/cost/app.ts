import type { DomainError } from '../errors.ts';
import { byUse, type Charge, fixed, only, type Pricing, type Silo } from './charge.ts';
import { type CostResource, isList, isRecord } from './template.ts';
import { hoursPerMonth } from './usage.ts';

/** CloudWatch bills an alarm of less than 60 s at a higher rate ("Amazon CloudWatch pricing"). */
const standardResolutionSeconds = 60;

/** What runs the app and watches it. */
export const appPricing: Readonly<Record<string, Pricing>> = {
  'AWS::ECS::Cluster': (cluster) => {
    const settings = cluster.list('ClusterSettings');
    const insights = settings.find((setting) => isRecord(setting) && setting['Name'] === 'containerInsights');
    // It bills a custom metric for each figure of each cluster, service and task.
    if (isRecord(insights) && insights['Value'] !== 'disabled')
      throw cluster.uncovered('Container Insights are not priced');
    return [];
  },

  'AWS::ECS::Service': (service, silo) => {
    const scales = silo.resources.some(
      (other) =>
        other.type === 'AWS::ApplicationAutoScaling::ScalableTarget' &&
        other.number('MaxCapacity') > other.number('MinCapacity'),
    );
    return [
      ...taskCharges('App', service, silo, service.number('DesiredCount') * hoursPerMonth, fixed),
      ...(scales ? taskCharges('App when it is busy', service, silo, silo.usage.extraTaskHours, byUse) : []),
      byUse('App to database and endpoints in the other zone', 'zoneTransfer', silo.usage.zoneTransferGb),
    ];
  },

  'AWS::ApplicationAutoScaling::ScalingPolicy': (policy) => {
    if (policy.text('PolicyType') !== 'TargetTrackingScaling')
      throw policy.uncovered('only target tracking is priced');
    // It makes two alarms of its own, to scale out and in ("Target tracking scaling policies").
    return [fixed('Alarms of autoscaling', 'alarmMonth', 2)];
  },

  'AWS::CloudWatch::Alarm': (alarm) => {
    return [fixed('Alarm', 'alarmMonth', metricsOf(alarm))];
  },

  'AWS::CloudWatch::Dashboard': () => [fixed('Dashboard', 'dashboardMonth', 1)],

  'AWS::SNS::Topic': (_topic, { usage, resources }) =>
    resources.some(({ type }) => type === 'AWS::SNS::Subscription')
      ? [byUse('Alarms by e-mail', 'email', usage.alarmEmails)]
      : [],
};

function taskCharges(
  item: string,
  resource: CostResource,
  silo: Silo,
  hours: number,
  charge: (item: string, price: string, quantity: number) => Charge,
): Charge[] {
  const task = only(silo, 'AWS::ECS::TaskDefinition', resource);
  const platform = task.value('RuntimePlatform');
  if (!isRecord(platform) || platform['CpuArchitecture'] !== 'ARM64')
    throw task.uncovered('only ARM tasks are priced');
  if (task.value('EphemeralStorage') !== undefined)
    throw task.uncovered('storage beyond the 20 GB of every task is not priced');
  return [
    charge(`${item}: vCPU`, 'fargateArmCpu', (hours * task.number('Cpu')) / 1_024),
    charge(`${item}: memory`, 'fargateArmMemory', (hours * task.number('Memory')) / 1_024),
  ];
}

/** An alarm is billed for each metric that it looks at; expressions cost nothing. */
function metricsOf(alarm: CostResource): number {
  const queries = alarm.value('Metrics');
  if (queries === undefined) {
    if (alarm.number('Period') < standardResolutionSeconds) throw highResolution(alarm);
    return 1;
  }
  if (!isList(queries)) throw alarm.uncovered('its metrics are no list');
  const statistics = queries
    .map((query) => (isRecord(query) ? query['MetricStat'] : undefined))
    .filter(isRecord);
  if (statistics.some((statistic) => Number(statistic['Period']) < standardResolutionSeconds))
    throw highResolution(alarm);
  return statistics.length;
}

const highResolution = (alarm: CostResource): DomainError =>
  alarm.uncovered('alarms of high resolution are not priced');
