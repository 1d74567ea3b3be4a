/** Application Auto Scaling for ECS services: targets and policies that are recorded. Nothing here scales anything. */
import type * as sdk from '@aws-sdk/client-application-auto-scaling';
import { generatedUuid, recordKey, regionalArn } from '../../identifiers.ts';
import { AwsError, type Call, type Table } from '../../model.ts';
import { pageOf } from '../../paging.ts';
import { findCluster, findService } from '../ecs/records.ts';

export type TargetRecord = sdk.ScalableTarget & { readonly ResourceId: string };
export type PolicyRecord = sdk.ScalingPolicy & { readonly PolicyARN: string; readonly ResourceId: string };

const namespace = 'ecs';
const dimension = 'ecs:service:DesiredCount';

const targetTable = (call: Call): Table<TargetRecord> => call.cloud.state.table('autoscaling.targets');
const policyTable = (call: Call): Table<PolicyRecord> => call.cloud.state.table('autoscaling.policies');

const validation = (message: string) => new AwsError('ValidationException', message);

export const findTarget = (resourceId: string, call: Call) =>
  targetTable(call).get(recordKey(call, resourceId));

/** @throws AwsError ObjectNotFoundException. */
export function existingTarget(resourceId: string | undefined, call: Call): TargetRecord {
  const target = findTarget(resourceId ?? '', call);
  if (target === undefined) {
    throw new AwsError(
      'ObjectNotFoundException',
      `No scalable target registered for service namespace: ${namespace}, resource ID: ${resourceId}, scalable dimension: ${dimension}`,
    );
  }
  return target;
}

function checkKind(kind: Pick<sdk.ScalableTarget, 'ServiceNamespace' | 'ScalableDimension'>): void {
  if (kind.ServiceNamespace !== namespace || kind.ScalableDimension !== dimension)
    throw validation(
      `The sandbox scales ${dimension} of ${namespace}, not ${kind.ScalableDimension} of ${kind.ServiceNamespace}.`,
    );
}

/** `service/<cluster>/<service>` of an ECS service that is there. */
function checkService(resourceId: string, call: Call): void {
  const [, cluster, service] = /^service\/([^/]+)\/([^/]+)$/.exec(resourceId) ?? [];
  const found = cluster === undefined ? undefined : findCluster(cluster, call);
  const status = found && findService(found, service ?? '', call)?.status;
  if (status !== 'ACTIVE') throw validation(`ECS service doesn't exist: ${resourceId}`);
}

/** Registers a target or changes it. */
export function registerTarget(input: sdk.RegisterScalableTargetRequest, call: Call): TargetRecord {
  checkKind(input);
  const ResourceId = input.ResourceId ?? '';
  checkService(ResourceId, call);
  const before = findTarget(ResourceId, call);
  const MinCapacity = input.MinCapacity ?? before?.MinCapacity;
  const MaxCapacity = input.MaxCapacity ?? before?.MaxCapacity;
  if (MinCapacity === undefined || MaxCapacity === undefined)
    throw validation('MinCapacity and MaxCapacity are required when a target is registered first.');
  if (MinCapacity < 0 || MaxCapacity < MinCapacity)
    throw validation('Maximum capacity cannot be less than minimum capacity, and neither negative.');
  const target: TargetRecord = {
    ServiceNamespace: namespace,
    ScalableDimension: dimension,
    ResourceId,
    MinCapacity,
    MaxCapacity,
    RoleARN: `arn:aws:iam::${call.accountId}:role/aws-service-role/ecs.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_ECSService`,
    CreationTime: before?.CreationTime ?? call.cloud.now(),
    SuspendedState: input.SuspendedState ?? {
      DynamicScalingInSuspended: false,
      DynamicScalingOutSuspended: false,
      ScheduledScalingSuspended: false,
    },
    ScalableTargetARN: regionalArn(
      'application-autoscaling',
      call,
      `scalable-target/${generatedUuid(recordKey(call, ResourceId), 'scalable-target').replaceAll('-', '')}`,
    ),
  };
  targetTable(call).put(recordKey(call, ResourceId), target);
  return target;
}

/** A target's policies go with it. */
export function deregisterTarget(resourceId: string, call: Call): void {
  const { ResourceId } = existingTarget(resourceId, call);
  call.cloud.state.transaction(() => {
    for (const policy of policyTable(call).list(recordKey(call)))
      if (policy.ResourceId === ResourceId) erasePolicy(policy.PolicyARN, call);
    targetTable(call).delete(recordKey(call, ResourceId));
  });
}

