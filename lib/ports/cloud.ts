import type { HealthProbe } from './health-probe.ts';
import type { SiloActions } from './silo-actions.ts';
import type { SiloReads } from './silo-reads.ts';
import type { StackDeployments } from './stack-deployments.ts';
import type { StackDrift } from './stack-drift.ts';

/** Everything that the core asks of one cell. */
export interface CloudPorts {
  readonly stacks: StackDeployments;
  readonly drift: StackDrift;
  readonly silo: SiloReads;
  readonly actions: SiloActions;
  readonly probe: HealthProbe;
  /** Resolves when the cell answers and knows the caller (sts:GetCallerIdentity); rejects with `cloud_failure` otherwise. */
  reachable(signal?: AbortSignal): Promise<void>;
  close(): void;
}
