import { appendAudit, auditedSince } from '../db/audit-store.ts';
import { exchangeOf, setExchangedToken, takeIdToken } from '../db/ci-exchange-store.ts';
import type { Trx } from '../db/database.ts';
import { findToken, insertToken } from '../db/token-store.ts';
import type { Actor, Role } from '../domain/access.ts';
import { type CiTrust, judgeToken, type Verdict } from '../domain/ci-trust.ts';
import { DomainError } from '../domain/errors.ts';
import type { IdToken, IdTokens } from '../ports/id-tokens.ts';
import type { Core } from './core.ts';
import { notFound, wrongState } from './refusals.ts';
import { type NewSecret, newSecret } from './token-secret.ts';
import type { CreatedToken } from './tokens.ts';

/** Which pipelines may sign in, and how their tokens are verified. */
export interface CiAccess {
  readonly trust: readonly CiTrust[];
  readonly idTokens: IdTokens;
}

const minute = 60_000;
/** A pipeline takes another when it needs more. */
const livesMs = 15 * minute;
/** One refusal of each kind is audited in this time, so that nobody can fill the trail. */
const refusalGrainMs = 60 * minute;
const roles: readonly Role[] = ['ci'];

/**
 * Exchanges the ID token of a pipeline that the allow-list trusts for an API token of role `ci` that lives 15 minutes. Each ID
 * token is good for one.
 * @throws DomainError `unauthenticated`, `forbidden` (not on the allow-list), `conflict` (exchanged before), `unavailable` (its
 * issuer cannot be asked for keys), `not_found` (no pipeline is trusted).
 */
export async function exchangeIdToken(
  core: Core,
  access: CiAccess | undefined,
  text: string,
  actor: Actor,
): Promise<CreatedToken> {
  if (access === undefined) {
    throw new DomainError(
      'not_found',
      'Signing in from a pipeline is not configured: name an allow-list with LUMENALITY_CI_TRUST (docs/ci.md) and start the control plane again.',
    );
  }
  const idToken = await access.idTokens.verify(text, core.clock.now());
  const verdict = judgeToken(access.trust, idToken);
  if (verdict.trusted === undefined) throw await refusal(core, verdict, idToken, actor);
  const created = await record(core, verdict.trusted, idToken, actor);
  if (created !== undefined) return created;
  await auditRefusal(core, verdict.trusted, idToken, 'exchanged_before', actor);
  throw new DomainError(
    'conflict',
    'This ID token was exchanged before, and each is good for one. Ask the CI system for a new one; if you did not exchange it, somebody else has it: see the audit trail.',
  );
}

/**
 * Another token for a job that takes longer than one lives, for as long as the ID token would be valid and its entry of the
 * allow-list stands. Only the newest token of a job can be renewed; the one before lives out its time.
 * @throws DomainError `not_found`, `wrong_state`.
 */
export function renewCiToken(core: Core, access: CiAccess | undefined, actor: Actor): Promise<CreatedToken> {
  const tokenId = actor.id.replace(/^token:/, '');
  return core.db.transaction().execute(async (trx) => {
    const now = core.clock.now();
    const exchange = await exchangeOf(trx, tokenId);
    const old = await findToken(trx, tokenId);
    if (exchange === undefined || old === undefined) {
      throw new DomainError(
        'not_found',
        "This token is not the newest that came of a pipeline's ID token, so it cannot be renewed. Exchange an ID token.",
      );
    }
    const isTrusted = access?.trust.some(({ name }) => name === old.created_by) === true;
    if (exchange.expires_at <= now || !isTrusted) {
      throw wrongState(
        isTrusted ? 'expired' : 'not_trusted',
        `The ID token that this came of is ${isTrusted ? 'not valid any more' : 'of a pipeline that is not trusted any more'}. Sign in again with a new job.`,
      );
    }
    const created = await makeToken(
      trx,
      newSecret(),
      { name: old.name, trust: old.created_by },
      { renewalOf: tokenId },
      actor,
      now,
    );
    await setExchangedToken(trx, exchange.fingerprint, created.row.id);
    return created;
  });
}

