import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as backupSdk from '@aws-sdk/client-backup';
import * as s3Sdk from '@aws-sdk/client-s3';
import { AwsError } from '../../lib/sandbox/model.ts';
import { type Sandbox, startSandbox } from '../../lib/sandbox/server.ts';

describe('the wire of REST services', () => {
  let sandbox: Sandbox;
  let directory: string;
  /** What the operations of this test answer, and what they were given. */
  const answers = new Map<string, () => unknown>();
  const inputs = new Map<string, unknown>();
  const operations = (...names: string[]) =>
    Object.fromEntries(
      names.map((name) => [
        name,
        (input: unknown) => {
          inputs.set(name, input);
          return answers.get(name)?.();
        },
      ]),
    );
  const client = () => ({
    region: 'eu-central-1',
    endpoint: sandbox.endpoint,
    credentials: { accessKeyId: '111122223333', secretAccessKey: 'any' },
    maxAttempts: 1,
  });

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'sandbox-wire-'));
    sandbox = await startSandbox({
      port: 0,
      directory,
      dataPlane: false,
      services: [
        {
          signingName: 'backup',
          sdk: backupSdk,
          operations: operations('UpdateBackupPlan', 'DescribeBackupVault'),
        },
        { signingName: 's3', sdk: s3Sdk, operations: operations('PutObject') },
      ],
    });
  });

  afterAll(async () => {
    await sandbox.stop();
    rmSync(directory, { recursive: true });
  });

  it('carries path labels and JSON bodies of AWS Backup', async () => {
    const backup = new backupSdk.BackupClient(client());
    const CreationDate = new Date('2026-02-03T04:05:06.789Z');
    answers.set('UpdateBackupPlan', () => ({ BackupPlanId: 'p 1', CreationDate, record: 'private' }));
    const BackupPlan = {
      BackupPlanName: 'daily',
      Rules: [{ RuleName: 'r', TargetBackupVaultName: 'v', Lifecycle: { DeleteAfterDays: 35 } }],
    };
    const updated = await backup.send(
      new backupSdk.UpdateBackupPlanCommand({ BackupPlanId: 'p 1', BackupPlan }),
    );
    expect(inputs.get('UpdateBackupPlan')).toEqual({ BackupPlanId: 'p 1', BackupPlan });
    expect(updated).toMatchObject({ BackupPlanId: 'p 1', CreationDate });
    expect(updated).not.toHaveProperty('record');
    answers.set('DescribeBackupVault', () => {
      throw new AwsError('ResourceNotFoundException', 'Vault v does not exist');
    });
    await expect(
      backup.send(new backupSdk.DescribeBackupVaultCommand({ BackupVaultName: 'v' })),
    ).rejects.toMatchObject({ name: 'ResourceNotFoundException', message: 'Vault v does not exist' });
  });

  const signedFor = (service: string) => ({
    authorization: `AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/${service}/aws4_request, SignedHeaders=host, Signature=0`,
  });

  it.each([
    ['PUT', '/bucket/folder/key', {}, 'PutObject'],
    ['PUT', '/bucket/key?x-id=PutObject', {}, 'PutObject'],
    ['PUT', '/bucket/key', { 'x-amz-copy-source': 'a/b' }, 'CopyObject'],
    ['PUT', '/bucket/key?partNumber=1&uploadId=u', {}, 'UploadPart'],
    ['PUT', '/bucket?encryption', {}, 'PutBucketEncryption'],
    ['GET', '/bucket?list-type=2&prefix=a', {}, 'ListObjectsV2'],
    ['GET', '/bucket/', {}, 'ListObjects'],
    ['GET', '/', {}, 'ListBuckets'],
    ['GET', '/bucket/folder/key?acl', {}, 'GetObjectAcl'],
    ['GET', '/bucket/%zz', {}, 'InvalidURI'],
  ])('tells what %s %s %j asks S3 for', async (method, path, headers, operation) => {
    answers.set('PutObject', () => ({ ETag: 'PutObject' }));
    const answer = await fetch(sandbox.endpoint + path, {
      method,
      headers: { ...signedFor('s3'), ...headers },
    });
    // Operations that are not emulated are refused by their name.
    expect(answer.headers.get('etag') ?? (await answer.text())).toContain(operation);
  });

  it('takes the frames off a body that is sent in chunks, and refuses one that is cut', async () => {
    const put = (body: string) =>
      fetch(`${sandbox.endpoint}/bucket/key`, {
        method: 'PUT',
        headers: { ...signedFor('s3'), 'content-encoding': 'aws-chunked' },
        body,
      });
    const frames = '5;chunk-signature=0\r\nhello\r\n1\r\n!\r\n0\r\nx-amz-checksum-crc32:AAAA\r\n\r\n';
    expect((await put(frames)).status).toBe(200);
    expect(String((inputs.get('PutObject') as { Body: Buffer }).Body)).toBe('hello!');
    const cut = await put(frames.slice(0, 30));
    expect([cut.status, await cut.text()]).toEqual([400, expect.stringContaining('IncompleteBody')]);
  });
});
