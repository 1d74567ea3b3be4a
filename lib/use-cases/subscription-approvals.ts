import { appendAudit } from '../db/audit-store.ts';
import type { Trx } from '../db/database.ts';
import type { Page, PageRequest } from '../db/page.ts';
import {
  listApprovals as approvalRows,
  findApproval,
  lockApproval,
  type StoredApproval,
  setApprovalDecided,
} from '../db/subscription-approval-store.ts';
import type { Actor } from '../domain/access.ts';
import {
  type ApprovalDecision,
  approvalStateOf,
  requireSecondPerson,
} from '../domain/subscription-approval.ts';
import { approvalExecutors } from './approval-executors.ts';
import type { Core } from './core.ts';
import { notFound, requireRevision, wrongState } from './refusals.ts';

export type { StoredApproval };

/** Newest first; with `open` only those that somebody can still decide. */
export function listApprovals(
  core: Core,
  { open, ...page }: PageRequest & { readonly practiceId?: string | undefined; readonly open: boolean },
): Promise<Page<StoredApproval>> {
  return approvalRows(core.db, { ...page, openAt: open ? core.clock.now() : undefined });
}

/** @throws DomainError `not_found` */
export async function readApproval(core: Core, id: string): Promise<StoredApproval> {
  return requireFound(await findApproval(core.db, id));
}

/** Whose decision on which request, held to the revisions that its author saw. */
export interface Decision {
  readonly id: string;
  readonly revision?: readonly number[] | undefined;
  readonly reason?: string | undefined;
}

/**
 * Carries out what another person has asked for. What cannot be done any more is refused, and the request stays.
 * @throws DomainError `not_found`; `precondition_failed`; `wrong_state` once it is decided or expired; `forbidden` for the person who
 * asked; whatever the change itself is refused with
 */
export function approveRequest(core: Core, decision: Decision, actor: Actor): Promise<StoredApproval> {
  return core.db.transaction().execute(async (trx) => {
    const at = core.clock.now();
    const approval = await lockOpen(trx, decision, at);
    requireSecondPerson(approval.requestedBy.id, actor);
    const result = await approvalExecutors[approval.kind](core, trx, { approval, approver: actor, at });
    return decide(trx, approval, { state: 'approved', decision, actor, at, result });
  });
}

/**
 * Turns a request down: another person's, or one's own.
 * @throws DomainError `not_found`; `precondition_failed`; `wrong_state` once it is decided or expired
 */
export function declineRequest(core: Core, decision: Decision, actor: Actor): Promise<StoredApproval> {
  return core.db.transaction().execute(async (trx) => {
    const at = core.clock.now();
    const approval = await lockOpen(trx, decision, at);
    return decide(trx, approval, { state: 'declined', decision, actor, at, result: null });
  });
}

async function lockOpen(trx: Trx, { id, revision }: Decision, now: Date): Promise<StoredApproval> {
  const approval = requireFound(await lockApproval(trx, id));
  const state = approvalStateOf(approval, now);
  if (state !== 'requested') {
    throw wrongState(
      state,
      `The request is ${state} already. Ask for the change anew if it is still wanted.`,
    );
  }
  requireRevision(approval.revision, revision);
  return approval;
}

async function decide(
  trx: Trx,
  { id, kind, practiceId, valueCents, currency, requestedBy }: StoredApproval,
  made: {
    readonly state: ApprovalDecision;
    readonly decision: Decision;
    readonly actor: Actor;
    readonly at: Date;
    readonly result: StoredApproval['result'];
  },
): Promise<StoredApproval> {
  const { state, actor, at, result } = made;
  const reason = made.decision.reason ?? null;
  const by = { id: actor.id, name: actor.name };
  const decided = await setApprovalDecided(trx, id, { state, by, at, reason, result });
  await appendAudit(trx, {
    actor,
    action: `subscription_approval.${state}`,
    subject: { type: 'subscription', id: practiceId },
    details: { approvalId: id, kind, valueCents, currency, requestedBy: requestedBy.name, reason, result },
    at,
  });
  return decided;
}

function requireFound(approval: StoredApproval | undefined): StoredApproval {
  if (approval === undefined) throw notFound('request for approval');
  return approval;
}
