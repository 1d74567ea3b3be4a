import { CfnManagedPolicy, CfnRole } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { practiceBoundaryArn } from './cell-names.ts';
import { rolePath } from './practice-stack.ts';

export interface ScopedRoleProps {
  readonly practiceId: string;
  readonly description: string;
  /** Principal of the AWS service that acts with the role. */
  readonly service: string;
  /** Against a confused deputy: from whom the service may have the order. */
  readonly trustCondition?: object;
  /** Statements of the role's only policy. */
  readonly statements: readonly object[];
}

/**
 * A role of one practice with one managed policy, both under the practice's path: its key policy names the path, and no policy hides
 * inside a role. The cell's boundary holds whatever the policy says; without it the deploy role makes no role.
 */
export class ScopedRole extends Construct {
  readonly arn: string;
  readonly resource: CfnRole;

  constructor(scope: Construct, id: string, props: ScopedRoleProps) {
    super(scope, id);
    const path = rolePath(props.practiceId);
    const policy = new CfnManagedPolicy(this, 'Policy', {
      path,
      description: props.description,
      policyDocument: { Version: '2012-10-17', Statement: props.statements },
    });
    this.resource = new CfnRole(this, 'Resource', {
      path,
      description: props.description,
      permissionsBoundary: practiceBoundaryArn,
      managedPolicyArns: [policy.ref],
      assumeRolePolicyDocument: {
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Principal: { Service: props.service },
            Action: 'sts:AssumeRole',
            ...(props.trustCondition !== undefined && { Condition: props.trustCondition }),
          },
        ],
      },
    });
    this.arn = this.resource.attrArn;
  }
}
