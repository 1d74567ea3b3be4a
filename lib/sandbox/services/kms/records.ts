/** KMS keys and aliases as recorded, and how a request's `KeyId` finds one ("Key identifiers (KeyId)", AWS KMS Developer Guide). */
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { generatedUuid, parseArn, recordKey, regionalArn } from '../../identifiers.ts';
import { AwsError, type Call, type Table } from '../../model.ts';

/** One generation of key material. Old ones stay, so that what they encrypted remains readable after a rotation. */
interface KeyMaterial {
  /** 64 hexadecimal digits, as in KeyMaterialId. */
  readonly id: string;
  /** 32 bytes, base64. On AWS this never leaves an HSM; here it lies in the sandbox's state. */
  readonly bytes: string;
  readonly createdAt: number;
  readonly origin: 'INITIAL' | 'AUTOMATIC' | 'ON_DEMAND';
}

export interface KeyRecord {
  readonly id: string;
  readonly arn: string;
  readonly accountId: string;
  readonly manager: 'CUSTOMER' | 'AWS';
  readonly description: string;
  readonly enabled: boolean;
  /** Milliseconds since 1970, like every time in these records. */
  readonly createdAt: number;
  readonly deletionAt?: number;
  readonly rotation?: { readonly periodInDays: number; readonly from: number };
  /** Of a key for signatures, ECDSA on P-256: PKCS #8 in DER, base64. Such a key has no materials. */
  readonly privateKey?: string;
  /** Oldest first; the last one encrypts. */
  readonly materials: readonly KeyMaterial[];
  readonly policy: string;
  readonly tags: Readonly<Record<string, string>>;
}

/** "Multi-Region keys in AWS KMS": the key id says that a key is one. */
export const multiRegionPrefix = 'mrk-';

export const isMultiRegion = (key: KeyRecord): boolean => key.id.startsWith(multiRegionPrefix);

export interface AliasRecord {
  /** `alias/…` */
  readonly name: string;
  readonly keyId: string;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly madeBy?: string;
}

const dayMs = 86_400_000;
/** How often AWS rotates the keys that it manages itself, and customer keys that name no period. */
export const defaultRotationPeriodInDays = 365;

export const keyTable = (call: Call): Table<KeyRecord> => call.cloud.state.table<KeyRecord>('kms.keys');
export const aliasTable = (call: Call): Table<AliasRecord> =>
  call.cloud.state.table<AliasRecord>('kms.aliases');

export function saveKey(call: Call, key: KeyRecord): KeyRecord {
  keyTable(call).put(recordKey(call, key.id), key);
  return key;
}

export function newMaterial(origin: KeyMaterial['origin'], createdAt: number): KeyMaterial {
  const bytes = randomBytes(32);
  const id = createHash('sha256').update('kms material id').update(bytes).digest('hex');
  return { id, bytes: bytes.toString('base64'), createdAt, origin };
}

export function rootPolicy(accountId: string): string {
  const root = { AWS: `arn:aws:iam::${accountId}:root` };
  const statement = {
    Sid: 'Enable IAM User Permissions',
    Effect: 'Allow',
    Principal: root,
    Action: 'kms:*',
    Resource: '*',
  };
  return JSON.stringify({ Version: '2012-10-17', Id: 'key-default-1', Statement: [statement] }, null, 2);
}

/** The key that a request names by id or ARN and, where the operation takes one, by alias. */
export function findKey(
  call: Call,
  keyId: string | undefined,
  accepts: 'keys' | 'keys-and-aliases',
): KeyRecord {
  if (keyId === undefined || keyId === '') {
    throw new AwsError(
      'ValidationException',
      "1 validation error detected: Value null at 'keyId' failed to satisfy constraint: Member must not be null",
    );
  }
  const name = localName(call, keyId);
  if (name.startsWith('alias/')) {
    if (accepts === 'keys') throw new AwsError('NotFoundException', `Invalid keyId '${keyId}'`);
    return keyBehind(call, name);
  }
  const id = name.startsWith('key/') ? name.slice('key/'.length) : name;
  if (!/^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32})$/.test(id))
    throw new AwsError('NotFoundException', `Invalid keyId '${keyId}'`);
  return existingKey(call, id);
}

/** What an identifier names inside the caller's account and Region: one AWS Region never answers for another. */
function localName(call: Call, keyId: string): string {
  if (!keyId.startsWith('arn:')) return keyId;
  const arn = parseArn(keyId);
  if (arn?.service !== 'kms') throw new AwsError('InvalidArnException', `Invalid arn ${keyId}`);
  if (arn.region !== call.region) throw new AwsError('NotFoundException', `Invalid arn ${arn.region}`);
  if (arn.accountId !== call.accountId)
    throw new AwsError('NotFoundException', `Key '${keyId}' does not exist`);
  return arn.resource;
}

