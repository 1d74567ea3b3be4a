import type { Trx } from '../db/database.ts';
import { newestRunOf, type Run } from '../db/run-store.ts';
import type { PracticeState } from '../domain/practice.ts';
import type { Workflow } from '../domain/run.ts';

interface RunRules {
  /** The states in which a failure may have left its practice: in any other, a retry has nothing left to do. */
  readonly retryable: readonly PracticeState[];
  /** The states of its practice in which a run can be called off: what it works towards is not yet so. */
  readonly cancellable: readonly PracticeState[];
}

/** When runs of each workflow may be retried and cancelled. */
export const runRules: Readonly<Record<Workflow, RunRules>> = {
  'provision-practice': {
    retryable: ['provisioning_failed'],
    cancellable: ['waiting', 'provisioning', 'provisioning_failed'],
  },
  'update-practice': { retryable: ['active'], cancellable: ['active'] },
  'roll-back-practice': { retryable: ['active'], cancellable: ['active'] },
  'suspend-practice': { retryable: ['active'], cancellable: ['active'] },
  'resume-practice': {
    retryable: ['suspended', 'offboarding'],
    cancellable: ['suspended', 'offboarding'],
  },
  'offboard-practice': {
    retryable: ['active', 'suspended', 'provisioning_failed'],
    cancellable: ['active', 'suspended', 'provisioning_failed'],
  },
  // Until the first removal: `cancelRun` asks the offboarding.
  'deprovision-practice': { retryable: ['offboarding'], cancellable: ['offboarding'] },
  'shred-practice': { retryable: ['deprovisioned'], cancellable: ['deprovisioned'] },
  // A key that is kept is given up by its retention's end, and nothing that was deleted comes back.
  'keep-key': { retryable: ['deprovisioned'], cancellable: [] },
  'purge-practice': { retryable: ['deprovisioned'], cancellable: [] },
};

/**
 * The run after which there is nothing left to retry or cancel, unless it is this one. A practice whose provisioning failed may have been
 * offboarded and taken back since: that changed nothing of what its provisioning made but the service, which a retry makes again.
 */
export function newestThatCounts(trx: Trx, { practiceId, workflow }: Run): Promise<Run | undefined> {
  return newestRunOf(trx, practiceId, workflow === 'provision-practice' ? workflow : undefined);
}
