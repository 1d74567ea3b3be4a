import { appendAudit } from '../db/audit-store.ts';
import type { Trx } from '../db/database.ts';
import {
  findOwnerInvitation,
  isInvitationToken,
  type OwnerInvitation,
  putOwnerInvitation,
  setOwnerInvitationRevoked,
} from '../db/owner-invitation-store.ts';
import { lockPractice, type PracticeRow } from '../db/practice-store.ts';
import { findSignUp } from '../db/sign-up-store.ts';
import type { Actor } from '../domain/access.ts';
import { DomainError } from '../domain/errors.ts';
import {
  type InvitationState,
  invitationExpiry,
  invitationStateOf,
  ownerEmailSchema,
} from '../domain/owner-invitation.ts';
import { isSiloAsRecorded, queueUpdate } from '../workflows/queue-update.ts';
import { answerOnce, type OnceAnswer } from './answer-once.ts';
import type { Core } from './core.ts';
import { readPractice } from './read-practices.ts';
import { notFound, wrongState } from './refusals.ts';

/** What people may see of an invitation: neither the token nor its hash. Plain JSON; times are RFC 3339, UTC. */
export interface ShownInvitation {
  readonly practiceId: string;
  readonly email: string;
  readonly state: InvitationState;
  readonly expiresAt: string;
  readonly createdBy: string;
  readonly createdAt: string;
  readonly revokedAt: string | null;
}

export interface ChangedInvitation extends ShownInvitation {
  /** The run that takes the change to the practice's app. */
  readonly runId: string;
}

/** @throws DomainError `not_found` when there is no such practice, or nobody was ever invited. */
export async function readOwnerInvitation(core: Core, practiceId: string): Promise<ShownInvitation> {
  await readPractice(core, practiceId);
  const invitation = await findOwnerInvitation(core.db, practiceId);
  if (invitation === undefined) throw nobodyInvited(practiceId);
  return shown(invitation, core.clock.now());
}

/**
 * Invites the first owner of an active practice, in place of whoever was invited before: invitation, audit row and the run that
 * takes it to the app commit together, once for each idempotency key. Without an address the sign-up's contact is invited.
 * @throws DomainError `not_found`; `wrong_state` (not active, or a run is open, which it names); `conflict` when the token was used
 * before; `invalid_input` when the contact's address cannot be an owner's.
 */
export function inviteOwner(
  core: Core,
  request: {
    readonly practiceId: string;
    readonly tokenSha256: string;
    readonly email?: string | undefined;
    readonly reason: string;
  },
  call: { readonly idempotencyKey: string },
  actor: Actor,
): Promise<OnceAnswer<ChangedInvitation>> {
  const scope = `POST /v1/practices/:id/owner-invitation ${actor.id}`;
  return answerOnce(core, { scope, key: call.idempotencyKey, request }, async (trx) => {
    const practice = await lockPractice(trx, request.practiceId);
    if (practice === undefined) throw notFound('practice');
    const { tokenSha256, reason } = request;
    const email = request.email ?? (await contactOf(trx, practice));
    const runId = await queueDelivery(core, trx, { practice, reason }, actor);
    const invitation = await recordInvitation(
      core,
      trx,
      { practiceId: practice.id, tokenSha256, email, details: { reason, runId } },
      actor,
    );
    return { status: 202, body: { ...invitation, runId } };
  });
}

/**
 * Takes an invitation back, also one that has expired, and starts the run that tells the app. May be repeated as long as no run has
 * told it: until then the app takes the link.
 * @throws DomainError `not_found`; `wrong_state` (revoked already, the practice is not active, or a run is open, which it names).
 */
