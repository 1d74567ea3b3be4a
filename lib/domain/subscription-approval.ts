import type { Actor } from './access.ts';
import { DomainError } from './errors.ts';

/** What may take a second person: by its value, or always. Each has its executor (lib/use-cases/approval-executors.ts). */
export const approvalKinds = [
  'credit',
  'adjustment',
  'payment',
  'reversal',
  'trial_extension',
  'lock_extension',
  'transfer',
] as const;
export type ApprovalKind = (typeof approvalKinds)[number];

const approvalDecisions = ['approved', 'declined'] as const;
export type ApprovalDecision = (typeof approvalDecisions)[number];
export const approvalStates = ['requested', ...approvalDecisions, 'expired'] as const;
type ApprovalState = (typeof approvalStates)[number];

/** How long a request waits for a second person, in days of 24 hours. */
const approvalDays = 14;
export const approvalExpiry = (requestedAt: Date): Date =>
  new Date(requestedAt.getTime() + approvalDays * 86_400_000);

/** A request that nobody decided in time has expired by itself: nothing has to happen for it. */
export function approvalStateOf(
  { state, expiresAt }: { readonly state: 'requested' | ApprovalDecision; readonly expiresAt: Date },
  now: Date,
): ApprovalState {
  return state === 'requested' && expiresAt <= now ? 'expired' : state;
}

/**
 * Holds an approval to four eyes: another token than the one that asked.
 * @throws DomainError `forbidden`
 */
export function requireSecondPerson(requestedBy: string, approver: Actor): void {
  if (approver.id !== requestedBy) return;
  throw new DomainError(
    'forbidden',
    'You have asked for this yourself: another plan administrator has to approve it, with a token of their own.',
  );
}
