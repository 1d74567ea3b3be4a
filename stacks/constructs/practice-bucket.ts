import { Aws } from 'aws-cdk-lib';
import { CfnBucket, CfnBucketPolicy } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { retain } from './retain.ts';

const loadBalancerPrefix = 'load-balancer';
const requestPrefix = 'practice-bucket/';

/** How long a record of who asked for what is kept, as for the VPC's flow log. */
export const accessRecordDays = 400;

/**
 * Public access is blocked four times over, and no object can belong to another account. The bucket's tags count in policies ("Using tags
 * for attribute-based access control", Amazon S3 User Guide): whoever removes one practice's bucket cannot remove another's.
 */
const closed = {
  abacStatus: 'Enabled',
  publicAccessBlockConfiguration: {
    blockPublicAcls: true,
    blockPublicPolicy: true,
    ignorePublicAcls: true,
    restrictPublicBuckets: true,
  },
  ownershipControls: { rules: [{ objectOwnership: 'BucketOwnerEnforced' }] },
};

const leftParts: CfnBucket.RuleProperty = {
  id: 'RemoveUnfinishedUploads',
  status: 'Enabled',
  abortIncompleteMultipartUpload: { daysAfterInitiation: 7 },
};

/**
 * Who asked the load balancer and the practice's bucket for what. Elastic Load Balancing writes to buckets with
 * Amazon S3's own keys only ("Access logs for your Application Load Balancer", bucket requirements).
 */
export class LogBucket extends Construct {
  readonly name: string;
  readonly arn: string;
  readonly loadBalancerPrefix = loadBalancerPrefix;
  readonly requestPrefix = requestPrefix;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    const bucket = new CfnBucket(this, 'Resource', {
      ...closed,
      bucketEncryption: {
        serverSideEncryptionConfiguration: [{ serverSideEncryptionByDefault: { sseAlgorithm: 'AES256' } }],
      },
      versioningConfiguration: { status: 'Enabled' },
      lifecycleConfiguration: {
        rules: [
          {
            id: 'ForgetOldRecords',
            status: 'Enabled',
            expirationInDays: accessRecordDays,
            noncurrentVersionExpiration: { noncurrentDays: 30 },
          },
          leftParts,
        ],
      },
    });
    retain(bucket);
    this.name = bucket.ref;
    this.arn = bucket.attrArn;
  }

  /** Lets the two services write, each under its own prefix, and nobody without TLS. */
  admit(practiceBucketArn: string): CfnBucketPolicy {
    const policy = new CfnBucketPolicy(this, 'Policy', {
      bucket: this.name,
      policyDocument: {
        Version: '2012-10-17',
        Statement: [
          {
            // "Enable access logs for your Application Load Balancer", step 2: the path names the account.
            Sid: 'LoadBalancerWrites',
            Effect: 'Allow',
            Principal: { Service: 'logdelivery.elasticloadbalancing.amazonaws.com' },
            Action: 's3:PutObject',
            Resource: `${this.arn}/${loadBalancerPrefix}/AWSLogs/${Aws.ACCOUNT_ID}/*`,
          },
          {
            // "Enabling Amazon S3 server access logging", permissions for log delivery.
            Sid: 'PracticeBucketWrites',
            Effect: 'Allow',
            Principal: { Service: 'logging.s3.amazonaws.com' },
            Action: 's3:PutObject',
            Resource: `${this.arn}/${requestPrefix}*`,
            Condition: {
              ArnEquals: { 'aws:SourceArn': practiceBucketArn },
              StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID },
            },
          },
          overTls(this.arn),
        ],
      },
    });
    retain(policy);
    return policy;
  }
}

export interface PracticeBucketProps {
  readonly keyArn: string;
  readonly log: LogBucket;
}

/** The practice's documents: under its key, with the versions of a year, for its own account over TLS only. */
export class PracticeBucket extends Construct {
  readonly name: string;
  readonly arn: string;

  constructor(scope: Construct, id: string, { keyArn, log }: PracticeBucketProps) {
    super(scope, id);
    const bucket = new CfnBucket(this, 'Resource', {
      ...closed,
      bucketEncryption: {
        serverSideEncryptionConfiguration: [
          {
            serverSideEncryptionByDefault: { sseAlgorithm: 'aws:kms', kmsMasterKeyId: keyArn },
            // One call of KMS for many objects, which is what a solo practice's bill would notice.
            bucketKeyEnabled: true,
          },
        ],
      },
      versioningConfiguration: { status: 'Enabled' },
      // AWS Backup follows the bucket by these events ("Amazon S3 backups", considerations).
      notificationConfiguration: { eventBridgeConfiguration: { eventBridgeEnabled: true } },
      loggingConfiguration: { destinationBucketName: log.name, logFilePrefix: log.requestPrefix },
      lifecycleConfiguration: {
        rules: [
          {
            id: 'ForgetOldVersions',
            status: 'Enabled',
            noncurrentVersionExpiration: { noncurrentDays: 365 },
          },
          leftParts,
        ],
      },
    });
    retain(bucket);
    this.name = bucket.ref;
    this.arn = bucket.attrArn;
    const policy = new CfnBucketPolicy(this, 'Policy', {
      bucket: this.name,
      policyDocument: {
        Version: '2012-10-17',
        Statement: [overTls(this.arn), ownAccount(this.arn), ...underKeyOnly(this.arn, keyArn)],
      },
    });
    retain(policy);
  }
}

const everything = (bucketArn: string) => ({
  Principal: '*',
  Action: 's3:*',
  Resource: [bucketArn, `${bucketArn}/*`],
});

/** Denials only, these three: who may read and write is said by the roles' own policies. */
function overTls(bucketArn: string): object {
  return {
    Sid: 'TlsOnly',
    Effect: 'Deny',
    ...everything(bucketArn),
    Condition: { Bool: { 'aws:SecureTransport': 'false' } },
  };
}

function ownAccount(bucketArn: string): object {
  return {
    Sid: 'OwnAccountOnly',
    Effect: 'Deny',
    ...everything(bucketArn),
    Condition: {
      StringNotEquals: { 'aws:PrincipalAccount': Aws.ACCOUNT_ID },
      BoolIfExists: { 'aws:PrincipalIsAWSService': 'false' },
    },
  };
}

/** A write that names no encryption gets the bucket's own; one that names another is refused. */
function underKeyOnly(bucketArn: string, keyArn: string): object[] {
  const unless = (header: string, value: string) => ({
    Effect: 'Deny',
    Principal: '*',
    Action: 's3:PutObject',
    Resource: `${bucketArn}/*`,
    Condition: { Null: { [header]: 'false' }, StringNotEquals: { [header]: value } },
  });
  return [
    { Sid: 'KmsOnly', ...unless('s3:x-amz-server-side-encryption', 'aws:kms') },
    { Sid: 'PracticeKeyOnly', ...unless('s3:x-amz-server-side-encryption-aws-kms-key-id', keyArn) },
  ];
}
