/** Objects: put, read, listed and deleted, with versions where the bucket keeps them. */
import { createHash } from 'node:crypto';
import type * as sdk from '@aws-sdk/client-s3';
import { generatedId } from '../../identifiers.ts';
import { AwsError, type Call } from '../../model.ts';
import { checkSums, encryptionFor, openContent, sealContent } from './contents.ts';
import {
  type BucketRecord,
  eraseVersion,
  existingBucket,
  nextSequence,
  putVersion,
  type StoredContent,
  type VersionRecord,
  versionsOf,
} from './records.ts';

type PutInput = Omit<sdk.PutObjectRequest, 'Body'> & { readonly Body?: Uint8Array };

const keyLimit = 1024;
// oxlint-disable-next-line no-control-regex -- these are the characters that the sandbox's own keys are made with
const controlCharacter = /[\0-\x1f]/;

/** What changes the outcome of a call and is not emulated: refused, not ignored. */
function refuseNotEmulated(input: object, names: readonly string[]): void {
  const asked = names.find((name) => (input as Record<string, unknown>)[name] !== undefined);
  if (asked !== undefined)
    throw new AwsError('NotImplemented', `The sandbox does not emulate ${asked} of S3 objects.`, 501);
}

const putNotEmulated = [
  'ACL',
  'GrantFullControl',
  'GrantRead',
  'GrantReadACP',
  'GrantWriteACP',
  'IfMatch',
  'ObjectLockMode',
  'ObjectLockLegalHoldStatus',
  'SSECustomerAlgorithm',
  'SSEKMSEncryptionContext',
  'Tagging',
  'WebsiteRedirectLocation',
  'WriteOffsetBytes',
];
const getNotEmulated = [
  'IfMatch',
  'IfModifiedSince',
  'IfNoneMatch',
  'IfUnmodifiedSince',
  'PartNumber',
  'Range',
  'SSECustomerAlgorithm',
];

async function putObject(input: PutInput, call: Call) {
  const bucket = existingBucket(input.Bucket, call);
  const key = input.Key ?? '';
  if (Buffer.byteLength(key) > keyLimit) throw new AwsError('KeyTooLongError', 'Your key is too long');
  if (controlCharacter.test(key))
    throw new AwsError('InvalidArgument', 'The sandbox takes no control characters in keys.');
  refuseNotEmulated(input, putNotEmulated);
  if (input.StorageClass !== undefined && input.StorageClass !== 'STANDARD')
    throw new AwsError('InvalidStorageClass', 'The sandbox has the storage class STANDARD only.');
  const body = Buffer.from(input.Body ?? []);
  checkSums(input, body);
  const isThere = newest(bucket, key, call)?.content !== undefined;
  if (input.IfNoneMatch === '*' && isThere)
    throw new AwsError(
      'PreconditionFailed',
      'At least one of the pre-conditions you specified did not hold',
      412,
    );
  const content: StoredContent = {
    ...(await sealContent(bucket, key, encryptionFor(input, bucket), body, call)),
    size: body.length,
    etag: `"${createHash('md5').update(body).digest('hex')}"`,
    contentType: input.ContentType ?? 'binary/octet-stream',
    metadata: input.Metadata ?? {},
  };
  const version = addVersion(bucket, key, content, call);
  return { ETag: content.etag, ...encryptionShown(content), ...versionShown(bucket, version) };
}

const newest = (bucket: BucketRecord, key: string, call: Call) => versionsOf(bucket.name, key, call).at(-1);

/** A new newest version; where the bucket does not keep versions, in place of the one that is called `null`. */
function addVersion(
  bucket: BucketRecord,
  key: string,
  content: StoredContent | undefined,
  call: Call,
): VersionRecord {
  const isKept = bucket.versioning === 'Enabled';
  return call.cloud.state.transaction(() => {
    const version: VersionRecord = {
      key,
      versionId: isKept ? generatedId(call.requestId, '', 32, 'mixed') : 'null',
      sequence: nextSequence(bucket.name, call),
      at: call.cloud.now(),
      content,
    };
    for (const before of versionsOf(bucket.name, key, call))
      if (!isKept && before.versionId === 'null') eraseVersion(bucket.name, before, call);
    putVersion(bucket.name, version, call);
    return version;
  });
}

const versionShown = (bucket: BucketRecord, { versionId }: VersionRecord) =>
  bucket.versioning === undefined ? {} : { VersionId: versionId };

const encryptionShown = ({ encryption }: StoredContent) => ({
  ServerSideEncryption: encryption.algorithm,
  ...(encryption.algorithm === 'aws:kms' && {
    SSEKMSKeyId: encryption.keyId,
    BucketKeyEnabled: encryption.bucketKey,
  }),
});

interface Found {
  readonly bucket: BucketRecord;
  readonly version: VersionRecord;
  readonly content: StoredContent;
}

function existingObject(
  input: { Bucket?: string | undefined; Key?: string | undefined; VersionId?: string | undefined },
  call: Call,
): Found {
  refuseNotEmulated(input, getNotEmulated);
  const bucket = existingBucket(input.Bucket, call);
  const versions = versionsOf(bucket.name, input.Key ?? '', call);
  const version =
    input.VersionId === undefined
      ? versions.at(-1)
      : versions.find(({ versionId }) => versionId === input.VersionId);
  if (version === undefined && input.VersionId !== undefined)
    throw new AwsError('NoSuchVersion', 'The specified version does not exist.', 404);
  if (version !== undefined && version.content === undefined && input.VersionId !== undefined)
    throw new AwsError('MethodNotAllowed', 'The specified method is not allowed against this resource.', 405);
  if (version?.content === undefined)
    throw new AwsError('NoSuchKey', 'The specified key does not exist.', 404);
  return { bucket, version, content: version.content };
}

const described = ({ bucket, version, content }: Found) => ({
  ContentType: content.contentType,
  ETag: content.etag,
  LastModified: version.at,
  Metadata: content.metadata,
  ...encryptionShown(content),
  ...versionShown(bucket, version),
});

async function getObject(input: sdk.GetObjectRequest, call: Call) {
  const found = existingObject(input, call);
  const Body = await openContent(found.bucket, found.version.key, found.content, call);
  return { ...described(found), Body };
}

function headObject(input: sdk.HeadObjectRequest, call: Call) {
  const found = existingObject(input, call);
  return { ...described(found), ContentLength: found.content.size };
}

/** Deleting what is not there succeeds, as in S3; where versions are kept it leaves a mark and they all stay. */
function deleteObject(input: sdk.DeleteObjectRequest, call: Call) {
  const bucket = existingBucket(input.Bucket, call);
  const key = input.Key ?? '';
  const versions = versionsOf(bucket.name, key, call);
  if (input.VersionId !== undefined) {
    const version = versions.find(({ versionId }) => versionId === input.VersionId);
    if (version !== undefined) eraseVersion(bucket.name, version, call);
    const DeleteMarker = version !== undefined && version.content === undefined;
    return { VersionId: input.VersionId, ...(DeleteMarker && { DeleteMarker }) };
  }
  if (bucket.versioning === undefined) {
    for (const version of versions) eraseVersion(bucket.name, version, call);
    return {};
  }
  const mark = addVersion(bucket, key, undefined, call);
  return { DeleteMarker: true, VersionId: mark.versionId };
}

export const objectOperations = {
  PutObject: putObject,
  GetObject: getObject,
  HeadObject: headObject,
  DeleteObject: deleteObject,
};
