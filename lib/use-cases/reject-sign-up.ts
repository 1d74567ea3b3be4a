import { appendAudit } from '../db/audit-store.ts';
import { decideSignUp, lockSignUp, type SignUpRow } from '../db/sign-up-store.ts';
import type { Actor } from '../domain/access.ts';
import type { Core } from './core.ts';
import { notFound, requireRevision, wrongState } from './refusals.ts';

/**
 * Turns a sign-up down; its NPI is free again.
 * @throws DomainError `not_found`, `precondition_failed`, `wrong_state` (decided already).
 */
export function rejectSignUp(
  core: Core,
  change: {
    readonly signUpId: string;
    readonly reason: string;
    readonly revision?: readonly number[] | undefined;
  },
  actor: Actor,
): Promise<SignUpRow> {
  return core.db.transaction().execute(async (trx) => {
    const signUp = await lockSignUp(trx, change.signUpId);
    if (signUp === undefined) throw notFound('sign-up');
    requireRevision(signUp.revision, change.revision);
    if (signUp.state !== 'requested') {
      throw wrongState(signUp.state, `The sign-up is ${signUp.state} already and cannot be rejected.`);
    }
    const now = core.clock.now();
    await appendAudit(trx, {
      actor,
      action: 'sign_up.rejected',
      subject: { type: 'sign_up', id: signUp.id },
      details: { reason: change.reason },
      at: now,
    });
    return decideSignUp(trx, signUp.id, {
      state: 'rejected',
      practiceId: null,
      by: actor.name,
      reason: change.reason,
      at: now,
    });
  });
}