/** undefined when the ID token was exchanged before. */
function record(
  core: Core,
  trust: CiTrust,
  idToken: IdToken,
  actor: Actor,
): Promise<CreatedToken | undefined> {
  return core.db.transaction().execute(async (trx) => {
    const now = core.clock.now();
    const secret = newSecret();
    const isFirst = await takeIdToken(trx, {
      fingerprint: idToken.fingerprint,
      token_id: secret.id,
      exchanged_at: now,
      expires_at: idToken.expiresAt,
    });
    if (!isFirst) return undefined;
    const facts = factsOf(trust, idToken);
    const name = `${trust.name}: ${facts.repository ?? idToken.subject}`.slice(0, 80);
    return makeToken(trx, secret, { name, trust: trust.name }, facts, actor, now);
  });
}

async function makeToken(
  trx: Trx,
  { id, token, secretHash }: NewSecret,
  { name, trust }: { readonly name: string; readonly trust: string },
  facts: Readonly<Record<string, unknown>>,
  actor: Actor,
  now: Date,
): Promise<CreatedToken> {
  const expiresAt = new Date(now.getTime() + livesMs);
  await insertToken(trx, {
    id,
    name,
    secret_hash: secretHash,
    roles,
    created_by: trust,
    created_at: now,
    expires_at: expiresAt,
  });
  await appendAudit(trx, {
    actor,
    action: 'token.created',
    subject: { type: 'token', id },
    details: { name, roles, expiresAt, ...facts },
    at: now,
  });
  const row = await findToken(trx, id);
  if (row === undefined) throw notFound('token');
  return { row, token };
}

/** What differs is told only of a project that is trusted: what else is on the list is not a stranger's to learn. */
async function refusal(
  core: Core,
  { nearest, claim }: Extract<Verdict, { trusted: undefined }>,
  idToken: IdToken,
  actor: Actor,
): Promise<DomainError> {
  if (nearest === undefined || claim === undefined) {
    return new DomainError(
      'forbidden',
      'The ID token is right, but its project is not on the allow-list of this control plane (LUMENALITY_CI_TRUST).',
    );
  }
  await auditRefusal(core, nearest, idToken, `claim ${claim}`, actor);
  const value = valueOf(idToken.claims, claim);
  return new DomainError(
    'forbidden',
    `The ID token is right, but the allow-list does not take its claim ${claim}${value === undefined ? ', which is missing' : ` (${JSON.stringify(value)})`}. Start the pipeline from where releases are made, or have LUMENALITY_CI_TRUST changed.`,
  );
}

async function auditRefusal(
  core: Core,
  trust: CiTrust,
  idToken: IdToken,
  reason: string,
  actor: Actor,
): Promise<void> {
  const at = core.clock.now();
  const row = { action: 'ci_token.refused', subject: { type: 'ci_trust', id: trust.name } };
  const since = new Date(at.getTime() - refusalGrainMs);
  if (await auditedSince(core.db, { ...row, reason, since })) return;
  await appendAudit(core.db, { ...row, actor, details: { reason, ...factsOf(trust, idToken) }, at });
}

/** What the trail keeps of an ID token: GitHub's and GitLab's names of the same things, never the token. */
function factsOf(trust: CiTrust, { issuer, subject, claims }: IdToken) {
  const first = (...names: readonly string[]) =>
    names.map((name) => valueOf(claims, name)).find((value) => value !== undefined);
  return {
    trust: trust.name,
    issuer,
    subject: subject.slice(0, 300),
    repository: first('repository', 'project_path'),
    ref: first('ref'),
    workflow: first('job_workflow_ref', 'workflow_ref', 'workflow', 'ci_config_ref_uri'),
    runId: first('run_id', 'pipeline_id'),
    commit: first('sha'),
    startedBy: first('actor', 'user_login'),
  };
}

function valueOf(claims: IdToken['claims'], name: string): string | undefined {
  const value = claims[name];
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value).slice(0, 300)
    : undefined;
}
