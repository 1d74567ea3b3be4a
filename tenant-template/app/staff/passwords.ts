import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';
import { Refusal } from '../refusal.ts';

/** scrypt's parameters (RFC 7914): memory is 128 · N · r bytes. */
export type ScryptCost = Readonly<Required<Pick<ScryptOptions, 'N' | 'r' | 'p'>>>;

/**
 * "Password Storage Cheat Sheet" (OWASP), the row for 32 MiB: two at a time fit beside the app in a container of 512 MiB.
 * Written into each hash, so that a later release may raise it.
 */
export const SCRYPT_COST: ScryptCost = { N: 2 ** 15, r: 8, p: 3 };
const MAX_MEMORY = 64 * 1024 * 1024;
const KEY_BYTES = 32;
const AT_ONCE = 2;
/** Beyond this, those who wait would give up before their turn. */
const MAX_WAITING = 30;

export const SHORTEST_PASSWORD = 12;
const LONGEST_PASSWORD = 128;
const FEWEST_DIFFERENT_CHARACTERS = 6;

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

/** Makes and checks password hashes, a few at a time: each takes memory, and anybody may ask for one. */
export class PasswordHashing {
  readonly #cost: ScryptCost;
  /** Stands in where there is no password; no password gives a key of zeros. */
  readonly #none: string;
  readonly #waiting: Array<() => void> = [];
  #running = 0;

  constructor(cost: ScryptCost) {
    this.#cost = cost;
    this.#none = textOf(cost, Buffer.alloc(16), Buffer.alloc(KEY_BYTES));
  }

  /** @returns `scrypt$N$r$p$salt$key`, salt and key in base64. */
  async hash(password: string): Promise<string> {
    const salt = randomBytes(16);
    return textOf(this.#cost, salt, await this.#derive(password, salt, this.#cost));
  }

  /** Takes the same time whether the password is wrong or there is none, so that nobody learns who has an account. */
  async verify(password: string, stored: string | null | undefined): Promise<boolean> {
    const [, N, r, p, salt = '', key = ''] = (stored ?? this.#none).split('$');
    const cost = { N: Number(N), r: Number(r), p: Number(p) };
    const derived = await this.#derive(password, Buffer.from(salt, 'base64'), cost);
    return timingSafeEqual(derived, Buffer.from(key, 'base64')) && Boolean(stored);
  }

  async #derive(password: string, salt: Buffer, cost: ScryptCost): Promise<Buffer> {
    await this.#turn();
    try {
      return await new Promise<Buffer>((resolve, reject) => {
        // The same characters may be typed as different code points on different keyboards.
        scrypt(password.normalize('NFKC'), salt, KEY_BYTES, { ...cost, maxmem: MAX_MEMORY }, (error, key) =>
          error ? reject(error) : resolve(key),
        );
      });
    } finally {
      // The place goes to whoever waits longest, or is free again.
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running -= 1;
    }
  }

  /** Before an attempt is counted that nobody will look at. @throws Refusal (busy). */
  refuseCrowd(): void {
    if (this.#waiting.length < MAX_WAITING) return;
    throw new Refusal('busy', 'Too many people sign in at this moment. Try again in a few seconds.', 5);
  }

  async #turn(): Promise<void> {
    if (this.#running < AT_ONCE) {
      this.#running += 1;
      return;
    }
    this.refuseCrowd();
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
    });
  }
}

function textOf({ N, r, p }: ScryptCost, salt: Buffer, key: Buffer): string {
  return ['scrypt', N, r, p, salt.toString('base64'), key.toString('base64')].join('$');
}
