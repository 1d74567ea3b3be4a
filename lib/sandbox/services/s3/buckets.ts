/** Buckets and their settings. */
import { randomBytes } from 'node:crypto';
import type * as sdk from '@aws-sdk/client-s3';
import { AwsError, type Call } from '../../model.ts';
import { actionsOf, isPublic, resourcesOf, statementsOf } from '../policies.ts';
import { expireObjects } from './lifecycle.ts';
import {
  type BucketEncryption,
  type BucketRecord,
  bucketArn,
  bucketTable,
  existingBucket,
  ownBuckets,
  type PublicAccessBlock,
  putBucket,
  versionsUnder,
} from './records.ts';

/** What a new bucket has since April 2023 ("Default settings for new S3 buckets FAQ"). */
const allBlocked: PublicAccessBlock = {
  BlockPublicAcls: true,
  IgnorePublicAcls: true,
  BlockPublicPolicy: true,
  RestrictPublicBuckets: true,
};
const defaultEncryption: BucketEncryption = { algorithm: 'AES256', bucketKey: false };

/** @param madeBy the token of the CloudFormation creation that asks, kept so that a repeated one finds its own bucket. */
export function makeBucket(name: string, call: Call, madeBy?: string): BucketRecord {
  const present = bucketTable(call).get(name);
  if (present !== undefined && madeBy !== undefined && present.madeBy === madeBy) return present;
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name))
    throw new AwsError('InvalidBucketName', `The specified bucket is not valid: ${name}`);
  if (present?.accountId === call.accountId)
    throw new AwsError(
      'BucketAlreadyOwnedByYou',
      'Your previous request to create the named bucket succeeded and you already own it.',
      409,
    );
  if (present !== undefined) {
    throw new AwsError(
      'BucketAlreadyExists',
      'The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again.',
      409,
    );
  }
  return putBucket(
    {
      name,
      accountId: call.accountId,
      region: call.region,
      createdAt: call.cloud.now(),
      ownKey: randomBytes(32).toString('base64'),
      encryption: defaultEncryption,
      publicAccessBlock: allBlocked,
      ownership: 'BucketOwnerEnforced',
      lifecycleRules: [],
      tags: {},
      madeBy,
    },
    call,
  );
}

export function createBucket(input: sdk.CreateBucketRequest, call: Call) {
  const region = input.CreateBucketConfiguration?.LocationConstraint ?? 'us-east-1';
  if (region !== call.region)
    throw new AwsError(
      'IllegalLocationConstraintException',
      `The ${region} location constraint is incompatible for the region specific endpoint this request was sent to.`,
    );
  const { name } = makeBucket(input.Bucket ?? '', call);
  return { Location: `/${name}`, BucketArn: bucketArn(name) };
}

export function deleteBucket({ Bucket }: sdk.DeleteBucketRequest, call: Call): void {
  const bucket = existingBucket(Bucket, call);
  const { name } = bucket;
  expireObjects(bucket, call);
  if (versionsUnder(name, '', call).length > 0) {
    throw new AwsError(
      'BucketNotEmpty',
      'The bucket you tried to delete is not empty. You must delete all versions in the bucket.',
      409,
    );
  }
  bucketTable(call).delete(name);
}

export function headBucket({ Bucket }: sdk.HeadBucketRequest, call: Call) {
  const { name, region } = existingBucket(Bucket, call);
  return { BucketArn: bucketArn(name), BucketRegion: region };
}

export function listBuckets(_input: sdk.ListBucketsRequest, call: Call) {
  const Buckets = ownBuckets(call, call).map(({ name, createdAt, region }) => ({
    Name: name,
    CreationDate: createdAt,
    BucketRegion: region,
    BucketArn: bucketArn(name),
  }));
  return { Buckets, Owner: { ID: call.accountId } };
}