/** ECS's predefined metrics ("PredefinedMetricSpecification"). */
const predefined = [
  'ECSServiceAverageCPUUtilization',
  'ECSServiceAverageMemoryUtilization',
  'ALBRequestCountPerTarget',
];

/** A target has one policy of a name: the same name changes it. */
export function putPolicy(input: sdk.PutScalingPolicyRequest, call: Call): PolicyRecord {
  checkKind(input);
  const { ResourceId } = existingTarget(input.ResourceId, call);
  const tracking = input.TargetTrackingScalingPolicyConfiguration;
  if (input.PolicyType !== 'TargetTrackingScaling' || tracking === undefined)
    throw validation(
      'The sandbox knows policies of type TargetTrackingScaling only, with their configuration.',
    );
  const metric = tracking.PredefinedMetricSpecification;
  if (metric === undefined || !predefined.includes(metric.PredefinedMetricType ?? ''))
    throw validation(`The sandbox tracks ${predefined.join(', ')} only.`);
  if (!((tracking.TargetValue ?? 0) > 0)) throw validation('TargetValue must be greater than 0.');
  if (metric.PredefinedMetricType === 'ALBRequestCountPerTarget' && metric.ResourceLabel === undefined)
    throw validation('ResourceLabel is required for ALBRequestCountPerTarget.');
  const id = generatedUuid(recordKey(call, `${ResourceId}/${input.PolicyName}`), 'scaling-policy');
  const policy: PolicyRecord = {
    PolicyARN: regionalArn(
      'autoscaling',
      call,
      `scalingPolicy:${id}:resource/ecs/${ResourceId}:policyName/${input.PolicyName}`,
    ),
    PolicyName: input.PolicyName,
    PolicyType: input.PolicyType,
    ServiceNamespace: namespace,
    ScalableDimension: dimension,
    ResourceId,
    TargetTrackingScalingPolicyConfiguration: tracking,
    CreationTime: call.cloud.now(),
    Alarms: [],
  };
  policyTable(call).put(recordKey(call, policy.PolicyARN), policy);
  return policy;
}

export const findPolicy = (arn: string, call: Call) => policyTable(call).get(recordKey(call, arn));
export const erasePolicy = (arn: string, call: Call) => policyTable(call).delete(recordKey(call, arn));

interface Wanted {
  readonly ResourceId: string;
  readonly ServiceNamespace?: string | undefined;
}

function listed<T extends Wanted>(
  records: readonly T[],
  keyOf: (record: T) => string,
  input: {
    ServiceNamespace: string | undefined;
    NextToken?: string | undefined;
    MaxResults?: number | undefined;
  },
) {
  const wanted = records.filter((one) => one.ServiceNamespace === input.ServiceNamespace);
  return pageOf(wanted, {
    keyOf,
    marker: input.NextToken,
    limit: input.MaxResults ?? 50,
    invalidMarkerCode: 'InvalidNextTokenException',
  });
}

function describeScalableTargets(input: sdk.DescribeScalableTargetsRequest, call: Call) {
  const named = targetTable(call)
    .list(recordKey(call))
    .filter((one) => input.ResourceIds?.includes(one.ResourceId) ?? true)
    .filter((one) => (input.ScalableDimension ?? one.ScalableDimension) === one.ScalableDimension);
  const { items, next } = listed(named, (one) => one.ResourceId, input);
  return { ScalableTargets: items, NextToken: next };
}

function describeScalingPolicies(input: sdk.DescribeScalingPoliciesRequest, call: Call) {
  const named = policyTable(call)
    .list(recordKey(call))
    .filter((one) => (input.ResourceId ?? one.ResourceId) === one.ResourceId)
    .filter((one) => input.PolicyNames?.includes(one.PolicyName ?? '') ?? true);
  const { items, next } = listed(named, (one) => one.PolicyARN, input);
  return { ScalingPolicies: items, NextToken: next };
}

export const operations = {
  RegisterScalableTarget: (input: sdk.RegisterScalableTargetRequest, call: Call) => ({
    ScalableTargetARN: registerTarget(input, call).ScalableTargetARN,
  }),
  DeregisterScalableTarget(input: sdk.DeregisterScalableTargetRequest, call: Call) {
    deregisterTarget(input.ResourceId ?? '', call);
    return {};
  },
  DescribeScalableTargets: describeScalableTargets,
  DescribeScalingPolicies: describeScalingPolicies,
};
