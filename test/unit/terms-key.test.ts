import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { mkdtempSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { termsSigner } from '../../bin/terms-key.ts';
import { readConfig } from '../../lib/config.ts';
import { shared } from '../builders/run-directory.ts';

const fresh = () => mkdtempSync(shared('terms-key-'));
const signerIn = (directory: string, file?: string) =>
  termsSigner(
    readConfig({
      LUMENALITY_DATA_DIR: directory,
      ...(file === undefined ? {} : { LUMENALITY_TERMS_KEY: file }),
    }),
  );

test('the first start makes a key for its owner alone, and the next ones sign with it', () => {
  const directory = join(fresh(), 'data');
  const signer = signerIn(directory);
  expect(statSync(join(directory, 'terms.key.pem')).mode & 0o777).toBe(0o600);
  const message = Buffer.from('terms');
  const again = signerIn(directory);
  expect(again.keyId).toBe(signer.keyId);
  expect(signer.keyId).toMatch(/^[0-9a-f]{64}$/);
  expect(verify(null, message, createPublicKey(signer.publicKey), again.sign(message))).toBe(true);
});

test('a key that was named is used, and no other is made', () => {
  const directory = fresh();
  const file = join(directory, 'given.pem');
  const { privateKey } = generateKeyPairSync('ed25519');
  writeFileSync(file, privateKey.export({ type: 'pkcs8', format: 'pem' }));
  signerIn(directory, file);
  expect(() => statSync(join(directory, 'terms.key.pem'))).toThrow('ENOENT');
});

test('a file that is no such key is named with what to do', () => {
  const directory = fresh();
  expect(() => signerIn(directory, join(directory, 'none.pem'))).toThrow(
    /none\.pem holds no private key .*openssl genpkey/,
  );
  const file = join(directory, 'rsa.pem');
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
  writeFileSync(file, privateKey.export({ type: 'pkcs8', format: 'pem' }));
  expect(() => signerIn(directory, file)).toThrow('this one is rsa');
});
