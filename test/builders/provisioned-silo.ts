import { siloShapes } from '../../bin/silo-shapes.ts';
import { sandboxDefaults } from '../../lib/config.ts';
import { listSiloStacks } from '../../lib/db/silo-stack-store.ts';
import type { Clock } from '../../lib/ports/clock.ts';
import { workflowDefinitions } from '../../lib/workflows/all-workflows.ts';
import { type CoreWithWorker, startCoreWithWorker } from './core-with-worker.ts';
import { type SandboxCloud, startSandboxCloud } from './sandbox-cloud.ts';

/** What workflows and reconcilers on the sandbox are built with. */
export const siloParts = { shapes: siloShapes, cell: sandboxDefaults, pollIntervalMs: 100 };

/** A control plane with every workflow, on a sandbox of its own that runs what is deployed there. */
export interface SandboxedControlPlane extends CoreWithWorker {
  readonly cloud: SandboxCloud;
  /** What a practice's stacks give out, as recorded. */
  outputs(practiceId: string): Promise<Record<string, string>>;
}

/** @param clock the core's and its workers' time; the cloud has its own */
export async function startSandboxedControlPlane(clock?: Clock): Promise<SandboxedControlPlane> {
  const cloud = await startSandboxCloud();
  try {
    const parts = { ...siloParts, ports: cloud.ports };
    const plane = await startCoreWithWorker({
      definitions: Object.values(workflowDefinitions).map((definition) => definition(parts)),
      releases: [cloud.release],
      ...(clock === undefined ? {} : { clock }),
    });
    return {
      ...plane,
      cloud,
      outputs: async (practiceId) => {
        const stacks = await listSiloStacks(plane.database.db, [practiceId]);
        return Object.assign({}, ...stacks.map((stack) => stack.outputs)) as Record<string, string>;
      },
      stop: async () => {
        await plane.stop();
        await cloud.stop();
      },
    };
  } catch (error) {
    // A sandbox that nobody stops keeps jest from ending.
    await cloud.stop();
    throw error;
  }
}

/** The same, with one practice that is active there. */
export async function startProvisionedSilo(
  practiceId: string,
  clock?: Clock,
): Promise<SandboxedControlPlane> {
  const silo = await startSandboxedControlPlane(clock);
  try {
    const { error } = await silo.provision(practiceId);
    if (error !== null) throw new Error(error.message);
    return silo;
  } catch (error) {
    await silo.stop();
    throw error;
  }
}