/** The default encryption in S3's words, or the new bucket's own when there is none. */
export function encryptionOf(
  configuration: sdk.ServerSideEncryptionConfiguration | undefined,
): BucketEncryption {
  if (configuration === undefined) return defaultEncryption;
  const [rule, ...others] = configuration.Rules ?? [];
  const applied = rule?.ApplyServerSideEncryptionByDefault;
  if (rule === undefined || others.length > 0)
    throw new AwsError('MalformedXML', 'A bucket has exactly one rule of default encryption.');
  const algorithm = applied?.SSEAlgorithm ?? 'AES256';
  if (algorithm !== 'AES256' && algorithm !== 'aws:kms')
    throw new AwsError(
      'InvalidRequest',
      `The sandbox encrypts with AES256 or aws:kms, not with ${algorithm}.`,
    );
  if (algorithm === 'AES256' && applied?.KMSMasterKeyID !== undefined)
    throw new AwsError(
      'InvalidArgument',
      'a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms',
    );
  return {
    algorithm,
    bucketKey: rule.BucketKeyEnabled ?? false,
    ...(applied?.KMSMasterKeyID !== undefined && { keyId: applied.KMSMasterKeyID }),
  };
}

export function putBucketEncryption(input: sdk.PutBucketEncryptionRequest, call: Call): void {
  const bucket = existingBucket(input.Bucket, call);
  putBucket({ ...bucket, encryption: encryptionOf(input.ServerSideEncryptionConfiguration) }, call);
}

export function getBucketEncryption({ Bucket }: sdk.GetBucketEncryptionRequest, call: Call) {
  const { algorithm, keyId, bucketKey } = existingBucket(Bucket, call).encryption;
  const applied = { SSEAlgorithm: algorithm, KMSMasterKeyID: keyId };
  const Rules = [{ ApplyServerSideEncryptionByDefault: applied, BucketKeyEnabled: bucketKey }];
  return { ServerSideEncryptionConfiguration: { Rules } };
}

/** The four settings; one that is left out is off. */
export function blockOf(given: sdk.PublicAccessBlockConfiguration | undefined): PublicAccessBlock {
  return {
    BlockPublicAcls: given?.BlockPublicAcls ?? false,
    IgnorePublicAcls: given?.IgnorePublicAcls ?? false,
    BlockPublicPolicy: given?.BlockPublicPolicy ?? false,
    RestrictPublicBuckets: given?.RestrictPublicBuckets ?? false,
  };
}

export function putPublicAccessBlock(input: sdk.PutPublicAccessBlockRequest, call: Call): void {
  const publicAccessBlock = blockOf(input.PublicAccessBlockConfiguration);
  putBucket({ ...existingBucket(input.Bucket, call), publicAccessBlock }, call);
}

export function getPublicAccessBlock({ Bucket }: sdk.GetPublicAccessBlockRequest, call: Call) {
  const { publicAccessBlock } = existingBucket(Bucket, call);
  if (publicAccessBlock === undefined)
    throw new AwsError(
      'NoSuchPublicAccessBlockConfiguration',
      'The public access block configuration was not found',
      404,
    );
  return { PublicAccessBlockConfiguration: publicAccessBlock };
}

export function deletePublicAccessBlock({ Bucket }: sdk.DeletePublicAccessBlockRequest, call: Call): void {
  const { publicAccessBlock: _gone, ...bucket } = existingBucket(Bucket, call);
  putBucket(bucket, call);
}

/** Versioning that was once on can only be suspended. */
export function versioningOf(bucket: BucketRecord, status: string | undefined): BucketRecord['versioning'] {
  if (status === undefined) return bucket.versioning === undefined ? undefined : 'Suspended';
  if (status !== 'Enabled' && status !== 'Suspended')
    throw new AwsError('MalformedXML', 'The versioning status is Enabled or Suspended.');
  return status;
}

export function putBucketVersioning(input: sdk.PutBucketVersioningRequest, call: Call): void {
  const bucket = existingBucket(input.Bucket, call);
  if (input.VersioningConfiguration?.MFADelete !== undefined)
    throw new AwsError('NotImplemented', 'The sandbox has no MFA delete.', 501);
  putBucket({ ...bucket, versioning: versioningOf(bucket, input.VersioningConfiguration?.Status) }, call);
}

export function getBucketVersioning({ Bucket }: sdk.GetBucketVersioningRequest, call: Call) {
  return { Status: existingBucket(Bucket, call).versioning };
}

