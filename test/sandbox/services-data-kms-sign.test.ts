import {
  createHash,
  createPublicKey,
  generateKeyPairSync,
  sign as signBytes,
  verify as verifyBytes,
} from 'node:crypto';
import {
  CancelKeyDeletionCommand,
  CreateAliasCommand,
  CreateKeyCommand,
  type CreateKeyCommandInput,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  EnableKeyRotationCommand,
  EncryptCommand,
  GetPublicKeyCommand,
  ScheduleKeyDeletionCommand,
  SignCommand,
  type SignCommandInput,
  VerifyCommand,
  type VerifyCommandInput,
} from '@aws-sdk/client-kms';
import { type Clients, newKey, refusal, TestCloud } from './fixtures/services-data-cloud.ts';

describe('KMS keys that sign', () => {
  let cloud: TestCloud;
  let clients: Clients;
  let KeyId: string;
  const Message = Buffer.from('release r-0123456789ab');
  const digest = createHash('sha256').update(Message).digest();
  const SigningAlgorithm = 'ECDSA_SHA_256';

  const makeKey = async (input: CreateKeyCommandInput = {}) => {
    const { KeyMetadata } = await clients.kms.send(
      new CreateKeyCommand({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY', ...input }),
    );
    return KeyMetadata?.KeyId ?? '';
  };
  const publicKey = async (id = KeyId) => {
    const { PublicKey } = await clients.kms.send(new GetPublicKeyCommand({ KeyId: id }));
    return createPublicKey({ key: Buffer.from(PublicKey ?? []), format: 'der', type: 'spki' });
  };
  const sign = async (input: Partial<SignCommandInput> = {}) => {
    const { Signature } = await clients.kms.send(
      new SignCommand({ KeyId, Message, SigningAlgorithm, ...input }),
    );
    return Buffer.from(Signature ?? []);
  };
  const verify = async (Signature: Uint8Array, input: Partial<VerifyCommandInput> = {}) => {
    const { SignatureValid } = await clients.kms.send(
      new VerifyCommand({ KeyId, Message, SigningAlgorithm, Signature, ...input }),
    );
    return SignatureValid;
  };

  beforeAll(async () => {
    cloud = await new TestCloud().start();
    clients = cloud.clients();
    KeyId = await makeKey();
  });
  afterAll(() => cloud.stop());

  test('what it signs, as a message or as its digest, everybody can verify with the public key', async () => {
    const key = await publicKey();
    // Often enough to meet numbers that need a leading zero in DER, and some that are short.
    for (let time = 0; time < 40; time += 1) {
      const signature = await sign(time % 2 ? { Message: digest, MessageType: 'DIGEST' } : {});
      expect(verifyBytes('sha256', Message, key, signature)).toBe(true);
    }
  });

  test('it verifies what it signed, as a message or as its digest, and what another ECDSA made with its key', async () => {
    const signature = await sign();
    expect(await verify(signature)).toBe(true);
    expect(await verify(signature, { Message: digest, MessageType: 'DIGEST' })).toBe(true);
  });

  test('a signature of another key, of another message, changed or cut off is refused', async () => {
    const signature = await sign();
    const changed = Buffer.from(signature);
    changed[20] = (changed[20] ?? 0) ^ 1;
    const foreign = signBytes(
      'sha256',
      Message,
      generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
    );
    const refused = await Promise.all([
      ...[changed, foreign, signature.subarray(0, 40), Buffer.concat([signature, Buffer.alloc(1)])].map(
        (bytes) => refusal(verify(bytes)),
      ),
      refusal(verify(signature, { Message: Buffer.from('another') })),
    ]);
    expect(refused.map(({ name }) => name)).toEqual(Array(5).fill('KMSInvalidSignatureException'));
  });

  test('it says what it is, and lives through a restart and by its alias', async () => {
    const { KeyMetadata } = await clients.kms.send(new DescribeKeyCommand({ KeyId }));
    expect(KeyMetadata).toMatchObject({
      KeySpec: 'ECC_NIST_P256',
      KeyUsage: 'SIGN_VERIFY',
      SigningAlgorithms: [SigningAlgorithm],
    });
    expect(KeyMetadata).not.toHaveProperty('EncryptionAlgorithms');
    await clients.kms.send(new CreateAliasCommand({ AliasName: 'alias/signs', TargetKeyId: KeyId }));
    const before = await sign({ KeyId: 'alias/signs' });
    await cloud.restart();
    clients = cloud.clients();
    expect(await verify(before, { KeyId: 'alias/signs' })).toBe(true);
  });

  test('a key is used for what it was made for', async () => {
    const symmetric = await newKey(clients);
    const refusals = await Promise.all([
      refusal(sign({ KeyId: symmetric })),
      refusal(clients.kms.send(new EncryptCommand({ KeyId, Plaintext: Message }))),
      refusal(sign({ SigningAlgorithm: 'RSASSA_PSS_SHA_256' })),
      refusal(clients.kms.send(new GetPublicKeyCommand({ KeyId: symmetric }))),
      refusal(clients.kms.send(new EnableKeyRotationCommand({ KeyId }))),
      refusal(makeKey({ KeyUsage: 'ENCRYPT_DECRYPT' })),
      refusal(makeKey({ KeySpec: 'SYMMETRIC_DEFAULT' })),
      refusal(sign({ MessageType: 'DIGEST' })),
      refusal(sign({ Message: Buffer.alloc(4097, 1) })),
    ]);
    expect(refusals.map(({ name }) => name)).toEqual([
      'InvalidKeyUsageException',
      'InvalidKeyUsageException',
      'InvalidKeyUsageException',
      'UnsupportedOperationException',
      'UnsupportedOperationException',
      ...Array<string>(4).fill('ValidationException'),
    ]);
    expect(refusals[0]?.message).toMatch(/key usage is ENCRYPT_DECRYPT which is not valid for Sign/);
  });

  test('a key that is disabled or waits for its deletion signs nothing', async () => {
    const id = await makeKey();
    await clients.kms.send(new DisableKeyCommand({ KeyId: id }));
    expect((await refusal(sign({ KeyId: id }))).name).toBe('DisabledException');
    await clients.kms.send(new ScheduleKeyDeletionCommand({ KeyId: id, PendingWindowInDays: 7 }));
    expect((await refusal(sign({ KeyId: id }))).name).toBe('KMSInvalidStateException');
    await clients.kms.send(new CancelKeyDeletionCommand({ KeyId: id }));
    await clients.kms.send(new EnableKeyCommand({ KeyId: id }));
    expect(verifyBytes('sha256', Message, await publicKey(id), await sign({ KeyId: id }))).toBe(true);
  });
});
