import {
  AssociateKmsKeyCommand,
  CreateLogGroupCommand,
  CreateLogStreamCommand,
  DeleteLogGroupCommand,
  DeleteResourcePolicyCommand,
  DescribeLogGroupsCommand,
  DescribeLogStreamsCommand,
  DescribeResourcePoliciesCommand,
  FilterLogEventsCommand,
  GetLogEventsCommand,
  ListTagsForResourceCommand,
  PutLogEventsCommand,
  PutResourcePolicyCommand,
  PutRetentionPolicyCommand,
  TagResourceCommand,
} from '@aws-sdk/client-cloudwatch-logs';
import { DisableKeyCommand } from '@aws-sdk/client-kms';
import {
  type Clients,
  createResource,
  day,
  newKey,
  refusal,
  TestCloud,
} from './fixtures/services-data-cloud.ts';

/** A key policy that admits CloudWatch Logs for the log groups of one practice, as the practice stacks write it. */
const policyFor = (practice: string) => ({
  Statement: [
    { Effect: 'Allow', Principal: { AWS: 'arn:aws:iam::111122223333:root' }, Action: 'kms:*', Resource: '*' },
    {
      Effect: 'Allow',
      Principal: { Service: 'logs.us-east-1.amazonaws.com' },
      Action: ['kms:Encrypt', 'kms:Decrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*', 'kms:DescribeKey'],
      Resource: '*',
      Condition: {
        ArnLike: {
          'kms:EncryptionContext:aws:logs:arn': `arn:aws:logs:us-east-1:111122223333:log-group:/lumenality/${practice}/*`,
        },
      },
    },
  ],
});

