import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Config } from '../lib/config.ts';
import { DomainError } from '../lib/domain/errors.ts';
import { signerWith } from '../lib/domain/plan/terms-signature.ts';
import type { TermsSigner } from '../lib/ports/terms-signer.ts';
import { ownFile } from './own-file.ts';

/**
 * What signs the terms of members: the key that the configuration names, or one in the data directory.
 * @throws DomainError `configuration` for a file that holds no such key, or that cannot be made
 */
export function termsSigner({ termsKeyFile, dataDirectory }: Config): TermsSigner {
  return signerWith(readKey(termsKeyFile ?? ownFile(dataDirectory, 'terms.key.pem', newKey)));
}

function newKey(): string {
  const { privateKey } = generateKeyPairSync('ed25519');
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
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
