import { Aws } from 'aws-cdk-lib';
import { CfnBackupVault } from 'aws-cdk-lib/aws-backup';
import { CfnKey } from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import { cellRoleArn } from '../constructs/cell-names.ts';
import { PlainStack } from '../constructs/plain-stack.ts';
import { accountRoot } from '../constructs/practice-stack.ts';
import { retain } from '../constructs/retain.ts';

/** The fewest days that a copy is kept, as in the practices' own vaults. */
const leastDays = 35;
const keepers = ['backup', 'rds'].map((service) => `${service}.${Aws.REGION}.amazonaws.com`);
const cryptography = ['kms:Decrypt', 'kms:Encrypt', 'kms:GenerateDataKey*', 'kms:ReEncrypt*'];

/** In another Region than the silos: the second copy of each backup, locked, under a key of its own. */
export class CellCopiesStack extends PlainStack {
  constructor(scope: Construct) {
    super(scope, 'lumenality-cell-copies', 'Lumenality cell: second copies of backups, in another Region');
    const key = new CfnKey(this, 'Key', {
      description: 'Encrypts the second copies of backups',
      enableKeyRotation: true,
      rotationPeriodInDays: 365,
      pendingWindowInDays: 30,
      keyPolicy: { Version: '2012-10-17', Statement: keyStatements() },
    });
    retain(key);
    const vault = new CfnBackupVault(this, 'Vault', {
      backupVaultName: 'lumenality-copies',
      encryptionKeyArn: key.attrArn,
      // Compliance mode after three days, the fewest there are: then nobody, AWS included, can shorten or delete.
      lockConfiguration: { minRetentionDays: leastDays, changeableForDays: 3 },
      accessPolicy: {
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Deny',
            Principal: '*',
            Action: ['backup:DeleteRecoveryPoint', 'backup:UpdateRecoveryPointLifecycle'],
            Resource: '*',
          },
        ],
      },
    });
    retain(vault);
    this.output('VaultArn', vault.attrBackupVaultArn, 'Where second copies go');
    this.output('KeyArn', key.attrArn, 'Key of the second copies');
  }
}

/** As a practice's key: the account administers, the backup services use, the control plane and deployments do not decrypt. */
function keyStatements(): object[] {
  const role = (path: string) => `arn:${Aws.PARTITION}:iam::${Aws.ACCOUNT_ID}:role/${path}`;
  const throughKeepers = {
    ArnLike: {
      'aws:PrincipalArn': [
        role('lumenality/*'),
        role('aws-service-role/backup.amazonaws.com/AWSServiceRoleForBackup'),
        cellRoleArn('deploy'),
      ],
    },
    StringEquals: { 'kms:ViaService': keepers },
  };
  return [
    {
      Sid: 'AccountAdministers',
      Effect: 'Allow',
      Principal: { AWS: accountRoot },
      Action: [
        'kms:CancelKeyDeletion',
        'kms:Describe*',
        'kms:Disable*',
        'kms:Enable*',
        'kms:Get*',
        'kms:List*',
        'kms:Put*',
        'kms:RevokeGrant',
        'kms:RotateKeyOnDemand',
        'kms:ScheduleKeyDeletion',
        'kms:TagResource',
        'kms:UntagResource',
        'kms:Update*',
      ],
      Resource: '*',
    },
    {
      Sid: 'BackupUses',
      Effect: 'Allow',
      Principal: { AWS: accountRoot },
      Action: [...cryptography, 'kms:DescribeKey', 'kms:RetireGrant'],
      Resource: '*',
      Condition: throughKeepers,
    },
    {
      Sid: 'BackupGetsGrants',
      Effect: 'Allow',
      Principal: { AWS: accountRoot },
      Action: 'kms:CreateGrant',
      Resource: '*',
      Condition: { ...throughKeepers, Bool: { 'kms:GrantIsForAWSResource': 'true' } },
    },
    {
      Sid: 'ControlPlaneNeverUses',
      Effect: 'Deny',
      Principal: '*',
      Action: [...cryptography, 'kms:CreateGrant'],
      Resource: '*',
      Condition: { ArnEquals: { 'aws:PrincipalArn': cellRoleArn('control-plane') } },
    },
    {
      Sid: 'DeploymentNeverUses',
      Effect: 'Deny',
      Principal: '*',
      Action: cryptography,
      Resource: '*',
      Condition: {
        ArnEquals: { 'aws:PrincipalArn': cellRoleArn('deploy') },
        StringNotEqualsIfExists: { 'kms:ViaService': keepers },
      },
    },
  ];
}
