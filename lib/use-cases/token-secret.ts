import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

const base32 = 'abcdefghijklmnopqrstuvwxyz234567';
const tokenPattern = /^lum_([a-z2-7]{16})_([A-Za-z0-9_-]{43})$/;

export interface NewSecret {
  /** Public: names the token in lists and in the audit trail. */
  readonly id: string;
  /** `lum_<id>_<secret>`: shown once and never kept. */
  readonly token: string;
  readonly secretHash: string;
}

/** A new token: 80 random bits of id and 256 of secret. */
export function newSecret(): NewSecret {
  const id = Array.from(randomBytes(16), (byte) => base32[byte % 32]).join('');
  const secret = randomSecret();
  return { id, token: `lum_${id}_${secret}`, secretHash: hashOf(secret) };
}

/** 256 random bits: nobody guesses them, and one round of SHA-256 is enough to keep them. */
export const randomSecret = (): string => randomBytes(32).toString('base64url');

/** The parts of a token, or undefined for text that is none. */
export function parseToken(text: string): { readonly id: string; readonly secret: string } | undefined {
  const [, id, secret] = tokenPattern.exec(text) ?? [];
  return id === undefined || secret === undefined ? undefined : { id, secret };
}

/** What a secret is compared with when there is no token of that id, so that both cases take the same time. */
const nobodysHash = hashOf('');

/**
 * Whether a secret is the one that was hashed, in constant time. One round of SHA-256 is enough for a secret of 256
 * random bits: there is no dictionary to try.
 */
export function isSecret(secret: string, secretHash: string | undefined): boolean {
  const given = Buffer.from(hashOf(secret), 'hex');
  const isEqual = timingSafeEqual(given, Buffer.from(secretHash ?? nobodysHash, 'hex'));
  return isEqual && secretHash !== undefined;
}

/** What is kept of a secret. */
export function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
