/** Secrets as recorded. A value is kept only encrypted: a data key of the secret's KMS key seals each version. */
import type { Filter } from '@aws-sdk/client-secrets-manager';
import { open, seal } from '../../authenticated-encryption.ts';
import { parseArn, recordKey } from '../../identifiers.ts';
import { AwsError, type Call, type Table } from '../../model.ts';

export interface SecretVersion {
  /** A version 4 UUID, or the ClientRequestToken of the request that made it. */
  readonly id: string;
  readonly stages: readonly string[];
  readonly createdAt: number;
  readonly kind: 'SecretString' | 'SecretBinary';
  /** The data key, encrypted by KMS, and the value sealed under it; both base64. */
  readonly wrappedKey: string;
  readonly sealed: string;
}

export interface SecretRecord {
  readonly arn: string;
  readonly name: string;
  readonly description: string | undefined;
  /** As the request named it; undefined is the AWS managed key. */
  readonly kmsKeyId: string | undefined;
  /** Milliseconds since 1970, like every time in these records. */
  readonly createdAt: number;
  readonly changedAt: number;
  readonly accessedAt?: number;
  readonly rotatedAt?: number;
  readonly deletion?: { readonly requestedAt: number; readonly at: number };
  /** The AWS service that keeps this secret, for example `rds`. */
  readonly owningService?: string;
  /** Oldest first. */
  readonly versions: readonly SecretVersion[];
  readonly policy?: string;
  readonly tags: Readonly<Record<string, string>>;
}

/** A value as a request carries it: exactly one of the two. */
export interface SecretValue {
  readonly SecretString?: string | undefined;
  readonly SecretBinary?: Uint8Array | undefined;
}

const managedKey = 'alias/aws/secretsmanager';
/** "Secrets Manager quotas": bytes of one value, and versions that are kept. */
const valueLimit = 65_536;
const versionLimit = 100;

const secretTable = (call: Call): Table<SecretRecord> =>
  call.cloud.state.table<SecretRecord>('secretsmanager.secrets');

export function saveSecret(call: Call, secret: SecretRecord): SecretRecord {
  secretTable(call).put(recordKey(call, secret.name), secret);
  return secret;
}

export function forgetSecret(call: Call, secret: SecretRecord): void {
  secretTable(call).delete(recordKey(call, secret.name));
}

export function listSecretRecords(call: Call): SecretRecord[] {
  return secretTable(call)
    .list(recordKey(call))
    .filter((secret) => !isGone(call, secret));
}

export function secretNamed(call: Call, name: string): SecretRecord | undefined {
  const secret = secretTable(call).get(recordKey(call, name));
  return secret === undefined || isGone(call, secret) ? undefined : secret;
}

/** A secret whose recovery window is over is deleted, with its values. */
function isGone(call: Call, secret: SecretRecord): boolean {
  const gone = secret.deletion !== undefined && call.cloud.now().getTime() >= secret.deletion.at;
  if (gone) forgetSecret(call, secret);
  return gone;
}

/** The secret that a request names by name, ARN, or ARN without the six characters at its end. */
export function findSecret(call: Call, secretId: string | undefined): SecretRecord {
  if (secretId === undefined || secretId === '')
    throw new AwsError('InvalidParameterException', 'You must provide a value for the SecretId parameter.');
  const arn = parseArn(secretId);
  const found = arn === undefined ? secretNamed(call, secretId) : secretWithArn(call, secretId);
  if (found === undefined)
    throw new AwsError('ResourceNotFoundException', "Secrets Manager can't find the specified secret.");
  return found;
}

/** A secret by its ARN, whole or without the six characters at its end. */
function secretWithArn(call: Call, arn: string): SecretRecord | undefined {
  const name = parseArn(arn)?.resource.replace(/^secret:/, '') ?? '';
  const withoutEnd = name.slice(0, -suffixLength);
  return [secretNamed(call, withoutEnd), secretNamed(call, name)].find(
    (secret) => secret?.arn === arn || secret?.arn.slice(0, -suffixLength) === arn,
  );
}
const suffixLength = '-123456'.length;

/** `findSecret`, and refuses one that is scheduled for deletion. */
export function findLiveSecret(call: Call, secretId: string | undefined): SecretRecord {
  const secret = findSecret(call, secretId);
  if (secret.deletion !== undefined) {
    throw new AwsError(
      'InvalidRequestException',
      "You can't perform this operation on the secret because it was marked for deletion.",
    );
  }
  return secret;
}

/** Refuses to change what another AWS service keeps ("Secrets managed by other services"). */
export function refuseManaged(secret: SecretRecord): SecretRecord {
  if (secret.owningService !== undefined) {
    throw new AwsError(
      'InvalidRequestException',
      `You can't perform this operation on the secret because it is managed by ${secret.owningService}.`,
    );
  }
  return secret;
}

