import { cellRoleArn, practiceBoundaryArn } from '../constructs/cell-names.ts';
import { arnInCell } from '../constructs/practice-stack.ts';
import { allow, type Statement } from '../constructs/statements.ts';
import { global } from './statements.ts';

const roles = global('iam', 'role/lumenality/*');
const policies = global('iam', 'policy/lumenality/*');

/** The app, the practice's roles and its alarms. */
export function deploysService(): Statement[] {
  return [
    allow(
      'MakeRolesInsideBoundary',
      ['iam:AttachRolePolicy', 'iam:CreateRole', 'iam:PutRolePermissionsBoundary'],
      roles,
      {
        StringEquals: { 'iam:PermissionsBoundary': practiceBoundaryArn },
      },
    ),
    allow(
      'KeepRoles',
      [
        'iam:DeleteRole',
        'iam:DetachRolePolicy',
        'iam:TagRole',
        'iam:UntagRole',
        'iam:UpdateAssumeRolePolicy',
        'iam:UpdateRole',
        'iam:UpdateRoleDescription',
      ],
      roles,
    ),
    allow(
      'MakePolicies',
      [
        'iam:CreatePolicy',
        'iam:CreatePolicyVersion',
        'iam:DeletePolicy',
        'iam:DeletePolicyVersion',
        'iam:SetDefaultPolicyVersion',
        'iam:TagPolicy',
        'iam:UntagPolicy',
      ],
      policies,
    ),
    allow('PassRolesOfPractices', ['iam:PassRole'], roles, {
      StringEquals: {
        'iam:PassedToService': [
          'backup.amazonaws.com',
          'ecs-tasks.amazonaws.com',
          'vpc-flow-logs.amazonaws.com',
        ],
      },
    }),
    allow('PassMonitoringRole', ['iam:PassRole'], cellRoleArn('database-monitoring'), {
      StringEquals: { 'iam:PassedToService': ['monitoring.rds.amazonaws.com', 'rds.amazonaws.com'] },
    }),
    allow(
      'LetServicesMakeTheirRoles',
      ['iam:CreateServiceLinkedRole'],
      global('iam', 'role/aws-service-role/*'),
      {
        StringEquals: {
          'iam:AWSServiceName': [
            'backup.amazonaws.com',
            'ecs.amazonaws.com',
            'ecs.application-autoscaling.amazonaws.com',
            'elasticloadbalancing.amazonaws.com',
            'mrk.kms.amazonaws.com',
            'rds.amazonaws.com',
            'wafv2.amazonaws.com',
          ],
        },
      },
    ),
    allow(
      'MakeService',
      [
        'ecs:CreateCluster',
        'ecs:CreateService',
        'ecs:DeleteCluster',
        'ecs:DeleteService',
        'ecs:PutClusterCapacityProviders',
        'ecs:RegisterTaskDefinition',
        'ecs:StopServiceDeployment',
        'ecs:TagResource',
        'ecs:UntagResource',
        'ecs:UpdateCluster',
        'ecs:UpdateClusterSettings',
        'ecs:UpdateService',
      ],
      [
        'cluster/lumenality-*',
        'service/lumenality-*',
        'service-deployment/lumenality-*',
        'task-definition/lumenality-*',
      ].map((name) => arnInCell('ecs', name)),
    ),
    // It has no resource ("Actions, resources, and condition keys for Amazon ECS"): whoever may end any may end all.
    allow('EndOldTaskDefinitions', ['ecs:DeregisterTaskDefinition'], '*'),
    allow(
      'ScaleService',
      [
        'application-autoscaling:DeleteScalingPolicy',
        'application-autoscaling:DeregisterScalableTarget',
        'application-autoscaling:PutScalingPolicy',
        'application-autoscaling:RegisterScalableTarget',
        'application-autoscaling:TagResource',
        'application-autoscaling:UntagResource',
      ],
      '*',
    ),
    allow(
      'MakeAlarms',
      [
        'cloudwatch:DeleteAlarms',
        'cloudwatch:DeleteDashboards',
        'cloudwatch:PutDashboard',
        'cloudwatch:PutMetricAlarm',
        'cloudwatch:TagResource',
        'cloudwatch:UntagResource',
      ],
      [
        arnInCell('cloudwatch', 'alarm:lumenality-*'),
        // Target tracking names its own alarms.
        arnInCell('cloudwatch', 'alarm:TargetTracking-service/lumenality-*'),
        global('cloudwatch', 'dashboard/lumenality-*'),
      ],
    ),
    allow(
      'MakeTopic',
      [
        'sns:CreateTopic',
        'sns:DeleteTopic',
        'sns:SetSubscriptionAttributes',
        'sns:SetTopicAttributes',
        'sns:Subscribe',
        'sns:TagResource',
        'sns:Unsubscribe',
        'sns:UntagResource',
      ],
      arnInCell('sns', 'lumenality-*'),
    ),
  ];
}
