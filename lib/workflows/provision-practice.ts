import { appendAudit } from '../db/audit-store.ts';
import type { Trx } from '../db/database.ts';
import { setDeploymentState } from '../db/deployment-store.ts';
import { closeSignUpOf, endProvisioning } from '../db/practice-lifecycle-store.ts';
import { systemActor } from '../domain/access.ts';
import type { Component } from '../domain/release.ts';
import type { CloudPorts } from '../ports/cloud.ts';
import type { WorkflowDefinition } from '../runs/workflow.ts';
import { cancelProvisioning } from './cancel-provisioning.ts';
import { activate } from './steps/activate.ts';
import { closeDefaultSecurityGroup } from './steps/close-default-security-group.ts';
import { deployComponent } from './steps/deploy-component.ts';
import { type PrepareParts, prepare } from './steps/prepare.ts';
import { probeApp } from './steps/probe-app.ts';
import { verify } from './steps/verify.ts';

export interface ProvisionParts extends PrepareParts {
  readonly ports: Pick<CloudPorts, 'stacks' | 'silo' | 'actions' | 'probe'>;
  /** Milliseconds between two looks at a stack or an app: 400 suits the sandbox; AWS allows few reads a second. */
  readonly pollIntervalMs: number;
  /** How long the app may take until it first says `ready`; 5 minutes unless told. */
  readonly readyWithinMs?: number;
}

/** The steps of `provision-practice`, in order; a new run is recorded with these names. */
export const provisioningSteps: readonly string[] = [
  'prepare',
  'deploy-foundation',
  'close-default-security-group',
  'deploy-data',
  'deploy-service',
  'probe-app',
  'verify',
  'activate',
];

const standardReadyWithinMs = 300_000;

/** Takes an approved practice from nothing to active: three stacks, a look at the app, verification. */
export function provisionPractice(parts: ProvisionParts): WorkflowDefinition {
  const { ports: cloud, pollIntervalMs } = parts;
  const deploy = (component: Component) =>
    deployComponent({ stacks: cloud.stacks, pollIntervalMs }, component);
  return {
    name: 'provision-practice',
    steps: [
      prepare(parts),
      deploy('foundation'),
      closeDefaultSecurityGroup({ cloud }),
      deploy('data'),
      deploy('service'),
      probeApp({
        probe: cloud.probe,
        readyWithinMs: parts.readyWithinMs ?? standardReadyWithinMs,
        pollIntervalMs,
      }),
      verify({ cloud }),
      activate,
    ],
    begun: (trx, run, now) => setDeploymentState(trx, run.id, 'running', now),
    failed: async (trx, run, error, now) => {
      await setDeploymentState(trx, run.id, 'failed', now);
      if (!(await endProvisioning(trx, run.practiceId, 'provisioning_failed', now))) return;
      const subject = { type: 'practice', id: run.practiceId };
      await audit(
        trx,
        run,
        subject,
        'practice.provisioning_failed',
        { step: error.step, code: error.code },
        now,
      );
    },
    cancel: (context) => cancelProvisioning({ cloud, pollIntervalMs }, context),
    cancelled: async (trx, run, kept, now) => {
      await setDeploymentState(trx, run.id, 'cancelled', now);
      if (!(await endProvisioning(trx, run.practiceId, 'provisioning_cancelled', now))) return;
      const subject = { type: 'practice', id: run.practiceId };
      await audit(trx, run, subject, 'practice.provisioning_cancelled', { kept }, now);
      const signUpId = await closeSignUpOf(trx, run.practiceId, now);
      if (signUpId === undefined) return;
      const details = { practiceId: run.practiceId };
      await audit(trx, run, { type: 'sign_up', id: signUpId }, 'sign_up.closed', details, now);
    },
  };
}

function audit(
  trx: Trx,
  run: { readonly id: string },
  subject: { readonly type: string; readonly id: string },
  action: string,
  details: Readonly<Record<string, unknown>>,
  at: Date,
): Promise<void> {
  return appendAudit(trx, {
    actor: systemActor,
    action,
    subject,
    details: { runId: run.id, ...details },
    at,
  });
}
