import { createHash, randomBytes } from 'node:crypto';

/** The secret of an address that is itself the right to read. It is shown once; its hash is what is kept. */
interface AddressKey {
  readonly key: string;
  readonly keySha256: string;
}

export function newAddressKey(): AddressKey {
  // 256 random bits: nobody guesses one, and one round of SHA-256 is enough to keep it.
  const key = randomBytes(32).toString('base64url');
  return { key, keySha256: addressKeyHash(key) };
}

export const addressKeyHash = (key: string): string => createHash('sha256').update(key).digest('hex');
