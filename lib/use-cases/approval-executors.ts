import type { ApprovalKind } from '../domain/subscription-approval.ts';
import { executePosting, executeReversal } from './ledger.ts';
import type { ApprovalExecutor } from './request-approval.ts';
import { executeLockExtension, executeTrialExtension } from './subscription-extensions.ts';
import { executeTransfer } from './subscription-transfer.ts';

/** What each kind of request does once it is approved. */
export const approvalExecutors: Readonly<Record<ApprovalKind, ApprovalExecutor>> = {
  credit: executePosting,
  adjustment: executePosting,
  payment: executePosting,
  reversal: executeReversal,
  trial_extension: executeTrialExtension,
  lock_extension: executeLockExtension,
  transfer: executeTransfer,
};
