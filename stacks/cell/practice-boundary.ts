import { Aws } from 'aws-cdk-lib';
import { allowRulesOfAwsBackup } from '../constructs/backup.ts';
import { arnInCell } from '../constructs/practice-stack.ts';
import { allow, deny, type Statement } from '../constructs/statements.ts';

/**
 * The most that a role of a practice may do. It gives nothing by itself; each role's own policy names one practice's
 * resources. What it holds back is a role that a template, good or bad, would make an administrator or a reader of
 * another practice's data.
 */
export function practiceBoundary(): Statement[] {
  const buckets = `arn:${Aws.PARTITION}:s3:::lumenality-*`;
  return [
    allow(
      'RunApp',
      [
        'ecr:BatchCheckLayerAvailability',
        'ecr:BatchGetImage',
        'ecr:GetAuthorizationToken',
        'ecr:GetDownloadUrlForLayer',
        'logs:CreateLogStream',
        'logs:DescribeLogStreams',
        'logs:PutLogEvents',
        'rds-db:connect',
      ],
      '*',
    ),
    allow(
      'UseOwnKeyAndSecret',
      [
        'kms:CreateGrant',
        'kms:Decrypt',
        'kms:DescribeKey',
        'kms:Encrypt',
        'kms:GenerateDataKey*',
        'kms:ListResourceTags',
        'kms:ReEncrypt*',
        'secretsmanager:DescribeSecret',
        'secretsmanager:GetSecretValue',
      ],
      [`arn:${Aws.PARTITION}:kms:*:${Aws.ACCOUNT_ID}:key/*`, arnInCell('secretsmanager', 'secret:rds!db-*')],
    ),
    allow(
      'KeepDocuments',
      [
        's3:AbortMultipartUpload',
        's3:DeleteObject',
        's3:GetBucket*',
        's3:GetInventoryConfiguration',
        's3:GetObject*',
        's3:List*',
        's3:PutBucketNotification',
        's3:PutInventoryConfiguration',
        's3:PutObject',
      ],
      [buckets, `${buckets}/*`],
    ),
    allow(
      'BackUp',
      [
        'backup:CopyFromBackupVault',
        'backup:CopyIntoBackupVault',
        'backup:DescribeBackupVault',
        'backup:TagResource',
        'cloudwatch:GetMetricData',
        'rds:AddTagsToResource',
        'rds:CopyDBSnapshot',
        'rds:CreateDBSnapshot',
        'rds:DeleteDBSnapshot',
        'rds:DescribeDBInstances',
        'rds:DescribeDBSnapshots',
        'rds:ListTagsForResource',
        's3:ListAllMyBuckets',
        'tag:GetResources',
      ],
      '*',
    ),
    allowRulesOfAwsBackup('HearOfChangesForBackup'),
    allow('FindBackupRules', ['events:ListRules'], '*'),
    // Role and key have the stack's tags; a role of one practice gets nowhere with another's key.
    deny(
      'NeverUsesAnotherPracticesKey',
      ['kms:CreateGrant', 'kms:Decrypt', 'kms:Encrypt', 'kms:GenerateDataKey*', 'kms:ReEncrypt*'],
      '*',
      {
        Null: { 'aws:ResourceTag/lumenality:practice': 'false' },
        StringNotEquals: {
          // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of IAM's policy language.
          'aws:ResourceTag/lumenality:practice': '${aws:PrincipalTag/lumenality:practice}',
        },
      },
    ),
  ];
}
