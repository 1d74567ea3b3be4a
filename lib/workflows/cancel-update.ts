import { components } from '../domain/release.ts';
import { stackNameFor } from '../domain/stack-plan.ts';
import type { CloudPorts } from '../ports/cloud.ts';
import type { Kept, RunContext } from '../runs/workflow.ts';
import { whyForeign } from './own-silo.ts';
import { recordSeen } from './recorded-stacks.ts';
import { withRollBackContinued } from './roll-back.ts';
import { restoreGuard } from './stack-guard.ts';
import { settled } from './stack-progress.ts';

export interface CancelUpdateParts {
  readonly cloud: Pick<CloudPorts, 'stacks'>;
  readonly pollIntervalMs: number;
}

/**
 * Calls an update off: nothing is taken back, for the practice works on these stacks. An operation that CloudFormation has begun
 * comes to its own end first, and a roll-back that failed is continued once; then each stack is told as it stands. May be repeated after a crash.
 */
export async function cancelUpdate(
  { cloud, pollIntervalMs }: CancelUpdateParts,
  context: RunContext,
): Promise<Kept> {
  const { practiceId } = context.run;
  const watch = { context, stacks: cloud.stacks, step: 'cancel', intervalMs: pollIntervalMs };
  const kept: string[] = [];
  for (const component of components) {
    const found = await settled(watch, stackNameFor(practiceId, component));
    if (found === undefined) continue;
    const foreign = await whyForeign(context.db, practiceId, found);
    if (foreign !== undefined) {
      kept.push(`${foreign}: it is another silo's and stays untouched.`);
      continue;
    }
    const stack = await withRollBackContinued(watch, found);
    if (stack === undefined) continue;
    await restoreGuard(watch, component, stack);
    await recordSeen(context, component, stack);
    const release = stack.tags['lumenality:release'] ?? 'an unknown release';
    kept.push(`Stack ${stack.name} stays as it is: ${stack.status}, at ${release}.`);
  }
  return kept;
}
