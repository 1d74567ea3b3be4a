import type { WorkflowDefinition } from '../runs/workflow.ts';
import { auditFailure, auditPractice, type LifeCycleParts } from './life-cycle-parts.ts';
import { confirmClosed } from './steps/confirm-closed.ts';
import { suspend } from './steps/record-life.ts';
import { closeEntrance, reopenEntrance } from './steps/set-entrance.ts';

/** The steps of `suspend-practice`, in order; a new run is recorded with these names. */
export const suspendSteps: readonly string[] = ['close-entrance', 'confirm-closed', 'suspend'];

/** Blocks access to an active practice and keeps everything it has. It is suspended once its entrance was read as closed. */
export function suspendPractice(parts: LifeCycleParts): WorkflowDefinition {
  return {
    name: 'suspend-practice',
    steps: [closeEntrance(parts), confirmClosed(parts), suspend],
    failed: (trx, run, error, now) => auditFailure(trx, run, 'practice.suspension_failed', error, now),
    cancel: (context) => reopenEntrance(parts, context),
    cancelled: (trx, run, kept, now) =>
      auditPractice(trx, run, 'practice.suspension_cancelled', { kept }, now),
  };
}
