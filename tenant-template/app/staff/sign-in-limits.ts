import { createHash } from 'node:crypto';
import { isIPv6 } from 'node:net';
import type { Pool } from 'pg';
import type { AuditTrail, Queries } from '../audit.ts';
import { inTransaction } from '../database.ts';
import { Refusal } from '../refusal.ts';

const MINUTE = 60_000;
const WINDOW_MS = 15 * MINUTE;
const ACCOUNT_WINDOW_MS = 60 * MINUTE;
const CODE_WINDOW_MS = 24 * 60 * MINUTE;
const KNOWN_FOR_MS = 30 * 24 * 60 * MINUTE;

/** Steps of a sign-in (a password, a code) that may fail before the next has to wait. */
const LIMITS = {
  /** One account from one address, in 15 minutes. */
  pair: 10,
  /** All accounts from one address that this account never signed in from, in 15 minutes. */
  address: 100,
  /** One account from all such addresses together, in an hour. */
  account: 30,
  /**
   * Codes for one account, from wherever, in a day without a complete sign-in: six digits stand up to few guesses. Only who
   * knows the password can use this up.
   */
  code: 20,
} as const;
/** Any number, the app's own: who counts, waits for who counted before. */
const LOCK = 7_448_246_553;

interface Counts {
  readonly pair: number;
  readonly address: number;
  readonly account: number;
  readonly code: number;
  readonly known: boolean;
}

/**
 * Slows guessing down, of passwords and of codes. The limits that others can use up, of an account and of an address,
 * spare whoever signs in from an address that the account has lately signed in from: nobody far away can lock the
 * practice out. A refused attempt is not counted, so a wait ends when it says.
 */
export class SignInLimits {
  readonly #pool: Pool;
  readonly #audit: AuditTrail;
  readonly #clock: () => Date;

  constructor(pool: Pool, audit: AuditTrail, clock: () => Date) {
    this.#pool = pool;
    this.#audit = audit;
    this.#clock = clock;
  }

  /**
   * Counts one attempt, before it is known whether it fails: attempts at the same moment cannot outrun the count.
   *
   * @throws Refusal (busy) when the limit is reached.
   */
  async attempt(email: string, address: string, step: 'password' | 'code' = 'password'): Promise<void> {
    const now = this.#clock().getTime();
    const account = accountOf(email);
    const network = networkOf(address);
    const refused = await inTransaction(this.#pool, async (client) => {
      await client.query('SELECT pg_advisory_xact_lock($1)', [LOCK]);
      const { left, waitMs } = attemptsLeft(await this.#count(client, email, network, now), step);
      if (left <= 0) return waitMs;
      // Once, and not for each attempt after it: whoever is kept out must not be able to fill the trail.
      if (left === 1) {
        await this.#audit.record(client, { actor: 'nobody', address }, { action: 'sign-in.limit-reached' });
      }
      await client.query('DELETE FROM sign_in_attempt WHERE at < $1', [new Date(now - CODE_WINDOW_MS)]);
      await client.query(
        'INSERT INTO sign_in_attempt (account, address, at, is_code) VALUES ($1, $2, $3, $4)',
        [account, network, new Date(now), step === 'code'],
      );
      return undefined;
    });
    if (refused !== undefined) {
      throw new Refusal(
        'busy',
        `Too many attempts. Wait ${inWords(refused)} and try again, or ask whoever looks after the accounts in your practice for a new link.`,
        refused / 1000,
      );
    }
  }

  /** After a complete sign-in the failures before it do not count any more: from this address, and of codes from any. */
  async forget(queries: Queries, email: string, address: string): Promise<void> {
    await queries.query('DELETE FROM sign_in_attempt WHERE account = $1 AND (address = $2 OR is_code)', [
      accountOf(email),
      networkOf(address),
    ]);
  }

  async #count(queries: Queries, email: string, network: string, now: number): Promise<Counts> {
    const { rows } = await queries.query<Counts>(
      `SELECT (count(*) FILTER (WHERE account = $1 AND address = $2 AND at > $4))::int AS pair,
              (count(*) FILTER (WHERE address = $2 AND at > $4))::int AS address,
              (count(*) FILTER (WHERE account = $1 AND at > $5))::int AS account,
              (count(*) FILTER (WHERE account = $1 AND is_code))::int AS code,
              EXISTS (SELECT FROM session JOIN staff ON staff.id = session.staff_id
                      WHERE staff.email = $3 AND session.address = $2 AND session.created_at > $6) AS known
       FROM sign_in_attempt WHERE at > $7`,
      [
        accountOf(email),
        network,
        email,
        new Date(now - WINDOW_MS),
        new Date(now - ACCOUNT_WINDOW_MS),
        new Date(now - KNOWN_FOR_MS),
        new Date(now - CODE_WINDOW_MS),
      ],
    );
    return rows[0] as Counts;
  }
}

interface Remaining {
  readonly left: number;
  /** How long until none of the attempts counted now counts any more. */
  readonly waitMs: number;
}

/** The limit that is nearest. */
function attemptsLeft(counts: Counts, step: 'password' | 'code'): Remaining {
  const limits: Remaining[] = [{ left: LIMITS.pair - counts.pair, waitMs: WINDOW_MS }];
  if (step === 'code') limits.push({ left: LIMITS.code - counts.code, waitMs: CODE_WINDOW_MS });
  if (!counts.known) {
    limits.push({ left: LIMITS.address - counts.address, waitMs: WINDOW_MS });
    limits.push({ left: LIMITS.account - counts.account, waitMs: ACCOUNT_WINDOW_MS });
  }
  return limits.reduce((nearest, limit) => (limit.left < nearest.left ? limit : nearest));
}

function inWords(waitMs: number): string {
  return waitMs < 60 * MINUTE ? `${waitMs / MINUTE} minutes` : waitMs === 60 * MINUTE ? 'an hour' : 'a day';
}

function accountOf(email: string): Buffer {
  return createHash('sha256').update(email).digest();
}

/** An IPv6 subscriber has a /64 of addresses to choose from: they count as one. */
export function networkOf(address: string): string {
  const mapped = /^::ffff:([\d.]+)$/i.exec(address)?.[1];
  if (mapped !== undefined || !isIPv6(address)) return mapped ?? address;
  const [left = '', right] = address.split('::');
  const head = left === '' ? [] : left.split(':');
  const tail = right ? right.split(':') : [];
  const zeros = right === undefined ? 0 : 8 - head.length - tail.length;
  const groups = [...head, ...Array.from({ length: zeros }, () => '0'), ...tail].slice(0, 4);
  return `${groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`;
}
