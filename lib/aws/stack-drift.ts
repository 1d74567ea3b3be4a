import {
  DescribeStackDriftDetectionStatusCommand,
  DescribeStackResourceDriftsCommand,
  DetectStackDriftCommand,
  type StackResourceDrift,
} from '@aws-sdk/client-cloudformation';
import type { ResourceDrift } from '../domain/drift-resources.ts';
import { DomainError } from '../domain/errors.ts';
import type { DriftDetection, StackDrift } from '../ports/stack-drift.ts';
import type { CloudFormationCall } from './budgeted-calls.ts';
import type { AwsClients } from './clients.ts';
import { awsCodeOf } from './errors.ts';

/** The most that a page of drifts holds ("DescribeStackResourceDrifts"). */
const pageSize = 100;

/** The port by CloudFormation's own drift detection. */
export function stackDrift(
  { cloudFormation }: Pick<AwsClients, 'cloudFormation'>,
  call: CloudFormationCall,
): StackDrift {
  return {
    begin: async (stackId, signal) => {
      try {
        const { StackDriftDetectionId = '' } = await call('DetectStackDrift', signal, (options) =>
          cloudFormation.send(new DetectStackDriftCommand({ StackName: stackId }), options),
        );
        return StackDriftDetectionId;
      } catch (error) {
        if (isUnderWay(error)) {
          const { publicMessage, context } = error as DomainError;
          throw new DomainError('cloud_failure', publicMessage, { context, cause: error, retryable: true });
        }
        throw error;
      }
    },
    outcome: async (detectionId, signal) => {
      const found = await call('DescribeStackDriftDetectionStatus', signal, (options) =>
        cloudFormation.send(
          new DescribeStackDriftDetectionStatusCommand({ StackDriftDetectionId: detectionId }),
          options,
        ),
      );
      return {
        state: stateOf(found.DetectionStatus),
        reason: found.DetectionStatusReason ?? null,
      };
    },
    resources: async (stackId, signal) => {
      const drifts: StackResourceDrift[] = [];
      let NextToken: string | undefined;
      do {
        const page = await call('DescribeStackResourceDrifts', signal, (options) =>
          cloudFormation.send(
            new DescribeStackResourceDriftsCommand({ StackName: stackId, MaxResults: pageSize, NextToken }),
            options,
          ),
        );
        drifts.push(...(page.StackResourceDrifts ?? []));
        NextToken = page.NextToken;
      } while (NextToken !== undefined);
      return drifts.map(resourceDrift).filter(({ status }) => status !== 'IN_SYNC');
    },
  };
}

/** CloudFormation has no code of its own for it: "ValidationError: Drift detection is already in progress for stack …". */
function isUnderWay(error: unknown): boolean {
  return awsCodeOf(error) === 'ValidationError' && /already in progress/.test((error as Error).message);
}

function stateOf(status: string | undefined): DriftDetection['state'] {
  if (status === 'DETECTION_COMPLETE') return 'complete';
  return status === 'DETECTION_IN_PROGRESS' ? 'pending' : 'failed';
}

function resourceDrift(drift: StackResourceDrift): ResourceDrift {
  return {
    logicalId: drift.LogicalResourceId ?? '',
    physicalId: drift.PhysicalResourceId ?? null,
    type: drift.ResourceType ?? '',
    status: drift.StackResourceDriftStatus ?? 'UNKNOWN',
    reason: drift.DriftStatusReason ?? null,
    differences: (drift.PropertyDifferences ?? []).map((difference) => ({
      path: difference.PropertyPath ?? '/',
      kind: difference.DifferenceType ?? 'NOT_EQUAL',
      expected: difference.ExpectedValue ?? null,
      actual: difference.ActualValue ?? null,
    })),
  };
}
