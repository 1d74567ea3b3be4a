/** Alarms and dashboards in CloudFormation. An alarm does nothing: its state is worked out when somebody asks for it. */
import type * as sdk from '@aws-sdk/client-cloudwatch';
import { generatedName } from '../../identifiers.ts';
import { AwsError, type ResourceContext, type ResourceHandler, type ResourceOutcome } from '../../model.ts';
import { flagOf, listOf, numberOf, tagListOf, textOf } from '../properties.ts';
import { deleteAlarms, findAlarm, putAlarm } from './alarms.ts';
import { eraseDashboard, findDashboard, putDashboard } from './dashboards.ts';

type Properties = Record<string, unknown>;

const notEmulated = [
  'ThresholdMetricId',
  'WarmUpConfiguration',
  'EvaluationWindow',
  'EvaluationInterval',
  'EvaluationCriteria',
];

function putFrom(AlarmName: string, p: Properties, c: ResourceContext): ResourceOutcome {
  const asked = notEmulated.find((name) => p[name] !== undefined);
  if (asked !== undefined)
    throw new AwsError(
      'ValidationError',
      `The sandbox does not emulate ${asked} of AWS::CloudWatch::Alarm: leave it out.`,
    );
  const { AlarmArn } = putAlarm(
    {
      AlarmName,
      AlarmDescription: textOf(p['AlarmDescription']),
      ActionsEnabled: flagOf(p['ActionsEnabled']),
      AlarmActions: listOf(p['AlarmActions']),
      OKActions: listOf(p['OKActions']),
      InsufficientDataActions: listOf(p['InsufficientDataActions']),
      MetricName: textOf(p['MetricName']),
      Namespace: textOf(p['Namespace']),
      Statistic: p['Statistic'] as sdk.Statistic | undefined,
      ExtendedStatistic: textOf(p['ExtendedStatistic']),
      Dimensions: listOf<sdk.Dimension>(p['Dimensions']),
      Period: numberOf(p['Period']),
      Unit: p['Unit'] as sdk.StandardUnit | undefined,
      EvaluationPeriods: numberOf(p['EvaluationPeriods']),
      DatapointsToAlarm: numberOf(p['DatapointsToAlarm']),
      Threshold: numberOf(p['Threshold']),
      ComparisonOperator: p['ComparisonOperator'] as sdk.ComparisonOperator | undefined,
      TreatMissingData: textOf(p['TreatMissingData']),
      EvaluateLowSampleCountPercentile: textOf(p['EvaluateLowSampleCountPercentile']),
      Metrics: p['Metrics'] as sdk.MetricDataQuery[] | undefined,
      Tags: tagListOf(p, c),
    },
    c,
    c.token,
  );
  return { physicalId: AlarmName, attributes: { Arn: AlarmArn } };
}

const alreadyExists = (name: string) => new AwsError('AlreadyExists', `${name} already exists`);

const alarm: ResourceHandler = {
  type: 'AWS::CloudWatch::Alarm',
  fidelity: 'recorded',
  create(p, c) {
    const name = textOf(p['AlarmName']) ?? generatedName(c, 255);
    const present = findAlarm(name, c);
    if (present !== undefined && present.MadeBy !== c.token) throw alreadyExists(name);
    return putFrom(name, p, c);
  },
  update: (name, p, _previous, c) => putFrom(name, p, c),
  read: (name, _p, c) => Promise.resolve(findAlarm(name, c) as Properties | undefined),
  delete(name, _p, c) {
    if (findAlarm(name, c) !== undefined) deleteAlarms({ AlarmNames: [name] }, c);
  },
};

const dashboard: ResourceHandler = {
  type: 'AWS::CloudWatch::Dashboard',
  fidelity: 'recorded',
  create(p, c) {
    const name = textOf(p['DashboardName']) ?? generatedName(c, 255);
    const present = findDashboard(name, c);
    if (present !== undefined && present.madeBy !== c.token) throw alreadyExists(name);
    putDashboard(name, textOf(p['DashboardBody']) ?? '', c, c.token);
    return { physicalId: name, attributes: {} };
  },
  update(name, p, _previous, c) {
    putDashboard(name, textOf(p['DashboardBody']) ?? '', c, c.token);
    return { physicalId: name, attributes: {} };
  },
  read(name, _p, c) {
    const live = findDashboard(name, c);
    return Promise.resolve(live && { DashboardName: name, DashboardBody: live.body });
  },
  delete: (name, _p, c) => eraseDashboard(name, c),
};

export const resources: readonly ResourceHandler[] = [alarm, dashboard];
