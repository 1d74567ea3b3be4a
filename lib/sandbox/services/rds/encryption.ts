/**
 * Storage encryption ("Encrypting Amazon RDS resources"): the instance's data key is wrapped by its KMS key, and an
 * instance whose KMS key stops working becomes inaccessible until the key works again, for seven days at most.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { AwsError, type Call } from '../../model.ts';
import { changeInstance, type InstanceRecord, type Owner } from './records.ts';

const recoverableMs = 7 * 86_400_000;
const dataKeyBytes = 32;

/** The call that RDS makes by itself, under its service-linked role. */
export function serviceCall(owner: Owner): Call {
  return {
    accountId: owner.accountId,
    region: owner.region,
    cloud: owner.cloud,
    principalArn: `arn:aws:iam::${owner.accountId}:role/aws-service-role/rds.amazonaws.com/AWSServiceRoleForRDS`,
    requestId: randomUUID(),
  };
}

const contextOf = (resourceId: string): Record<string, string> => ({ 'aws:rds:db-id': resourceId });

/** A key for a new instance's storage. @throws AwsError KMSKeyNotAccessibleFault. */
export async function newStorageKey(
  call: Call,
  resourceId: string,
  encrypted: boolean,
  kmsKeyId: string | undefined,
): Promise<InstanceRecord['storage']> {
  if (!encrypted) return { encrypted: false, plainKey: randomBytes(dataKeyBytes).toString('base64') };
  const keyId = kmsKeyId ?? 'alias/aws/rds';
  const input = { KeyId: keyId, NumberOfBytes: dataKeyBytes, EncryptionContext: contextOf(resourceId) };
  const answer = await inaccessibleWhenRefused(keyId, () =>
    call.cloud.invoke<{ KeyId: string; CiphertextBlob: Uint8Array }>(
      'kms',
      'GenerateDataKeyWithoutPlaintext',
      input,
      call,
    ),
  );
  return {
    encrypted: true,
    kmsKeyArn: answer.KeyId,
    wrappedKey: Buffer.from(answer.CiphertextBlob).toString('base64'),
  };
}

/**
 * The key of a snapshot's storage, wrapped anew for the instance that is restored from it. The files stay as they are.
 * @throws AwsError KMSKeyNotAccessibleFault when the snapshot's key cannot be used.
 */
export async function restoredStorageKey(
  call: Call,
  resourceId: string,
  source: Pick<InstanceRecord, 'storage' | 'resourceId'>,
): Promise<InstanceRecord['storage']> {
  const { storage } = source;
  if (!storage.encrypted) return storage;
  const key = await unwrap(call, source);
  const input = { KeyId: storage.kmsKeyArn, Plaintext: key, EncryptionContext: contextOf(resourceId) };
  const answer = await inaccessibleWhenRefused(storage.kmsKeyArn, () =>
    call.cloud.invoke<{ CiphertextBlob: Uint8Array }>('kms', 'Encrypt', input, serviceCall(call)),
  );
  return { ...storage, wrappedKey: Buffer.from(answer.CiphertextBlob).toString('base64') };
}

async function inaccessibleWhenRefused<T>(keyId: string, use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    throw new AwsError(
      'KMSKeyNotAccessibleFault',
      `The specified KMS key [${keyId}] does not exist, is not enabled or you do not have permissions to access it. (KMS: ${error.code}${error.message === '' ? '' : `, ${error.message}`})`,
    );
  }
}

/** The ARN of a usable key. @throws AwsError KMSKeyNotAccessibleFault. */
export async function usableKeyArn(call: Call, keyId: string): Promise<string> {
  const answer = await inaccessibleWhenRefused(keyId, () =>
    call.cloud.invoke<{ KeyMetadata: { Arn: string; KeyState: string } }>(
      'kms',
      'DescribeKey',
      { KeyId: keyId },
      call,
    ),
  );
  if (answer.KeyMetadata.KeyState !== 'Enabled') {
    throw new AwsError(
      'KMSKeyNotAccessibleFault',
      `The specified KMS key [${keyId}] does not exist, is not enabled or you do not have permissions to access it. (Its state is ${answer.KeyMetadata.KeyState}.)`,
    );
  }
  return answer.KeyMetadata.Arn;
}

