/** Master passwords that RDS keeps in Secrets Manager ("Password management with Amazon RDS and AWS Secrets Manager"). */
import { generatedUuid } from '../../identifiers.ts';
import type { Call } from '../../model.ts';
import { createOwnedSecret, rotateOwnedSecret } from '../secretsmanager/owned.ts';
import { randomPassword } from '../secretsmanager/passwords.ts';
import { usableKeyArn } from './encryption.ts';
import type { InstanceRecord } from './records.ts';

const passwordLength = 28;

/** A password that passes RDS's own rules and needs no quoting in a connection string. */
export function newMasterPassword(): string {
  return randomPassword({ PasswordLength: passwordLength, ExcludeCharacters: '/@"\'\\ `' });
}

interface SecretOwner {
  readonly arn: string;
  readonly resourceId: string;
  readonly masterUsername: string;
  readonly masterPassword: string;
}

/** Makes the secret `rds!db-<uuid>` under the key. @throws AwsError KMSKeyNotAccessibleFault when the key cannot be used. */
export async function createMasterSecret(
  call: Call,
  instance: SecretOwner,
  kmsKeyId: string | undefined,
): Promise<{ arn: string; kmsKeyArn: string }> {
  const kmsKeyArn = await usableKeyArn(call, kmsKeyId ?? 'alias/aws/secretsmanager');
  const arn = await createOwnedSecret(call, {
    name: `rds!db-${generatedUuid(instance.resourceId, 'master-secret')}`,
    value: { username: instance.masterUsername, password: instance.masterPassword },
    description: `The secret associated with the primary RDS DB instance: ${instance.arn}`,
    kmsKeyId: kmsKeyArn,
    owningService: 'rds',
    tags: { 'aws:secretsmanager:owningService': 'rds', 'aws:rds:primaryDBInstanceArn': instance.arn },
    token: instance.resourceId,
  });
  return { arn, kmsKeyArn };
}

/** Writes a new password into the secret. The engine takes it once the caller has recorded it. */
export async function rotateMasterPassword(
  call: Call,
  instance: InstanceRecord,
  secretArn: string,
): Promise<string> {
  const password = newMasterPassword();
  await rotateOwnedSecret(call, secretArn, { username: instance.masterUsername, password });
  return password;
}
