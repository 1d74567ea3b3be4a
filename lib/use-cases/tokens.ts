import { appendAudit } from '../db/audit-store.ts';
import type { Trx } from '../db/database.ts';
import type { Page, PageRequest } from '../db/page.ts';
import {
  findToken,
  insertToken,
  liveTokensWith,
  lockTokens,
  setRevoked,
  type TokenRow,
  listTokens as tokenRows,
} from '../db/token-store.ts';
import { type Actor, type Role, roles, systemActor } from '../domain/access.ts';
import { DomainError } from '../domain/errors.ts';
import { answerOnce } from './answer-once.ts';
import type { Core } from './core.ts';
import { notFound } from './refusals.ts';
import { type NewSecret, newSecret } from './token-secret.ts';

export type { TokenRow };

const dayInMilliseconds = 86_400_000;

export interface CreatedToken {
  readonly row: TokenRow;
  /** The only time that anybody sees it. */
  readonly token: string;
}

/**
 * Creates a token. Nobody can give a role that they do not hold: a security administrator cannot make itself an
 * operator. Repeating the call with its key cannot show the token again, since only its hash is kept: that is a
 * `conflict` which names the token to revoke.
 * @throws DomainError `forbidden`, `conflict`, `idempotency_mismatch`.
 */
export async function createToken(
  core: Core,
  request: { readonly name: string; readonly roles: readonly Role[]; readonly expiresInDays: number },
  call: { readonly idempotencyKey: string },
  actor: Actor,
): Promise<CreatedToken> {
  const beyond = request.roles.filter((role) => !actor.roles.includes(role));
  if (beyond.length > 0) {
    throw new DomainError(
      'forbidden',
      `A token can only give roles that it holds itself; yours lacks ${beyond.join(', ')}.`,
    );
  }
  const now = core.clock.now();
  const secret = newSecret();
  const expiresAt = new Date(now.getTime() + request.expiresInDays * dayInMilliseconds);
  const answer = await answerOnce(
    core,
    { scope: `POST /v1/tokens ${actor.id}`, key: call.idempotencyKey, request },
    async (trx) => {
      await record(trx, secret, { ...request, expiresAt }, actor, now);
      return { status: 201, body: { id: secret.id } };
    },
  );
  if (answer.replayed) {
    throw new DomainError(
      'conflict',
      `Token ${answer.body.id} was created by this call already, and a token is shown only once. If it was lost, revoke it and create another with a new Idempotency-Key.`,
    );
  }
  const row = await findToken(core.db, secret.id);
  if (row === undefined) throw notFound('token');
  return { row, token: secret.token };
}

/** Newest first; revoked and expired ones too. */
export function listTokens(core: Core, page: PageRequest): Promise<Page<TokenRow>> {
  return tokenRows(core.db, page);
}

/**
 * Revokes a token at once. Revoking a revoked one changes nothing.
 * @throws DomainError `not_found`; `conflict` for the last security administrator's token that works.
 */
export function revokeToken(core: Core, id: string, actor: Actor): Promise<void> {
  return core.db.transaction().execute(async (trx) => {
    await lockTokens(trx);
    const token = await findToken(trx, id);
    if (token === undefined) throw notFound('token');
    if (token.revoked_at !== null) return;
    const now = core.clock.now();
    const administrators = await liveTokensWith(trx, 'security_admin', now);
    if (administrators.length === 1 && administrators[0] === id) {
      throw new DomainError(
        'conflict',
        'This is the last token that can manage tokens. Create another with the role security_admin first.',
      );
    }
    await setRevoked(trx, id, now);
    await appendAudit(trx, {
      actor,
      action: 'token.revoked',
      subject: { type: 'token', id },
      details: { name: token.name },
      at: now,
    });
  });
}

/**
 * Makes sure that somebody can get in: when no token with security_admin works (an empty database, or all expired),
 * makes one with every role and hands it to `save` before the transaction commits. If saving fails nothing is created;
 * if the process dies between the two, the next start makes another. Returns whether one was made.
 */
export function ensureFirstToken(core: TokenKeeper, save: SaveToken): Promise<boolean> {
  return core.db.transaction().execute(async (trx) => {
    await lockTokens(trx);
    const now = core.clock.now();
    if ((await liveTokensWith(trx, 'security_admin', now)).length > 0) return false;
    await recordAdministrator(trx, 'first administrator', now, save);
    return true;
  });
}

/**
 * Another token with every role, for whoever may use the database itself and has lost all others. Ends none of them: that is
 * done with the new one, on the record.
 */
export function addAdministrator(core: TokenKeeper, save: SaveToken): Promise<void> {
  return core.db
    .transaction()
    .execute((trx) => recordAdministrator(trx, 'recovery administrator', core.clock.now(), save));
}

type TokenKeeper = Pick<Core, 'db' | 'clock'>;
type SaveToken = (token: string) => Promise<void>;

async function recordAdministrator(trx: Trx, name: string, now: Date, save: SaveToken): Promise<void> {
  const secret = newSecret();
  await record(trx, secret, { name, roles: [...roles], expiresAt: null }, systemActor, now);
  await save(secret.token);
}

async function record(
  trx: Trx,
  secret: NewSecret,
  token: { readonly name: string; readonly roles: readonly Role[]; readonly expiresAt: Date | null },
  actor: Actor,
  now: Date,
): Promise<void> {
  await insertToken(trx, {
    id: secret.id,
    name: token.name,
    secret_hash: secret.secretHash,
    roles: token.roles,
    created_by: actor.name,
    created_at: now,
    expires_at: token.expiresAt,
  });
  await appendAudit(trx, {
    actor,
    action: 'token.created',
    subject: { type: 'token', id: secret.id },
    details: { name: token.name, roles: token.roles, expiresAt: token.expiresAt },
    at: now,
  });
}
