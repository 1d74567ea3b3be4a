import type { ResourceDrift } from '../domain/drift-resources.ts';

export interface DriftDetection {
  readonly state: 'pending' | 'complete' | 'failed';
  /** Why it failed, which may be for some of the resources only. */
  readonly reason: string | null;
}

/**
 * CloudFormation's drift detection ("Detect unmanaged configuration changes to stacks and resources with drift detection").
 * It compares only what a template sets, and only for types that it supports. Errors are `DomainError`s as in `StackDeployments`.
 */
export interface StackDrift {
  /**
   * cloudformation:DetectStackDrift, and with it the read operations of every resource's service; answers the detection's id.
   * While one is under way for the stack, another is refused with a retryable error.
   */
  begin(stackId: string, signal?: AbortSignal): Promise<string>;
  /** cloudformation:DescribeStackDriftDetectionStatus. */
  outcome(detectionId: string, signal?: AbortSignal): Promise<DriftDetection>;
  /** cloudformation:DescribeStackResourceDrifts, all pages: resources that are not in sync, as the last detection found them. */
  resources(stackId: string, signal?: AbortSignal): Promise<ResourceDrift[]>;
}
