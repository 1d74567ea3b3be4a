import { CfnBackupVault } from 'aws-cdk-lib/aws-backup';
import type { Construct } from 'constructs';
import { leastRetentionDays } from '../../tenant-template/shape-table.ts';
import { retain } from './retain.ts';

/** Besides the lock, from its first minute on: a recovery point goes when its time is over, never by hand. */
const keepRecoveryPoints = {
  Version: '2012-10-17',
  Statement: [
    {
      Effect: 'Deny',
      Principal: '*',
      Action: ['backup:DeleteRecoveryPoint', 'backup:UpdateRecoveryPointLifecycle'],
      Resource: '*',
    },
  ],
};

/** A backup vault that nobody can empty, and that outlives its stack. */
export function lockedVault(
  scope: Construct,
  props: { readonly name: string; readonly keyArn: string },
): CfnBackupVault {
  const vault = new CfnBackupVault(scope, 'Vault', {
    backupVaultName: props.name,
    encryptionKeyArn: props.keyArn,
    // Compliance mode once the three days, the fewest there are, are over: then nobody, AWS included, can shorten or delete.
    lockConfiguration: { minRetentionDays: leastRetentionDays, changeableForDays: 3 },
    accessPolicy: keepRecoveryPoints,
  });
  retain(vault);
  return vault;
}
