import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { DomainError } from '../domain/errors.ts';
import type { SecretBox } from '../ports/notice-ports.ts';

const algorithm = 'aes-256-gcm';
/** NIST SP 800-38D, section 8.2: 96 bits of nonce, and the full tag. */
const nonceBytes = 12;
const tagBytes = 16;

/**
 * AES-256-GCM under one key. What a secret is of is authenticated with it, so that a sealed secret cannot be put in another's place.
 * @param key 32 bytes; undefined where there is none, and then nothing can be sealed
 */
export function secretBox(key: Buffer | undefined): SecretBox {
  return {
    seal: (secret, of) => {
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv(algorithm, required(key), nonce, { authTagLength: tagBytes });
      cipher.setAAD(Buffer.from(of));
      const sealed = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
      return `v1.${Buffer.concat([nonce, sealed, cipher.getAuthTag()]).toString('base64url')}`;
    },
    open: (text, of) => {
      const sealed = Buffer.from(text.replace(/^v1\./, ''), 'base64url');
      try {
        const nonce = sealed.subarray(0, nonceBytes);
        const cipher = createDecipheriv(algorithm, required(key), nonce, { authTagLength: tagBytes });
        cipher.setAAD(Buffer.from(of));
        cipher.setAuthTag(sealed.subarray(-tagBytes));
        const secret = cipher.update(sealed.subarray(nonceBytes, -tagBytes));
        return Buffer.concat([secret, cipher.final()]).toString('utf8');
      } catch (cause) {
        if (cause instanceof DomainError) throw cause;
        throw new DomainError(
          'configuration',
          'The secret of a notice endpoint cannot be opened: it was sealed with another key. Set LUMENALITY_NOTICE_KEY to that one, or rotate the secret.',
          { cause },
        );
      }
    },
  };
}

function required(key: Buffer | undefined): Buffer {
  if (key !== undefined) return key;
  throw new DomainError(
    'configuration',
    'Secrets of notice endpoints need a key that all replicas share: set LUMENALITY_NOTICE_KEY to 32 random bytes in base64.',
  );
}
