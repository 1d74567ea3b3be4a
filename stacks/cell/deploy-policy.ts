import { Aws } from 'aws-cdk-lib';
import { cellPath } from '../constructs/cell-names.ts';
import { arnInCell } from '../constructs/practice-stack.ts';
import { allow, deny, type Statement } from '../constructs/statements.ts';
import {
  global,
  keyPolicyWindow,
  longestWait,
  ofSomePractice,
  otherRoles,
  readsOfPatientData,
} from './statements.ts';

/** A request that makes something must tag it for a practice; CloudFormation does so with the stack's tags. */
const taggedForPractice = { Null: { 'aws:RequestTag/lumenality:practice': 'false' } };
/** Services that keep a practice's data under its key, and use it on behalf of whoever makes the database or the vault. */
const throughKeepers = ['backup', 'rds', 'secretsmanager'].map(
  (service) => `${service}.${Aws.REGION}.amazonaws.com`,
);
const bucket = `arn:${Aws.PARTITION}:s3:::lumenality-*`;
const logGroups = ['/lumenality/*', 'aws-waf-logs-lumenality-*'].flatMap((name) => [
  arnInCell('logs', `log-group:${name}`),
  arnInCell('logs', `log-group:${name}:*`),
]);

/** Network, address and firewall. Most of EC2's parts have generated ids, so tags and the account are the border. */
export function deploysNetwork(hostedZoneId: string): Statement[] {
  return [
    allow(
      'MakeNetwork',
      [
        'ec2:AssociateRouteTable',
        'ec2:AttachInternetGateway',
        'ec2:AuthorizeSecurityGroupEgress',
        'ec2:AuthorizeSecurityGroupIngress',
        'ec2:CreateFlowLogs',
        'ec2:CreateInternetGateway',
        'ec2:CreateRoute',
        'ec2:CreateRouteTable',
        'ec2:CreateSecurityGroup',
        'ec2:CreateSubnet',
        'ec2:CreateTags',
        'ec2:CreateVpc',
        'ec2:CreateVpcEndpoint',
        'ec2:DeleteTags',
        'ec2:DisassociateRouteTable',
        'ec2:ModifySecurityGroupRules',
        'ec2:ModifySubnetAttribute',
        'ec2:ModifyVpcAttribute',
        'ec2:ModifyVpcEndpoint',
        'ec2:ReplaceRoute',
        'ec2:ReplaceRouteTableAssociation',
        'ec2:RevokeSecurityGroupEgress',
        'ec2:RevokeSecurityGroupIngress',
        'ec2:UpdateSecurityGroupRuleDescriptionsEgress',
        'ec2:UpdateSecurityGroupRuleDescriptionsIngress',
      ],
      '*',
    ),
    allow(
      'RemoveNetworkOfPractice',
      [
        'ec2:DeleteFlowLogs',
        'ec2:DeleteInternetGateway',
        'ec2:DeleteRoute',
        'ec2:DeleteRouteTable',
        'ec2:DeleteSecurityGroup',
        'ec2:DeleteSubnet',
        'ec2:DeleteVpc',
        'ec2:DeleteVpcEndpoints',
        'ec2:DetachInternetGateway',
      ],
      '*',
      ofSomePractice,
    ),
    allow(
      'MakeEntrance',
      [
        'elasticloadbalancing:AddTags',
        'elasticloadbalancing:CreateListener',
        'elasticloadbalancing:CreateLoadBalancer',
        'elasticloadbalancing:CreateRule',
        'elasticloadbalancing:CreateTargetGroup',
        'elasticloadbalancing:CreateWebACLAssociation',
        'elasticloadbalancing:DeleteListener',
        'elasticloadbalancing:DeleteLoadBalancer',
        'elasticloadbalancing:DeleteRule',
        'elasticloadbalancing:DeleteTargetGroup',
        'elasticloadbalancing:DeleteWebACLAssociation',
        'elasticloadbalancing:ModifyListener',
        'elasticloadbalancing:ModifyListenerAttributes',
        'elasticloadbalancing:ModifyLoadBalancerAttributes',
        'elasticloadbalancing:ModifyRule',
        'elasticloadbalancing:ModifyTargetGroup',
        'elasticloadbalancing:ModifyTargetGroupAttributes',
        'elasticloadbalancing:RemoveTags',
        'elasticloadbalancing:SetIpAddressType',
        'elasticloadbalancing:SetRulePriorities',
        'elasticloadbalancing:SetSecurityGroups',
        'elasticloadbalancing:SetSubnets',
      ],
      arnInCell('elasticloadbalancing', '*'),
    ),
    // It has no resource ("Actions, resources, and condition keys for Elastic Load Balancing V2").
    allow('GuardEntrance', ['elasticloadbalancing:SetWebACL'], '*'),
    allow(
      'MakeCertificate',
      [
        'acm:AddTagsToCertificate',
        'acm:DeleteCertificate',
        'acm:RemoveTagsFromCertificate',
        'acm:RequestCertificate',
      ],
      '*',
    ),
    // "Create an interface endpoint": private names are a hosted zone of the service's.
    allow(
      'NameEndpoints',
      ['route53:AssociateVPCWithHostedZone'],
      `arn:${Aws.PARTITION}:route53:::hostedzone/*`,
    ),
    allow(
      'NamePractice',
      ['route53:ChangeResourceRecordSets'],
      `arn:${Aws.PARTITION}:route53:::hostedzone/${hostedZoneId}`,
    ),
    allow(
      'MakeWebFirewall',
      [
        'wafv2:AssociateWebACL',
        'wafv2:CreateWebACL',
        'wafv2:DeleteLoggingConfiguration',
        'wafv2:DeleteWebACL',
        'wafv2:DisassociateWebACL',
        'wafv2:PutLoggingConfiguration',
        'wafv2:TagResource',
        'wafv2:UntagResource',
        'wafv2:UpdateWebACL',
      ],
      [
        arnInCell('wafv2', 'regional/webacl/lumenality-*/*'),
        arnInCell('wafv2', 'regional/managedruleset/*/*'),
        arnInCell('elasticloadbalancing', 'loadbalancer/app/*'),
      ],
    ),
    // "Logs sent to CloudWatch Logs" (CloudWatch Logs User Guide), user permissions: for all log groups or none.
    allow(
      'DeliverWebFirewallLog',
      ['logs:CreateLogDelivery', 'logs:DeleteLogDelivery', 'logs:PutResourcePolicy'],
      '*',
    ),
  ];
}

