/** What the load balancers measured, by GetMetricData and GetMetricStatistics. Of any other metric there are no data, as on AWS of one that nobody reports. */
import type * as sdk from '@aws-sdk/client-cloudwatch';
import type { Metric } from '../../figures.ts';
import { AwsError, type Call } from '../../model.ts';
import { statistic } from './statistics.ts';

const refuse = (code: string, message: string) => new AwsError(code, message);
/** "GetMetricStatistics": the most data points of one answer. */
const mostPoints = 1_440;
const minuteMs = 60_000;

/** The metric that a request or an alarm names, of the caller's account and Region. */
export function metricOf(
  { Namespace = '', MetricName = '', Dimensions = [] }: sdk.Metric,
  call: Call,
): Metric {
  return {
    accountId: call.accountId,
    region: call.region,
    namespace: Namespace,
    name: MetricName,
    dimensions: Object.fromEntries(Dimensions.map(({ Name = '', Value = '' }) => [Name, Value])),
  };
}

interface Asked {
  readonly StartTime?: Date | undefined;
  readonly EndTime?: Date | undefined;
  readonly Period?: number | undefined;
}

/** The beginnings of the periods: the first one is where the request begins, rounded down to a minute. */
function periodsOf({ StartTime, EndTime, Period = 0 }: Asked): readonly Date[] {
  if (StartTime === undefined || EndTime === undefined)
    throw refuse('MissingParameter', 'The parameters StartTime and EndTime are required.');
  if (StartTime >= EndTime)
    throw refuse('InvalidParameterValue', 'The parameter StartTime must be less than the parameter EndTime.');
  if (Period < 60 || Period % 60 !== 0)
    throw refuse(
      'InvalidParameterValue',
      'The parameter Period must be a multiple of 60 here: figures are of minutes.',
    );
  const first = Math.floor(StartTime.getTime() / minuteMs) * minuteMs;
  const count = Math.ceil((EndTime.getTime() - first) / (Period * 1_000));
  if (count > mostPoints)
    throw refuse(
      'InvalidParameterCombination',
      `You have requested up to ${count} datapoints, which exceeds the limit of ${mostPoints}.`,
    );
  return Array.from({ length: count }, (_, index) => new Date(first + index * Period * 1_000));
}

function samplesIn(metric: Metric, from: Date, { EndTime, Period = 0 }: Asked, call: Call) {
  const end = Math.min(from.getTime() + Period * 1_000, EndTime?.getTime() ?? 0);
  return call.cloud.figures.between(metric, from, new Date(end));
}

const unitOf = (name: string): sdk.StandardUnit => (name === 'TargetResponseTime' ? 'Seconds' : 'Count');

function getMetricStatistics(input: sdk.GetMetricStatisticsInput, call: Call) {
  const { Statistics = [], ExtendedStatistics = [] } = input;
  if ((Statistics.length === 0) === (ExtendedStatistics.length === 0))
    throw refuse(
      'InvalidParameterCombination',
      'Give either the parameter Statistics or the parameter ExtendedStatistics.',
    );
  const metric = metricOf(input, call);
  const [plain, extended] = [Statistics, ExtendedStatistics].map((names) =>
    names.map((name) => [name, statistic(name)] as const),
  );
  const Datapoints = periodsOf(input).flatMap((Timestamp): sdk.Datapoint[] => {
    const samples = samplesIn(metric, Timestamp, input, call);
    if (samples.size === 0) return [];
    const values = (wanted: typeof plain = []) =>
      Object.fromEntries(wanted.map(([name, of]) => [name, of(samples)]));
    const percentiles = ExtendedStatistics.length > 0 && { ExtendedStatistics: values(extended) };
    return [{ Timestamp, Unit: unitOf(metric.name), ...values(plain), ...percentiles }];
  });
  return { Label: metric.name, Datapoints };
}

function getMetricData(input: sdk.GetMetricDataInput, call: Call) {
  const MetricDataResults = (input.MetricDataQueries ?? []).flatMap((query) => {
    const { Id, Label, MetricStat, ReturnData = true } = query;
    if (MetricStat?.Metric === undefined || MetricStat.Stat === undefined)
      throw refuse(
        'ValidationError',
        `The sandbox answers queries with a MetricStat only; ${Id ?? 'one'} has none (expressions are not emulated).`,
      );
    const asked = { StartTime: input.StartTime, EndTime: input.EndTime, Period: MetricStat.Period };
    const of = statistic(MetricStat.Stat);
    const metric = metricOf(MetricStat.Metric, call);
    const points = periodsOf(asked).flatMap((at) => {
      const samples = samplesIn(metric, at, asked, call);
      return samples.size === 0 ? [] : [{ at, value: of(samples) }];
    });
    if (input.ScanBy !== 'TimestampAscending') points.reverse();
    if (!ReturnData) return [];
    const [Timestamps, Values] = [points.map(({ at }) => at), points.map(({ value }) => value)];
    return [{ Id, Label: Label ?? metric.name, Timestamps, Values, StatusCode: 'Complete' }];
  });
  return { MetricDataResults, Messages: [] };
}

export const metricOperations = { GetMetricData: getMetricData, GetMetricStatistics: getMetricStatistics };
