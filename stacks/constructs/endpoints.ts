import { Aws } from 'aws-cdk-lib';
import { CfnVPCEndpoint } from 'aws-cdk-lib/aws-ec2';
import { Construct } from 'constructs';
import { arnInCell } from './practice-stack.ts';

export interface EndpointsProps {
  readonly vpcId: string;
  readonly subnetIds: string[];
  readonly routeTableId: string;
  readonly securityGroupId: string;
  readonly keyArn: string;
  readonly logGroupArn: string;
}

/**
 * How the app reaches AWS without the internet. Each endpoint passes on only what the app needs, and only for
 * principals of this account: a stolen credential of another account cannot carry data out through it.
 */
export class Endpoints extends Construct {
  constructor(scope: Construct, id: string, props: EndpointsProps) {
    super(scope, id);
    const repository = `arn:${Aws.PARTITION}:ecr:${Aws.REGION}:*:repository/lumenality/practice-app`;
    const pull = allow(
      ['ecr:BatchCheckLayerAvailability', 'ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer'],
      repository,
    );
    // The caller names no resource when it asks for a token ("Actions, resources, and condition keys for Amazon ECR").
    const signIn = allow(['ecr:GetAuthorizationToken'], '*');
    const interfaces: ReadonlyArray<[id: string, service: string, statements: object[]]> = [
      [
        'Kms',
        'kms',
        [
          allow(
            ['kms:Decrypt', 'kms:DescribeKey', 'kms:Encrypt', 'kms:GenerateDataKey*', 'kms:ListResourceTags'],
            props.keyArn,
          ),
        ],
      ],
      [
        'SecretsManager',
        'secretsmanager',
        [
          allow(
            ['secretsmanager:DescribeSecret', 'secretsmanager:GetSecretValue'],
            arnInCell('secretsmanager', 'secret:rds!db-*'),
          ),
        ],
      ],
      ['Logs', 'logs', [allow(['logs:CreateLogStream', 'logs:PutLogEvents'], props.logGroupArn)]],
      ['EcrApi', 'ecr.api', [pull, signIn]],
      ['EcrDocker', 'ecr.dkr', [pull, signIn]],
    ];
    for (const [name, service, statements] of interfaces) {
      new CfnVPCEndpoint(this, name, {
        vpcEndpointType: 'Interface',
        serviceName: `com.amazonaws.${Aws.REGION}.${service}`,
        vpcId: props.vpcId,
        subnetIds: props.subnetIds,
        securityGroupIds: [props.securityGroupId],
        privateDnsEnabled: true,
        policyDocument: { Version: '2012-10-17', Statement: statements },
      });
    }
    new CfnVPCEndpoint(this, 'S3', {
      vpcEndpointType: 'Gateway',
      serviceName: `com.amazonaws.${Aws.REGION}.s3`,
      vpcId: props.vpcId,
      routeTableIds: [props.routeTableId],
      policyDocument: { Version: '2012-10-17', Statement: [imageLayers()] },
    });
  }
}

function allow(actions: string[], resource: string): object {
  return {
    Effect: 'Allow',
    Principal: { AWS: '*' },
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
