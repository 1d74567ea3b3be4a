import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as ec2Sdk from '@aws-sdk/client-ec2';
import { CreateRoleCommand, IAMClient } from '@aws-sdk/client-iam';
import * as kmsSdk from '@aws-sdk/client-kms';
import * as rdsSdk from '@aws-sdk/client-rds';
import * as route53Sdk from '@aws-sdk/client-route-53';
import {
  AssumeRoleCommand,
  GetCallerIdentityCommand,
  GetFederationTokenCommand,
  STSClient,
} from '@aws-sdk/client-sts';
import { AwsError, type Operation, type ServiceEmulation } from '../../lib/sandbox/model.ts';
import { type Sandbox, startSandbox } from '../../lib/sandbox/server.ts';

/** A service whose operations answer what the test puts here, and that keeps the inputs it was given. */
const answers = new Map<string, (input: unknown) => unknown>();
const inputs = new Map<string, unknown>();

const scripted = (
  signingName: string,
  sdk: Record<string, unknown>,
  ...operations: string[]
): ServiceEmulation => ({
  signingName,
  sdk,
  operations: Object.fromEntries(
    operations.map((name): [string, Operation] => [
      name,
      (input: unknown) => {
        inputs.set(name, input);
        return answers.get(name)?.(input);
      },
    ]),
  ),
});

