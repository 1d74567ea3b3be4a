import { Aws } from 'aws-cdk-lib';
import { CfnBackupPlan, CfnBackupSelection } from 'aws-cdk-lib/aws-backup';
import { Construct } from 'constructs';
import { backupSchedule, backupStartWindowMinutes } from '../../tenant-template/database-windows.ts';
import { copyVaultName } from './cell-names.ts';
import type { Database } from './database.ts';
import { lockedVault } from './locked-vault.ts';
import { arnInCell } from './practice-stack.ts';
import { ScopedRole } from './scoped-role.ts';
import { allow, type Statement } from './statements.ts';

export interface BackupProps {
  readonly practiceId: string;
  readonly keyArn: string;
  readonly bucketName: string;
  /** How long the vault and its copies keep a recovery point. */
  readonly retentionDays: number;
  /** Region of the cell's vault for second copies. */
  readonly copyRegion: string;
}

/**
 * Daily backups in a vault that nobody can empty, with a second copy in another Region. They come on top of the database's own
 * point-in-time recovery and of the bucket's versions, and outlive both.
 *
 * Not continuous: AWS Backup would take RDS's 35 days of point-in-time recovery under its own management, and from then on RDS refuses
 * the stack's changes to backup window and retention ("Continuous backups and point-in-time recovery", AWS Backup Developer Guide).
 */
export class Backup extends Construct {
  readonly vaultName: string;
  private readonly plan: CfnBackupPlan;
  private readonly role: ScopedRole;
  private readonly bucketArn: string;

  constructor(scope: Construct, id: string, props: BackupProps) {
    super(scope, id);
    this.bucketArn = `arn:${Aws.PARTITION}:s3:::${props.bucketName}`;
    // A restore is a second data stack: its vault must not meet the first one's.
    const vault = lockedVault(this, { name: Aws.STACK_NAME, keyArn: props.keyArn });
    this.vaultName = vault.ref;
    this.role = new ScopedRole(this, 'Role', {
      practiceId: props.practiceId,
      description: 'Lets AWS Backup read what it backs up of this practice',
      service: 'backup.amazonaws.com',
      statements: backupStatements(props, this.bucketArn, vault.attrBackupVaultArn),
    });
    const lifecycle = { deleteAfterDays: props.retentionDays };
    this.plan = new CfnBackupPlan(this, 'Plan', {
      backupPlan: {
        backupPlanName: Aws.STACK_NAME,
        backupPlanRule: [
          {
            ruleName: 'daily',
            targetBackupVault: vault.ref,
            scheduleExpression: backupSchedule,
            startWindowMinutes: backupStartWindowMinutes,
            completionWindowMinutes: 480,
            lifecycle,
            recoveryPointTags: { 'lumenality:practice': props.practiceId },
            copyActions: [
              {
                destinationBackupVaultArn: arnOfVault(props.copyRegion, copyVaultName),
                lifecycle,
              },
            ],
          },
        ],
      },
    });
  }

  /**
   * Backs up the database and the practice's bucket, both by ARN, so that no lost tag ends their backups. Vault, role and plan are made
   * before the database, so only this entry of a list can still fail when there is a protected database to roll back.
   */
  protect(database: Database): void {
    database.instance.addResourceDependency(this.plan);
    database.instance.addResourceDependency(this.role.resource);
    new CfnBackupSelection(this, 'Selection', {
      backupPlanId: this.plan.ref,
      backupSelection: {
        selectionName: 'database-and-bucket',
        iamRoleArn: this.role.arn,
        resources: [database.instanceArn, this.bucketArn],
      },
    });
  }
}

const arnOfVault = (region: string, name: string): string =>
  `arn:${Aws.PARTITION}:backup:${region}:${Aws.ACCOUNT_ID}:backup-vault:${name}`;