/** What keeps the practice's data, and what records its use. */
/** @param keyPoliciesUntil until when a deployment may change the policy of a key; in the past: none may. */
export function deploysData(keyPoliciesUntil: string): Statement[] {
  return [
    allow('MakeKey', ['kms:CreateKey', 'kms:TagResource'], '*', taggedForPractice),
    // Not by tag: KMS takes up to five minutes to see one, and these calls follow the key's creation ("ABAC for AWS KMS").
    allow(
      'KeepKey',
      ['kms:EnableKeyRotation', 'kms:UntagResource', 'kms:UpdateKeyDescription'],
      arnInCell('kms', 'key/*'),
    ),
    // With each release one tag changes, and CloudFormation sends only that one: the key is known by the tags that it has.
    allow('TagKey', ['kms:TagResource'], arnInCell('kms', 'key/*'), ofSomePractice),
    allow(
      'RewriteKeyPolicyInWindow',
      ['kms:PutKeyPolicy'],
      arnInCell('kms', 'key/*'),
      keyPolicyWindow(keyPoliciesUntil).open,
    ),
    allow('ScheduleKeyDeletion', ['kms:ScheduleKeyDeletion'], arnInCell('kms', 'key/*'), longestWait),
    allow(
      'NameKey',
      ['kms:CreateAlias', 'kms:DeleteAlias', 'kms:UpdateAlias'],
      [arnInCell('kms', 'alias/lumenality/*'), arnInCell('kms', 'key/*')],
    ),
    allow(
      'LetKeepersUseKey',
      ['kms:CreateGrant', 'kms:Decrypt', 'kms:GenerateDataKey*', 'kms:RetireGrant'],
      arnInCell('kms', 'key/*'),
      { StringEquals: { 'kms:ViaService': throughKeepers } },
    ),
    allow(
      'MakeDatabase',
      [
        'rds:AddTagsToResource',
        'rds:CreateDBInstance',
        'rds:CreateDBParameterGroup',
        'rds:CreateDBSnapshot',
        'rds:CreateDBSubnetGroup',
        'rds:DeleteDBInstance',
        'rds:DeleteDBParameterGroup',
        'rds:DeleteDBSubnetGroup',
        'rds:ModifyDBInstance',
        'rds:ModifyDBParameterGroup',
        'rds:ModifyDBSubnetGroup',
        'rds:RebootDBInstance',
        'rds:RemoveTagsFromResource',
        'rds:ResetDBParameterGroup',
        'rds:RestoreDBInstanceFromDBSnapshot',
      ],
      ['db:lumenality-*', 'pg:lumenality-*', 'subgrp:lumenality-*', 'og:default*', 'snapshot:*'].map((name) =>
        arnInCell('rds', name),
      ),
    ),
    // "Password management with Amazon RDS and AWS Secrets Manager", permissions required.
    allow(
      'LetDatabaseKeepItsSecret',
      ['secretsmanager:CreateSecret', 'secretsmanager:RotateSecret', 'secretsmanager:TagResource'],
      arnInCell('secretsmanager', 'secret:rds!db-*'),
    ),
    // ListBucket answers HeadBucket too, by which CloudFormation sees that a bucket is there; only CloudFormation becomes this role.
    allow(
      'MakeBucket',
      [
        's3:CreateBucket',
        's3:DeleteBucket',
        's3:DeleteBucketPolicy',
        's3:ListBucket',
        's3:PutBucketAbac',
        's3:PutBucketLogging',
        's3:PutBucketNotification',
        's3:PutBucketOwnershipControls',
        's3:PutBucketPolicy',
        's3:PutBucketPublicAccessBlock',
        's3:PutBucketTagging',
        's3:PutBucketVersioning',
        's3:PutEncryptionConfiguration',
        's3:PutLifecycleConfiguration',
        's3:TagResource',
        's3:UntagResource',
      ],
      bucket,
    ),
    allow(
      'MakeBackup',
      [
        'backup:CreateBackupPlan',
        'backup:CreateBackupSelection',
        'backup:CreateBackupVault',
        'backup:DeleteBackupPlan',
        'backup:DeleteBackupSelection',
        'backup:DeleteBackupVault',
        'backup:PutBackupVaultAccessPolicy',
        'backup:PutBackupVaultLockConfiguration',
        'backup:TagResource',
        'backup:UntagResource',
        'backup:UpdateBackupPlan',
      ],
      [arnInCell('backup', 'backup-vault:lumenality-*'), arnInCell('backup', 'backup-plan:*')],
    ),
    // It has no resource: "Create a backup vault", required permissions.
    allow('MountVault', ['backup-storage:MountCapsule'], '*'),
    allow(
      'MakeLogGroups',
      [
        'logs:AssociateKmsKey',
        'logs:CreateLogGroup',
        'logs:DeleteLogGroup',
        'logs:PutRetentionPolicy',
        'logs:TagResource',
        'logs:UntagResource',
      ],
      logGroups,
    ),
  ];
}

