/** AWS::S3::Bucket and AWS::S3::BucketPolicy. */
import type * as sdk from '@aws-sdk/client-s3';
import { generatedName } from '../../identifiers.ts';
import { AwsError, type ResourceContext, type ResourceHandler, type ResourceOutcome } from '../../model.ts';
import { flagOf, listOf, tagsAsList, tagsOf, textOf } from '../properties.ts';
import * as buckets from './buckets.ts';
import { type BucketRecord, bucketArn, bucketTable, existingBucket, putBucket } from './records.ts';

type Properties = Record<string, unknown>;

const emulated = new Set([
  'AbacStatus',
  'BucketName',
  'BucketEncryption',
  'LifecycleConfiguration',
  'LoggingConfiguration',
  'NotificationConfiguration',
  'OwnershipControls',
  'PublicAccessBlockConfiguration',
  'Tags',
  'VersioningConfiguration',
]);

/** CloudFormation's `ServerSideEncryptionByDefault` is the API's `ApplyServerSideEncryptionByDefault`. */
function encryptionIn(p: Properties): sdk.ServerSideEncryptionConfiguration | undefined {
  const given = p['BucketEncryption'] as
    | {
        ServerSideEncryptionConfiguration: Array<{
          ServerSideEncryptionByDefault?: sdk.ServerSideEncryptionByDefault;
          BucketKeyEnabled?: unknown;
        }>;
      }
    | undefined;
  return (
    given && {
      Rules: given.ServerSideEncryptionConfiguration.map((rule) => ({
        ApplyServerSideEncryptionByDefault: rule.ServerSideEncryptionByDefault,
        BucketKeyEnabled: flagOf(rule.BucketKeyEnabled) ?? false,
      })),
    }
  );
}

function lifecycleIn(p: Properties): BucketRecord['lifecycleRules'] {
  const rules = listOf<Properties>((p['LifecycleConfiguration'] as Properties | undefined)?.['Rules']);
  const ids = rules.flatMap((rule) => textOf(rule['Id']) ?? []);
  if (new Set(ids).size < ids.length)
    throw new AwsError('InvalidArgument', 'Rule ID must be unique. Found same ID for more than one rule');
  const markers = ['Id', 'Status', 'Prefix', 'TagFilters', 'ObjectSizeGreaterThan', 'ObjectSizeLessThan'];
  for (const rule of rules) {
    if (Object.keys(rule).every((name) => markers.includes(name)))
      throw new AwsError('InvalidRequest', 'At least one action needs to be specified in a rule');
  }
  return rules;
}

function eventBridgeIn(p: Properties): boolean {
  const { EventBridgeConfiguration: eventBridge, ...others } = (p['NotificationConfiguration'] ??
    {}) as Properties;
  const [asked] = Object.keys(others);
  if (asked !== undefined) throw notEmulated(`${asked} of a bucket's notifications`);
  return eventBridge !== undefined && (flagOf((eventBridge as Properties)['EventBridgeEnabled']) ?? true);
}

/** Never in the template, it is as S3 made it, with everything blocked; taken out of the template, it is taken off the bucket. */
function blockIn(
  p: Properties,
  previous: Properties,
  bucket: BucketRecord,
): BucketRecord['publicAccessBlock'] {
  const given = p['PublicAccessBlockConfiguration'];
  if (given !== undefined) return buckets.blockOf(given as Parameters<typeof buckets.blockOf>[0]);
  return previous['PublicAccessBlockConfiguration'] === undefined ? bucket.publicAccessBlock : undefined;
}

const notEmulated = (what: string) =>
  new AwsError('NotImplemented', `The sandbox does not emulate ${what}: leave it out.`, 501);

