import {
  AttachRolePolicyCommand,
  CreatePolicyCommand,
  CreateRoleCommand,
  IAMClient,
  PutRolePolicyCommand,
} from '@aws-sdk/client-iam';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { Signer } from '@aws-sdk/rds-signer';
import { RdsSite } from './fixtures/services-data-rds.ts';

const accountId = '111122223333';
const trust = {
  Version: '2012-10-17',
  Statement: [
    {
      Effect: 'Allow',
      Principal: { Service: 'ecs-tasks.amazonaws.com', AWS: accountId },
      Action: 'sts:AssumeRole',
    },
  ],
};

describe('IAM database authentication', () => {
  const rds = new RdsSite();
  const { plane, cloud, create } = rds;
  let arn: string;
  let resource: string;

  beforeAll(async () => {
    await rds.start();
    const instance = await create({ EnableIAMDatabaseAuthentication: true });
    arn = instance.DBInstanceArn ?? '';
    resource = `arn:aws:rds-db:us-east-1:${accountId}:dbuser:${instance.DbiResourceId}/practice_app`;
  });
  afterAll(() => cloud.stop());
  beforeEach(() => {
    cloud.later = 0;
    cloud.logged.length = 0;
  });

  const connection = () => {
    const endpoint = cloud.sandbox.endpoint;
    return { region: 'us-east-1', endpoint, credentials: { accessKeyId: accountId, secretAccessKey: 'any' } };
  };
  const document = (Effect: string, Resource: string, more: object = {}) =>
    JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect, Action: 'rds-db:connect', Resource, ...more }],
    });

  let count = 0;
  /** Keys of a new role with this inline policy. */
  async function keysOfRole(policy?: string, attached?: string) {
    const iam = new IAMClient(connection());
    const RoleName = `app-${(count += 1)}`;
    const { Role } = await iam.send(
      new CreateRoleCommand({
        RoleName,
        Path: '/lumenality/sunrise/',
        AssumeRolePolicyDocument: JSON.stringify(trust),
      }),
    );
    if (policy !== undefined) {
      const inline = { RoleName, PolicyName: 'database', PolicyDocument: policy };
      await iam.send(new PutRolePolicyCommand(inline));
    }
    if (attached !== undefined) {
      const managed = { PolicyName: RoleName, PolicyDocument: attached };
      const { Policy } = await iam.send(new CreatePolicyCommand(managed));
      await iam.send(new AttachRolePolicyCommand({ RoleName, PolicyArn: Policy?.Arn ?? '' }));
    }
    const assume = new AssumeRoleCommand({ RoleArn: Role?.Arn ?? '', RoleSessionName: 'task' });
    const { Credentials } = await new STSClient(connection()).send(assume);
    return {
      accessKeyId: Credentials?.AccessKeyId ?? '',
      secretAccessKey: Credentials?.SecretAccessKey ?? '',
      sessionToken: Credentials?.SessionToken ?? '',
    };
  }
  type Keys = Awaited<ReturnType<typeof keysOfRole>>;
  const tokenOf = (credentials: Keys, changes: { username?: string; port?: number } = {}) =>
    new Signer({
      region: 'us-east-1',
      hostname: '127.0.0.77',
      port: 5432,
      username: 'practice_app',
      credentials,
      ...changes,
    }).getAuthToken();
  const accepts = (token: string, username = 'practice_app') =>
    plane.open.get(arn)?.tokenCheck?.()?.(token, username);

  test('lets the bearer of a token in for its user, its instance and its 15 minutes only', async () => {
    const keys = await keysOfRole(document('Allow', resource));
    const token = await tokenOf(keys);
    expect(accepts(token)).toBe(true);
    expect(cloud.logged).toEqual([]);
    const refused: Array<[string, RegExp, string?]> = [
      [token, /it is for the user practice_app/, 'practice_admin'],
      [await tokenOf(keys, { port: 5433 }), /it is for 127.0.0.77:5433, not for 127.0.0.77:5432/],
      [await tokenOf({ ...keys, secretAccessKey: 'guessed' }), /its signature is wrong/],
      [token.replace(/.$/, (digit) => (digit === '0' ? '1' : '0')), /its signature is wrong/],
      [token.replace('X-Amz-Expires=900', 'X-Amz-Expires=901'), /when it was signed/],
      [token.replace('X-Amz-Expires=900', 'X-Amz-Expires=899'), /its signature is wrong/],
      [await tokenOf({ ...keys, accessKeyId: accountId }), /not one that this sandbox issued/],
      ['a password', /not an authentication token/],
    ];
    for (const [attempt, why, username] of refused) {
      expect(accepts(attempt, username)).toBe(false);
      expect(cloud.logged.at(-1)).toMatch(why);
      expect(cloud.logged.at(-1)).not.toContain(attempt);
    }
    cloud.later = 15 * 60_000;
    expect(accepts(token)).toBe(false);
    expect(cloud.logged.at(-1)).toMatch(/it has expired/);
  });

  test.each<[string, boolean, () => [inline?: string | undefined, attached?: string]]>([
    ['a managed policy allows it', true, () => [undefined, document('Allow', resource)]],
    ['no policy allows it', false, () => []],
    ['another user is allowed', false, () => [document('Allow', resource.replace('practice_app', 'other'))]],
    ['one policy denies it', false, () => [document('Allow', '*'), document('Deny', resource)]],
    ['it is allowed on a condition', false, () => [document('Allow', '*', { Condition: { Bool: {} } })]],
  ])('when %s, the answer is %s', async (_case, answer, policies) => {
    expect(accepts(await tokenOf(await keysOfRole(...policies())))).toBe(answer);
  });

  test('checks no token for an instance without IAM database authentication', async () => {
    const instance = await create();
    expect(plane.open.get(instance.DBInstanceArn ?? '')?.tokenCheck?.()).toBeUndefined();
  });
});
