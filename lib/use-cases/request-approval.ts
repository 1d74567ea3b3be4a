import { randomUUID } from 'node:crypto';
import { appendAudit } from '../db/audit-store.ts';
import type { Trx } from '../db/database.ts';
import {
  insertApproval,
  type StoredApproval,
  type SubscriptionApproval,
} from '../db/subscription-approval-store.ts';
import type { Actor } from '../domain/access.ts';
import { approvalExpiry } from '../domain/subscription-approval.ts';
import type { Core } from './core.ts';

/** What is carried out once a second person has approved it, and by whom. */
export interface Approved {
  readonly approval: StoredApproval;
  readonly approver: Actor;
  readonly at: Date;
}

/**
 * Carries out what was approved, in the approval's transaction. It looks at everything again, because days may have passed: what it
 * refuses stays requested. Its answer is kept with the approval: ids and the like of what came of it.
 */
export type ApprovalExecutor = (
  core: Core,
  trx: Trx,
  approved: Approved,
) => Promise<Readonly<Record<string, string>>>;

/**
 * Asks for a second person, who has 14 days; recorded with its audit row. The input is all that the executor of its kind gets
 * (approval-executors.ts), and must be plain JSON.
 */
export async function requestApproval(
  trx: Trx,
  request: Pick<SubscriptionApproval, 'kind' | 'practiceId' | 'input' | 'valueCents' | 'currency' | 'reason'>,
  actor: Actor,
  at: Date,
): Promise<{ readonly id: string }> {
  const id = randomUUID();
  const requestedBy = { id: actor.id, name: actor.name };
  const expiresAt = approvalExpiry(at);
  await insertApproval(trx, { ...request, id, requestedBy, requestedAt: at, expiresAt });
  // What is asked for stands in the request alone: it may name people, and the trail is for ever.
  const { practiceId, input: _, ...details } = request;
  await appendAudit(trx, {
    actor,
    action: 'subscription_approval.requested',
    subject: { type: 'subscription', id: practiceId },
    details: { approvalId: id, ...details, expiresAt },
    at,
  });
  return { id };
}
