import { Aws, CfnCondition, Fn } from 'aws-cdk-lib';
import { CfnVPCEndpoint } from 'aws-cdk-lib/aws-ec2';
import { Construct } from 'constructs';
import { arnInCell } from './practice-stack.ts';

export interface EndpointsProps {
  readonly vpcId: string;
  readonly subnetIds: readonly [string, string];
  /** `one`: in the first subnet's zone only; `all`: in both. */
  readonly zones: string;
  readonly routeTableId: string;
  readonly securityGroupId: string;
  readonly keyArn: string;
  readonly logGroupArn: string;
  readonly bucketArn: string;
}

type Statements = readonly object[];

/**
 * How the app reaches AWS without the internet. Each endpoint passes on only what the app needs, and only for
 * principals of this account: a stolen credential of another account cannot carry data out through it.
 */
export class Endpoints extends Construct {
  constructor(scope: Construct, id: string, props: EndpointsProps) {
    super(scope, id);
    const all = new CfnCondition(this, 'InAllZones', { expression: Fn.conditionEquals(props.zones, 'all') });
    const [first, second] = props.subnetIds;
    const subnetIds = Fn.conditionIf(all.logicalId, [first, second], [first]);
    for (const [name, service, statements] of interfaces(props)) {
      const endpoint = new CfnVPCEndpoint(this, name, {
        vpcEndpointType: 'Interface',
        serviceName: `com.amazonaws.${Aws.REGION}.${service}`,
        vpcId: props.vpcId,
        securityGroupIds: [props.securityGroupId],
        privateDnsEnabled: true,
        policyDocument: { Version: '2012-10-17', Statement: statements },
      });
      // The construct's type wants a list of strings; CloudFormation decides which list.
      endpoint.addPropertyOverride('SubnetIds', subnetIds);
    }
    new CfnVPCEndpoint(this, 'S3', {
      vpcEndpointType: 'Gateway',
      serviceName: `com.amazonaws.${Aws.REGION}.s3`,
      vpcId: props.vpcId,
      routeTableIds: [props.routeTableId],
      policyDocument: { Version: '2012-10-17', Statement: [imageLayers(), ...documents(props.bucketArn)] },
    });
  }
}

function interfaces(
  props: EndpointsProps,
): ReadonlyArray<[id: string, service: string, statements: Statements]> {
  const repository = `arn:${Aws.PARTITION}:ecr:${Aws.REGION}:*:repository/lumenality/practice-app`;
  const pull = allow(
    ['ecr:BatchCheckLayerAvailability', 'ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer'],
    repository,
  );
  // The caller names no resource when it asks for a token ("Actions, resources, and condition keys for Amazon ECR").
  const signIn = allow(['ecr:GetAuthorizationToken'], '*');
  const key = [
    'kms:Decrypt',
    'kms:DescribeKey',
    'kms:Encrypt',
    'kms:GenerateDataKey*',
    'kms:ListResourceTags',
  ];
  const secret = arnInCell('secretsmanager', 'secret:rds!db-*');
  return [
    ['Kms', 'kms', [allow(key, props.keyArn)]],
    [
      'SecretsManager',
      'secretsmanager',
      [allow(['secretsmanager:DescribeSecret', 'secretsmanager:GetSecretValue'], secret)],
    ],
    ['Logs', 'logs', [allow(['logs:CreateLogStream', 'logs:PutLogEvents'], props.logGroupArn)]],
    ['EcrApi', 'ecr.api', [pull, signIn]],
    ['EcrDocker', 'ecr.dkr', [pull, signIn]],
  ];
}

function allow(actions: string[], resource: string): object {
  return {
    Effect: 'Allow',
    Principal: '*',
    Action: actions,
    Resource: resource,
    Condition: { StringEquals: { 'aws:PrincipalAccount': Aws.ACCOUNT_ID } },
  };
}

/** ECR's own bucket of image layers ("Amazon ECR interface VPC endpoints", minimum permissions for the S3 gateway). */
function imageLayers(): object {
  return {
    Effect: 'Allow',
    Principal: '*',
    Action: ['s3:GetObject'],
    Resource: `arn:${Aws.PARTITION}:s3:::prod-${Aws.REGION}-starport-layer-bucket/*`,
  };
}

/** The practice's documents. */
function documents(bucketArn: string): Statements {
  return [
    allow(['s3:AbortMultipartUpload', 's3:DeleteObject', 's3:GetObject', 's3:PutObject'], `${bucketArn}/*`),
    allow(['s3:ListBucket'], bucketArn),
  ];
}
