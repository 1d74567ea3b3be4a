import { appendAudit, auditedSince } from '../db/audit-store.ts';
import { findToken, setLastUsed, type TokenRow } from '../db/token-store.ts';
import type { Actor } from '../domain/access.ts';
import { DomainError } from '../domain/errors.ts';
import type { Core } from './core.ts';
import { isSecret, parseToken } from './token-secret.ts';

/** `last_used_at` is written at most this often, in milliseconds: reads must not become writes. */
const lastUsedGrain = 60_000;
/** One refusal of each kind and token is audited in this time, so that nobody can fill the trail. Milliseconds. */
const refusalGrain = 3_600_000;

/**
 * Who a bearer token is.
 * @throws DomainError `unauthenticated`. Only the holder of the secret learns that a token is revoked or expired.
 */
export async function authenticateToken(core: Core, text: string, requestId: string): Promise<Actor> {
  const parts = parseToken(text);
  const token = parts === undefined ? undefined : await findToken(core.db, parts.id);
  const isHolder = isSecret(parts?.secret ?? '', token?.secret_hash);
  if (token === undefined) throw unknownToken();
  const actor: Actor = { id: `token:${token.id}`, name: token.name, roles: token.roles, requestId };
  if (!isHolder) {
    const stranger: Actor = { id: 'public', name: 'unauthenticated', roles: [], requestId };
    await auditRefusal(core, stranger, token.id, 'wrong_secret');
    throw unknownToken();
  }
  const now = core.clock.now();
  const dead = token.revoked_at !== null ? 'revoked' : isExpired(token, now) ? 'expired' : undefined;
  if (dead !== undefined) {
    await auditRefusal(core, actor, token.id, dead);
    throw new DomainError(
      'unauthenticated',
      `The token is ${dead}. Ask a security administrator for a new one.`,
    );
  }
  if (now.getTime() - (token.last_used_at?.getTime() ?? 0) >= lastUsedGrain) {
    await setLastUsed(core.db, token.id, now);
  }
  return actor;
}

/** Records that a token asked for more than its roles allow; bounded as refused sign-ins are. */
export function auditDenial(core: Core, actor: Actor, route: string): Promise<void> {
  return auditRefusal(core, actor, actor.id.replace(/^token:/, ''), 'missing_role', { route });
}

async function auditRefusal(
  core: Core,
  actor: Actor,
  tokenId: string,
  reason: 'wrong_secret' | 'revoked' | 'expired' | 'missing_role',
  details: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const at = core.clock.now();
  const row = { action: 'token.refused', subject: { type: 'token', id: tokenId } };
  const since = new Date(at.getTime() - refusalGrain);
  if (await auditedSince(core.db, { ...row, reason, since })) return;
  await appendAudit(core.db, { ...row, actor, details: { reason, ...details }, at });
}

function isExpired(token: TokenRow, now: Date): boolean {
  return token.expires_at !== null && token.expires_at <= now;
}

function unknownToken(): DomainError {
  return new DomainError(
    'unauthenticated',
    'The token is not known. Send a valid one as "Authorization: Bearer lum_…".',
  );
}