function settle(name: string, p: Properties, previous: Properties, c: ResourceContext): ResourceOutcome {
  const stranger = Object.keys(p).find((property) => !emulated.has(property));
  if (stranger !== undefined) throw notEmulated(`${stranger} of AWS::S3::Bucket`);
  const bucket = existingBucket(name, c);
  const versioning = textOf((p['VersioningConfiguration'] as Properties | undefined)?.['Status']);
  const logging = p['LoggingConfiguration'] as
    | { DestinationBucketName?: string; LogFilePrefix?: string }
    | undefined;
  const [ownership] = listOf<Properties>((p['OwnershipControls'] as Properties | undefined)?.['Rules']);
  putBucket(
    {
      ...bucket,
      encryption: buckets.encryptionOf(encryptionIn(p)),
      versioning: buckets.versioningOf(bucket, versioning),
      publicAccessBlock: blockIn(p, previous, bucket),
      ownership: textOf(ownership?.['ObjectOwnership']) ?? 'BucketOwnerEnforced',
      logging: buckets.loggingOf(
        logging && {
          TargetBucket: logging.DestinationBucketName ?? name,
          TargetPrefix: logging.LogFilePrefix,
        },
        c,
      ),
      abac: textOf(p['AbacStatus']),
      eventBridge: eventBridgeIn(p),
      lifecycleRules: lifecycleIn(p),
      tags: tagsOf(p, c),
    },
    c,
  );
  const attributes = {
    Arn: bucketArn(name),
    DomainName: `${name}.s3.amazonaws.com`,
    DualStackDomainName: `${name}.s3.dualstack.${c.region}.amazonaws.com`,
    RegionalDomainName: `${name}.s3.${c.region}.amazonaws.com`,
    WebsiteURL: `http://${name}.s3-website-${c.region}.amazonaws.com`,
  };
  return { physicalId: name, attributes };
}

/** The bucket as CloudFormation reads it; what was never set is not there. */
function liveBucket(record: BucketRecord, p: Properties): Properties {
  const { algorithm, keyId, bucketKey } = record.encryption;
  const ServerSideEncryptionByDefault = { SSEAlgorithm: algorithm, KMSMasterKeyID: keyId };
  const { logging } = record;
  return {
    AbacStatus: record.abac,
    BucketName: record.name,
    BucketEncryption: {
      ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault, BucketKeyEnabled: bucketKey }],
    },
    VersioningConfiguration: record.versioning && { Status: record.versioning },
    PublicAccessBlockConfiguration: record.publicAccessBlock,
    OwnershipControls: { Rules: [{ ObjectOwnership: record.ownership }] },
    LoggingConfiguration: logging && {
      DestinationBucketName: logging.TargetBucket,
      LogFilePrefix: logging.TargetPrefix,
    },
    LifecycleConfiguration: record.lifecycleRules.length > 0 ? { Rules: record.lifecycleRules } : undefined,
    NotificationConfiguration: record.eventBridge ? p['NotificationConfiguration'] : undefined,
    Tags: tagsAsList(record.tags),
  };
}

const bucket: ResourceHandler = {
  type: 'AWS::S3::Bucket',
  fidelity: 'behaves',
  create(p, c) {
    const name = textOf(p['BucketName']) ?? generatedName(c, 63, 'lower').toLowerCase();
    return c.cloud.state.transaction(() => {
      buckets.makeBucket(name, c, c.token);
      return settle(name, p, {}, c);
    });
  },
  update: settle,
  read: (name, p, c) => {
    const record = bucketTable(c).get(name);
    return Promise.resolve(record && liveBucket(record, p));
  },
  delete(name, _p, c) {
    if (bucketTable(c).get(name) !== undefined) buckets.deleteBucket({ Bucket: name }, c);
  },
};

function putPolicy(p: Properties, c: ResourceContext): ResourceOutcome {
  const Bucket = textOf(p['Bucket']) ?? '';
  buckets.putBucketPolicy({ Bucket, Policy: textOf(p['PolicyDocument']) }, c);
  return { physicalId: Bucket, attributes: {} };
}

const bucketPolicy: ResourceHandler = {
  type: 'AWS::S3::BucketPolicy',
  fidelity: 'recorded',
  create(p, c) {
    const present = existingBucket(textOf(p['Bucket']), c).policy;
    // One bucket, one policy: a second resource would take the first one's place without a word.
    if (present !== undefined && present !== textOf(p['PolicyDocument']))
      throw new AwsError(
        'AlreadyExists',
        'The bucket policy already exists on bucket ' + textOf(p['Bucket']) + '.',
      );
    return putPolicy(p, c);
  },
  update: (_bucket, p, _previous, c) => putPolicy(p, c),
  read: (name, _p, c) => {
    const policy = bucketTable(c).get(name)?.policy;
    return Promise.resolve(
      policy === undefined ? undefined : { Bucket: name, PolicyDocument: JSON.parse(policy) as unknown },
    );
  },
  delete(name, _p, c) {
    if (bucketTable(c).get(name) !== undefined) buckets.deleteBucketPolicy({ Bucket: name }, c);
  },
};

export const resources: readonly ResourceHandler[] = [bucket, bucketPolicy];