function contextOf(arn: string, versionId: string): Record<string, string> {
  return { SecretARN: arn, SecretVersionId: versionId };
}

/** Seals a value as a new version. @throws AwsError EncryptionFailure when the KMS key cannot be used. */
export async function sealVersion(
  call: Call,
  secret: Pick<SecretRecord, 'arn' | 'kmsKeyId'>,
  value: SecretValue,
  version: Pick<SecretVersion, 'id' | 'stages'>,
): Promise<SecretVersion> {
  const kind = value.SecretBinary === undefined ? 'SecretString' : 'SecretBinary';
  const bytes = Buffer.from(value.SecretBinary ?? value.SecretString ?? '');
  if (bytes.length > valueLimit)
    throw new AwsError('InvalidParameterException', `A secret value can have at most ${valueLimit} bytes.`);
  const context = contextOf(secret.arn, version.id);
  const dataKey = await kms<{ Plaintext: Uint8Array; CiphertextBlob: Uint8Array }>(
    call,
    'GenerateDataKey',
    { KeyId: secret.kmsKeyId ?? managedKey, KeySpec: 'AES_256', EncryptionContext: context },
    'EncryptionFailure',
    "Secrets Manager can't encrypt the protected secret text using the provided KMS key. Check that the KMS key is available, enabled, and not in an invalid state.",
  );
  return {
    ...version,
    kind,
    createdAt: call.cloud.now().getTime(),
    wrappedKey: Buffer.from(dataKey.CiphertextBlob).toString('base64'),
    sealed: seal(dataKey.Plaintext, bytes, Buffer.from(JSON.stringify(context))).toString('base64'),
  };
}

/** The value of a version. @throws AwsError DecryptionFailure when the KMS key cannot be used. */
export async function openVersion(
  call: Call,
  secret: SecretRecord,
  version: SecretVersion,
): Promise<SecretValue> {
  const context = contextOf(secret.arn, version.id);
  const dataKey = await kms<{ Plaintext: Uint8Array }>(
    call,
    'Decrypt',
    { CiphertextBlob: Buffer.from(version.wrappedKey, 'base64'), EncryptionContext: context },
    'DecryptionFailure',
    "Secrets Manager can't decrypt the protected secret text using the provided KMS key.",
  );
  const bytes = open(
    dataKey.Plaintext,
    Buffer.from(version.sealed, 'base64'),
    Buffer.from(JSON.stringify(context)),
  );
  return version.kind === 'SecretBinary' ? { SecretBinary: bytes } : { SecretString: bytes.toString('utf8') };
}

async function kms<O>(
  call: Call,
  operation: string,
  input: object,
  code: string,
  message: string,
): Promise<O> {
  try {
    return await call.cloud.invoke<O>('kms', operation, input, call);
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    throw new AwsError(
      code,
      `${message} (KMS: ${error.code}${error.message === '' ? '' : `, ${error.message}`})`,
    );
  }
}

/**
 * The versions after `added` took its labels: a label belongs to one version, and the version that loses AWSCURRENT
 * becomes AWSPREVIOUS.
 */
export function withVersion(versions: readonly SecretVersion[], added: SecretVersion): SecretVersion[] {
  const takesCurrent = added.stages.includes('AWSCURRENT');
  const others = versions.map((version) => {
    const wasCurrent = takesCurrent && version.stages.includes('AWSCURRENT');
    const kept = version.stages.filter(
      (stage) => !added.stages.includes(stage) && !(takesCurrent && stage === 'AWSPREVIOUS'),
    );
    return { ...version, stages: wasCurrent ? [...kept, 'AWSPREVIOUS'] : kept };
  });
  return [...others, added].slice(-versionLimit);
}

/** Whether a secret passes a filter of ListSecrets: any value of it has to match, by prefix; `!` turns a value round. */
export function passesFilter(secret: SecretRecord, filter: Filter): boolean {
  const texts: Record<string, readonly string[]> = {
    name: [secret.name],
    description: [secret.description ?? ''],
    'tag-key': Object.keys(secret.tags),
    'tag-value': Object.values(secret.tags),
    'owning-service': [secret.owningService ?? ''],
    'primary-region': [''],
    all: [secret.name, secret.description ?? '', ...Object.entries(secret.tags).flat()],
  };
  const candidates = texts[filter.Key ?? ''];
  if (candidates === undefined)
    throw new AwsError('ValidationException', `Invalid filter key: ${filter.Key}`);
  return (filter.Values ?? []).some((value) =>
    value.startsWith('!')
      ? !candidates.some((text) => text.startsWith(value.slice(1)))
      : candidates.some((text) => text.startsWith(value)),
  );
}
