import {
  CloudFormationClient,
  CreateStackCommand,
  DescribeStackEventsCommand,
  DescribeStacksCommand,
  type Stack,
  UpdateStackCommand,
} from '@aws-sdk/client-cloudformation';
import {
  CancelKeyDeletionCommand,
  CreateAliasCommand,
  CreateKeyCommand,
  DecryptCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  EnableKeyRotationCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GenerateMacCommand,
  GetKeyPolicyCommand,
  GetKeyRotationStatusCommand,
  ListAliasesCommand,
  ListKeyRotationsCommand,
  ListKeysCommand,
  ListResourceTagsCommand,
  PutKeyPolicyCommand,
  ReEncryptCommand,
  ReplicateKeyCommand,
  RotateKeyOnDemandCommand,
  ScheduleKeyDeletionCommand,
  TagResourceCommand,
  UntagResourceCommand,
} from '@aws-sdk/client-kms';
import { type Clients, day, newKey, refusal, TestCloud } from './fixtures/services-data-cloud.ts';

describe('KMS in the sandbox', () => {
  let cloud: TestCloud;
  let clients: Clients;
  const context = { practice: 'bright-steps', use: 'note' };

  beforeAll(async () => {
    cloud = await new TestCloud().start();
    clients = cloud.clients();
  });
  afterAll(() => cloud.stop());
  beforeEach(() => {
    cloud.later = 0;
  });

  const encrypt = async (
    KeyId: string,
    text: string,
    EncryptionContext: Record<string, string> = context,
  ) => {
    const { CiphertextBlob } = await clients.kms.send(
      new EncryptCommand({ KeyId, Plaintext: Buffer.from(text), EncryptionContext }),
    );
    return Buffer.from(CiphertextBlob ?? []);
  };
  const decrypt = async (CiphertextBlob: Uint8Array, EncryptionContext = context, KeyId?: string) => {
    const input = { CiphertextBlob, EncryptionContext, ...(KeyId === undefined ? {} : { KeyId }) };
    const { Plaintext } = await clients.kms.send(new DecryptCommand(input));
    return Buffer.from(Plaintext ?? []).toString();
  };

  test("a ciphertext opens under its own key, and not under another practice's", async () => {
    const [mine, theirs] = [await newKey(clients), await newKey(clients)];
    const sealed = await encrypt(mine, 'progress note');
    expect(sealed.includes('progress note')).toBe(false);
    expect(await decrypt(sealed, { use: 'note', practice: 'bright-steps' }, mine)).toBe('progress note');
    expect(await refusal(decrypt(sealed, context, theirs))).toMatchObject({ name: 'IncorrectKeyException' });
  });

  test('no changed bit and no other encryption context goes unnoticed', async () => {
    const sealed = await encrypt(await newKey(clients), 'progress note');
    for (let at = 0; at < sealed.length; at += 7) {
      const tampered = Buffer.from(sealed);
      tampered[at] = (tampered[at] ?? 0) ^ 1;
      const { name } = await refusal(decrypt(tampered));
      expect(['InvalidCiphertextException', 'AccessDeniedException']).toContain(name);
    }
    const last = Buffer.from(sealed);
    last[last.length - 1] = (last.at(-1) ?? 0) ^ 1;
    expect((await refusal(decrypt(last))).name).toBe('InvalidCiphertextException');
    expect((await refusal(decrypt(sealed.subarray(0, 20)))).name).toBe('InvalidCiphertextException');
    const other = { ...context, use: 'invoice' };
    expect((await refusal(decrypt(sealed, other))).name).toBe('InvalidCiphertextException');
  });

  test('neither another account nor another Region reaches a key or what it encrypted', async () => {
    const key = await newKey(clients);
    const CiphertextBlob = await encrypt(key, 'progress note');
    const strangers = [cloud.clients('444455556666'), cloud.clients('111122223333', 'eu-west-1')];
    for (const { kms } of strangers) {
      const id = key.split('/').at(-1) ?? '';
      expect((await refusal(kms.send(new DescribeKeyCommand({ KeyId: key })))).name).toBe(
        'NotFoundException',
      );
      expect((await refusal(kms.send(new DescribeKeyCommand({ KeyId: id })))).name).toBe('NotFoundException');
      const opening = kms.send(new DecryptCommand({ CiphertextBlob, EncryptionContext: context }));
      expect((await refusal(opening)).name).toBe('AccessDeniedException');
    }
  });

  test('rotation, on demand and by period, changes the material and keeps old ciphertexts readable', async () => {
    const KeyId = await newKey(clients);
    await clients.kms.send(new EnableKeyRotationCommand({ KeyId, RotationPeriodInDays: 90 }));
    const first = await encrypt(KeyId, 'first');
    await clients.kms.send(new RotateKeyOnDemandCommand({ KeyId }));
    const second = await encrypt(KeyId, 'second');
    cloud.later = 91 * day;
    const third = await encrypt(KeyId, 'third');
    expect([await decrypt(first), await decrypt(second), await decrypt(third)]).toEqual([
      'first',
      'second',
      'third',
    ]);
    const { Rotations } = await clients.kms.send(new ListKeyRotationsCommand({ KeyId }));
    expect(Rotations?.map(({ RotationType }) => RotationType)).toEqual(['ON_DEMAND', 'AUTOMATIC']);
    const status = await clients.kms.send(new GetKeyRotationStatusCommand({ KeyId }));
    expect(status).toMatchObject({ KeyRotationEnabled: true, RotationPeriodInDays: 90 });
    expect(status.NextRotationDate?.getTime()).toBeGreaterThan(Date.now() + 179 * day);
  });

  test('a disabled key does nothing until it is enabled again', async () => {
    const KeyId = await newKey(clients);
    const sealed = await encrypt(KeyId, 'note');
    await clients.kms.send(new DisableKeyCommand({ KeyId }));
    expect(await refusal(decrypt(sealed))).toEqual({
      name: 'DisabledException',
      message: `${KeyId} is disabled.`,
    });
    expect((await refusal(encrypt(KeyId, 'note'))).name).toBe('DisabledException');
    await clients.kms.send(new EnableKeyCommand({ KeyId }));
    expect(await decrypt(sealed)).toBe('note');
  });

  test('a scheduled deletion can be cancelled, and after the waiting period the data is gone for good', async () => {
    const KeyId = await newKey(clients);
    await clients.kms.send(new CreateAliasCommand({ AliasName: 'alias/shredded', TargetKeyId: KeyId }));
    const sealed = await encrypt('alias/shredded', 'note');
    const schedule = (days: number) =>
      clients.kms.send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: days }));
    expect((await refusal(schedule(6))).name).toBe('ValidationException');
    await schedule(7);
    expect(await refusal(decrypt(sealed))).toMatchObject({ name: 'KMSInvalidStateException' });
    await clients.kms.send(new CancelKeyDeletionCommand({ KeyId }));
    expect((await refusal(decrypt(sealed))).name).toBe('DisabledException');
    await schedule(7);
    cloud.later = 7 * day + 1000;
    expect((await refusal(decrypt(sealed))).name).toBe('AccessDeniedException');
    const described = clients.kms.send(new DescribeKeyCommand({ KeyId: 'alias/shredded' }));
    expect((await refusal(described)).name).toBe('NotFoundException');
  });

  test('data keys and re-encryption work between keys', async () => {
    const [from, to] = [await newKey(clients), await newKey(clients)];
    const dataKey = await clients.kms.send(new GenerateDataKeyCommand({ KeyId: from, KeySpec: 'AES_256' }));
    expect(dataKey.Plaintext).toHaveLength(32);
    const moved = await clients.kms.send(
      new ReEncryptCommand({ CiphertextBlob: dataKey.CiphertextBlob, DestinationKeyId: to }),
    );
    const opened = await clients.kms.send(
      new DecryptCommand({ CiphertextBlob: moved.CiphertextBlob, KeyId: to }),
    );
    expect(opened).toMatchObject({ KeyId: to, Plaintext: dataKey.Plaintext });
  });

  test('a multi-Region key says that it is one, encrypts like any other, and gets no replica here', async () => {
    const { KeyMetadata } = await clients.kms.send(new CreateKeyCommand({ MultiRegion: true }));
    const { KeyId = '', Arn = '' } = KeyMetadata ?? {};
    expect(KeyId).toMatch(/^mrk-[0-9a-f]{32}$/);
    expect(KeyMetadata?.MultiRegionConfiguration).toEqual({
      MultiRegionKeyType: 'PRIMARY',
      PrimaryKey: { Arn, Region: Arn.split(':')[3] },
      ReplicaKeys: [],
    });
    expect(await decrypt(await encrypt(Arn, 'progress note'))).toBe('progress note');
    expect(
      await refusal(clients.kms.send(new ReplicateKeyCommand({ KeyId, ReplicaRegion: 'us-west-2' }))),
    ).toMatchObject({ name: 'UnknownOperationException' });
  });

  test('CloudFormation makes no multi-Region key of a single-Region one, nor another in its place', async () => {
    const cloudFormation = new CloudFormationClient(cloud.options());
    const StackName = 'single-region';
    const TemplateBody = (properties: object) =>
      JSON.stringify({ Resources: { Key: { Type: 'AWS::KMS::Key', Properties: properties } } });
    const KeyPolicy = {
      Statement: [{ Effect: 'Allow', Principal: { AWS: '*' }, Action: 'kms:*', Resource: '*' }],
    };
    const settled = async (): Promise<Stack | undefined> => {
      const { Stacks } = await cloudFormation.send(new DescribeStacksCommand({ StackName }));
      return Stacks?.[0]?.StackStatus?.endsWith('_IN_PROGRESS') === true ? settled() : Stacks?.[0];
    };
    await cloudFormation.send(
      new CreateStackCommand({ StackName, TemplateBody: TemplateBody({ KeyPolicy }) }),
    );
    expect((await settled())?.StackStatus).toBe('CREATE_COMPLETE');
    const changed = TemplateBody({ KeyPolicy, MultiRegion: true });
    await cloudFormation.send(new UpdateStackCommand({ StackName, TemplateBody: changed }));
    expect((await settled())?.StackStatus).toBe('UPDATE_ROLLBACK_COMPLETE');
    const { StackEvents = [] } = await cloudFormation.send(new DescribeStackEventsCommand({ StackName }));
    expect(StackEvents.map(({ ResourceStatusReason }) => ResourceStatusReason)).toContainEqual(
      expect.stringContaining('The MultiRegion of a key cannot be changed'),
    );
  });

  test('a policy that locks its owner out is refused, and so is an operation that is not emulated', async () => {
    const KeyId = await newKey(clients);
    const statement = (Action: string) => ({
      Statement: [
        { Effect: 'Allow', Principal: { AWS: 'arn:aws:iam::111122223333:root' }, Action, Resource: '*' },
      ],
    });
    const put = (policy: string) => clients.kms.send(new PutKeyPolicyCommand({ KeyId, Policy: policy }));
    expect((await refusal(put('{'))).name).toBe('MalformedPolicyDocumentException');
    expect((await refusal(put(JSON.stringify(statement('kms:Decrypt'))))).name).toBe(
      'MalformedPolicyDocumentException',
    );
    await put(JSON.stringify(statement('kms:*')));
    const { Policy } = await clients.kms.send(new GetKeyPolicyCommand({ KeyId }));
    expect(JSON.parse(Policy ?? '')).toEqual(statement('kms:*'));
    const authenticating = clients.kms.send(
      new GenerateMacCommand({ KeyId, Message: Buffer.from('x'), MacAlgorithm: 'HMAC_SHA_256' }),
    );
    expect((await refusal(authenticating)).name).toBe('UnknownOperationException');
    const asymmetric = clients.kms.send(
      new CreateKeyCommand({ KeySpec: 'RSA_2048', KeyUsage: 'SIGN_VERIFY' }),
    );
    expect((await refusal(asymmetric)).name).toBe('UnsupportedOperationException');
  });

  test('keys, aliases and tags are listed, page by page', async () => {
    const { kms } = cloud.clients('777788889999');
    const tags = [{ TagKey: 'lumenality:practice', TagValue: 'bright-steps' }];
    const made: string[] = [];
    for (let count = 0; count < 5; count += 1) {
      const { KeyMetadata } = await kms.send(new CreateKeyCommand({ Tags: tags }));
      made.push(KeyMetadata?.KeyId ?? '');
    }
    const listed: string[] = [];
    let Marker: string | undefined;
    do {
      const page = await kms.send(
        new ListKeysCommand({ Limit: 2, ...(Marker === undefined ? {} : { Marker }) }),
      );
      expect(page.Keys?.length).toBeLessThanOrEqual(2);
      listed.push(...(page.Keys ?? []).map(({ KeyId }) => KeyId ?? ''));
      Marker = page.NextMarker;
    } while (Marker !== undefined);
    expect(listed.sort()).toEqual(made.sort());
    expect((await refusal(kms.send(new ListKeysCommand({ Marker: 'made-up' })))).name).toBe(
      'InvalidMarkerException',
    );

    const KeyId = made[0] ?? '';
    await kms.send(new CreateAliasCommand({ AliasName: 'alias/lumenality/one', TargetKeyId: KeyId }));
    expect((await kms.send(new ListAliasesCommand({ KeyId }))).Aliases).toMatchObject([
      { AliasName: 'alias/lumenality/one', TargetKeyId: KeyId },
    ]);
    await kms.send(new TagResourceCommand({ KeyId, Tags: [{ TagKey: 'ring', TagValue: 'canary' }] }));
    await kms.send(new UntagResourceCommand({ KeyId, TagKeys: ['lumenality:practice'] }));
    expect((await kms.send(new ListResourceTagsCommand({ KeyId }))).Tags).toEqual([
      { TagKey: 'ring', TagValue: 'canary' },
    ]);
  });

  test('a ciphertext outlives a restart of the sandbox', async () => {
    const sealed = await encrypt(await newKey(clients), 'note');
    await cloud.restart();
    clients = cloud.clients();
    expect(await decrypt(sealed)).toBe('note');
  });
});
