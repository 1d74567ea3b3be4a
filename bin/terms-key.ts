import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../lib/config.ts';
import { DomainError } from '../lib/domain/errors.ts';
import { signerWith } from '../lib/domain/plan/terms-signature.ts';
import type { TermsSigner } from '../lib/ports/terms-signer.ts';

/**
 * What signs the terms of members: the key that the configuration names, or one in the data directory.
 * @throws DomainError `configuration` for a file that holds no such key
 */
export function termsSigner({ termsKeyFile, dataDirectory }: Config): TermsSigner {
  return signerWith(readKey(termsKeyFile ?? ownKey(dataDirectory)));
}

/** Any number of processes may start at once: the first of them makes the key. */
function ownKey(dataDirectory: string): string {
  const file = join(dataDirectory, 'terms.key.pem');
  mkdirSync(dataDirectory, { recursive: true, mode: 0o700 });
  const { privateKey } = generateKeyPairSync('ed25519');
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
  try {
    writeFileSync(file, pem, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return file;
}

function readKey(file: string): KeyObject {
  try {
    return createPrivateKey(readFileSync(file));
  } catch (cause) {
    throw new DomainError(
      'configuration',
      `${file} holds no private key that can be read (${(cause as Error).message}). Terms are signed with an Ed25519 key in PEM form, as \`openssl genpkey -algorithm ed25519\` makes one; LUMENALITY_TERMS_KEY names the file.`,
      { cause },
    );
  }
}
