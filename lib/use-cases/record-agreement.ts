import { appendAudit } from '../db/audit-store.ts';
import { lockSignUp, type SignUpRow, setAgreement } from '../db/sign-up-store.ts';
import type { Actor } from '../domain/access.ts';
import type { Agreement } from '../domain/sign-up.ts';
import { requirePastAcceptance } from './agreement.ts';
import type { Core } from './core.ts';
import { notFound, requireRevision, wrongState } from './refusals.ts';

/**
 * Records that the practice accepted the business associate agreement; an earlier record is replaced, and the audit
 * trail keeps both.
 * @throws DomainError `not_found`, `precondition_failed`, `wrong_state` (decided already), `invalid_input`.
 */
export function recordAgreement(
  core: Core,
  change: {
    readonly signUpId: string;
    readonly agreement: Agreement;
    readonly revision?: readonly number[] | undefined;
  },
  actor: Actor,
): Promise<SignUpRow> {
  const now = core.clock.now();
  requirePastAcceptance(change.agreement, now, '/acceptedAt');
  return core.db.transaction().execute(async (trx) => {
    const signUp = await lockSignUp(trx, change.signUpId);
    if (signUp === undefined) throw notFound('sign-up');
    requireRevision(signUp.revision, change.revision);
    if (signUp.state !== 'requested') {
      throw wrongState(
        signUp.state,
        `The sign-up is ${signUp.state}; an agreement is recorded only while it is requested.`,
      );
    }
    await appendAudit(trx, {
      actor,
      action: 'sign_up.agreement_recorded',
      subject: { type: 'sign_up', id: signUp.id },
      details: { agreement: change.agreement, replaced: signUp.agreement },
      at: now,
    });
    return setAgreement(trx, signUp.id, change.agreement, now);
  });
}