function existingKey(call: Call, id: string): KeyRecord {
  const stored = keyTable(call).get(recordKey(call, id));
  const key = stored === undefined ? undefined : settled(call, stored);
  if (key === undefined)
    throw new AwsError('NotFoundException', `Key '${regionalArn('kms', call, `key/${id}`)}' does not exist`);
  return key;
}

function keyBehind(call: Call, aliasName: string): KeyRecord {
  const alias = aliasTable(call).get(recordKey(call, aliasName)) ?? awsManagedAlias(call, aliasName);
  if (alias === undefined)
    throw new AwsError('NotFoundException', `Alias ${regionalArn('kms', call, aliasName)} is not found.`);
  return existingKey(call, alias.keyId);
}

/** What time has done to a key: rotated it, or deleted it with its aliases once the waiting period was over. */
export function settled(call: Call, key: KeyRecord): KeyRecord | undefined {
  const now = call.cloud.now().getTime();
  if (key.deletionAt !== undefined && now >= key.deletionAt) {
    forget(call, key);
    return undefined;
  }
  const due = key.rotation === undefined ? undefined : key.rotation.from + key.rotation.periodInDays * dayMs;
  if (
    key.rotation === undefined ||
    due === undefined ||
    now < due ||
    !key.enabled ||
    key.deletionAt !== undefined
  )
    return key;
  return settled(
    call,
    saveKey(call, {
      ...key,
      rotation: { ...key.rotation, from: due },
      materials: [...key.materials, newMaterial('AUTOMATIC', due)],
    }),
  );
}

function forget(call: Call, key: KeyRecord): void {
  call.cloud.state.transaction(() => {
    for (const [at, alias] of aliasTable(call).entries(recordKey(call))) {
      if (alias.keyId === key.id) aliasTable(call).delete(at);
    }
    keyTable(call).delete(recordKey(call, key.id));
  });
}

/** Services whose AWS managed key appears at its first use ("AWS managed keys", AWS KMS Developer Guide). */
const awsManagedServices = new Set([
  'alias/aws/secretsmanager',
  'alias/aws/rds',
  'alias/aws/ebs',
  'alias/aws/s3',
  'alias/aws/backup',
]);

function awsManagedAlias(call: Call, name: string): AliasRecord | undefined {
  if (!awsManagedServices.has(name)) return undefined;
  const id = generatedUuid(recordKey(call, name), 'kms-key');
  const now = call.cloud.now().getTime();
  const service = name.slice('alias/aws/'.length);
  const alias = { name, keyId: id, createdAt: now, updatedAt: now };
  call.cloud.state.transaction(() => {
    saveKey(call, {
      id,
      arn: regionalArn('kms', call, `key/${id}`),
      accountId: call.accountId,
      manager: 'AWS',
      description: `Default key that protects my ${service} data when no other key is defined`,
      enabled: true,
      createdAt: now,
      rotation: { periodInDays: defaultRotationPeriodInDays, from: now },
      materials: [newMaterial('INITIAL', now)],
      policy: rootPolicy(call.accountId),
      tags: {},
    });
    aliasTable(call).put(recordKey(call, name), alias);
  });
  return alias;
}

/** Refuses to change a key that AWS manages. */
export function refuseAwsManaged(key: KeyRecord, operation: string): void {
  if (key.manager === 'AWS') {
    throw new AwsError(
      'AccessDeniedException',
      `${operation} is not authorized on ${key.arn}: it is an AWS managed key.`,
    );
  }
}

/** Refuses a key whose deletion is scheduled. */
export function refusePendingDeletion(key: KeyRecord): void {
  if (key.deletionAt !== undefined)
    throw new AwsError('KMSInvalidStateException', `${key.arn} is pending deletion.`);
}

/** Refuses a key that no cryptographic operation may use now. */
export function refuseUnusable(key: KeyRecord): void {
  refusePendingDeletion(key);
  if (!key.enabled) throw new AwsError('DisabledException', `${key.arn} is disabled.`);
}

export const usageOf = ({ privateKey }: KeyRecord): 'ENCRYPT_DECRYPT' | 'SIGN_VERIFY' =>
  privateKey === undefined ? 'ENCRYPT_DECRYPT' : 'SIGN_VERIFY';

/** Refuses a key that was made for something else. */
export function refuseUsage(key: KeyRecord, usage: ReturnType<typeof usageOf>, operation: string): void {
  if (usageOf(key) === usage) return;
  throw new AwsError(
    'InvalidKeyUsageException',
    `${key.arn} key usage is ${usageOf(key)} which is not valid for ${operation}.`,
  );
}

/** A new key for signatures. On AWS it never leaves an HSM; here it lies in the sandbox's state. */
export function newPrivateKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  return privateKey.export({ type: 'pkcs8', format: 'der' }).toString('base64');
}
