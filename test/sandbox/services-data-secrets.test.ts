import { DisableKeyCommand, EnableKeyCommand } from '@aws-sdk/client-kms';
import {
  CreateSecretCommand,
  DeleteSecretCommand,
  DescribeSecretCommand,
  GetRandomPasswordCommand,
  GetSecretValueCommand,
  ListSecretsCommand,
  ListSecretVersionIdsCommand,
  PutSecretValueCommand,
  RestoreSecretCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateSecretCommand,
} from '@aws-sdk/client-secrets-manager';
import {
  type Clients,
  createResource,
  day,
  newKey,
  refusal,
  TestCloud,
} from './fixtures/services-data-cloud.ts';

describe('Secrets Manager in the sandbox', () => {
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

  const valueOf = async (SecretId: string, VersionStage?: string) => {
    const input = { SecretId, ...(VersionStage === undefined ? {} : { VersionStage }) };
    return (await clients.secrets.send(new GetSecretValueCommand(input))).SecretString;
  };

  test('a secret cannot be read while its key is disabled, and is kept only encrypted', async () => {
    const KeyId = await newKey(clients);
    await clients.secrets.send(
      new CreateSecretCommand({ Name: 'locked', SecretString: 'correct horse', KmsKeyId: KeyId }),
    );
    const stored = cloud.sandbox.cloud.state.table('secretsmanager.secrets').entries();
    expect(JSON.stringify(stored)).toContain('locked');
    expect(JSON.stringify(stored)).not.toContain('correct horse');
    await clients.kms.send(new DisableKeyCommand({ KeyId }));
    expect((await refusal(valueOf('locked'))).name).toBe('DecryptionFailure');
    const writing = clients.secrets.send(
      new PutSecretValueCommand({ SecretId: 'locked', SecretString: 'new' }),
    );
    expect((await refusal(writing)).name).toBe('EncryptionFailure');
    await clients.kms.send(new EnableKeyCommand({ KeyId }));
    expect(await valueOf('locked')).toBe('correct horse');
  });

  test('each new value is current, the one before it previous', async () => {
    const created = await clients.secrets.send(
      new CreateSecretCommand({ Name: 'versions', SecretString: 'one' }),
    );
    await clients.secrets.send(new PutSecretValueCommand({ SecretId: 'versions', SecretString: 'two' }));
    await clients.secrets.send(new UpdateSecretCommand({ SecretId: 'versions', SecretString: 'three' }));
    expect(await valueOf('versions')).toBe('three');
    expect(await valueOf(created.ARN ?? '', 'AWSPREVIOUS')).toBe('two');
    const { Versions } = await clients.secrets.send(
      new ListSecretVersionIdsCommand({ SecretId: 'versions' }),
    );
    expect(Versions?.flatMap(({ VersionStages }) => VersionStages ?? []).sort()).toEqual([
      'AWSCURRENT',
      'AWSPREVIOUS',
    ]);
    const gone = valueOf('versions', 'AWSPENDING');
    expect(await refusal(gone)).toEqual({
      name: 'ResourceNotFoundException',
      message: "Secrets Manager can't find the specified secret value for staging label: AWSPENDING",
    });
  });

  test('the same request is answered alike, another one with its name or token is refused', async () => {
    const ClientRequestToken = '6d0b4dd1-2f36-4a1b-9f5e-0a3a3c1f3f77';
    const create = (SecretString: string, token = ClientRequestToken) =>
      clients.secrets.send(
        new CreateSecretCommand({ Name: 'once', SecretString, ClientRequestToken: token }),
      );
    const first = await create('value');
    const again = await create('value');
    expect([again.ARN, again.VersionId]).toEqual([first.ARN, ClientRequestToken]);
    expect((await refusal(create('other'))).name).toBe('ResourceExistsException');
    expect((await refusal(create('value', '0b1d4b4e-13b0-4b3e-8b0a-3a7a55d3f1aa'))).name).toBe(
      'ResourceExistsException',
    );
  });

  test('a deleted secret is back within its recovery window, and gone after it', async () => {
    await clients.secrets.send(new CreateSecretCommand({ Name: 'removed', SecretString: 'value' }));
    const remove = (options: object) =>
      clients.secrets.send(new DeleteSecretCommand({ SecretId: 'removed', ...options }));
    expect((await refusal(remove({ RecoveryWindowInDays: 3 }))).name).toBe('InvalidParameterException');
    await remove({ RecoveryWindowInDays: 7 });
    expect((await refusal(valueOf('removed'))).name).toBe('InvalidRequestException');
    await clients.secrets.send(new RestoreSecretCommand({ SecretId: 'removed' }));
    expect(await valueOf('removed')).toBe('value');
    await remove({ RecoveryWindowInDays: 7 });
    cloud.later = 7 * day + 1000;
    expect((await refusal(valueOf('removed'))).name).toBe('ResourceNotFoundException');
    await clients.secrets.send(new CreateSecretCommand({ Name: 'removed', SecretString: 'another' }));
    await remove({ ForceDeleteWithoutRecovery: true });
    expect((await refusal(valueOf('removed'))).name).toBe('ResourceNotFoundException');
  });

  test('secrets are found by tag, and another account finds none of them', async () => {
    const Tags = [{ Key: 'lumenality:practice', Value: 'calm-water' }];
    await clients.secrets.send(new CreateSecretCommand({ Name: 'tagged', SecretString: 'value', Tags }));
    await clients.secrets.send(
      new TagResourceCommand({ SecretId: 'tagged', Tags: [{ Key: 'ring', Value: 'early' }] }),
    );
    const Filters = [{ Key: 'tag-value' as const, Values: ['calm-water'] }];
    const list = async (from: Clients) =>
      (await from.secrets.send(new ListSecretsCommand({ Filters }))).SecretList?.map(({ Name }) => Name);
    expect(await list(clients)).toEqual(['tagged']);
    expect(await list(cloud.clients('444455556666'))).toEqual([]);
    await clients.secrets.send(
      new UntagResourceCommand({ SecretId: 'tagged', TagKeys: ['lumenality:practice'] }),
    );
    const described = await clients.secrets.send(new DescribeSecretCommand({ SecretId: 'tagged' }));
    expect(described.Tags).toEqual([{ Key: 'ring', Value: 'early' }]);
  });

  test('a random password keeps to its rules', async () => {
    const rules = { PasswordLength: 40, ExcludePunctuation: true, ExcludeCharacters: 'abc' };
    const { RandomPassword = '' } = await clients.secrets.send(new GetRandomPasswordCommand(rules));
    expect(RandomPassword).toMatch(/^[d-zA-Z0-9]{40}$/);
    const impossible = new GetRandomPasswordCommand({ PasswordLength: 2 });
    expect((await refusal(clients.secrets.send(impossible))).name).toBe('InvalidParameterException');
  });

  test('a secret of a stack gets a generated password and the tags of its stack, however often it is tried', async () => {
    const KmsKeyId = await newKey(clients);
    const properties = {
      KmsKeyId,
      GenerateSecretString: {
        SecretStringTemplate: '{"username":"app"}',
        GenerateStringKey: 'password',
        PasswordLength: '24',
      },
    };
    const made = await createResource(cloud, 'AWS::SecretsManager::Secret', 'Secret', properties);
    const again = await createResource(cloud, 'AWS::SecretsManager::Secret', 'Secret', properties);
    expect(again).toEqual(made);
    const { username, password } = JSON.parse((await valueOf(made.physicalId)) ?? '');
    expect([username, password.length]).toEqual(['app', 24]);
    const secret = await clients.secrets.send(new DescribeSecretCommand({ SecretId: made.physicalId }));
    expect(secret.KmsKeyId).toBe(KmsKeyId);
    expect(secret.Tags).toEqual([{ Key: 'lumenality:practice', Value: 'bright-steps' }]);
  });
});
