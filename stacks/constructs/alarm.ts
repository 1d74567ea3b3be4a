import type { IResolvable } from 'aws-cdk-lib';
import { CfnAlarm } from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';

/** One series of figures in CloudWatch. */
export interface Metric {
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: Readonly<Record<string, string>>;
  /** `Sum`, `Average`, …, or a percentile such as `p95`. */
  readonly statistic: string;
}

export interface AlarmProps {
  readonly topicArn: string;
  /** What is wrong when it rings, and where to look first: this is what the e-mail says. */
  readonly description: string;
  readonly metric: Metric;
  readonly comparison: 'above' | 'at least' | 'below';
  readonly threshold: number;
  readonly periodSeconds: number;
  /** In how many of the last periods the threshold has to be crossed. */
  readonly periods: { readonly crossed: number; readonly of: number };
  /** What silence means. There is no default: each alarm says why. */
  readonly missingData: 'breaching' | 'notBreaching' | 'missing';
  /** Whether anybody is told; unless said: always. */
  readonly tells?: IResolvable;
}

const operators = {
  above: 'GreaterThanThreshold',
  'at least': 'GreaterThanOrEqualToThreshold',
  below: 'LessThanThreshold',
} as const;

/** Rings, and says when it is over, on the practice's topic. */
export class Alarm extends Construct {
  readonly name: string;

  constructor(scope: Construct, id: string, props: AlarmProps) {
    super(scope, id);
    const { metric, periods } = props;
    this.name = new CfnAlarm(this, 'Resource', {
      alarmDescription: props.description,
      ...(props.tells !== undefined && { actionsEnabled: props.tells }),
      alarmActions: [props.topicArn],
      okActions: [props.topicArn],
      namespace: metric.namespace,
      metricName: metric.name,
      dimensions: Object.entries(metric.dimensions).map(([name, value]) => ({ name, value })),
      ...(metric.statistic.startsWith('p')
        ? { extendedStatistic: metric.statistic }
        : { statistic: metric.statistic }),
      comparisonOperator: operators[props.comparison],
      threshold: props.threshold,
      period: props.periodSeconds,
      evaluationPeriods: periods.of,
      datapointsToAlarm: periods.crossed,
      treatMissingData: props.missingData,
    }).ref;
  }
}
