/** What an object holds: sealed under a data key that KMS wraps (SSE-KMS), or under the bucket's own key (SSE-S3). */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type * as sdk from '@aws-sdk/client-s3';
import { open, seal } from '../../authenticated-encryption.ts';
import { AwsError, type Call } from '../../model.ts';
import { type BucketEncryption, type BucketRecord, bucketArn, type StoredContent } from './records.ts';

type Sums = Pick<sdk.PutObjectRequest, 'ContentMD5' | 'ChecksumCRC32' | 'ChecksumSHA1' | 'ChecksumSHA256'>;

/** Refuses a body that is not what the caller's checksums say; those of other kinds are not looked at. */
export function checkSums(given: Sums, body: Buffer): void {
  const digest = (algorithm: string) => createHash(algorithm).update(body).digest('base64');
  const crc = Buffer.alloc(4);
  crc.writeUInt32BE(crc32(body));
  const wrong =
    (given.ChecksumCRC32 !== undefined && given.ChecksumCRC32 !== crc.toString('base64')) ||
    (given.ChecksumSHA1 !== undefined && given.ChecksumSHA1 !== digest('sha1')) ||
    (given.ChecksumSHA256 !== undefined && given.ChecksumSHA256 !== digest('sha256')) ||
    (given.ContentMD5 !== undefined && given.ContentMD5 !== digest('md5'));
  if (wrong)
    throw new AwsError('BadDigest', 'The checksum you specified did not match the calculated checksum.');
}

/** What the request asks for, or the bucket's default. */
export function encryptionFor(
  input: Pick<sdk.PutObjectRequest, 'ServerSideEncryption' | 'SSEKMSKeyId' | 'BucketKeyEnabled'>,
  bucket: BucketRecord,
): BucketEncryption {
  const { ServerSideEncryption: algorithm, SSEKMSKeyId: keyId } = input;
  if (algorithm === undefined && keyId === undefined) return bucket.encryption;
  if (algorithm === 'AES256' && keyId === undefined) return { algorithm, bucketKey: false };
  if (algorithm !== 'aws:kms')
    throw new AwsError(
      'InvalidArgument',
      'Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms',
    );
  const bucketKey = input.BucketKeyEnabled ?? bucket.encryption.bucketKey;
  return { algorithm, bucketKey, keyId: keyId ?? bucket.encryption.keyId };
}

/** "Encryption context", Amazon S3 User Guide: the bucket with an S3 Bucket Key, else the object. */
const contextOf = (bucket: BucketRecord, key: string, { bucketKey }: BucketEncryption) => ({
  'aws:s3:arn': bucketKey ? bucketArn(bucket.name) : `${bucketArn(bucket.name)}/${key}`,
});

export async function sealContent(
  bucket: BucketRecord,
  key: string,
  encryption: BucketEncryption,
  body: Buffer,
  call: Call,
): Promise<Pick<StoredContent, 'encryption' | 'encryptedDataKey' | 'sealed'>> {
  const place = Buffer.from(`${bucket.name}/${key}`);
  if (encryption.algorithm === 'AES256')
    return { encryption, sealed: seal(Buffer.from(bucket.ownKey, 'base64'), body, place) };
  const EncryptionContext = contextOf(bucket, key, encryption);
  const KeyId = encryption.keyId ?? 'alias/aws/s3';
  const made = await askKms<{ Plaintext: Uint8Array; CiphertextBlob: Uint8Array; KeyId: string }>(
    'GenerateDataKey',
    { KeyId, KeySpec: 'AES_256', EncryptionContext },
    call,
  );
  return {
    encryption: { ...encryption, keyId: made.KeyId },
    encryptedDataKey: made.CiphertextBlob,
    sealed: seal(made.Plaintext, body, place),
  };
}

/** The object in clear. @throws AwsError `KMS.…` when its key cannot be used. */
export async function openContent(
  bucket: BucketRecord,
  key: string,
  content: StoredContent,
  call: Call,
): Promise<Buffer> {
  const place = Buffer.from(`${bucket.name}/${key}`);
  if (content.encryptedDataKey === undefined)
    return open(Buffer.from(bucket.ownKey, 'base64'), content.sealed, place);
  const { Plaintext } = await askKms<{ Plaintext: Uint8Array }>(
    'Decrypt',
    {
      CiphertextBlob: content.encryptedDataKey,
      EncryptionContext: contextOf(bucket, key, content.encryption),
    },
    call,
  );
  return open(Plaintext, content.sealed, place);
}

/** S3 hands on what KMS says under a code of its own. */
async function askKms<T>(operation: string, input: object, call: Call): Promise<T> {
  try {
    return await call.cloud.invoke<T>('kms', operation, input, call);
  } catch (error) {
    if (error instanceof AwsError) throw new AwsError(`KMS.${error.code}`, error.message);
    throw error;
  }
}