describe('CloudWatch Logs in the sandbox', () => {
  let cloud: TestCloud;
  let clients: Clients;

  beforeAll(async () => {
    cloud = await new TestCloud().start();
    clients = cloud.clients();
  });
  afterAll(() => cloud.stop());
  beforeEach(() => {
    cloud.later = 0;
  });

  const createGroup = async (logGroupName: string, kmsKeyId?: string) => {
    await clients.logs.send(
      new CreateLogGroupCommand({ logGroupName, ...(kmsKeyId === undefined ? {} : { kmsKeyId }) }),
    );
    await clients.logs.send(new CreateLogStreamCommand({ logGroupName, logStreamName: 'task' }));
  };
  const put = (logGroupName: string, lines: readonly string[]) => {
    const logEvents = lines.map((message) => ({ timestamp: Date.now(), message }));
    return clients.logs.send(new PutLogEventsCommand({ logGroupName, logStreamName: 'task', logEvents }));
  };
  const messages = async (input: object) =>
    (await clients.logs.send(new FilterLogEventsCommand(input))).events?.map(({ message }) => message);

  test('a group is encrypted only under a key whose policy admits CloudWatch Logs for it', async () => {
    const key = await newKey(clients, policyFor('bright'));
    await createGroup('/lumenality/bright/app', key);
    const { logGroups } = await clients.logs.send(
      new DescribeLogGroupsCommand({ logGroupNamePrefix: '/lumenality/bright/' }),
    );
    expect(logGroups).toMatchObject([
      {
        arn: 'arn:aws:logs:us-east-1:111122223333:log-group:/lumenality/bright/app:*',
        kmsKeyId: key,
      },
    ]);
    expect(await refusal(createGroup('/lumenality/calm/app', key))).toEqual({
      name: 'AccessDeniedException',
      message: expect.stringContaining('key policy does not allow logs.us-east-1.amazonaws.com'),
    });
    expect((await refusal(createGroup('/lumenality/bright/x', await newKey(clients)))).name).toBe(
      'AccessDeniedException',
    );
    expect((await refusal(createGroup('/lumenality/bright/y', 'alias/nobody'))).name).toBe(
      'InvalidParameterException',
    );
    const made = { logGroupName: '/lumenality/bright/y', kmsKeyId: key };
    expect((await refusal(clients.logs.send(new AssociateKmsKeyCommand(made)))).name).toBe(
      'ResourceNotFoundException',
    );
  });

  test('what was logged cannot be read once the key is disabled', async () => {
    const KeyId = await newKey(clients, policyFor('dark'));
    await createGroup('/lumenality/dark/app', KeyId);
    await put('/lumenality/dark/app', ['hello']);
    expect(await messages({ logGroupName: '/lumenality/dark/app' })).toEqual(['hello']);
    await clients.kms.send(new DisableKeyCommand({ KeyId }));
    expect((await refusal(messages({ logGroupName: '/lumenality/dark/app' }))).name).toBe(
      'AccessDeniedException',
    );
  });

  test('events are put, read page by page in both directions, and found by words', async () => {
    const [logGroupName, logStreamName] = ['/app', 'task/1'];
    await createGroup(logGroupName);
    await clients.logs.send(new CreateLogStreamCommand({ logGroupName, logStreamName }));
    const timestamp = Date.now();
    const logEvents = ['GET /healthz 200', 'GET /readyz 503 database', 'GET /readyz 200'].map(
      (message, at) => ({
        timestamp: timestamp + at,
        message,
      }),
    );
    await clients.logs.send(new PutLogEventsCommand({ logGroupName, logStreamName, logEvents }));
    const page = (nextToken?: string) =>
      clients.logs.send(
        new GetLogEventsCommand({
          logGroupName,
          logStreamName,
          limit: 2,
          startFromHead: true,
          ...(nextToken === undefined ? {} : { nextToken }),
        }),
      );
    const first = await page();
    const second = await page(first.nextForwardToken);
    expect([first, second].map(({ events }) => events?.length)).toEqual([2, 1]);
    const end = await page(second.nextForwardToken);
    expect(end).toMatchObject({ events: [], nextForwardToken: second.nextForwardToken });
    expect((await page(second.nextBackwardToken)).events).toEqual(first.events);
    expect(await messages({ logGroupName, filterPattern: 'readyz -503' })).toEqual(['GET /readyz 200']);
    expect(await messages({ logGroupName, filterPattern: '?"/healthz 200" ?database' })).toHaveLength(2);
    expect((await refusal(messages({ logGroupName, filterPattern: '{ $.a = 1 }' }))).name).toBe(
      'InvalidParameterException',
    );
  });

  test('a stream keeps its newest 10,000 lines and a group what its retention allows', async () => {
    await createGroup('/busy');
    const lines = Array.from({ length: 10_003 }, (_, at) => `line ${at}`);
    expect((await refusal(put('/busy', lines))).name).toBe('InvalidParameterException');
    await put('/busy', lines.slice(0, 10_000));
    await put('/busy', lines.slice(10_000));
    const kept = await messages({ logGroupName: '/busy' });
    expect([kept?.length, kept?.[0], kept?.at(-1)]).toEqual([10_000, 'line 3', 'line 10002']);
    const retain = (retentionInDays: number) =>
      clients.logs.send(new PutRetentionPolicyCommand({ logGroupName: '/busy', retentionInDays }));
    expect((await refusal(retain(2))).name).toBe('InvalidParameterException');
    await retain(1);
    cloud.later = 2 * day;
    expect(await messages({ logGroupName: '/busy' })).toEqual([]);
    await clients.logs.send(new DeleteLogGroupCommand({ logGroupName: '/busy' }));
    const streams = clients.logs.send(new DescribeLogStreamsCommand({ logGroupName: '/busy' }));
    expect(await refusal(streams)).toEqual({
      name: 'ResourceNotFoundException',
      message: 'The specified log group does not exist.',
    });
    expect((await refusal(put('/busy', ['late']))).name).toBe('ResourceNotFoundException');
  });

  test('a group of a stack carries the tags of its stack', async () => {
    const properties = { LogGroupName: '/lumenality/bright-steps/audit', RetentionInDays: '365' };
    const made = await createResource(cloud, 'AWS::Logs::LogGroup', 'AuditLog', properties);
    expect(await createResource(cloud, 'AWS::Logs::LogGroup', 'AuditLog', properties)).toEqual(made);
    const resourceArn = String(made.attributes['Arn']).replace(/:\*$/, '');
    await clients.logs.send(new TagResourceCommand({ resourceArn, tags: { ring: 'early' } }));
    expect((await clients.logs.send(new ListTagsForResourceCommand({ resourceArn }))).tags).toEqual({
      'lumenality:practice': 'bright-steps',
      ring: 'early',
    });
  });

  test('an account has ten resource policies at most, each a JSON document', async () => {
    const put = (policyName: string, policyDocument = '{"Statement":[]}') =>
      clients.logs.send(new PutResourcePolicyCommand({ policyName, policyDocument }));
    const names = Array.from({ length: 10 }, (_, index) => `policy-${index}`);
    for (const name of names) await put(name);
    await put('policy-3', '{"Statement":[{"Sid":"Changed"}]}');
    expect((await refusal(put('one-too-many'))).name).toBe('LimitExceededException');
    expect((await refusal(put('policy-3', 'not JSON'))).name).toBe('InvalidParameterException');
    const { resourcePolicies = [] } = await clients.logs.send(new DescribeResourcePoliciesCommand({}));
    expect(resourcePolicies.map(({ policyName }) => policyName)).toEqual(names);
    expect(resourcePolicies[3]?.policyDocument).toContain('Changed');
    for (const policyName of names) await clients.logs.send(new DeleteResourcePolicyCommand({ policyName }));
    const again = clients.logs.send(new DeleteResourcePolicyCommand({ policyName: 'policy-0' }));
    expect((await refusal(again)).name).toBe('ResourceNotFoundException');
  });
});
