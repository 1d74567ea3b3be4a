import { randomUUID } from 'node:crypto';
import { appendAudit } from '../db/audit-store.ts';
import { type Trx, toJson } from '../db/database.ts';
import { type PlanVersionRow, planVersionOn } from '../db/plan-store.ts';
import { insertPractice } from '../db/practice-store.ts';
import { newestRelease } from '../db/release-store.ts';
import { appendRunEvents } from '../db/run-event-store.ts';
import { insertRun } from '../db/run-store.ts';
import { decideSignUp, lockSignUp, type SignUpRow } from '../db/sign-up-store.ts';
import type { Actor } from '../domain/access.ts';
import { DomainError } from '../domain/errors.ts';
import { practiceIdFor } from '../domain/practice.ts';
import type { Core } from './core.ts';
import { recordInvitation, type ShownInvitation } from './owner-invitation.ts';
import { notFound, requireRevision, wrongState } from './refusals.ts';

export interface Approval {
  readonly signUp: SignUpRow;
  readonly practiceId: string;
  readonly runId: string;
  /** Null when nobody was invited to be the first owner. */
  readonly ownerInvitation: ShownInvitation | null;
}

/**
 * Approves a sign-up and starts its provisioning: practice, run with its steps, audit row and queue entry commit
 * together or not at all. The run gets the newest published release.
 * @throws DomainError `not_found`; `precondition_failed`; `wrong_state` (decided already, or no agreement recorded);
 * `conflict` (no release published, the plan has no version in effect, or the invitation's token was used before);
 * `invalid_input` when the contact's e-mail address cannot be an owner's.
 */
export function approveSignUp(
  core: Core,
  change: {
    readonly signUpId: string;
    readonly reason: string;
    readonly revision?: readonly number[] | undefined;
    /** Invites the sign-up's contact to be the practice's first owner. */
    readonly ownerInvitation?: { readonly tokenSha256: string } | undefined;
  },
  actor: Actor,
): Promise<Approval> {
  return core.db.transaction().execute(async (trx) => {
    const signUp = await lockSignUp(trx, change.signUpId);
    if (signUp === undefined) throw notFound('sign-up');
    requireRevision(signUp.revision, change.revision);
    requireApprovable(signUp);
    const now = core.clock.now();
    const releaseId = await releaseToRun(trx);
    const plan = await planInEffect(trx, signUp, now);
    const practiceId = await allocatePractice(core, trx, signUp, plan, now);
    const runId = await startProvisioning(core, trx, { practiceId, releaseId }, actor, now);
    await appendAudit(trx, {
      actor,
      action: 'sign_up.approved',
      subject: { type: 'sign_up', id: signUp.id },
      details: {
        reason: change.reason,
        practiceId,
        runId,
        releaseId,
        plan: { id: plan.plan_id, version: plan.version },
      },
      at: now,
    });
    const ownerInvitation =
      change.ownerInvitation === undefined
        ? null
        : await recordInvitation(
            core,
            trx,
            {
              practiceId,
              tokenSha256: change.ownerInvitation.tokenSha256,
              email: signUp.contact.email,
              details: { reason: change.reason, runId },
            },
            actor,
          );
    const approved = await decideSignUp(trx, signUp.id, {
      state: 'approved',
      practiceId,
      by: actor.name,
      reason: change.reason,
      at: now,
    });
    return { signUp: approved, practiceId, runId, ownerInvitation };
  });
}

function requireApprovable(signUp: SignUpRow): void {
  if (signUp.state !== 'requested') {
    throw wrongState(signUp.state, `The sign-up is ${signUp.state} already and cannot be approved.`);
  }
  if (signUp.agreement === null) {
    throw wrongState(
      signUp.state,
      'The practice has not accepted the business associate agreement. Record the agreement first.',
    );
  }
}

async function releaseToRun(trx: Trx): Promise<string> {
  const release = await newestRelease(trx);
  if (release !== undefined) return release.id;
  throw new DomainError(
    'conflict',
    'No release is published, so there is nothing to provision. Publish a release, then approve again.',
  );
}

/** Terms begin on the practice's own calendar day, not on the server's. */
async function planInEffect(trx: Trx, signUp: SignUpRow, now: Date): Promise<PlanVersionRow> {
  // The locale en-CA writes dates as ISO 8601 does.
  const today = new Intl.DateTimeFormat('en-CA', {
    timeZone: signUp.time_zone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
  }).format(now);
  const plan = await planVersionOn(trx, signUp.plan_id, today);
  if (plan !== undefined) return plan;
  throw new DomainError(
    'conflict',
    `Plan ${signUp.plan_id} has no version in effect on ${today}. Add one, then approve again.`,
  );
}

/** So many practices may share a name. */
const maximumCandidates = 1_000;

/** The first id free for this display name. Ids of practices that are gone stay taken: their rows are never removed. */
async function allocatePractice(
  core: Core,
  trx: Trx,
  signUp: SignUpRow,
  plan: PlanVersionRow,
  now: Date,
): Promise<string> {
  for (let candidate = 1; candidate <= maximumCandidates; candidate += 1) {
    const id = practiceIdFor(signUp.display_name, candidate);
    const isOurs = await insertPractice(trx, {
      id,
      sign_up_id: signUp.id,
      display_name: signUp.display_name,
      disciplines: toJson(signUp.disciplines),
      us_state: signUp.us_state,
      time_zone: signUp.time_zone,
      plan_id: plan.plan_id,
      plan_version: plan.version,
      shape: plan.shape,
      host_name: `${id}.${core.domain}`,
      state: 'provisioning',
      release_id: null,
      revision: 1,
      created_at: now,
      updated_at: now,
    });
    if (isOurs) return id;
  }
  throw new DomainError(
    'conflict',
    `No id is free for a practice named ${signUp.display_name}. Ask for another display name.`,
  );
}

async function startProvisioning(
  core: Core,
  trx: Trx,
  input: { readonly practiceId: string; readonly releaseId: string },
  actor: Actor,
  now: Date,
): Promise<string> {
  const id = randomUUID();
  await insertRun(trx, {
    id,
    workflow: 'provision-practice',
    practiceId: input.practiceId,
    input: { releaseId: input.releaseId },
    steps: core.steps['provision-practice'],
    requestedBy: actor.name,
    now,
  });
  await appendRunEvents(trx, id, [{ kind: 'run', state: 'queued' }], now);
  await core.queue.enqueue(trx, { id, practiceId: input.practiceId, generation: 1 });
  return id;
}
