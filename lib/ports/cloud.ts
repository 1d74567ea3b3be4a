import type { HealthProbe } from './health-probe.ts';
import type { SiloActions } from './silo-actions.ts';
import type { SiloMetrics } from './silo-metrics.ts';
import type { SiloReads } from './silo-reads.ts';
import type { SiloRemovals } from './silo-removal.ts';
import type { StackDeployments } from './stack-deployments.ts';
import type { StackDrift } from './stack-drift.ts';
import type { TaggedResources } from './tagged-resources.ts';

/** Everything that the core asks of one cell. */
export interface CloudPorts {
  readonly stacks: StackDeployments;
  readonly drift: StackDrift;
  readonly silo: SiloReads;
  readonly metrics: SiloMetrics;
  readonly actions: SiloActions;
  readonly removal: SiloRemovals;
  readonly tagged: TaggedResources;
  readonly probe: HealthProbe;
  /** Resolves when the cell answers and knows the caller (sts:GetCallerIdentity); rejects with `cloud_failure` otherwise. */
  reachable(signal?: AbortSignal): Promise<void>;
  close(): void;
}
