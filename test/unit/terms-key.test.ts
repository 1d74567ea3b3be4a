import { spawnSync } from 'node:child_process';
import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { mkdtempSync, readdirSync, statSync, writeFileSync } from 'node:fs';
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

const program = `import { termsSigner } from '${join(__dirname, '../../bin/terms-key.ts')}';
termsSigner({ dataDirectory: process.argv[1] });`;

test('a start that finds no room says so, and leaves nothing that the next one would take for a key', () => {
  const directory = join(fresh(), 'data');
  const start = [process.execPath, '--import', 'tsx', '--input-type=module', '--eval', program, directory];
  // A process whose files may not grow: as on a disk that is full.
  const { status, stderr } = spawnSync('bash', ['-c', 'ulimit -f 0 && exec "$@"', 'bash', ...start], {
    encoding: 'utf8',
  });
  expect(stderr).toContain(`The data directory ${directory} cannot be written`);
  expect(status).not.toBe(0);
  expect(signerIn(directory).keyId).toMatch(/^[0-9a-f]{64}$/);
  expect(readdirSync(directory)).toEqual(['terms.key.pem']);
});

test('a data directory that cannot be made says what to do', () => {
  const file = join(fresh(), 'a-file');
  writeFileSync(file, '');
  expect(() => signerIn(join(file, 'below'))).toThrow('set LUMENALITY_DATA_DIR');
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
