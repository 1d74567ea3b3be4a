import type { Queries } from '../audit.ts';
import type { Sessions } from './sessions.ts';

/**
 * Takes from a member all that lets somebody in: password, authenticator, backup codes, sessions and sign-ins under way, and
 * the links that the member was given or has made.
 */
export async function takeAccess(
  queries: Queries,
  sessions: Sessions,
  staffId: string,
  now: Date,
): Promise<void> {
  await queries.query(
    'UPDATE staff SET password_hash = NULL, totp_secret = NULL, totp_step = NULL, status = $2 WHERE id = $1',
    [staffId, 'invited'],
  );
  await queries.query('DELETE FROM backup_code WHERE staff_id = $1', [staffId]);
  await queries.query('UPDATE staff_link SET used_at = $2 WHERE staff_id = $1 AND used_at IS NULL', [
    staffId,
    now,
  ]);
  await voidLinksBy(queries, staffId, now);
  // Whoever guessed at what is gone must not keep the member waiting.
  await queries.query(
    `DELETE FROM sign_in_attempt WHERE account = (SELECT sha256(convert_to(email, 'UTF8')) FROM staff WHERE id = $1)`,
    [staffId],
  );
  await sessions.endAllOf(queries, staffId);
}

/** Whoever may not invite any more, must not do so by a link kept back. */
export async function voidLinksBy(queries: Queries, staffId: string, now: Date): Promise<void> {
  await queries.query('UPDATE staff_link SET used_at = $2 WHERE created_by = $1 AND used_at IS NULL', [
    staffId,
    now,
  ]);
}