/** The 32 bytes that the storage is encrypted under, unwrapped by KMS. @throws AwsError KMSKeyNotAccessibleFault. */
async function unwrap(
  owner: Owner,
  instance: Pick<InstanceRecord, 'storage' | 'resourceId'>,
): Promise<Buffer> {
  const { storage } = instance;
  if (!storage.encrypted) return Buffer.from(storage.plainKey, 'base64');
  const call = serviceCall(owner);
  const input = {
    CiphertextBlob: Buffer.from(storage.wrappedKey, 'base64'),
    KeyId: storage.kmsKeyArn,
    EncryptionContext: contextOf(instance.resourceId),
  };
  const answer = await inaccessibleWhenRefused(storage.kmsKeyArn, () =>
    call.cloud.invoke<{ Plaintext: Uint8Array }>('kms', 'Decrypt', input, call),
  );
  return Buffer.from(answer.Plaintext);
}

/**
 * Unwraps the storage key and records on the instance whether that worked.
 * @throws AwsError KMSKeyNotAccessibleFault; also for good once the key was gone for seven days.
 */
export async function unwrapStorageKey(owner: Owner, instance: InstanceRecord): Promise<Buffer> {
  try {
    const key = await unwrap(owner, instance);
    const after = changeInstance(owner, instance.id, (current) => accessible(owner, current));
    if (after?.status === 'inaccessible-encryption-credentials') throw lostForGood(after);
    return key;
  } catch (error) {
    if (error instanceof AwsError)
      changeInstance(owner, instance.id, (current) => inaccessible(owner, current, error.message));
    throw error;
  }
}

function lostForGood(instance: InstanceRecord): AwsError {
  return new AwsError(
    'KMSKeyNotAccessibleFault',
    `${instance.id} could not use its KMS key for more than seven days and cannot be started again. Restore it from a backup.`,
  );
}

const isOverdue = (owner: Owner, { inaccessibleSince }: InstanceRecord): boolean =>
  inaccessibleSince !== undefined && owner.cloud.now().getTime() - inaccessibleSince >= recoverableMs;

function accessible(owner: Owner, current: InstanceRecord): InstanceRecord {
  if (current.status !== 'inaccessible-encryption-credentials-recoverable') return current;
  if (isOverdue(owner, current)) return { ...current, status: 'inaccessible-encryption-credentials' };
  const { inaccessibleSince: _over, statusReason: _solved, ...rest } = current;
  return { ...rest, status: 'available' };
}

function inaccessible(owner: Owner, current: InstanceRecord, reason: string): InstanceRecord {
  if (isOverdue(owner, current))
    return { ...current, status: 'inaccessible-encryption-credentials', statusReason: reason };
  if (current.status !== 'available') return current;
  return {
    ...current,
    status: 'inaccessible-encryption-credentials-recoverable',
    statusReason: reason,
    inaccessibleSince: owner.cloud.now().getTime(),
  };
}

/** RDS watches the keys of running instances: an instance whose key stopped working loses its engine, and gets it back. */
export async function watchKey(owner: Owner, instance: InstanceRecord): Promise<InstanceRecord> {
  const watched = ['available', 'inaccessible-encryption-credentials-recoverable'];
  if (!instance.storage.encrypted || !watched.includes(instance.status)) return instance;
  try {
    await unwrapStorageKey(owner, instance);
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
  }
  const after = changeInstance(owner, instance.id, (current) => current) ?? instance;
  if (after.status !== 'available' && instance.status === 'available')
    await owner.cloud.dataPlane?.databases.evict(instance.arn);
  return after;
}
