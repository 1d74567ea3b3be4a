/** Secrets that another AWS service keeps for its user, as RDS keeps master passwords. */
import { randomUUID } from 'node:crypto';
import { generatedUuid } from '../../identifiers.ts';
import type { Call } from '../../model.ts';
import { forgetSecret, listSecretRecords, saveSecret } from './records.ts';
import { makeSecret } from './secrets.ts';
import { addVersion } from './values.ts';

export interface OwnedSecret {
  readonly name: string;
  readonly value: object;
  readonly description: string;
  readonly kmsKeyId: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly owningService: string;
  readonly token: string;
}

/** Makes the secret, or finds the one that an earlier attempt with this token made. Returns its ARN. */
export async function createOwnedSecret(call: Call, wanted: OwnedSecret): Promise<string> {
  const { value, ...rest } = wanted;
  const secret = await makeSecret(call, {
    ...rest,
    versionId: generatedUuid(wanted.token, 'secret-version'),
    value: { SecretString: JSON.stringify(value) },
  });
  return secret.arn;
}

/** Gives the secret a new current value. @throws AwsError EncryptionFailure when its KMS key cannot be used. */
export async function rotateOwnedSecret(call: Call, arn: string, value: object): Promise<void> {
  const secret = await addVersion(
    call,
    arn,
    { SecretString: JSON.stringify(value) },
    { id: randomUUID(), stages: ['AWSCURRENT'] },
  );
  saveSecret(call, { ...secret, rotatedAt: call.cloud.now().getTime() });
}

/** Deletes the secret at once, without a recovery window; one that is gone already is fine. */
export function deleteOwnedSecret(call: Call, arn: string): void {
  const secret = listSecretRecords(call).find((candidate) => candidate.arn === arn);
  if (secret !== undefined) forgetSecret(call, secret);
}