export function putBucketPolicy(input: sdk.PutBucketPolicyRequest, call: Call): void {
  const bucket = existingBucket(input.Bucket, call);
  const policy = input.Policy ?? '';
  const statements = statementsOf(policy, 'MalformedPolicy');
  const arn = bucketArn(bucket.name);
  for (const statement of statements) {
    if (statement.Principal === undefined)
      throw new AwsError('MalformedPolicy', 'Missing required field Principal');
    const actions = actionsOf(statement).map(String);
    if (!actions.every((action) => action === '*' || action.startsWith('s3:')))
      throw new AwsError('MalformedPolicy', 'Policy has invalid action');
    const resources = resourcesOf(statement).map(String);
    if (!resources.every((resource) => resource === arn || resource.startsWith(`${arn}/`)))
      throw new AwsError('MalformedPolicy', 'Policy has invalid resource');
  }
  if (bucket.publicAccessBlock?.BlockPublicPolicy === true && statements.some(isPublic)) {
    throw new AwsError(
      'AccessDenied',
      `User: ${call.principalArn} is not authorized to perform: s3:PutBucketPolicy on resource: "${arn}" because public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access.`,
      403,
    );
  }
  putBucket({ ...bucket, policy }, call);
}

export function getBucketPolicy({ Bucket }: sdk.GetBucketPolicyRequest, call: Call) {
  const { policy } = existingBucket(Bucket, call);
  if (policy === undefined) throw new AwsError('NoSuchBucketPolicy', 'The bucket policy does not exist', 404);
  return { Policy: policy };
}

export function deleteBucketPolicy({ Bucket }: sdk.DeleteBucketPolicyRequest, call: Call): void {
  const { policy: _gone, ...bucket } = existingBucket(Bucket, call);
  putBucket(bucket, call);
}

/** Where the access logs go: a bucket of the same account and Region ("Enabling Amazon S3 server access logging"). */
export function loggingOf(
  given: { TargetBucket?: string | undefined; TargetPrefix?: string | undefined } | undefined,
  call: Call,
): BucketRecord['logging'] {
  if (given === undefined) return undefined;
  const target = bucketTable(call).get(given.TargetBucket ?? '');
  if (target === undefined || target.accountId !== call.accountId || target.region !== call.region) {
    throw new AwsError(
      'InvalidTargetBucketForLogging',
      `The target bucket for logging does not exist, is not owned by you, or does not have the appropriate grants for the log-delivery group: ${given.TargetBucket}`,
    );
  }
  return { TargetBucket: target.name, TargetPrefix: given.TargetPrefix ?? '' };
}

export function putBucketLogging(input: sdk.PutBucketLoggingRequest, call: Call): void {
  const logging = loggingOf(input.BucketLoggingStatus?.LoggingEnabled, call);
  putBucket({ ...existingBucket(input.Bucket, call), logging }, call);
}

export function getBucketLogging({ Bucket }: sdk.GetBucketLoggingRequest, call: Call) {
  const { logging } = existingBucket(Bucket, call);
  return { LoggingEnabled: logging };
}

export function getBucketNotificationConfiguration(
  { Bucket }: sdk.GetBucketNotificationConfigurationRequest,
  call: Call,
) {
  return existingBucket(Bucket, call).eventBridge === true ? { EventBridgeConfiguration: {} } : {};
}

export function getBucketOwnershipControls({ Bucket }: sdk.GetBucketOwnershipControlsRequest, call: Call) {
  const { ownership } = existingBucket(Bucket, call);
  return { OwnershipControls: { Rules: [{ ObjectOwnership: ownership as sdk.ObjectOwnership }] } };
}

export function getBucketTagging({ Bucket }: sdk.GetBucketTaggingRequest, call: Call) {
  const TagSet = Object.entries(existingBucket(Bucket, call).tags).map(([Key, Value]) => ({ Key, Value }));
  if (TagSet.length === 0) throw new AwsError('NoSuchTagSet', 'The TagSet does not exist', 404);
  return { TagSet };
}
