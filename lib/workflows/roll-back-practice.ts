import { failDeployment, setDeploymentState } from '../db/deployment-store.ts';
import type { WorkflowDefinition } from '../runs/workflow.ts';
import { cancelUpdate } from './cancel-update.ts';
import { auditFailure, auditPractice } from './life-cycle-parts.ts';
import type { SiloParts } from './silo-steps.ts';
import { deployComponent } from './steps/deploy-component.ts';
import { keepStacks, keptStacks } from './steps/keep-stacks.ts';
import { prepare } from './steps/prepare.ts';
import { probeApp } from './steps/probe-app.ts';
import { rolledBack } from './steps/record-release.ts';
import { verify } from './steps/verify.ts';

/** The steps of `roll-back-practice`, in order; a new run is recorded with these names. */
export const rollBackSteps: readonly string[] = [
  'prepare',
  'keep-stacks',
  'deploy-service',
  'probe-app',
  'verify',
  'finish',
];

/**
 * Takes a practice's app back to a release that it ran before: template and image of the service stack. Foundation and data stay as they
 * are, for migrations are expand/contract and nothing that holds records goes back. The practice counts as running that release once
 * its silo is verified.
 */
export function rollBackPractice(parts: SiloParts): WorkflowDefinition {
  const { ports: cloud, pollIntervalMs } = parts;
  const earlierOutputs = (context: Parameters<typeof keptStacks>[0]) => keptStacks(context).outputs;
  return {
    name: 'roll-back-practice',
    steps: [
      prepare(parts),
      keepStacks({ cloud, pollIntervalMs }),
      deployComponent({ cloud, pollIntervalMs, earlierOutputs }, 'service'),
      probeApp({ probe: cloud.probe, pollIntervalMs }),
      verify({ cloud, kept: keptStacks }),
      rolledBack,
    ],
    begun: (trx, run, now) => setDeploymentState(trx, run.id, 'running', now),
    failed: async (trx, run, error, now) => {
      await failDeployment(trx, run.id, error, now);
      await auditFailure(trx, run, 'practice.roll_back_failed', error, now);
    },
    cancel: (context) => cancelUpdate({ cloud, pollIntervalMs }, context),
    cancelled: async (trx, run, kept, now) => {
      await setDeploymentState(trx, run.id, 'cancelled', now);
      await auditPractice(trx, run, 'practice.roll_back_cancelled', { kept }, now);
    },
  };
}
