import type * as sdk from '@aws-sdk/client-cloudformation';
import type { Call } from '../model.ts';
import { pageOf } from '../paging.ts';
import { maskOf } from './change-values.ts';
import { type DriftDetector, driftsOf } from './drift.ts';
import {
  isPresent,
  type ResourceDriftRecord,
  resourcesOf,
  type StackRecord,
  stackKey,
  tables,
} from './records.ts';
import { inBrackets, invalid, requireStackOf, withId } from './requests.ts';

const pageSize = 100;

/** Statuses in which CloudFormation looks for drift. */
const detectable = new Set([
  'CREATE_COMPLETE',
  'UPDATE_COMPLETE',
  'UPDATE_ROLLBACK_COMPLETE',
  'UPDATE_ROLLBACK_FAILED',
]);

function requireDetectable(stack: StackRecord): void {
  if (!detectable.has(stack.status))
    throw invalid(`Drift detection cannot be performed on stack [${stack.stackId}] in ${stack.status} state`);
}

function requireResources(call: Call, stack: StackRecord, logicalIds: readonly string[] | undefined): void {
  const known = new Set(
    resourcesOf(call.cloud, stack.stackId)
      .filter(isPresent)
      .map(({ logicalId }) => logicalId),
  );
  const strange = (logicalIds ?? []).filter((logicalId) => !known.has(logicalId));
  if (strange.length > 0)
    throw invalid(`Resource(s) [${strange.join(', ')}] do not exist in stack ${stack.name}`);
}

export const driftOperations = (detector: DriftDetector) => ({
  DetectStackDrift(input: sdk.DetectStackDriftInput, call: Call): sdk.DetectStackDriftOutput {
    const stack = requireStackOf(call, input.StackName, inBrackets);
    requireDetectable(stack);
    requireResources(call, stack, input.LogicalResourceIds);
    const earlier = tables(call.cloud.state).driftDetections.list(keyPrefix(stack));
    if (earlier.some(({ status }) => status === 'DETECTION_IN_PROGRESS'))
      throw invalid(`Drift detection is already in progress for stack [${stack.stackId}]`);
    return { StackDriftDetectionId: detector.start(call.cloud, stack.stackId, input.LogicalResourceIds) };
  },

  DescribeStackDriftDetectionStatus(
    input: sdk.DescribeStackDriftDetectionStatusInput,
    call: Call,
  ): sdk.DescribeStackDriftDetectionStatusOutput {
    const wanted = input.StackDriftDetectionId;
    const detection = tables(call.cloud.state)
      .driftDetections.list(`${call.accountId}/${call.region}/`)
      .find(({ id }) => id === wanted);
    if (!detection) throw invalid(`Drift detection [${wanted}] does not exist`);
    return {
      StackId: detection.stackId,
      StackDriftDetectionId: detection.id,
      DetectionStatus: detection.status,
      DetectionStatusReason: detection.statusReason,
      StackDriftStatus: detection.stackStatus,
      DriftedStackResourceCount: detection.driftedCount,
      Timestamp: detection.startedAt,
    };
  },

  DescribeStackResourceDrifts(
    input: sdk.DescribeStackResourceDriftsInput,
    call: Call,
  ): sdk.DescribeStackResourceDriftsOutput {
    const stack = requireStackOf(call, input.StackName, inBrackets);
    const wanted: readonly string[] = input.StackResourceDriftStatusFilters ?? [];
    const page = pageOf(
      driftsOf(call.cloud, stack.stackId).filter(
        ({ status }) => wanted.length === 0 || wanted.includes(status),
      ),
      {
        keyOf: ({ logicalId }) => logicalId,
        marker: input.NextToken,
        limit: Math.min(input.MaxResults ?? pageSize, pageSize),
        invalidMarkerCode: 'ValidationError',
      },
    );
    return {
      StackResourceDrifts: page.items.map((drift) => describeDrift(stack, drift)),
      NextToken: page.next,
    };
  },

  async DetectStackResourceDrift(
    input: sdk.DetectStackResourceDriftInput,
    call: Call,
  ): Promise<sdk.DetectStackResourceDriftOutput> {
    const stack = requireStackOf(call, input.StackName, withId);
    requireDetectable(stack);
    const record = resourcesOf(call.cloud, stack.stackId)
      .filter(isPresent)
      .find(({ logicalId }) => logicalId === input.LogicalResourceId);
    if (!record) throw invalid(`Resource ${input.LogicalResourceId} does not exist for stack ${stack.name}`);
    const drift = await detector.detect(call.cloud, stack.stackId, record);
    if (!drift) throw invalid(`Resource type ${record.type} does not support drift detection`);
    return { StackResourceDrift: describeDrift(stack, drift) };
  },
});

const keyPrefix = ({ stackId }: StackRecord) => `${stackKey(stackId)}/`;

function describeDrift(stack: StackRecord, drift: ResourceDriftRecord): sdk.StackResourceDrift {
  const mask = maskOf(stack);
  return {
    StackId: stack.stackId,
    LogicalResourceId: drift.logicalId,
    PhysicalResourceId: drift.physicalId,
    ResourceType: drift.type,
    ExpectedProperties: mask(JSON.stringify(drift.expected)),
    ...(drift.actual && { ActualProperties: mask(JSON.stringify(drift.actual)) }),
    PropertyDifferences: drift.differences.map(({ path, type, expected, actual }) => ({
      PropertyPath: path,
      DifferenceType: type,
      ExpectedValue: mask(expected),
      ActualValue: mask(actual),
    })),
    StackResourceDriftStatus: drift.status,
    DriftStatusReason: drift.reason,
    Timestamp: drift.timestamp,
  };
}
