import { createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  AlreadyExistsException,
  CreateAliasCommand,
  CreateKeyCommand,
  GetPublicKeyCommand,
  KMSClient,
  NotFoundException,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import { type Config, sandboxDefaults } from '../lib/config.ts';
import { DomainError } from '../lib/domain/errors.ts';
import { type TrustedKey, trustedKey } from '../lib/domain/release-signature.ts';

/** The key of the sandbox's KMS that signs releases where nobody has named others. */
const sandboxAlias = 'alias/lumenality-release';

/**
 * The public keys that may sign releases: those in the configured file, read at once; on the sandbox else its own key, which is made
 * when it is first asked for.
 * @throws DomainError `configuration` for a file that does not hold such keys.
 */
export function releaseKeys(
  { releaseKeysFile, cloud, cell }: Pick<Config, 'releaseKeysFile' | 'cloud' | 'cell'>,
  endpoint: string | undefined,
): () => Promise<readonly TrustedKey[]> {
  if (releaseKeysFile !== undefined) {
    const keys = keysIn(releaseKeysFile);
    return async () => keys;
  }
  if (cloud.kind === 'aws' || endpoint === undefined) return async () => [];
  return async () => [await sandboxKey(endpoint, cell.region)];
}

function keysIn(file: string): TrustedKey[] {
  const unusable = (why: string, cause?: unknown) =>
    new DomainError(
      'configuration',
      `LUMENALITY_RELEASE_KEYS names ${file}, which ${why}. It holds public keys in PEM, one after the other: aws kms get-public-key, or openssl ec -pubout.`,
      { cause },
    );
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw unusable('cannot be read', cause);
  }
  if (text.includes('PRIVATE KEY')) {
    throw unusable('holds a private key: whoever can read it there could sign releases');
  }
  const blocks = text.match(/-----BEGIN PUBLIC KEY-----[^-]+-----END PUBLIC KEY-----/g) ?? [];
  if (blocks.length === 0) throw unusable('holds no public key');
  return blocks.map((block, place) => {
    try {
      return trustedKey(createPublicKey(block));
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw unusable(`has a key, number ${place + 1}, that cannot be used: ${why}`, cause);
    }
  });
}

async function sandboxKey(endpoint: string, region: string): Promise<TrustedKey> {
  const { credentials } = sandboxDefaults;
  const kms = new KMSClient({ endpoint, region, credentials });
  try {
    const info = (await publicKeyOf(kms)) ?? (await makeKey(kms));
    return trustedKey(createPublicKey({ key: Buffer.from(info), format: 'der', type: 'spki' }));
  } finally {
    kms.destroy();
  }
}

async function publicKeyOf(kms: KMSClient): Promise<Uint8Array | undefined> {
  try {
    return (await kms.send(new GetPublicKeyCommand({ KeyId: sandboxAlias }))).PublicKey;
  } catch (error) {
    if (error instanceof NotFoundException) return undefined;
    throw error;
  }
}

/** Replicas may start at the same time: the first alias counts, and a key that came too late goes. */
async function makeKey(kms: KMSClient): Promise<Uint8Array> {
  const { KeyMetadata } = await kms.send(
    new CreateKeyCommand({
      KeySpec: 'ECC_NIST_P256',
      KeyUsage: 'SIGN_VERIFY',
      Description: 'Signs releases of the practice stacks and the practice app',
    }),
  );
  const KeyId = KeyMetadata?.KeyId;
  try {
    await kms.send(new CreateAliasCommand({ AliasName: sandboxAlias, TargetKeyId: KeyId }));
  } catch (error) {
    if (!(error instanceof AlreadyExistsException)) throw error;
    await kms.send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 }));
  }
  const info = await publicKeyOf(kms);
  if (info === undefined) throw new Error(`${sandboxAlias} of the sandbox's KMS is gone again`);
  return info;
}
