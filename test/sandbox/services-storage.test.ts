import { DisableKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteBucketPolicyCommand,
  DeleteObjectCommand,
  DeletePublicAccessBlockCommand,
  GetBucketEncryptionCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketLoggingCommand,
  GetBucketPolicyCommand,
  GetBucketTaggingCommand,
  GetBucketVersioningCommand,
  GetObjectCommand,
  GetPublicAccessBlockCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketPolicyCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import {
  createResource,
  day,
  handlerOf,
  newKey,
  refusal,
  resourceContext,
  TestCloud,
} from './fixtures/services-data-cloud.ts';

const closed = {
  BlockPublicAcls: true,
  BlockPublicPolicy: true,
  IgnorePublicAcls: true,
  RestrictPublicBuckets: true,
};

/** Refuses what does not come over TLS, as the practice stacks write it. */
const tlsOnly = (bucket: string) => ({
  Version: '2012-10-17',
  Statement: [
    {
      Effect: 'Deny',
      Principal: '*',
      Action: 's3:*',
      Resource: [`arn:aws:s3:::${bucket}`, `arn:aws:s3:::${bucket}/*`],
      Condition: { Bool: { 'aws:SecureTransport': 'false' } },
    },
  ],
});

describe('Amazon S3 in the sandbox', () => {
  let cloud: TestCloud;
  const clientOf = (accountId = '111122223333', region = 'us-east-1') =>
    new S3Client({
      region,
      endpoint: cloud.sandbox.endpoint,
      forcePathStyle: true,
      credentials: { accessKeyId: accountId, secretAccessKey: 'any' },
      maxAttempts: 1,
    });
  let s3: S3Client;

  beforeAll(async () => {
    cloud = await new TestCloud().start();
    s3 = clientOf();
  });
  afterAll(() => cloud.stop());

  const make = (name: string, properties: Record<string, unknown> = {}) =>
    createResource(cloud, 'AWS::S3::Bucket', name, { BucketName: name, ...properties });
  const remove = async (name: string) =>
    handlerOf('AWS::S3::Bucket').delete(name, {}, resourceContext(cloud, name));
  const read = async (Bucket: string, Key: string, VersionId?: string) => {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key, ...(VersionId && { VersionId }) }));
    return Body?.transformToString();
  };

  test('a bucket is what its template says, and is read back that way', async () => {
    const key = await newKey(cloud.clients());
    await make('maple-access-logs');
    const made = await make('maple-files', {
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [
          {
            BucketKeyEnabled: true,
            ServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: key },
          },
        ],
      },
      VersioningConfiguration: { Status: 'Enabled' },
      PublicAccessBlockConfiguration: closed,
      LoggingConfiguration: { DestinationBucketName: 'maple-access-logs', LogFilePrefix: 'files/' },
    });
    expect(made).toMatchObject({
      physicalId: 'maple-files',
      attributes: { Arn: 'arn:aws:s3:::maple-files' },
    });
    const Bucket = 'maple-files';
    expect(await s3.send(new GetBucketEncryptionCommand({ Bucket }))).toMatchObject({
      ServerSideEncryptionConfiguration: {
        Rules: [
          {
            ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: key },
            BucketKeyEnabled: true,
          },
        ],
      },
    });
    expect(await s3.send(new GetPublicAccessBlockCommand({ Bucket }))).toMatchObject({
      PublicAccessBlockConfiguration: closed,
    });
    expect((await s3.send(new GetBucketVersioningCommand({ Bucket }))).Status).toBe('Enabled');
    expect((await s3.send(new GetBucketLoggingCommand({ Bucket }))).LoggingEnabled).toEqual({
      TargetBucket: 'maple-access-logs',
      TargetPrefix: 'files/',
    });
    expect((await s3.send(new GetBucketTaggingCommand({ Bucket }))).TagSet).toEqual([
      { Key: 'lumenality:practice', Value: 'bright-steps' },
    ]);
    const blocked = { BucketName: 'birch-files', PublicAccessBlockConfiguration: closed };
    await make('birch-files', blocked);
    const update = { BucketName: 'birch-files' };
    const context = resourceContext(cloud, 'birch-files');
    await handlerOf('AWS::S3::Bucket').update('birch-files', update, blocked, context);
    const taken = s3.send(new GetPublicAccessBlockCommand({ Bucket: 'birch-files' }));
    expect((await refusal(taken)).name).toBe('NoSuchPublicAccessBlockConfiguration');
    await s3.send(new DeletePublicAccessBlockCommand({ Bucket }));
    expect((await refusal(s3.send(new GetPublicAccessBlockCommand({ Bucket })))).name).toBe(
      'NoSuchPublicAccessBlockConfiguration',
    );
  });

  test('what AWS refuses of a bucket is refused', async () => {
    await make('taken');
    const other = { ...resourceContext(cloud, 'Another'), accountId: '444455556666' };
    const create = (properties: Record<string, unknown>) =>
      refusal((async () => handlerOf('AWS::S3::Bucket').create(properties, other))());
    expect(await create({ BucketName: 'taken' })).toMatchObject({
      message: expect.stringContaining('bucket namespace is shared'),
    });
    expect(await create({ BucketName: 'Not_Valid' })).toMatchObject({
      message: expect.stringContaining('not valid'),
    });
    expect(
      await create({ BucketName: 'a-bucket', LoggingConfiguration: { DestinationBucketName: 'nobody' } }),
    ).toMatchObject({ message: expect.stringContaining('target bucket for logging does not exist') });
    expect(await create({ BucketName: 'a-bucket', WebsiteConfiguration: {} })).toMatchObject({
      message: expect.stringContaining('does not emulate WebsiteConfiguration'),
    });
    // Nothing is left of a creation that failed.
    expect((await refusal(s3.send(new HeadBucketCommand({ Bucket: 'a-bucket' })))).name).toBe('NotFound');
    const foreign = clientOf('444455556666').send(new GetBucketPolicyCommand({ Bucket: 'taken' }));
    expect((await refusal(foreign)).name).toBe('AccessDenied');
  });

  test('a bucket policy names its own bucket, and is never public where that is blocked', async () => {
    const Bucket = 'with-policy';
    await make(Bucket, { PublicAccessBlockConfiguration: closed });
    await createResource(cloud, 'AWS::S3::BucketPolicy', 'Policy', {
      Bucket,
      PolicyDocument: tlsOnly(Bucket),
    });
    const { Policy = '' } = await s3.send(new GetBucketPolicyCommand({ Bucket }));
    expect(JSON.parse(Policy)).toEqual(tlsOnly(Bucket));
    const put = async (document: object) =>
      (await refusal(s3.send(new PutBucketPolicyCommand({ Bucket, Policy: JSON.stringify(document) })))).name;
    expect(await put(tlsOnly('another'))).toBe('MalformedPolicy');
    const [deny] = tlsOnly(Bucket).Statement;
    const { Condition: _unconditional, ...open } = { ...deny, Effect: 'Allow' };
    expect(await put({ Statement: [open] })).toBe('AccessDenied');
    await s3.send(new DeleteBucketPolicyCommand({ Bucket }));
    expect((await refusal(s3.send(new GetBucketPolicyCommand({ Bucket })))).name).toBe('NoSuchBucketPolicy');
  });

  test('what a rule lets expire is out of the way of a deletion when its time has come, and not before', async () => {
    const s3 = clientOf();
    const Bucket = 'expiring-bucket';
    await s3.send(new CreateBucketCommand({ Bucket }));
    await s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }));
    for (const Body of ['one', 'two']) await s3.send(new PutObjectCommand({ Bucket, Key: 'a', Body }));
    await s3.send(new PutObjectCommand({ Bucket, Key: 'kept/b', Body: 'three' }));
    const LifecycleConfiguration = {
      Rules: [
        {
          ID: 'all',
          Status: 'Enabled' as const,
          Filter: { Prefix: 'a' },
          Expiration: { Days: 1 },
          NoncurrentVersionExpiration: { NoncurrentDays: 1 },
        },
        {
          ID: 'marks',
          Status: 'Enabled' as const,
          Filter: { Prefix: '' },
          Expiration: { ExpiredObjectDeleteMarker: true },
        },
      ],
    };
    await s3.send(new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration }));
    expect(await s3.send(new GetBucketLifecycleConfigurationCommand({ Bucket }))).toMatchObject(
      LifecycleConfiguration,
    );
    const remove = () => s3.send(new DeleteBucketCommand({ Bucket }));
    const keys = async () =>
      ((await s3.send(new ListObjectVersionsCommand({ Bucket }))).Versions ?? []).map(({ Key }) => Key);
    cloud.later += 1.5 * day;
    await expect(remove()).rejects.toMatchObject({ name: 'BucketNotEmpty' });
    // The older version went a day after the newer one came; that one is on its way.
    expect(await keys()).toEqual(['a', 'kept/b']);
    cloud.later += day;
    await expect(remove()).rejects.toMatchObject({ name: 'BucketNotEmpty' });
    expect(await keys()).toEqual(['kept/b']);
    await s3.send(
      new PutBucketLifecycleConfigurationCommand({
        Bucket,
        LifecycleConfiguration: {
          Rules: LifecycleConfiguration.Rules.map((rule) => ({ ...rule, Filter: { Prefix: '' } })),
        },
      }),
    );
    await remove();
    await expect(keys()).rejects.toMatchObject({ name: 'NoSuchBucket' });
  });

  test("an object is stored under the bucket's key and unreadable without it", async () => {
    const KeyId = await newKey(cloud.clients());
    const Bucket = 'sealed';
    const encrypted = { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: KeyId };
    await make(Bucket, {
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: encrypted }],
      },
    });
    const Key = 'notes/2026/first session.txt';
    const put = await s3.send(
      new PutObjectCommand({ Bucket, Key, Body: 'confidential', Metadata: { kind: 'note' } }),
    );
    expect(put).toMatchObject({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: KeyId });
    const got = await s3.send(new GetObjectCommand({ Bucket, Key }));
    expect(await got.Body?.transformToString()).toBe('confidential');
    expect(got).toMatchObject({ Metadata: { kind: 'note' }, ETag: put.ETag, SSEKMSKeyId: KeyId });
    expect(await s3.send(new HeadObjectCommand({ Bucket, Key }))).toMatchObject({ ContentLength: 12 });
    const [stored] = cloud.sandbox.cloud.state
      .table<{ content: { sealed: Buffer } }>('s3.versions')
      .list(`${Bucket}/`);
    expect(stored?.content.sealed.includes('confidential')).toBe(false);

    await new KMSClient(cloud.options()).send(new DisableKeyCommand({ KeyId }));
    expect((await refusal(read(Bucket, Key))).name).toBe('KMS.DisabledException');
    expect((await refusal(s3.send(new PutObjectCommand({ Bucket, Key, Body: 'x' })))).name).toBe(
      'KMS.DisabledException',
    );
  });

  test('a versioned bucket keeps what is overwritten and deleted, and is not deleted while it does', async () => {
    const Bucket = 'kept';
    await make(Bucket, { VersioningConfiguration: { Status: 'Enabled' } });
    const Key = 'a';
    const first = await s3.send(new PutObjectCommand({ Bucket, Key, Body: 'one' }));
    await s3.send(new PutObjectCommand({ Bucket, Key, Body: 'two' }));
    expect([await read(Bucket, Key), await read(Bucket, Key, first.VersionId)]).toEqual(['two', 'one']);
    expect(await s3.send(new DeleteObjectCommand({ Bucket, Key }))).toMatchObject({ DeleteMarker: true });
    expect((await refusal(read(Bucket, Key))).name).toBe('NoSuchKey');
    expect(await refusal(remove(Bucket))).toMatchObject({
      message: expect.stringContaining('bucket you tried to delete is not empty'),
    });
    const all = await s3.send(new ListObjectVersionsCommand({ Bucket }));
    expect([all.Versions?.length, all.DeleteMarkers?.length]).toEqual([2, 1]);
    for (const { VersionId } of [...(all.Versions ?? []), ...(all.DeleteMarkers ?? [])])
      await s3.send(new DeleteObjectCommand({ Bucket, Key, VersionId }));
    await remove(Bucket);
    expect((await refusal(s3.send(new HeadBucketCommand({ Bucket })))).name).toBe('NotFound');
  });

  test('objects are listed by prefix, by folder and page by page, and wrong checksums are refused', async () => {
    const Bucket = 'listed';
    await make(Bucket);
    for (const Key of ['a/1', 'a/2', 'b/1', 'c & d'])
      await s3.send(new PutObjectCommand({ Bucket, Key, Body: Key }));
    const list = async (input: object) => s3.send(new ListObjectsV2Command({ Bucket, ...input }));
    expect((await list({ Prefix: 'a/' })).Contents?.map((one) => one.Key)).toEqual(['a/1', 'a/2']);
    expect(await list({ Delimiter: '/' })).toMatchObject({
      CommonPrefixes: [{ Prefix: 'a/' }, { Prefix: 'b/' }],
      Contents: [{ Key: 'c & d' }],
    });
    const page = await list({ MaxKeys: 3 });
    const rest = await list({ ContinuationToken: page.NextContinuationToken });
    expect([page.IsTruncated, rest.Contents?.[0]?.Key]).toEqual([true, 'c & d']);
    const wrong = new PutObjectCommand({ Bucket, Key: 'x', Body: 'x', ChecksumSHA256: 'A'.repeat(43) + '=' });
    expect((await refusal(s3.send(wrong))).name).toBe('BadDigest');
    const range = new GetObjectCommand({ Bucket, Key: 'a/1', Range: 'bytes=0-1' });
    expect((await refusal(s3.send(range))).name).toBe('NotImplemented');
  });
});
