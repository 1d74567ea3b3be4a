import { type Component, components } from '../domain/release.ts';
import type { CloudPorts } from '../ports/cloud.ts';
import type { Kept, RunContext } from '../runs/workflow.ts';
import { findItsRecord, foreignStacks } from './own-silo.ts';
import { recordedStack } from './recorded-stacks.ts';
import { removeComponent } from './remove-component.ts';
import { dataStackId } from './silo-database.ts';
import { type Disposal, disposeOfDatabases, disposeOfRetained } from './silo-disposal.ts';

export interface CancelParts {
  readonly cloud: Pick<CloudPorts, 'stacks' | 'silo' | 'actions' | 'removal'>;
  readonly pollIntervalMs: number;
}

/**
 * Removes what a provisioning has made, last things first: service, database, data, foundation, and what CloudFormation retains of them. The practice was
 * never active, so nothing of it is needed; only where somebody may have entered something do a final snapshot and its key stay. Answers what stays,
 * with reason and remedy. A stack that was there before the practice was approved is not its own and is left alone. May be repeated after a crash.
 * @throws DomainError `change_refused` when its own silo tells of a life that this record does not know; nothing was changed then.
 */
export async function cancelProvisioning(
  { cloud, pollIntervalMs }: CancelParts,
  context: RunContext,
): Promise<Kept> {
  const disposal: Disposal = {
    context,
    stacks: cloud.stacks,
    actions: cloud.actions,
    silo: cloud.silo,
    removal: cloud.removal(context.run.practiceId),
    step: 'cancel',
    intervalMs: pollIntervalMs,
  };
  const foreign = await foreignStacks(disposal);
  const kept = [...foreign.values()].map(
    (why) => `${why}: it is another silo's and stays untouched. ${findItsRecord}`,
  );
  for (const component of lastThingsFirst) {
    if (foreign.has(component)) continue;
    if (component === 'data') kept.push(...(await removeDatabases(disposal)));
    kept.push(...(await remove(disposal, component)));
  }
  return kept;
}

const lastThingsFirst: readonly Component[] = components.toReversed();

async function remove(disposal: Disposal, component: Component): Promise<string[]> {
  return disposeOfRetained(disposal, await removeComponent(disposal, component));
}

async function removeDatabases(disposal: Disposal): Promise<string[]> {
  const stackId = await dataStackId(disposal);
  if (stackId === undefined) return [];
  const { KeyArn } = (await recordedStack(disposal.context, 'foundation'))?.outputs ?? {};
  return disposeOfDatabases(disposal, stackId, KeyArn);
}
