/** Several accounts in one sandbox, and the way from one into another. */
import { CreateRoleCommand, GetRoleCommand, IAMClient } from '@aws-sdk/client-iam';
import { CreateKeyCommand, DescribeKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { TestCloud } from './fixtures/services-data-cloud.ts';

const controlPlane = '111122223333';
const cell = '222222222222';
const externalId = 'lumenality-west-7f3a';

describe('accounts', () => {
  const cloud = new TestCloud();
  beforeAll(() => cloud.start());
  afterAll(() => cloud.stop());

  const makeRole = async (RoleName: string, statement: object) => {
    const Statement = [{ Effect: 'Allow', Action: 'sts:AssumeRole', ...statement }];
    const { Role } = await new IAMClient(cloud.options(cell)).send(
      new CreateRoleCommand({
        RoleName,
        Path: '/lumenality/',
        AssumeRolePolicyDocument: JSON.stringify({ Version: '2012-10-17', Statement }),
      }),
    );
    return Role?.Arn ?? '';
  };
  const assume = async (RoleArn: string, ExternalId?: string, options = cloud.options(controlPlane)) => {
    const { Credentials } = await new STSClient(options).send(
      new AssumeRoleCommand({ RoleArn, RoleSessionName: 'control-plane', ...(ExternalId && { ExternalId }) }),
    );
    return {
      ...cloud.options(),
      credentials: {
        accessKeyId: Credentials?.AccessKeyId ?? '',
        secretAccessKey: Credentials?.SecretAccessKey ?? '',
        sessionToken: Credentials?.SessionToken ?? '',
      },
    };
  };
  const denied = (arn: string, caller = `arn:aws:iam::${controlPlane}:root`) => ({
    name: 'AccessDenied',
    message: `User: ${caller} is not authorized to perform: sts:AssumeRole on resource: ${arn}`,
  });

  test('a role is assumed with the external id that it asks for, and not without', async () => {
    const arn = await makeRole('ControlPlane', {
      Principal: { AWS: `arn:aws:iam::${controlPlane}:root` },
      Condition: { StringEquals: { 'sts:ExternalId': externalId } },
    });
    await expect(assume(arn)).rejects.toMatchObject(denied(arn));
    await expect(assume(arn, 'another-one')).rejects.toMatchObject(denied(arn));
    const options = await assume(arn, externalId);
    await expect(
      new IAMClient(options).send(new GetRoleCommand({ RoleName: 'ControlPlane' })),
    ).resolves.toMatchObject({ Role: { Arn: arn } });
  });

  test('a role that is not there, and one of another path, is refused in the same words', async () => {
    const arn = await makeRole('Elsewhere', { Principal: { AWS: controlPlane } });
    await assume(arn);
    for (const wrong of [
      arn.replace('/lumenality', ''),
      arn.replace('Elsewhere', 'Nowhere'),
      arn.replace(cell, '333333333333'),
    ])
      await expect(assume(wrong)).rejects.toMatchObject(denied(wrong));
  });

  test('only whom the trust policy names gets in, a role by its own ARN', async () => {
    const first = await makeRole('First', { Principal: { AWS: controlPlane } });
    const second = await makeRole('Second', { Principal: { AWS: first } });
    const service = await makeRole('Service', { Principal: { Service: 'ecs-tasks.amazonaws.com' } });
    await expect(assume(second)).rejects.toMatchObject(denied(second));
    await expect(assume(service)).rejects.toMatchObject(denied(service));
    await expect(assume(first, undefined, cloud.options('333333333333'))).rejects.toMatchObject(
      denied(first, 'arn:aws:iam::333333333333:root'),
    );
    const session = await assume(first);
    await assume(second, undefined, session);
    await expect(assume(service, undefined, session)).rejects.toMatchObject(
      denied(service, `arn:aws:sts::${cell}:assumed-role/First/control-plane`),
    );
  });

  test('what one account has, another does not see', async () => {
    const arn = await makeRole('Keys', { Principal: { AWS: controlPlane } });
    const inCell = new KMSClient(await assume(arn));
    const { KeyMetadata } = await inCell.send(new CreateKeyCommand({}));
    expect(KeyMetadata?.AWSAccountId).toBe(cell);
    const KeyId = KeyMetadata?.KeyId ?? '';
    await expect(
      new KMSClient(cloud.options(cell)).send(new DescribeKeyCommand({ KeyId })),
    ).resolves.toBeDefined();
    await expect(
      new KMSClient(cloud.options(controlPlane)).send(new DescribeKeyCommand({ KeyId })),
    ).rejects.toMatchObject({ name: 'NotFoundException' });
    await expect(
      new KMSClient(cloud.options(cell, 'us-west-2')).send(new DescribeKeyCommand({ KeyId })),
    ).rejects.toMatchObject({ name: 'NotFoundException' });
  });
});
