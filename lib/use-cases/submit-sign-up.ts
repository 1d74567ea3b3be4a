import { randomUUID } from 'node:crypto';
import { appendAudit } from '../db/audit-store.ts';
import { type Trx, toJson } from '../db/database.ts';
import { planExists } from '../db/plan-store.ts';
import { insertSignUp } from '../db/sign-up-store.ts';
import type { Actor } from '../domain/access.ts';
import { DomainError } from '../domain/errors.ts';
import type { SignUpRequest, SignUpState } from '../domain/sign-up.ts';
import { requirePastAcceptance } from './agreement.ts';
import { answerOnce, type OnceAnswer } from './answer-once.ts';
import type { Core } from './core.ts';

/** What the public learns of its sign-up. */
export interface SignUpReceipt {
  readonly id: string;
  readonly state: SignUpState;
  readonly displayName: string;
  /** RFC 3339, UTC. */
  readonly createdAt: string;
}

/**
 * Records a practice's request as `requested`, once for each idempotency key.
 * @throws DomainError `invalid_input` (unknown plan, agreement accepted in the future), `conflict` (the NPI is in use;
 * the message does not tell whose), `idempotency_mismatch`.
 */
export async function submitSignUp(
  core: Core,
  request: SignUpRequest,
  call: { readonly idempotencyKey: string },
  actor: Actor,
): Promise<OnceAnswer<SignUpReceipt>> {
  return answerOnce(
    core,
    { scope: `POST /v1/signups ${actor.id}`, key: call.idempotencyKey, request },
    async (trx) => ({ status: 201, body: await record(core, trx, request, actor) }),
  );
}

async function record(core: Core, trx: Trx, request: SignUpRequest, actor: Actor): Promise<SignUpReceipt> {
  const now = core.clock.now();
  if (request.agreement !== undefined) requirePastAcceptance(request.agreement, now, '/agreement/acceptedAt');
  if (!(await planExists(trx, request.plan))) {
    throw new DomainError('invalid_input', 'The sign-up names a plan that is not offered.', {
      fields: [{ pointer: '/plan', message: 'must be the id of a plan that is offered' }],
    });
  }
  const row = await insertSignUp(trx, {
    id: randomUUID(),
    state: 'requested',
    legal_name: request.legalName,
    display_name: request.displayName,
    disciplines: toJson(request.disciplines),
    npi: request.npi,
    contact: toJson(request.contact),
    us_state: request.usState,
    time_zone: request.timeZone,
    clinician_count: request.clinicianCount,
    plan_id: request.plan,
    agreement: request.agreement === undefined ? null : toJson(request.agreement),
    practice_id: null,
    decided_by: null,
    decided_at: null,
    decision_reason: null,
    revision: 1,
    created_at: now,
    updated_at: now,
  });
  if (row === 'npi_in_use') {
    throw new DomainError(
      'conflict',
      'A sign-up with this NPI cannot be taken. If the NPI is right, ask Lumenality for help.',
    );
  }
  await appendAudit(trx, {
    actor,
    action: 'sign_up.submitted',
    subject: { type: 'sign_up', id: row.id },
    details: { plan: row.plan_id, agreementVersion: row.agreement?.version ?? null },
    at: now,
  });
  return {
    id: row.id,
    state: row.state,
    displayName: row.display_name,
    createdAt: row.created_at.toISOString(),
  };
}
