import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';
import { Refusal } from '../refusal.ts';

/**
 * "Password Storage Cheat Sheet" (OWASP), the row for 32 MiB: two at a time fit beside the app in a container of 512 MiB.
 * Written into each hash, so that a later release may raise it.
 */
const COST = { N: 2 ** 15, r: 8, p: 3 } as const;
const MAX_MEMORY = 64 * 1024 * 1024;
const KEY_BYTES = 32;
const AT_ONCE = 2;
/** Beyond this, those who wait would give up before their turn. */
const MAX_WAITING = 30;

export const SHORTEST_PASSWORD = 12;
const LONGEST_PASSWORD = 128;
const FEWEST_DIFFERENT_CHARACTERS = 6;

/** @returns `scrypt$N$r$p$salt$key`, salt and key in base64. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const key = await derive(password, salt, COST);
  return ['scrypt', COST.N, COST.r, COST.p, salt.toString('base64'), key.toString('base64')].join('$');
}

/** Takes the same time whether the password is wrong or there is none, so that nobody learns who has an account. */
export async function verifyPassword(password: string, stored: string | null | undefined): Promise<boolean> {
  const [, N, r, p, salt = '', key = ''] = (stored ?? NO_PASSWORD).split('$');
  const cost = { N: Number(N), r: Number(r), p: Number(p) };
  const derived = await derive(password, Buffer.from(salt, 'base64'), cost);
  return timingSafeEqual(derived, Buffer.from(key, 'base64')) && Boolean(stored);
}

/** Stands in where there is no password; no password gives a key of zeros. */
const NO_PASSWORD = `scrypt$${COST.N}$${COST.r}$${COST.p}$${Buffer.alloc(16).toString('base64')}$${Buffer.alloc(KEY_BYTES).toString('base64')}`;

/**
 * Length decides; rules about kinds of characters do not ("Digital Identity Guidelines", NIST SP 800-63B-4, 3.1.1.2).
 *
 * @throws Refusal for a password that is too short, too long, or as good as the e-mail address.
 */
export function checkPassword(password: string, email: string): void {
  const length = Array.from(password).length;
  const [account = ''] = email.toLowerCase().split('@');
  const refuse = (what: string) => new Refusal('invalid', `The password ${what}.`);
  if (length < SHORTEST_PASSWORD) {
    throw refuse(`is too short. Use at least ${SHORTEST_PASSWORD} characters, for example four words`);
  }
  if (length > LONGEST_PASSWORD) throw refuse(`is too long. Use at most ${LONGEST_PASSWORD} characters`);
  if (account.length > 3 && password.toLowerCase().includes(account)) {
    throw refuse('holds the e-mail address. Choose one that nobody can derive');
  }
  if (new Set(password.toLowerCase()).size < FEWEST_DIFFERENT_CHARACTERS) {
    throw refuse('repeats few characters. Choose one that is harder to guess');
  }
}

let running = 0;
const waiting: Array<() => void> = [];

async function derive(
  password: string,
  salt: Buffer,
  cost: Pick<ScryptOptions, 'N' | 'r' | 'p'>,
): Promise<Buffer> {
  if (running >= AT_ONCE) {
    if (waiting.length >= MAX_WAITING) {
      throw new Refusal('busy', 'Too many people sign in at this moment. Try again in a few seconds.', 5);
    }
    await new Promise<void>((resolve) => {
      waiting.push(resolve);
    });
  } else {
    running += 1;
  }
  try {
    return await new Promise<Buffer>((resolve, reject) => {
      // The same characters may be typed as different code points on different keyboards.
      scrypt(password.normalize('NFKC'), salt, KEY_BYTES, { ...cost, maxmem: MAX_MEMORY }, (error, key) =>
        error ? reject(error) : resolve(key),
      );
    });
  } finally {
    // The place goes to whoever waits longest, or is free again.
    const next = waiting.shift();
    if (next) next();
    else running -= 1;
  }
}