describe('the wire', () => {
  let sandbox: Sandbox;
  let directory: string;
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
        scripted('kms', kmsSdk, 'Encrypt', 'DescribeKey'),
        scripted('rds', rdsSdk, 'CreateDBInstance', 'DescribeDBInstances'),
        scripted('ec2', ec2Sdk, 'DescribeVpcs', 'CreateSecurityGroup', 'AuthorizeSecurityGroupIngress'),
        scripted(
          'route53',
          route53Sdk,
          'ChangeResourceRecordSets',
          'CreateHostedZone',
          'ListResourceRecordSets',
          'GetHostedZone',
        ),
      ],
    });
  });

  afterAll(async () => {
    await sandbox.stop();
    rmSync(directory, { recursive: true });
  });

  it('carries blobs, maps, timestamps and booleans of a JSON service', async () => {
    const kms = new kmsSdk.KMSClient(client());
    const plaintext = Buffer.from([0, 1, 2, 255]);
    answers.set('Encrypt', () => ({ CiphertextBlob: Buffer.from('sealed'), KeyId: 'k' }));
    const { CiphertextBlob } = await kms.send(
      new kmsSdk.EncryptCommand({
        KeyId: 'k',
        Plaintext: plaintext,
        EncryptionContext: { practice: 'a.b&c' },
      }),
    );
    expect(inputs.get('Encrypt')).toEqual({
      KeyId: 'k',
      Plaintext: plaintext,
      EncryptionContext: { practice: 'a.b&c' },
    });
    expect(Buffer.from(CiphertextBlob ?? []).toString()).toBe('sealed');

    const creation = new Date('2026-02-03T04:05:06.789Z');
    answers.set('DescribeKey', () => ({
      KeyMetadata: { KeyId: 'k', CreationDate: creation, Enabled: true, record: 'private' },
    }));
    const described = await kms.send(new kmsSdk.DescribeKeyCommand({ KeyId: 'k' }));
    expect(described.KeyMetadata).toEqual({ KeyId: 'k', CreationDate: creation, Enabled: true });
  });

  it('carries nested lists, numbers, empty lists and marked-up text of a query service', async () => {
    const rds = new rdsSdk.RDSClient(client());
    answers.set('CreateDBInstance', () => ({
      DBInstance: {
        DBInstanceIdentifier: '<a & "b">',
        AllocatedStorage: 20,
        VpcSecurityGroups: [],
        MultiAZ: false,
      },
    }));
    const answer = await rds.send(
      new rdsSdk.CreateDBInstanceCommand({
        DBInstanceIdentifier: 'db',
        DBInstanceClass: 'db.t4g.micro',
        Engine: 'postgres',
        AllocatedStorage: 20,
        StorageEncrypted: true,
        VpcSecurityGroupIds: ['sg-1', 'sg-2'],
        EnableCloudwatchLogsExports: [],
        Tags: [{ Key: 'lumenality:practice', Value: 'é=+&' }],
      }),
    );
    expect(inputs.get('CreateDBInstance')).toMatchObject({
      AllocatedStorage: 20,
      StorageEncrypted: true,
      VpcSecurityGroupIds: ['sg-1', 'sg-2'],
      EnableCloudwatchLogsExports: [],
      Tags: [{ Key: 'lumenality:practice', Value: 'é=+&' }],
    });
    expect(answer.DBInstance).toEqual({
      DBInstanceIdentifier: '<a & "b">',
      AllocatedStorage: 20,
      VpcSecurityGroups: [],
      MultiAZ: false,
    });
  });

  it('carries the names and flat lists of EC2', async () => {
    const ec2 = new ec2Sdk.EC2Client(client());
    answers.set('DescribeVpcs', () => ({
      Vpcs: [{ VpcId: 'vpc-1', Tags: [{ Key: 'a', Value: '' }] }, { VpcId: 'vpc-2' }],
    }));
    const { Vpcs } = await ec2.send(
      new ec2Sdk.DescribeVpcsCommand({
        VpcIds: ['vpc-1', 'vpc-2'],
        Filters: [{ Name: 'tag:a', Values: ['x', 'y'] }],
      }),
    );
    expect(inputs.get('DescribeVpcs')).toEqual({
      VpcIds: ['vpc-1', 'vpc-2'],
      Filters: [{ Name: 'tag:a', Values: ['x', 'y'] }],
    });
    expect(Vpcs).toEqual([{ VpcId: 'vpc-1', Tags: [{ Key: 'a', Value: '' }] }, { VpcId: 'vpc-2' }]);

    answers.set('AuthorizeSecurityGroupIngress', () => ({ Return: true }));
    const rule = {
      IpProtocol: 'tcp',
      FromPort: 443,
      ToPort: 443,
      IpRanges: [{ CidrIp: '10.0.0.0/16', Description: 'd' }],
    };
    await ec2.send(
      new ec2Sdk.AuthorizeSecurityGroupIngressCommand({ GroupId: 'sg-1', IpPermissions: [rule] }),
    );
    expect(inputs.get('AuthorizeSecurityGroupIngress')).toEqual({ GroupId: 'sg-1', IpPermissions: [rule] });
  });

  it('carries path labels, queries, headers and XML bodies of Route 53', async () => {
    const route53 = new route53Sdk.Route53Client(client());
    const info = { Id: '/change/C1', Status: 'INSYNC' as const, SubmittedAt: new Date(0) };
    answers.set('ChangeResourceRecordSets', () => ({ ChangeInfo: info }));
    const records = {
      Action: 'UPSERT' as const,
      ResourceRecordSet: {
        Name: 'a.b',
        Type: 'CNAME' as const,
        TTL: 60,
        ResourceRecords: [{ Value: 'c' }, { Value: '<d>' }],
      },
    };
    const changed = await route53.send(
      new route53Sdk.ChangeResourceRecordSetsCommand({
        HostedZoneId: '/hostedzone/Z1',
        ChangeBatch: { Changes: [records] },
      }),
    );
    expect(inputs.get('ChangeResourceRecordSets')).toEqual({
      HostedZoneId: 'Z1',
      ChangeBatch: { Changes: [records] },
    });
    expect(changed.ChangeInfo).toEqual(info);

    answers.set('CreateHostedZone', () => ({
      HostedZone: { Id: '/hostedzone/Z2', Name: 'x.', CallerReference: 'r' },
      ChangeInfo: info,
      DelegationSet: { NameServers: ['ns1', 'ns2'] },
      Location: 'https://route53/Z2',
    }));
    const created = await route53.send(
      new route53Sdk.CreateHostedZoneCommand({ Name: 'x', CallerReference: 'r' }),
    );
    expect(created).toMatchObject({
      Location: 'https://route53/Z2',
      DelegationSet: { NameServers: ['ns1', 'ns2'] },
    });

    answers.set('ListResourceRecordSets', () => ({
      ResourceRecordSets: [],
      IsTruncated: false,
      MaxItems: 5,
    }));
    await route53.send(
      new route53Sdk.ListResourceRecordSetsCommand({
        HostedZoneId: 'Z1',
        MaxItems: 5,
        StartRecordName: 'a b',
      }),
    );
    expect(inputs.get('ListResourceRecordSets')).toEqual({
      HostedZoneId: 'Z1',
      MaxItems: 5,
      StartRecordName: 'a b',
    });
  });

  it("turns an error into each protocol's own, with the status and code of the service's model", async () => {
    const failWith = (code: string, message: string) => () => {
      throw new AwsError(code, message);
    };
    answers.set('DescribeKey', failWith('NotFoundException', 'Key <k> does not exist'));
    answers.set('DescribeDBInstances', failWith('DBInstanceNotFoundFault', 'DBInstance db not found.'));
    answers.set('DescribeVpcs', failWith('InvalidVpcID.NotFound', "The vpc ID 'vpc-1' does not exist"));
    answers.set('GetHostedZone', failWith('NoSuchHostedZone', 'No hosted zone found with ID: Z9'));
    await expect(
      new kmsSdk.KMSClient(client()).send(new kmsSdk.DescribeKeyCommand({ KeyId: 'k' })),
    ).rejects.toMatchObject({
      name: 'NotFoundException',
      message: 'Key <k> does not exist',
      $metadata: { requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) },
    });
    await expect(
      new rdsSdk.RDSClient(client()).send(new rdsSdk.DescribeDBInstancesCommand({})),
    ).rejects.toMatchObject({ name: 'DBInstanceNotFoundFault', $metadata: { httpStatusCode: 404 } });
    await expect(
      new ec2Sdk.EC2Client(client()).send(new ec2Sdk.DescribeVpcsCommand({})),
    ).rejects.toMatchObject({
      name: 'InvalidVpcID.NotFound',
      message: "The vpc ID 'vpc-1' does not exist",
    });
    await expect(
      new route53Sdk.Route53Client(client()).send(new route53Sdk.GetHostedZoneCommand({ Id: 'Z9' })),
    ).rejects.toMatchObject({ name: 'NoSuchHostedZone', $metadata: { httpStatusCode: 404 } });
  });

  it('never makes up a success: operations and services that it does not emulate are refused', async () => {
    const sts = new STSClient(client());
    await expect(sts.send(new GetFederationTokenCommand({ Name: 'x' }))).rejects.toMatchObject({
      name: 'InvalidAction',
      message: expect.stringContaining('does not emulate sts:GetFederationToken'),
    });
    await expect(
      new kmsSdk.KMSClient(client()).send(
        new kmsSdk.SignCommand({ KeyId: 'k', Message: Buffer.from('m'), SigningAlgorithm: 'ECDSA_SHA_256' }),
      ),
    ).rejects.toMatchObject({ name: 'UnknownOperationException' });
  });

  it.each([
    [
      'json, unknown member',
      { target: 'TrentService.DescribeKey', body: { KeyId: 'k', Colour: 1 } },
      'SerializationException',
      'Colour',
    ],
    [
      'json, wrong type',
      { target: 'TrentService.DescribeKey', body: { KeyId: 7 } },
      'SerializationException',
      'NUMBER_VALUE',
    ],
    [
      'json, missing member',
      { target: 'TrentService.DescribeKey', body: {} },
      'ValidationException',
      "'keyId' failed",
    ],
    ['json, unknown operation', { target: 'TrentService.Fly', body: {} }, 'UnknownOperationException', 'Fly'],
    [
      'json, not JSON',
      { target: 'TrentService.DescribeKey', body: '{' },
      'SerializationException',
      'not JSON',
    ],
  ])('refuses bad input: %s', async (_case, { target, body }, code, text) => {
    const response = await fetch(sandbox.endpoint, {
      method: 'POST',
      headers: {
        'x-amz-target': target,
        'content-type': 'application/x-amz-json-1.1',
        authorization:
          'AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/kms/aws4_request, SignedHeaders=host, Signature=0',
      },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    const answer = (await response.json()) as { __type: string; message: string };
    expect(response.status).toBe(400);
    expect(answer.__type).toBe(code);
    expect(answer.message).toContain(text);
  });

  it.each([
    [
      'query, unknown member',
      'rds',
      'Action=DescribeDBInstances&Version=2014-10-31&Colour=1',
      'MalformedInput',
      'Colour',
    ],
    [
      'query, wrong type',
      'rds',
      'Action=DescribeDBInstances&Version=2014-10-31&MaxRecords=many',
      'MalformedInput',
      'MaxRecords',
    ],
    [
      'query, missing member',
      'rds',
      'Action=CreateDBInstance&Version=2014-10-31',
      'ValidationError',
      'dBInstanceIdentifier',
    ],
    ['query, unknown operation', 'rds', 'Action=Fly&Version=2014-10-31', 'InvalidAction', 'Fly'],
    [
      'ec2, unknown member',
      'ec2',
      'Action=DescribeVpcs&Version=2016-11-15&Colour=1',
      'UnknownParameter',
      'Colour',
    ],
    [
      'ec2, missing member',
      'ec2',
      'Action=CreateSecurityGroup&Version=2016-11-15',
      'MissingParameter',
      'Description',
    ],
    ['unknown service', 'sqs', 'Action=ListQueues&Version=2012-11-05', 'InvalidAction', 'sqs'],
  ])('refuses bad input: %s', async (_case, service, body, code, text) => {
    const response = await fetch(sandbox.endpoint, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded; charset=utf-8',
        authorization: `AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/${service}/aws4_request, SignedHeaders=host, Signature=0`,
      },
      body,
    });
    const answer = await response.text();
    expect(response.status).toBe(400);
    expect(answer).toContain(`<Code>${code}</Code>`);
    expect(answer).toContain(text);
    expect(answer).toMatch(/<RequestI[dD]>[0-9a-f-]{36}</);
  });

  it('knows the account by the access key, and issued keys by their role', async () => {
    const whoAmI = async (accessKeyId: string, sessionToken?: string) => {
      const credentials = {
        accessKeyId,
        secretAccessKey: 'any',
        ...(sessionToken !== undefined && { sessionToken }),
      };
      const identity = await new STSClient({ ...client(), credentials }).send(
        new GetCallerIdentityCommand({}),
      );
      return [identity.Account, identity.Arn];
    };
    expect(await whoAmI('444455556666')).toEqual(['444455556666', 'arn:aws:iam::444455556666:root']);
    expect(await whoAmI('test')).toEqual(['000000000000', 'arn:aws:iam::000000000000:root']);
    const credentials = { accessKeyId: '777788889999', secretAccessKey: 'any' };
    const Statement = { Effect: 'Allow', Principal: '*', Action: 'sts:AssumeRole' };
    await new IAMClient({ ...client(), credentials }).send(
      new CreateRoleCommand({
        RoleName: 'deploy',
        AssumeRolePolicyDocument: JSON.stringify({ Version: '2012-10-17', Statement }),
      }),
    );
    const { Credentials } = await new STSClient(client()).send(
      new AssumeRoleCommand({ RoleArn: 'arn:aws:iam::777788889999:role/deploy', RoleSessionName: 'run-1' }),
    );
    expect(await whoAmI(Credentials?.AccessKeyId ?? '', Credentials?.SessionToken)).toEqual([
      '777788889999',
      'arn:aws:sts::777788889999:assumed-role/deploy/run-1',
    ]);
  });
});
