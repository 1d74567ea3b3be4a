import { Aws } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { arnInCell } from './practice-stack.ts';
import { ScopedRole } from './scoped-role.ts';

export interface AppRolesProps {
  readonly practiceId: string;
  readonly keyArn: string;
  readonly secretArn: string;
  /** What IAM calls the database instance: `db-…`. */
  readonly databaseResourceId: string;
  readonly bucketName: string;
  readonly logGroupName: string;
  /** The practice's VPC: the app acts from there and from nowhere else. */
  readonly vpcId: string;
}

/** The database role that serves requests; it signs in by IAM and owns no table (docs/silo.md). */
const databaseUser = 'practice_app';

/** Two roles: ECS starts the task with one, the app acts with the other. Each names one practice's resources only. */
export class AppRoles extends Construct {
  readonly execution: ScopedRole;
  readonly task: ScopedRole;

  constructor(scope: Construct, id: string, props: AppRolesProps) {
    super(scope, id);
    const { practiceId } = props;
    const forTasks = {
      practiceId,
      service: 'ecs-tasks.amazonaws.com',
      // "Amazon ECS task IAM role": against a confused deputy.
      trustCondition: {
        StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID },
        ArnLike: { 'aws:SourceArn': arnInCell('ecs', '*') },
      },
    };
    this.execution = new ScopedRole(this, 'ExecutionRole', {
      ...forTasks,
      description: 'Lets ECS pull the image and write the log',
      statements: executionStatements(props),
    });
    this.task = new ScopedRole(this, 'TaskRole', {
      ...forTasks,
      description: "The practice app's own identity",
      statements: taskStatements(props),
    });
  }
}

const allow = (Sid: string, Action: string[], Resource: string, Condition?: object): object => ({
  Sid,
  Effect: 'Allow',
  Action,
  Resource,
  ...(Condition !== undefined && { Condition }),
});

function executionStatements({ logGroupName }: AppRolesProps): object[] {
  return [
    // This action has no resource ("Actions, resources, and condition keys for Amazon ECR").
    allow('SignInToRegistry', ['ecr:GetAuthorizationToken'], '*'),
    // Any account: the registry may be shared by cells; its repository policy says which account may pull.
    allow(
      'PullPracticeApp',
      ['ecr:BatchCheckLayerAvailability', 'ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer'],
      `arn:${Aws.PARTITION}:ecr:${Aws.REGION}:*:repository/lumenality/practice-app`,
    ),
    allow(
      'WriteAppLog',
      ['logs:CreateLogStream', 'logs:PutLogEvents'],
      arnInCell('logs', `log-group:${logGroupName}:*`),
    ),
  ];
}

function taskStatements(props: AppRolesProps): object[] {
  const { keyArn, secretArn, databaseResourceId, bucketName, vpcId } = props;
  // Secrets Manager and S3 decrypt for whoever may ask them, from wherever: so the app's keys, carried out of the VPC, may not ask. All of
  // the app's calls go through the VPC's endpoints, which say so ("aws:SourceVpc").
  const fromOwnVpc = { StringEquals: { 'aws:SourceVpc': vpcId } };
  const bucketArn = `arn:${Aws.PARTITION}:s3:::${bucketName}`;
  return [
    allow(
      'ReadDatabaseSecret',
      ['secretsmanager:DescribeSecret', 'secretsmanager:GetSecretValue'],
      secretArn,
      fromOwnVpc,
    ),
    allow(
      'SignInToDatabase',
      ['rds-db:connect'],
      arnInCell('rds-db', `dbuser:${databaseResourceId}/${databaseUser}`),
    ),
    // ListResourceTags: at its start the app checks that the key is tagged for its practice.
    allow(
      'UsePracticeKey',
      ['kms:Decrypt', 'kms:DescribeKey', 'kms:Encrypt', 'kms:GenerateDataKey*', 'kms:ListResourceTags'],
      keyArn,
    ),
    allow('ListDocuments', ['s3:ListBucket'], bucketArn, fromOwnVpc),
    // Old versions stay out of reach: what the app deletes or overwrites can be brought back.
    allow('KeepDocuments', ['s3:DeleteObject', 's3:GetObject', 's3:PutObject'], `${bucketArn}/*`, fromOwnVpc),
  ];
}
