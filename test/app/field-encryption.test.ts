import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { type Sandbox, startSandbox } from '../../lib/sandbox/server.ts';
import { FieldEncryption } from '../../tenant-template/app/field-encryption.ts';

const directory = mkdtempSync(join(tmpdir(), 'fields-'));
const PLACE = { table: 'client', column: 'name', row: randomUUID() };
let sandbox: Sandbox;
let kms: KMSClient;
beforeAll(async () => {
  sandbox = await startSandbox({ port: 0, directory, dataPlane: false });
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  kms = new KMSClient({ endpoint: sandbox.endpoint, region: 'us-east-1', credentials });
});
afterAll(async () => {
  kms.destroy();
  await sandbox.stop();
  rmSync(directory, { recursive: true, force: true });
});

const newKey = async (MultiRegion: boolean): Promise<string> =>
  (await kms.send(new CreateKeyCommand({ MultiRegion }))).KeyMetadata?.Arn as string;
const elsewhere = (arn: string) => arn.replace(':us-east-1:', ':us-west-2:');

/** KMS in the other Region, where each key is a replica: the same material under the other Region's ARN. */
function replicas(): KMSClient {
  const send = async (command: { input: { KeyId?: string } }) => {
    const { KeyId = '' } = command.input;
    expect(KeyId).toContain(':us-west-2:');
    command.input.KeyId = KeyId.replace(':us-west-2:', ':us-east-1:');
    const answer = (await kms.send(command as never)) as { KeyId: string };
    return { ...answer, KeyId: elsewhere(answer.KeyId) };
  };
  return { send } as unknown as KMSClient;
}

test("what a practice's key wrapped is read with its replica in another Region, for this practice alone", async () => {
  const arn = await newKey(true);
  const ciphertext = await new FieldEncryption(kms, arn, 'sunrise-speech').encrypt(PLACE, 'Ada Okafor');
  const restored = new FieldEncryption(replicas(), elsewhere(arn), 'sunrise-speech');
  expect(await restored.decrypt(PLACE, ciphertext)).toBe('Ada Okafor');
  const stranger = new FieldEncryption(replicas(), elsewhere(arn), 'harbor-aba');
  await expect(stranger.decrypt(PLACE, ciphertext)).rejects.toMatchObject({ name: 'FieldDamaged' });
});

test('a value under another key is not read, however that key may be used', async () => {
  const [own, other] = [await newKey(true), await newKey(true)];
  const ciphertext = await new FieldEncryption(kms, other, 'sunrise-speech').encrypt(PLACE, 'Ada Okafor');
  const reading = new FieldEncryption(kms, own, 'sunrise-speech').decrypt(PLACE, ciphertext);
  await expect(reading).rejects.toMatchObject({ name: 'FieldDamaged' });
});
