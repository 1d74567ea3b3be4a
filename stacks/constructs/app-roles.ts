import { Aws } from 'aws-cdk-lib';
import { CfnRole } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { arnInCell, rolePath } from './practice-stack.ts';

export interface AppRolesProps {
  readonly practiceId: string;
  readonly keyArn: string;
  readonly secretArn: string;
  readonly logGroupName: string;
}

/** Two roles: ECS starts the task with one, the app acts with the other. Each names one practice's resources only. */
export class AppRoles extends Construct {
  readonly executionRoleArn: string;
  readonly taskRoleArn: string;

  constructor(scope: Construct, id: string, props: AppRolesProps) {
    super(scope, id);
    this.executionRoleArn = this.role(
      'Execution',
      props.practiceId,
      'Lets ECS pull the image and write the log',
      [
        {
          Sid: 'SignInToRegistry',
          Effect: 'Allow',
          Action: 'ecr:GetAuthorizationToken',
          // This action has no resource ("Actions, resources, and condition keys for Amazon ECR").
          Resource: '*',
        },
        {
          Sid: 'PullPracticeApp',
          Effect: 'Allow',
          Action: ['ecr:BatchCheckLayerAvailability', 'ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer'],
          // Any account: the registry may be shared by cells; its repository policy says which account may pull.
          Resource: `arn:${Aws.PARTITION}:ecr:${Aws.REGION}:*:repository/lumenality/practice-app`,
        },
        {
          Sid: 'WriteAppLog',
          Effect: 'Allow',
          Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
          Resource: arnInCell('logs', `log-group:${props.logGroupName}:*`),
        },
      ],
    );
    this.taskRoleArn = this.role('Task', props.practiceId, "The practice app's own identity", [
      {
        Sid: 'ReadDatabaseSecret',
        Effect: 'Allow',
        Action: ['secretsmanager:DescribeSecret', 'secretsmanager:GetSecretValue'],
        Resource: props.secretArn,
      },
      {
        Sid: 'UsePracticeKey',
        Effect: 'Allow',
        // ListResourceTags: at its start the app checks that the key is tagged for its practice.
        Action: [
          'kms:Decrypt',
          'kms:DescribeKey',
          'kms:Encrypt',
          'kms:GenerateDataKey*',
          'kms:ListResourceTags',
        ],
        Resource: props.keyArn,
      },
    ]);
  }

  private role(name: string, practiceId: string, description: string, statements: object[]): string {
    return new CfnRole(this, `${name}Role`, {
      path: rolePath(practiceId),
      description,
      assumeRolePolicyDocument: {
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Principal: { Service: 'ecs-tasks.amazonaws.com' },
            Action: 'sts:AssumeRole',
            // "Amazon ECS task IAM role": against a confused deputy.
            Condition: {
              StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID },
              ArnLike: { 'aws:SourceArn': arnInCell('ecs', '*') },
            },
          },
        ],
      },
      policies: [
        {
          policyName: name.toLowerCase(),
          policyDocument: { Version: '2012-10-17', Statement: statements },
        },
      ],
    }).attrArn;
  }
}
