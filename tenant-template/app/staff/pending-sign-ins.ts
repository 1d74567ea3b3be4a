import { randomUUID } from 'node:crypto';
import type { Queries } from '../audit.ts';
import { Refusal } from '../refusal.ts';
import { hashOf, newToken } from './one-time-token.ts';

const VALID_MS = 10 * 60_000;

/** Somebody who has given the password, or a one-time link, and not yet the second factor. */
export interface PendingSignIn {
  readonly id: string;
  readonly staffId: string;
  readonly email: string;
  readonly name: string;
  /** The secret being enrolled, encrypted for this row. */
  readonly newTotpSecret: Buffer | null;
  /** The member's own secret, encrypted for the member's row; none before enrolment. */
  readonly totpSecret: Buffer | null;
  /** The member is signed in and sets another authenticator up. */
  readonly renewing: boolean;
}

/** Who gave the right password, and which it was. */
export interface Proven {
  readonly staffId: string;
  readonly passwordHash: string;
  readonly renewing?: boolean;
}

/**
 * @returns the token for the cookie.
 * @throws Refusal (signed out) when the password is not the member's any more: to check one takes long enough for a colleague
 * to give a new link meanwhile, and what was begun with the old password must not go on with the new account.
 */
export async function beginSignIn(
  queries: Queries,
  { staffId, passwordHash, renewing = false }: Proven,
  now: Date,
): Promise<string> {
  const { token, hash } = newToken();
  await queries.query('DELETE FROM pending_sign_in WHERE expires_at < $1', [now]);
  const begun = await queries.query(
    `INSERT INTO pending_sign_in (id, token_hash, staff_id, expires_at, renewing)
     SELECT $1, $2, id, $4, $5 FROM staff
     WHERE id = $3 AND status = 'active' AND password_hash = $6 FOR SHARE`,
    [randomUUID(), hash, staffId, new Date(now.getTime() + VALID_MS), renewing, passwordHash],
  );
  if (begun.rowCount !== 1) throw new Refusal('signed-out', 'This account changed meanwhile. Start again.');
  return token;
}

/** @throws Refusal (signed out) when there is none, it is too old, or the member may not sign in any more. */
export async function findPending(
  queries: Queries,
  token: string | undefined,
  now: Date,
): Promise<PendingSignIn> {
  const { rows } = await queries.query<PendingSignIn>(
    `SELECT p.id, p.staff_id AS "staffId", s.email, s.name, p.totp_secret AS "newTotpSecret",
            s.totp_secret AS "totpSecret", p.renewing
     FROM pending_sign_in p JOIN staff s ON s.id = p.staff_id
     WHERE p.token_hash = $1 AND p.expires_at > $2 AND s.status = 'active'`,
    [hashOf(token ?? ''), now],
  );
  const [found] = rows;
  if (found === undefined) throw new Refusal('signed-out', 'This sign-in took too long. Start again.');
  return found;
}

/** @throws Refusal (signed out) when another request was faster, or the member was disabled meanwhile. */
export async function takePending(queries: Queries, pending: PendingSignIn): Promise<void> {
  // The lock makes a member who is being disabled either signed in before that, and signed out by it, or not at all.
  const active = await queries.query("SELECT FROM staff WHERE id = $1 AND status = 'active' FOR UPDATE", [
    pending.staffId,
  ]);
  const taken = await queries.query('DELETE FROM pending_sign_in WHERE id = $1', [pending.id]);
  if (active.rowCount !== 1 || taken.rowCount !== 1) {
    throw new Refusal('signed-out', 'This sign-in is over. Start again.');
  }
}
