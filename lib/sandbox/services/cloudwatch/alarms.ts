/** Metric alarms: checked, recorded, and evaluated whenever they are described. An alarm on what is not measured here stays in INSUFFICIENT_DATA. */
import type * as sdk from '@aws-sdk/client-cloudwatch';
import { parseArn, recordKey, regionalArn } from '../../identifiers.ts';
import { AwsError, type Call, type Table } from '../../model.ts';
import { pageOf } from '../../paging.ts';
import { stateOf } from './alarm-state.ts';

export type AlarmRecord = sdk.MetricAlarm & {
  readonly AlarmName: string;
  readonly AlarmArn: string;
  readonly Tags: sdk.Tag[];
  readonly MadeBy?: string | undefined;
};

const table = (call: Call): Table<AlarmRecord> => call.cloud.state.table('cloudwatch.alarms');

export const findAlarm = (name: string, call: Call) => table(call).get(recordKey(call, name));

const refuse = (message: string) => new AwsError('ValidationError', message);

const comparisons = [
  'GreaterThanOrEqualToThreshold',
  'GreaterThanThreshold',
  'LessThanThreshold',
  'LessThanOrEqualToThreshold',
];
const statistics = ['SampleCount', 'Average', 'Sum', 'Minimum', 'Maximum'];
const percentile = /^(p|tm|tc|ts|wm)(100|\d{1,2}(\.\d{1,10})?)$|^IQM$|^(PR|TM|TC|TS|WM)\(.+\)$/;
const missing = ['breaching', 'notBreaching', 'ignore', 'missing'];
const stateValues = ['OK', 'ALARM', 'INSUFFICIENT_DATA'];
const dayInSeconds = 86_400;

/** What PutMetricAlarm refuses ("PutMetricAlarm", Amazon CloudWatch API Reference). */
function check(input: sdk.PutMetricAlarmInput): void {
  const { ComparisonOperator: comparison = '', EvaluationPeriods: periods = 0 } = input;
  if (!/^[^\p{C}]{1,255}$/u.test(input.AlarmName ?? '')) throw refuse('The alarm name is not valid.');
  if (!comparisons.includes(comparison))
    throw refuse(
      `The sandbox compares with a threshold: ComparisonOperator '${comparison}' is none of ${comparisons.join(', ')}.`,
    );
  if (input.Threshold === undefined) throw refuse('Threshold is required.');
  if (periods < 1) throw refuse('EvaluationPeriods must be at least 1.');
  if ((input.DatapointsToAlarm ?? periods) > periods || (input.DatapointsToAlarm ?? 1) < 1)
    throw refuse('DatapointsToAlarm must be from 1 to EvaluationPeriods.');
  if (input.TreatMissingData !== undefined && !missing.includes(input.TreatMissingData))
    throw refuse(`TreatMissingData must be one of ${missing.join(', ')}.`);
  for (const actions of [input.AlarmActions, input.OKActions, input.InsufficientDataActions]) {
    if ((actions ?? []).length > 5) throw refuse('An alarm has at most 5 actions for a state.');
    const stranger = actions?.find((action) => parseArn(action) === undefined);
    if (stranger !== undefined)
      throw refuse(`Invalid use of a string as an action: '${stranger}' is not an ARN.`);
  }
  if (input.Metrics === undefined) checkMetric(input, periods);
  else if (input.MetricName !== undefined) throw refuse('An alarm has either a MetricName or Metrics.');
}

function checkMetric(input: sdk.PutMetricAlarmInput, periods: number): void {
  const { MetricName, Namespace, Period = 0, Statistic, ExtendedStatistic } = input;
  if (!MetricName || !Namespace) throw refuse('MetricName and Namespace are required.');
  if ((Statistic === undefined) === (ExtendedStatistic === undefined))
    throw refuse('Exactly one of Statistic and ExtendedStatistic is required.');
  if (Statistic !== undefined && !statistics.includes(Statistic))
    throw refuse(`Statistic must be one of ${statistics.join(', ')}.`);
  if (ExtendedStatistic !== undefined && !percentile.test(ExtendedStatistic))
    throw refuse(`Invalid extended statistic ${ExtendedStatistic}.`);
  if (![10, 20, 30].includes(Period) && (Period < 60 || Period % 60 !== 0))
    throw refuse('Period must be 10, 20, 30 or a multiple of 60.');
  const longest = Period >= 3600 ? 7 * dayInSeconds : dayInSeconds;
  if (Period * periods > longest)
    throw refuse(
      `Metrics cannot be checked across more than ${longest / dayInSeconds} day(s) (EvaluationPeriods * Period must be <= ${longest}).`,
    );
}