export function revokeOwnerInvitation(
  core: Core,
  practiceId: string,
  actor: Actor,
): Promise<ChangedInvitation> {
  return core.db.transaction().execute(async (trx) => {
    const practice = await lockPractice(trx, practiceId);
    if (practice === undefined) throw notFound('practice');
    const invitation = await findOwnerInvitation(trx, practiceId);
    if (invitation === undefined) throw nobodyInvited(practiceId);
    if (invitation.revokedAt !== null && (await isSiloAsRecorded(trx, practiceId)))
      throw wrongState(
        'revoked',
        `The invitation of ${practiceId}'s first owner was revoked already, and its app knows.`,
      );
    const reason = "The first owner's invitation was revoked";
    const runId = await queueDelivery(core, trx, { practice, reason }, actor);
    const at = core.clock.now();
    await setOwnerInvitationRevoked(trx, practiceId, actor.name, at);
    await appendAudit(trx, {
      actor,
      action: 'practice.owner_invitation_revoked',
      subject: { type: 'practice', id: practiceId },
      details: { email: invitation.email, runId },
      at,
    });
    return { ...shown({ ...invitation, revokedAt: at }, at), runId };
  });
}

/**
 * Records an invitation and its audit row in the caller's transaction; the caller sees to the run that takes it to the app.
 * @throws DomainError `conflict` when the token was used before; `invalid_input` for an address that cannot be an owner's.
 */
export async function recordInvitation(
  core: Core,
  trx: Trx,
  invitation: {
    readonly practiceId: string;
    readonly tokenSha256: string;
    readonly email: string;
    readonly details: Readonly<Record<string, unknown>>;
  },
  actor: Actor,
): Promise<ShownInvitation> {
  const { practiceId, tokenSha256, email, details } = invitation;
  requireOwnerEmail(email);
  if (await isInvitationToken(trx, tokenSha256))
    throw new DomainError(
      'conflict',
      'An invitation with this token was made before. Make a new token, then invite again.',
    );
  const at = core.clock.now();
  const kept = await putOwnerInvitation(trx, {
    practiceId,
    email,
    tokenSha256,
    expiresAt: invitationExpiry(at),
    createdBy: actor.name,
    createdAt: at,
  });
  await appendAudit(trx, {
    actor,
    action: 'practice.owner_invited',
    subject: { type: 'practice', id: practiceId },
    details: { email, expiresAt: kept.expiresAt.toISOString(), ...details },
    at,
  });
  return shown(kept, at);
}

/** The app learns of an invitation by its stack's parameters: an update to the release that the practice has. */
async function queueDelivery(
  core: Core,
  trx: Trx,
  { practice, reason }: { readonly practice: PracticeRow; readonly reason: string },
  actor: Actor,
): Promise<string> {
  const { release_id: releaseId } = practice;
  if (practice.state !== 'active' || releaseId === null) {
    throw wrongState(
      practice.state,
      `The practice is ${practice.state}: only an active one has an app that an owner could enter.`,
    );
  }
  const { runId } = await queueUpdate(core, trx, { practice, releaseId, reason }, actor);
  return runId;
}

async function contactOf(trx: Trx, practice: PracticeRow): Promise<string> {
  const signUp = await findSignUp(trx, practice.sign_up_id);
  if (signUp === undefined) throw notFound('sign-up');
  return signUp.contact.email;
}

function requireOwnerEmail(email: string): void {
  const checked = ownerEmailSchema.safeParse(email);
  if (checked.success) return;
  throw new DomainError('invalid_input', "The owner's e-mail address cannot be used. Give another one.", {
    fields: checked.error.issues.map(({ message }) => ({ pointer: '/email', message })),
  });
}

function nobodyInvited(practiceId: string): DomainError {
  return new DomainError('not_found', `Nobody was invited to be the first owner of ${practiceId}.`);
}

function shown(invitation: OwnerInvitation, now: Date): ShownInvitation {
  return {
    practiceId: invitation.practiceId,
    email: invitation.email,
    state: invitationStateOf(invitation, now),
    expiresAt: invitation.expiresAt.toISOString(),
    createdBy: invitation.createdBy,
    createdAt: invitation.createdAt.toISOString(),
    revokedAt: invitation.revokedAt?.toISOString() ?? null,
  };
}
