/** Enhanced Monitoring and Performance Insights: settings that are checked and kept; nothing is measured. */
import { AwsError, type Call } from '../../model.ts';
import { roleByArn } from '../iam/records.ts';
import { usableKeyArn } from './encryption.ts';
import type { InstanceRecord } from './records.ts';

/** What CreateDBInstance, RestoreDBInstanceFromDBSnapshot and ModifyDBInstance have in common. */
export interface MonitoringRequest {
  /** Seconds; 0 turns it off. */
  readonly MonitoringInterval?: number | undefined;
  readonly MonitoringRoleArn?: string | undefined;
  readonly EnablePerformanceInsights?: boolean | undefined;
  readonly PerformanceInsightsKMSKeyId?: string | undefined;
  /** Days. */
  readonly PerformanceInsightsRetentionPeriod?: number | undefined;
  readonly DatabaseInsightsMode?: string | undefined;
}

export type Monitoring = Pick<InstanceRecord, 'monitoring' | 'performanceInsights' | 'databaseInsightsMode'>;

const combination = (message: string): AwsError => new AwsError('InvalidParameterCombination', message);
const invalid = (message: string): AwsError => new AwsError('InvalidParameterValue', message);

const intervals = [0, 1, 5, 10, 15, 30, 60];
const advancedRetentionDays = 465;

/**
 * What a request makes of an instance's monitoring.
 *
 * @param current the instance's settings so far; none for a new one.
 * @throws AwsError InvalidParameterCombination, InvalidParameterValue, KMSKeyNotAccessibleFault.
 */
export async function monitoringFrom(
  call: Call,
  request: MonitoringRequest,
  current: Monitoring,
): Promise<Monitoring> {
  const monitoring = enhanced(call, request, current.monitoring);
  const performanceInsights = await insights(call, request, current.performanceInsights);
  const databaseInsightsMode = request.DatabaseInsightsMode ?? current.databaseInsightsMode;
  if (databaseInsightsMode !== 'standard' && databaseInsightsMode !== 'advanced')
    throw invalid(`Invalid DatabaseInsightsMode: ${databaseInsightsMode}`);
  if (
    databaseInsightsMode === 'advanced' &&
    (performanceInsights?.retentionDays ?? 0) < advancedRetentionDays
  ) {
    throw combination(
      `To enable the Advanced mode of Database Insights, enable Performance Insights with a retention period of at least ${advancedRetentionDays} days.`,
    );
  }
  return { monitoring, performanceInsights, databaseInsightsMode };
}

function enhanced(
  call: Call,
  request: MonitoringRequest,
  current: InstanceRecord['monitoring'],
): InstanceRecord['monitoring'] {
  const interval = request.MonitoringInterval ?? current?.intervalSeconds ?? 0;
  if (!intervals.includes(interval)) throw invalid(`Invalid MonitoringInterval: ${interval}.`);
  if (interval === 0) {
    if (request.MonitoringRoleArn !== undefined)
      throw combination(
        'You must specify a MonitoringInterval value other than 0 when you specify a MonitoringRoleARN value.',
      );
    return undefined;
  }
  const roleArn = request.MonitoringRoleArn ?? current?.roleArn;
  if (roleArn === undefined)
    throw combination(
      'A MonitoringRoleARN value is required if you specify a MonitoringInterval value other than 0.',
    );
  const role = roleByArn(roleArn, call);
  if (!role?.AssumeRolePolicyDocument.includes('monitoring.rds.amazonaws.com'))
    throw invalid(
      `IAM role ARN value is invalid or does not include the required permissions for: ENHANCED_MONITORING (${roleArn})`,
    );
  return { intervalSeconds: interval, roleArn };
}

async function insights(
  call: Call,
  request: MonitoringRequest,
  current: InstanceRecord['performanceInsights'],
): Promise<InstanceRecord['performanceInsights']> {
  const { PerformanceInsightsKMSKeyId: keyId, PerformanceInsightsRetentionPeriod: days } = request;
  if (!(request.EnablePerformanceInsights ?? current !== undefined)) {
    if (keyId !== undefined || days !== undefined)
      throw combination(
        'PerformanceInsightsKMSKeyId and PerformanceInsightsRetentionPeriod need EnablePerformanceInsights.',
      );
    return undefined;
  }
  const retentionDays = days ?? current?.retentionDays ?? 7;
  const isOffered =
    retentionDays === 7 || retentionDays === 731 || (retentionDays % 31 === 0 && retentionDays < 731);
  if (!isOffered || retentionDays <= 0)
    throw invalid(
      `Invalid Performance Insights retention period. Valid values are: [7, 31 to 713 in steps of 31, 731]`,
    );
  const kmsKeyArn =
    keyId === undefined && current !== undefined
      ? current.kmsKeyArn
      : await usableKeyArn(call, keyId ?? 'alias/aws/rds');
  if (current !== undefined && current.kmsKeyArn !== kmsKeyArn)
    throw combination('You cannot change your Performance Insights KMS key.');
  return { kmsKeyArn, retentionDays };
}
