/** "Evaluating an alarm" and "Configuring how CloudWatch alarms treat missing data", Amazon CloudWatch User Guide. */
import type * as sdk from '@aws-sdk/client-cloudwatch';
import type { Call } from '../../model.ts';
import { metricOf } from './metrics.ts';
import { findStatistic } from './statistics.ts';

/** What the load balancers here measure. About any other metric nothing is known, and silence about it means nothing. */
const measured = new Set([
  'RequestCount',
  'TargetResponseTime',
  ...['2XX', '3XX', '4XX', '5XX'].map((kind) => `HTTPCode_Target_${kind}_Count`),
  'HTTPCode_ELB_5XX_Count',
]);

const crosses: Readonly<Record<string, (value: number, threshold: number) => boolean>> = {
  GreaterThanOrEqualToThreshold: (value, threshold) => value >= threshold,
  GreaterThanThreshold: (value, threshold) => value > threshold,
  LessThanThreshold: (value, threshold) => value < threshold,
  LessThanOrEqualToThreshold: (value, threshold) => value <= threshold,
};

interface AlarmState {
  readonly StateValue: sdk.StateValue;
  readonly StateReason: string;
}

/** The state by the figures of the last periods that are over; undefined when nothing here says anything about it. */
export function stateOf(alarm: sdk.MetricAlarm, call: Call): AlarmState | undefined {
  const { EvaluationPeriods: count = 0, Threshold = 0, TreatMissingData = 'missing' } = alarm;
  const values = figuresOf(alarm, call);
  if (values === undefined) return undefined;
  const missing = count - values.length;
  if (values.length === 0 && TreatMissingData === 'ignore') return undefined;
  if (values.length === 0 && TreatMissingData === 'missing') {
    const StateReason = `Insufficient Data: ${missing} datapoints were unknown.`;
    return { StateValue: 'INSUFFICIENT_DATA', StateReason };
  }
  const crossing = values.filter((value) => crosses[alarm.ComparisonOperator ?? '']?.(value, Threshold));
  const crossed = crossing.length + (TreatMissingData === 'breaching' ? missing : 0);
  const needed = alarm.DatapointsToAlarm ?? count;
  const StateReason = `Threshold Crossed: ${crossed} out of the last ${count} datapoints [${values.join(', ')}] crossed the threshold (${Threshold}); ${needed} are needed, and ${missing} were missing and treated as ${TreatMissingData}.`;
  return { StateValue: crossed >= needed ? 'ALARM' : 'OK', StateReason };
}

/** One figure for each of the last periods in which something was measured, the newest first; undefined when it is not measured here. */
function figuresOf(alarm: sdk.MetricAlarm, call: Call): number[] | undefined {
  const { Namespace, MetricName = '', Period = 0, EvaluationPeriods: count = 0 } = alarm;
  const of = findStatistic(alarm.Statistic ?? alarm.ExtendedStatistic ?? '');
  // Load balancers report by the minute.
  if (Namespace !== 'AWS/ApplicationELB' || !measured.has(MetricName) || Period < 60 || of === undefined)
    return undefined;
  const metric = metricOf(alarm, call);
  const periodMs = Period * 1_000;
  const end = Math.floor(call.cloud.now().getTime() / periodMs) * periodMs;
  return Array.from({ length: count }, (_, index) => end - index * periodMs).flatMap((until) => {
    const samples = call.cloud.figures.between(metric, new Date(until - periodMs), new Date(until));
    return samples.size === 0 ? [] : [of(samples)];
  });
}
