/** Amazon S3: buckets with their settings, and objects that are encrypted as the bucket says. Path style only. */
import * as sdk from '@aws-sdk/client-s3';
import type { ServiceEmulation } from '../../model.ts';
import * as buckets from './buckets.ts';
import { getBucketLifecycleConfiguration, putBucketLifecycleConfiguration } from './lifecycle.ts';
import { listOperations } from './listing.ts';
import { objectOperations } from './objects.ts';

export { resources } from './resources.ts';

export const service: ServiceEmulation = {
  signingName: 's3',
  sdk,
  operations: {
    CreateBucket: buckets.createBucket,
    DeleteBucket: buckets.deleteBucket,
    HeadBucket: buckets.headBucket,
    ListBuckets: buckets.listBuckets,
    PutBucketEncryption: buckets.putBucketEncryption,
    GetBucketEncryption: buckets.getBucketEncryption,
    PutPublicAccessBlock: buckets.putPublicAccessBlock,
    GetPublicAccessBlock: buckets.getPublicAccessBlock,
    DeletePublicAccessBlock: buckets.deletePublicAccessBlock,
    PutBucketVersioning: buckets.putBucketVersioning,
    GetBucketVersioning: buckets.getBucketVersioning,
    PutBucketPolicy: buckets.putBucketPolicy,
    GetBucketPolicy: buckets.getBucketPolicy,
    DeleteBucketPolicy: buckets.deleteBucketPolicy,
    PutBucketLifecycleConfiguration: putBucketLifecycleConfiguration,
    GetBucketLifecycleConfiguration: getBucketLifecycleConfiguration,
    PutBucketLogging: buckets.putBucketLogging,
    GetBucketLogging: buckets.getBucketLogging,
    GetBucketNotificationConfiguration: buckets.getBucketNotificationConfiguration,
    GetBucketOwnershipControls: buckets.getBucketOwnershipControls,
    GetBucketTagging: buckets.getBucketTagging,
    ...objectOperations,
    ...listOperations,
  },
};
