import { CfnDeletionPolicy, type CfnResource } from 'aws-cdk-lib';

/**
 * Keeps a resource that holds data, or that such a resource needs, when its stack goes or a template drops it. Only the roll-back of its
 * own creation, when nothing is in it yet, may remove it.
 */
export function retain(resource: CfnResource): void {
  resource.cfnOptions.deletionPolicy = CfnDeletionPolicy.RETAIN_EXCEPT_ON_CREATE;
  resource.cfnOptions.updateReplacePolicy = CfnDeletionPolicy.RETAIN;
}
