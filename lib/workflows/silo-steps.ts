import type { Component } from '../domain/release.ts';
import type { CloudPorts } from '../ports/cloud.ts';
import type { StepDefinition } from '../runs/workflow.ts';
import { closeDefaultSecurityGroup } from './steps/close-default-security-group.ts';
import { deployComponent } from './steps/deploy-component.ts';
import { type PrepareParts, prepare } from './steps/prepare.ts';
import { probeApp } from './steps/probe-app.ts';
import { verify } from './steps/verify.ts';

export interface SiloParts extends PrepareParts {
  readonly ports: Pick<CloudPorts, 'stacks' | 'silo' | 'actions' | 'removal' | 'probe'>;
  /** Milliseconds between two looks at a stack or an app: 400 suits the sandbox; AWS allows few reads a second. */
  readonly pollIntervalMs: number;
  /** How long the app may take until it first says `ready`; 5 minutes unless told. */
  readonly readyWithinMs?: number;
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

const standardReadyWithinMs = 300_000;

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
    probeApp({
      probe: cloud.probe,
      readyWithinMs: parts.readyWithinMs ?? standardReadyWithinMs,
      pollIntervalMs,
    }),
    verify({ cloud }),
  ];
}
