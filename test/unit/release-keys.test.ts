import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { releaseKeys } from '../../bin/release-keys.ts';
import { readConfig } from '../../lib/config.ts';
import { newReleaseKey } from '../builders/signed-release.ts';

const folder = mkdtempSync(join(tmpdir(), 'lumenality-keys-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const pem = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' });
const keysOf = (...blocks: readonly (string | Buffer)[]) => {
  const file = join(folder, 'keys.pem');
  writeFileSync(file, blocks.join('\n'));
  return releaseKeys(readConfig({ LUMENALITY_RELEASE_KEYS: file }), undefined)();
};

test('several keys may sign, one after the other in a file', async () => {
  const [one, other] = [newReleaseKey(), newReleaseKey()];
  const keys = await keysOf('The pipeline, since 2026:', pem(one.key), 'The one before:', pem(other.key));
  expect(keys.map(({ keyId }) => keyId)).toEqual([one.keyId, other.keyId]);
});

test('a file without usable keys stops the start, and says why', () => {
  const { privateKey } = newReleaseKey();
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey;
  const otherCurve = generateKeyPairSync('ec', { namedCurve: 'secp384r1' }).publicKey;
  const broken = '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----';
  expect(() => keysOf('nothing')).toThrow(/LUMENALITY_RELEASE_KEYS names .* holds no public key/);
  expect(() => keysOf(privateKey.export({ type: 'pkcs8', format: 'pem' }))).toThrow(/holds a private key/);
  expect(() => keysOf(pem(rsa))).toThrow(/number 1.*ECDSA key on P-256.*this one is rsa/);
  expect(() => keysOf(pem(newReleaseKey().key), pem(otherCurve))).toThrow(/number 2.*ec secp384r1/);
  expect(() => keysOf(broken)).toThrow(/number 1, that cannot be used/);
  const missing = readConfig({ LUMENALITY_RELEASE_KEYS: join(folder, 'missing.pem') });
  expect(() => releaseKeys(missing, undefined)).toThrow(/cannot be read/);
});

test('on AWS nobody is trusted unless somebody says who', async () => {
  const config = readConfig({});
  expect(await releaseKeys({ ...config, cloud: { kind: 'aws', endpoint: undefined } }, undefined)()).toEqual(
    [],
  );
});
