import { Aws } from 'aws-cdk-lib';
import { cellRoleArn } from '../constructs/cell-names.ts';
import { arnInCell } from '../constructs/practice-stack.ts';
import { allow, deny, denyElsewhere, type Statement } from '../constructs/statements.ts';
import { ofSomePractice, otherRoles, readsOfPatientData } from './statements.ts';

/** What the control plane does to a silo through CloudFormation; the deploy role then acts. */
const deployments = [
  'cloudformation:ContinueUpdateRollback',
  'cloudformation:DeleteChangeSet',
  'cloudformation:DeleteStack',
  'cloudformation:DescribeChangeSet',
  'cloudformation:DescribeStackEvents',
  'cloudformation:DescribeStackResourceDrifts',
  'cloudformation:DescribeStackResources',
  'cloudformation:DescribeStacks',
  'cloudformation:DetectStackDrift',
  'cloudformation:DetectStackResourceDrift',
  'cloudformation:ExecuteChangeSet',
  'cloudformation:GetTemplate',
  'cloudformation:SetStackPolicy',
  'cloudformation:TagResource',
  'cloudformation:UpdateTerminationProtection',
];

/** What following stacks, verification, rollouts, removal and the sweep for orphans read beyond what CloudFormation compares. */
const furtherReads = [
  'backup:ListBackupVaults',
  'cloudformation:DescribeStackDriftDetectionStatus',
  'cloudformation:ListStacks',
  'cloudwatch:GetMetricStatistics',
  'ec2:DescribeTransitGatewayVpcAttachments',
  'ec2:DescribeVpcPeeringConnections',
  'ecs:DescribeTasks',
  'ecs:ListTasks',
  'tag:GetResources',
];

const silos = [arnInCell('cloudformation', 'stack/lumenality-*/*')];
const cell = ['lumenality-cell', 'lumenality-cell-copies'].map((name) =>
  arnInCell('cloudformation', `stack/${name}/*`),
);

/**
 * What the control plane may do: with `configurationReads`, the calls of lib/aws and no others. `sts:GetCallerIdentity`
 * needs no permission.
 */
export function controlPlanePolicy(): Statement[] {
  return [
    allow('VerifySilos', furtherReads, '*'),
    allow('DeploySilos', deployments, silos),
    allow('DeploySilosAsDeployRoleOnly', ['cloudformation:CreateChangeSet'], silos, {
      StringEquals: { 'cloudformation:RoleArn': cellRoleArn('deploy') },
    }),
    allow('PassDeployRoleToCloudFormation', ['iam:PassRole'], cellRoleArn('deploy'), {
      StringEquals: { 'iam:PassedToService': 'cloudformation.amazonaws.com' },
    }),
    // A VPC's default group is made by EC2, so it has none of the stack's tags to ask for.
    allow(
      'CloseDefaultSecurityGroup',
      ['ec2:RevokeSecurityGroupEgress', 'ec2:RevokeSecurityGroupIngress'],
      arnInCell('ec2', 'security-group/*'),
    ),
    allow(
      'LetLoadBalancerGo',
      ['elasticloadbalancing:ModifyLoadBalancerAttributes'],
      arnInCell('elasticloadbalancing', 'loadbalancer/app/*'),
      ofSomePractice,
    ),
    // Drift detection asks whether a bucket is there. Names of objects go to CloudFormation, never to the control plane itself.
    allow('FindBucketsForDriftDetection', ['s3:ListBucket'], `arn:${Aws.PARTITION}:s3:::lumenality-*`, {
      'ForAnyValue:StringEquals': { 'aws:CalledVia': 'cloudformation.amazonaws.com' },
    }),
    // What removes a database is not a right of every day: the control plane takes it on for one practice, by name, and CloudTrail has it.
    allow('RetireOnePractice', ['sts:AssumeRole', 'sts:TagSession'], cellRoleArn('retire'), {
      Null: { 'aws:RequestTag/lumenality:practice': 'false' },
    }),
    denyElsewhere('BecomesNobodyElse', otherRoles, cellRoleArn('retire')),
    deny('NeverTouchesTheCell', ['cloudformation:*'], cell),
    deny(
      'NeverReadsPatientData',
      [...readsOfPatientData.keys, 'kms:CreateGrant', 'kms:PutKeyPolicy', ...readsOfPatientData.others],
      '*',
    ),
  ];
}
