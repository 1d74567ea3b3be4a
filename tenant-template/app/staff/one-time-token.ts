import { createHash, randomBytes } from 'node:crypto';

/** A secret that is handed out once, and of which only the hash is kept: 32 random bytes cannot be guessed from it. */
export interface OneTimeToken {
  /** base64url, 43 characters. */
  readonly token: string;
  readonly hash: Buffer;
}

export function newToken(): OneTimeToken {
  const token = randomBytes(32).toString('base64url');
  return { token, hash: hashOf(token) };
}

export function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