/** Explicit, so that nobody can add what is left out above by one more policy. */
export function deployDenials(keyPoliciesUntil: string): Statement[] {
  return [
    deny('NeverReadsPatientData', [...readsOfPatientData.others, ...otherRoles], '*'),
    deny('NeverUsesKeysItself', readsOfPatientData.keys, '*', {
      StringNotEqualsIfExists: { 'kms:ViaService': throughKeepers },
    }),
    deny('GrantsKeysToServicesOnly', ['kms:CreateGrant'], '*', {
      BoolIfExists: { 'kms:GrantIsForAWSResource': 'false' },
    }),
    // A key's policy is written when the key is made: no deployment lets anybody else in afterwards, but in a window that a person opens.
    deny('RewritesNoKeyPolicy', ['kms:PutKeyPolicy'], '*', keyPolicyWindow(keyPoliciesUntil).closed),
    deny('NeverLeavesBoundary', ['iam:DeleteRolePermissionsBoundary', 'iam:PutRolePolicy'], '*'),
    deny(
      'NeverTouchesTheCell',
      ['iam:*'],
      [
        global('iam', `policy${cellPath}*`),
        global('iam', `role${cellPath}control-plane`),
        global('iam', `role${cellPath}deploy`),
        global('iam', `role${cellPath}retire`),
      ],
    ),
    deny(
      'NeverOpensDatabases',
      ['rds:CreateDBInstance', 'rds:ModifyDBInstance', 'rds:RestoreDBInstanceFromDBSnapshot'],
      '*',
      {
        Bool: { 'rds:PubliclyAccessible': 'true' },
      },
    ),
    deny('NeverSharesSnapshots', ['rds:ModifyDBSnapshotAttribute'], '*'),
  ];
}
