import { cellRoleArn } from './cell-names.ts';

/** What a key is for, and its keepers alone may ask of it. */
export const cryptography = ['kms:Decrypt', 'kms:Encrypt', 'kms:GenerateDataKey*', 'kms:ReEncrypt*'];

/**
 * Statements of a key's policy by which the cell's roles never use the key themselves. Explicit, because a denial beats whatever IAM
 * allows these two roles, now or later.
 * @param keepers services that use the key when the deploy role makes something under it, as `kms:ViaService` names them
 */
export function cellNeverUses(keepers: readonly string[]): object[] {
  return [
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