/** Creates the alarm or replaces all of it. @param MadeBy the token of the CloudFormation creation that asks. */
export function putAlarm(input: sdk.PutMetricAlarmInput, call: Call, MadeBy?: string): AlarmRecord {
  check(input);
  const AlarmName = input.AlarmName ?? '';
  const before = findAlarm(AlarmName, call);
  const now = call.cloud.now();
  const { Tags = before?.Tags ?? [], ...settings } = input;
  const alarm: AlarmRecord = {
    ...settings,
    AlarmName,
    AlarmArn: regionalArn('cloudwatch', call, `alarm:${AlarmName}`),
    ActionsEnabled: input.ActionsEnabled ?? true,
    AlarmActions: input.AlarmActions ?? [],
    OKActions: input.OKActions ?? [],
    InsufficientDataActions: input.InsufficientDataActions ?? [],
    Dimensions: input.Dimensions ?? [],
    AlarmConfigurationUpdatedTimestamp: now,
    StateValue: 'INSUFFICIENT_DATA',
    StateReason: 'Unchecked: Initial alarm creation',
    StateUpdatedTimestamp: before?.StateUpdatedTimestamp ?? now,
    StateTransitionedTimestamp: before?.StateTransitionedTimestamp ?? now,
    Tags,
    MadeBy: MadeBy ?? before?.MadeBy,
  };
  table(call).put(recordKey(call, AlarmName), alarm);
  return alarm;
}

/** Names that are not there are passed over, unless there is no other: as AWS does. */
export function deleteAlarms({ AlarmNames = [] }: sdk.DeleteAlarmsInput, call: Call): void {
  const there = AlarmNames.filter((name) => findAlarm(name, call) !== undefined);
  if (there.length === 0)
    throw new AwsError('ResourceNotFound', `Alarms [${AlarmNames.join(', ')}] not found`, 404);
  for (const name of there) table(call).delete(recordKey(call, name));
}

/** The alarm in the state of this moment, which is recorded when it is another one than at the last look. */
function evaluated(alarm: AlarmRecord, call: Call): AlarmRecord {
  const state = stateOf(alarm, call);
  if (state === undefined || state.StateValue === alarm.StateValue) return alarm;
  const now = call.cloud.now();
  const changed = { ...alarm, ...state, StateUpdatedTimestamp: now, StateTransitionedTimestamp: now };
  table(call).put(recordKey(call, alarm.AlarmName), changed);
  return changed;
}

/** For drills. An alarm on what is measured here is as its figures say again when it is described next, as on AWS at its next evaluation. */
function setAlarmState(
  { AlarmName = '', StateValue, StateReason }: sdk.SetAlarmStateInput,
  call: Call,
): void {
  const alarm = findAlarm(AlarmName, call);
  if (alarm === undefined) throw new AwsError('ResourceNotFound', `Unknown alarm ${AlarmName}`, 404);
  if (StateValue === undefined || !stateValues.includes(StateValue))
    throw refuse(`StateValue must be one of ${stateValues.join(', ')}.`);
  const now = call.cloud.now();
  const times = { StateUpdatedTimestamp: now, StateTransitionedTimestamp: now };
  table(call).put(recordKey(call, AlarmName), { ...alarm, StateValue, StateReason, ...times });
}

function describeAlarms(input: sdk.DescribeAlarmsInput, call: Call) {
  const prefix = input.ActionPrefix;
  const wanted = table(call)
    .list(recordKey(call, input.AlarmNamePrefix))
    .filter((alarm) => input.AlarmNames?.includes(alarm.AlarmName) ?? true)
    .filter(() => input.AlarmTypes?.includes('MetricAlarm') ?? true)
    .map((alarm) => evaluated(alarm, call))
    .filter((alarm) => (input.StateValue ?? alarm.StateValue) === alarm.StateValue)
    .filter((alarm) => prefix === undefined || alarm.AlarmActions?.some((one) => one.startsWith(prefix)));
  const { items, next } = pageOf(wanted, {
    keyOf: (alarm) => alarm.AlarmName,
    marker: input.NextToken,
    limit: input.MaxRecords ?? 50,
    invalidMarkerCode: 'InvalidNextToken',
  });
  return { MetricAlarms: items, CompositeAlarms: [], NextToken: next };
}

function listTagsForResource({ ResourceARN = '' }: sdk.ListTagsForResourceInput, call: Call) {
  const alarm = findAlarm(parseArn(ResourceARN)?.resource.replace(/^alarm:/, '') ?? '', call);
  if (alarm === undefined)
    throw new AwsError('ResourceNotFoundException', `Unknown resource ${ResourceARN}`, 404);
  return { Tags: alarm.Tags };
}

export const alarmOperations = {
  PutMetricAlarm: (input: sdk.PutMetricAlarmInput, call: Call): void => void putAlarm(input, call),
  DeleteAlarms: deleteAlarms,
  DescribeAlarms: describeAlarms,
  SetAlarmState: setAlarmState,
  ListTagsForResource: listTagsForResource,
};
