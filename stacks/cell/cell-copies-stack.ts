import { Aws } from 'aws-cdk-lib';
import { CfnKey } from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import { cellRoleArn, copyVaultName } from '../constructs/cell-names.ts';
import { cellNeverUses, cryptography } from '../constructs/key-denials.ts';
import { lockedVault } from '../constructs/locked-vault.ts';
import { PlainStack } from '../constructs/plain-stack.ts';
import { accountRoot } from '../constructs/practice-stack.ts';
import { retain } from '../constructs/retain.ts';

const keepers = ['backup', 'rds'].map((service) => `${service}.${Aws.REGION}.amazonaws.com`);

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
    const vault = lockedVault(this, { name: copyVaultName, keyArn: key.attrArn });
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
    ...cellNeverUses(keepers),
  ];
}
