/** Buckets and objects as they are kept. Bucket names are unique in the whole of S3, so they alone are the keys. */
import { AwsError, type Call, type Caller, type Table } from '../../model.ts';

export interface BucketEncryption {
  readonly algorithm: 'AES256' | 'aws:kms';
  readonly keyId?: string | undefined;
  readonly bucketKey: boolean;
}

export interface PublicAccessBlock {
  readonly BlockPublicAcls: boolean;
  readonly IgnorePublicAcls: boolean;
  readonly BlockPublicPolicy: boolean;
  readonly RestrictPublicBuckets: boolean;
}

export interface BucketRecord {
  readonly name: string;
  readonly accountId: string;
  readonly region: string;
  readonly createdAt: Date;
  /** 32 bytes, base64: what SSE-S3 encrypts with. */
  readonly ownKey: string;
  readonly encryption: BucketEncryption;
  /** Undefined: never versioned. */
  readonly versioning?: 'Enabled' | 'Suspended' | undefined;
  readonly publicAccessBlock?: PublicAccessBlock | undefined;
  readonly ownership: string;
  readonly policy?: string | undefined;
  readonly logging?: { readonly TargetBucket: string; readonly TargetPrefix: string } | undefined;
  /** Whether changes are told to Amazon EventBridge; recorded only. */
  readonly eventBridge?: boolean | undefined;
  /** `Enabled` or `Disabled`: whether policies see the bucket's tags; recorded only. */
  readonly abac?: string | undefined;
  /** As CloudFormation words them. Evaluated when somebody wants the bucket deleted, and at no other time. */
  readonly lifecycleRules: ReadonlyArray<Readonly<Record<string, unknown>>>;
  readonly tags: Readonly<Record<string, string>>;
  readonly madeBy?: string | undefined;
}

/** One version of an object, or the mark that it was deleted. */
export interface VersionRecord {
  readonly key: string;
  /** `null` (the text) in a bucket that is not versioned, as in S3's API. */
  readonly versionId: string;
  /** Counts up in a bucket: the newest version has the highest. */
  readonly sequence: number;
  readonly at: Date;
  readonly content?: StoredContent | undefined;
}

export interface StoredContent {
  readonly size: number;
  readonly etag: string;
  readonly contentType: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly encryption: BucketEncryption;
  /** The data key under the KMS key; absent with SSE-S3. */
  readonly encryptedDataKey?: Uint8Array | undefined;
  readonly sealed: Uint8Array;
}

export const bucketTable = (call: Call): Table<BucketRecord> => call.cloud.state.table('s3.buckets');
const versionTable = (call: Call): Table<VersionRecord> => call.cloud.state.table('s3.versions');

export const bucketArn = (name: string) => `arn:aws:s3:::${name}`;

/** The caller's own bucket. @throws AwsError NoSuchBucket, AccessDenied, AuthorizationHeaderMalformed. */
export function existingBucket(name: string | undefined, call: Call): BucketRecord {
  const bucket = bucketTable(call).get(name ?? '');
  if (bucket === undefined) throw new AwsError('NoSuchBucket', 'The specified bucket does not exist', 404);
  if (bucket.accountId !== call.accountId) throw new AwsError('AccessDenied', 'Access Denied', 403);
  if (bucket.region !== call.region) {
    throw new AwsError(
      'AuthorizationHeaderMalformed',
      `The authorization header is malformed; the region '${call.region}' is wrong; expecting '${bucket.region}'`,
    );
  }
  return bucket;
}

export function ownBuckets(owner: Pick<Caller, 'accountId'>, call: Call): BucketRecord[] {
  return bucketTable(call)
    .list()
    .filter((bucket) => bucket.accountId === owner.accountId);
}

export function putBucket(bucket: BucketRecord, call: Call): BucketRecord {
  bucketTable(call).put(bucket.name, bucket);
  return bucket;
}

/** A bucket's name has no slash, and a key no control character, so the parts stay apart and in key order. */
const keyPrefix = (bucket: string, key: string) => `${bucket}/${key}\n`;
const versionKey = (bucket: string, version: VersionRecord) =>
  keyPrefix(bucket, version.key) + String(version.sequence).padStart(12, '0');

/** Oldest first. */
export const versionsOf = (bucket: string, key: string, call: Call) =>
  versionTable(call).list(keyPrefix(bucket, key));

/** All versions of all objects whose key starts with `prefix`, in key order. */
export const versionsUnder = (bucket: string, prefix: string, call: Call) =>
  versionTable(call).list(`${bucket}/${prefix}`);

export function putVersion(bucket: string, version: VersionRecord, call: Call): void {
  versionTable(call).put(versionKey(bucket, version), version);
}

export function eraseVersion(bucket: string, version: VersionRecord, call: Call): void {
  versionTable(call).delete(versionKey(bucket, version));
}

const sequences = (call: Call): Table<number> => call.cloud.state.table('s3.sequences');

export function nextSequence(bucket: string, call: Call): number {
  const next = (sequences(call).get(bucket) ?? 0) + 1;
  sequences(call).put(bucket, next);
  return next;
}