/** AWS Backup hears of changes in a bucket by rules that it makes itself. */
export function allowRulesOfAwsBackup(sid: string): Statement {
  return allow(
    sid,
    [
      'events:DeleteRule',
      'events:DescribeRule',
      'events:DisableRule',
      'events:EnableRule',
      'events:ListTargetsByRule',
      'events:PutRule',
      'events:PutTargets',
      'events:RemoveTargets',
    ],
    arnInCell('events', 'rule/AwsBackupManagedRule*'),
  );
}

/**
 * "Managed policies for AWS Backup", customer managed policies for Amazon RDS and Amazon S3, narrowed to one practice. Nothing here
 * can restore: a restore is a stack of its own.
 */
function backupStatements(props: BackupProps, bucketArn: string, vaultArn: string): Statement[] {
  const copiesArn = arnOfVault(props.copyRegion, copyVaultName);
  const snapshots = `arn:${Aws.PARTITION}:rds:*:${Aws.ACCOUNT_ID}:snapshot:awsbackup:*`;
  const keys = [props.keyArn, `arn:${Aws.PARTITION}:kms:${props.copyRegion}:${Aws.ACCOUNT_ID}:key/*`];
  return [
    allow('SnapshotThisPracticesDatabase', ['rds:CreateDBSnapshot'], arnInCell('rds', 'db:*'), {
      StringEquals: { 'aws:ResourceTag/lumenality:practice': props.practiceId },
    }),
    allow(
      'HandleSnapshotsOfAwsBackup',
      ['rds:AddTagsToResource', 'rds:CopyDBSnapshot', 'rds:CreateDBSnapshot', 'rds:DeleteDBSnapshot'],
      snapshots,
    ),
    // None of these reads data, and most of them have no resource to name.
    allow(
      'FindResources',
      [
        'cloudwatch:GetMetricData',
        'events:ListRules',
        'rds:DescribeDBInstances',
        'rds:DescribeDBSnapshots',
        'rds:ListTagsForResource',
        's3:ListAllMyBuckets',
        'tag:GetResources',
      ],
      '*',
    ),
    allow(
      'ReadThisPracticesBucket',
      [
        's3:GetBucketAcl',
        's3:GetBucketLocation',
        's3:GetBucketNotification',
        's3:GetBucketTagging',
        's3:GetBucketVersioning',
        's3:GetInventoryConfiguration',
        's3:ListBucket',
        's3:ListBucketVersions',
        's3:PutBucketNotification',
        's3:PutInventoryConfiguration',
      ],
      bucketArn,
    ),
    allow(
      'ReadThisPracticesObjects',
      [
        's3:GetObject',
        's3:GetObjectAcl',
        's3:GetObjectTagging',
        's3:GetObjectVersion',
        's3:GetObjectVersionAcl',
        's3:GetObjectVersionTagging',
      ],
      `${bucketArn}/*`,
    ),
    allowRulesOfAwsBackup('HearOfChangesInTheBucket'),
    // The plan's tags, and the resource's own, go on each recovery point and on its copy.
    allow(
      'TagRecoveryPoints',
      ['backup:TagResource'],
      `arn:${Aws.PARTITION}:backup:*:${Aws.ACCOUNT_ID}:recovery-point:*`,
    ),
    allow('DescribeVaults', ['backup:DescribeBackupVault'], [vaultArn, copiesArn]),
    allow('CopyIntoVaults', ['backup:CopyIntoBackupVault'], [vaultArn, copiesArn]),
    allow('CopyFromVault', ['backup:CopyFromBackupVault'], '*'),
    allow('DescribeKeys', ['kms:DescribeKey'], keys),
    allow('GrantKeysToAws', ['kms:CreateGrant'], keys, { Bool: { 'kms:GrantIsForAWSResource': 'true' } }),
    allow('ReadEncryptedObjects', ['kms:Decrypt', 'kms:GenerateDataKey'], props.keyArn, {
      StringEquals: { 'kms:ViaService': `s3.${Aws.REGION}.amazonaws.com` },
    }),
  ];
}
