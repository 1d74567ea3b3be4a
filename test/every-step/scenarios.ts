import { randomUUID } from 'node:crypto';
import { lockPractice } from '../../lib/db/practice-store.ts';
import type { Actor } from '../../lib/domain/access.ts';
import type { Release } from '../../lib/domain/release.ts';
import type { Workflow } from '../../lib/domain/run.ts';
import { approveSignUp } from '../../lib/use-cases/approve-sign-up.ts';
import type { Core } from '../../lib/use-cases/core.ts';
import { cancelOffboarding, offboardPractice } from '../../lib/use-cases/offboard-practice.ts';
import { resumePractice, suspendPractice } from '../../lib/use-cases/practice-access.ts';
import { requestDeployment } from '../../lib/use-cases/request-deployment.ts';
import { submitSignUp } from '../../lib/use-cases/submit-sign-up.ts';
import { queueRollBack } from '../../lib/workflows/queue-update.ts';
import { signUpRequest } from '../builders/sign-up.ts';

/** What an operator asks with. */
export interface Stage {
  readonly core: Core;
  readonly first: Release;
  /** Differs from the first in nothing but its name, so every stack has something to update. */
  readonly second: Release;
  /** Waits for a run's success, retrying it as an operator does. */
  readonly succeeded: (runId: string) => Promise<void>;
  /** Lets one of the practice's clocks run out, and answers the run that this begins. */
  readonly timeIsUp: (practiceId: string, clock: OffboardingEnd) => Promise<string>;
  /** A month passes on AWS, for all practices at once: each of them asks, and waits for the others. */
  readonly monthOnAws: () => Promise<void>;
}

/** Columns of `offboarding`: when a stage is over. */
export type OffboardingEnd = 'grace_ends_at' | 'retention_ends_at' | 'key_deletion_at';

/** How a run of a workflow begins. A practice lives through all of them, in this order. */
export interface Scenario {
  readonly workflow: Workflow;
  /** Answers the run's id. The practice is as the scenario before left it. */
  readonly begin: (stage: Stage, practiceId: string) => Promise<string>;
}

export const operator: Actor = {
  id: 'token:operator',
  name: 'operator',
  roles: ['operator', 'security_admin'],
  requestId: 'every-step',
};

const reason = 'every step';
const once = (): { readonly idempotencyKey: string } => ({ idempotencyKey: randomUUID() });

export const scenarios: readonly Scenario[] = [
  {
    workflow: 'provision-practice',
    begin: async ({ core }, practiceId) => {
      const request = signUpRequest({ displayName: practiceId, plan: 'standard' });
      const receipt = await submitSignUp(core, request, once(), operator);
      const approval = await approveSignUp(core, { signUpId: receipt.body.id, reason }, operator);
      if (approval.practiceId !== practiceId)
        throw new Error(`${practiceId} was named ${approval.practiceId}`);
      return approval.runId;
    },
  },
  {
    workflow: 'update-practice',
    begin: async ({ core, second }, practiceId) => {
      const request = { practiceId, releaseId: second.manifest.id, reason };
      return (await requestDeployment(core, request, once(), operator)).body.runId;
    },
  },
  {
    workflow: 'roll-back-practice',
    begin: ({ core, first }, practiceId) =>
      core.db.transaction().execute(async (trx) => {
        const practice = await lockPractice(trx, practiceId);
        if (practice === undefined) throw new Error(`There is no practice ${practiceId}.`);
        const rollBack = { practice, releaseId: first.manifest.id, reason };
        return (await queueRollBack(core, trx, rollBack, operator)).runId;
      }),
  },
  {
    workflow: 'suspend-practice',
    begin: async ({ core }, practiceId) =>
      (await suspendPractice(core, { practiceId, reason }, once(), operator)).body.runId,
  },
  {
    workflow: 'resume-practice',
    begin: async ({ core }, practiceId) =>
      (await resumePractice(core, { practiceId, reason }, once(), operator)).body.runId,
  },
  {
    workflow: 'offboard-practice',
    begin: async ({ core }, practiceId) => {
      const request = { practiceId, reason, confirm: practiceId };
      return runOf((await offboardPractice(core, request, once(), operator)).body);
    },
  },
  {
    workflow: 'deprovision-practice',
    begin: ({ timeIsUp }, practiceId) => timeIsUp(practiceId, 'grace_ends_at'),
  },
  {
    workflow: 'shred-practice',
    begin: ({ timeIsUp }, practiceId) => timeIsUp(practiceId, 'retention_ends_at'),
  },
  {
    workflow: 'keep-key',
    begin: async ({ core }, practiceId) =>
      runOf((await cancelOffboarding(core, { practiceId, reason }, once(), operator)).body),
  },
  {
    workflow: 'purge-practice',
    begin: async ({ succeeded, timeIsUp, monthOnAws }, practiceId) => {
      await succeeded(await timeIsUp(practiceId, 'retention_ends_at'));
      await monthOnAws();
      return timeIsUp(practiceId, 'key_deletion_at');
    },
  },
];

function runOf({ runId }: { readonly runId: string | null }): string {
  if (runId === null) throw new Error('No run was begun.');
  return runId;
}
