import { Aws, type CfnParameterProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { PlainStack } from './plain-stack.ts';

/** What a template calls itself; the control plane deploys it as the stack `lumenality-<practice id>-<component>`. */
type Component = 'foundation' | 'data' | 'service';

const practiceId: CfnParameterProps = {
  description: 'Id of the practice that this silo belongs to.',
  allowedPattern: '^[a-z][a-z0-9-]{2,30}$',
  constraintDescription: 'A lower-case slug of 3 to 31 characters that starts with a letter.',
};

/**
 * One of the three stacks of a silo: synthesised once a release, deployed once a practice. Whatever differs between
 * practices is a parameter.
 */
export abstract class PracticeStack extends PlainStack {
  readonly practiceId: string;

  constructor(scope: Construct, component: Component, description: string) {
    super(scope, component, description);
    this.practiceId = this.parameter('PracticeId', practiceId);
  }
}

/** `arn:<partition>:<service>:<region>:<account>:<resource>` in the cell that the stack is deployed to. */
export function arnInCell(service: string, resource: string): string {
  return `arn:${Aws.PARTITION}:${service}:${Aws.REGION}:${Aws.ACCOUNT_ID}:${resource}`;
}

/** The account's root as principal: who may really act is then decided by IAM and by the statement's conditions. */
export const accountRoot = `arn:${Aws.PARTITION}:iam::${Aws.ACCOUNT_ID}:root`;

/** Roles of a practice live under this path, so that its key policy can name them before they exist. */
export function rolePath(practiceId: string): string {
  return `/lumenality/${practiceId}/`;
}
