import type { Component } from '../domain/release.ts';
import type { CloudPorts } from '../ports/cloud.ts';
import type { StepDefinition } from '../runs/workflow.ts';
import type { StandingSources } from './practice-parameters.ts';
import { closeDefaultSecurityGroup } from './steps/close-default-security-group.ts';
import { deployComponent } from './steps/deploy-component.ts';
import { prepare } from './steps/prepare.ts';
import { probeApp } from './steps/probe-app.ts';
import { reviewUpdate } from './steps/review-changes.ts';
import { verify } from './steps/verify.ts';

export interface SiloParts extends StandingSources {
  readonly ports: Pick<CloudPorts, 'stacks' | 'silo' | 'actions' | 'removal' | 'probe'>;
  /** Milliseconds between two looks at a stack or an app: 400 suits the sandbox; AWS allows few reads a second. */
  readonly pollIntervalMs: number;
}

/** The names of `siloSteps`, in order. */
export const siloStepNames: readonly string[] = [
  'prepare',
  'deploy-foundation',
  'close-default-security-group',
  'deploy-data',
  'deploy-service',
  'probe-app',
  'verify',
];

/** The names of `reviewedSiloSteps`, in order. */
export const reviewedSiloStepNames: readonly string[] = siloStepNames.toSpliced(1, 0, 'review-changes');

/**
 * What brings a silo to a release and proves it, be it the first one or the next: three stacks, a look at the app,
 * verification. What a workflow makes of a verified silo is a step of its own.
 */
export function siloSteps(parts: SiloParts): readonly StepDefinition[] {
  const { ports: cloud, pollIntervalMs } = parts;
  const deploy = (component: Component) => deployComponent({ cloud, pollIntervalMs }, component);
  return [
    prepare(parts),
    deploy('foundation'),
    closeDefaultSecurityGroup({ cloud }),
    deploy('data'),
    deploy('service'),
    probeApp({ probe: cloud.probe, pollIntervalMs }),
    verify({ cloud }),
  ];
}

/** The same for a silo that is there: what would become of each of its stacks is reviewed before anything is done to one. */
export function reviewedSiloSteps(parts: SiloParts): readonly StepDefinition[] {
  const { ports: cloud, pollIntervalMs } = parts;
  return siloSteps(parts).toSpliced(1, 0, reviewUpdate({ cloud, pollIntervalMs }));
}
