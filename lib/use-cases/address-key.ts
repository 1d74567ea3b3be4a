import { hashOf, randomSecret } from './token-secret.ts';

/** The secret of an address that is itself the right to read. It is shown once; its hash is what is kept. */
interface AddressKey {
  readonly key: string;
  readonly keySha256: string;
}

export function newAddressKey(): AddressKey {
  const key = randomSecret();
  return { key, keySha256: addressKeyHash(key) };
}

export const addressKeyHash = hashOf;
