import { listSiloStacks, recordSiloStack, type SiloStack } from '../db/silo-stack-store.ts';
import type { Component } from '../domain/release.ts';
import { stackNameFor } from '../domain/stack-plan.ts';
import type { CloudPorts } from '../ports/cloud.ts';
import type { StackView } from '../ports/stack-deployments.ts';
import type { Kept, RunContext } from '../runs/workflow.ts';
import { inProgress, settled, type Watch } from './stack-progress.ts';
import { type Removal, removeStack } from './stack-removal.ts';

export interface CancelParts {
  readonly cloud: Pick<CloudPorts, 'stacks' | 'silo' | 'actions'>;
  readonly pollIntervalMs: number;
}

const databaseType = 'AWS::RDS::DBInstance';

/**
 * Removes what a provisioning has made, last things first, as far as that is safe: the service always; data and
 * foundation only while no database instance exists, for an instance may hold what a practice has entered.
 * Answers what stays, with reason and remedy. May be repeated after a crash.
 */
export async function cancelProvisioning(parts: CancelParts, context: RunContext): Promise<Kept> {
  const watch: Removal = {
    context,
    stacks: parts.cloud.stacks,
    actions: parts.cloud.actions,
    step: 'cancel',
    intervalMs: parts.pollIntervalMs,
  };
  await removeComponent(watch, 'service');
  const database = await existingDatabase(parts, watch);
  if (database !== undefined) {
    const { practiceId } = context.run;
    return [
      `Stacks ${stackNameFor(practiceId, 'data')} and ${stackNameFor(practiceId, 'foundation')} stay, with the key and the network: ` +
        `database instance ${database} exists, is protected against deletion and may hold data. ` +
        'When it is certain that it holds none, switch off its deletion protection, delete it and then both stacks.',
    ];
  }
  return [...(await removeComponent(watch, 'data')), ...(await removeFoundation(parts, watch))];
}

/** Looks also at a data stack that somebody has deleted: its database outlives it. */
async function existingDatabase({ cloud }: CancelParts, watch: Watch): Promise<string | undefined> {
  const { context } = watch;
  const data = await settled(watch, stackNameFor(context.run.practiceId, 'data'));
  const stackId = data?.stackId ?? (await recordedStack(context, 'data'))?.stackId;
  if (stackId === undefined || stackId === null) return undefined;
  for (const { type, physicalId } of await cloud.stacks.resources(stackId, context.signal)) {
    if (type !== databaseType || physicalId === null) continue;
    if (await cloud.silo.databaseExists(physicalId, context.signal)) return physicalId;
  }
  return undefined;
}

async function removeFoundation({ cloud }: CancelParts, watch: Removal): Promise<string[]> {
  const { context } = watch;
  const kept = await removeComponent(watch, 'foundation', async ({ type, physicalId }) => {
    if (type !== 'AWS::KMS::Key') return undefined;
    await context.checkpoint();
    const gone = await cloud.silo.scheduleKeyDeletion(physicalId, context.signal);
    return (
      `KMS key ${physicalId} is scheduled for deletion on ${gone.toISOString().slice(0, 10)}: no database was ever encrypted with it. ` +
      'Until then kms:CancelKeyDeletion keeps it.'
    );
  });
  return kept;
}

async function recordedStack({ db, run }: RunContext, component: Component): Promise<SiloStack | undefined> {
  return (await listSiloStacks(db, [run.practiceId])).find((stack) => stack.component === component);
}

interface Retained {
  readonly logicalId: string;
  readonly type: string;
  readonly physicalId: string;
}

/**
 * Deletes a component's stack if it is there, and answers what CloudFormation retained of it. The stack is found by the
 * id on record, so that a repeated call still finds what was retained of a stack that is gone.
 */
async function removeComponent(
  watch: Removal,
  component: Component,
  handle: (retained: Retained) => Promise<string | undefined> = async () => undefined,
): Promise<string[]> {
  const { context, stacks } = watch;
  const { practiceId } = context.run;
  const stackName = stackNameFor(practiceId, component);
  const recorded = await recordedStack(context, component);
  const stack = await stacks.describe(stackName, context.signal);
  const stackId = stack?.stackId ?? recorded?.stackId ?? undefined;
  if (stackId === undefined) return [];
  if (stack !== undefined) await unprotectAndRemove(watch, stack);
  // Of a stack that was only reviewed there is nothing to keep or to show.
  if (stack?.status === 'REVIEW_IN_PROGRESS') return [];
  await context.write((trx) =>
    recordSiloStack(trx, {
      practiceId,
      component,
      stackName,
      stackId,
      status: 'DELETE_COMPLETE',
      outputs: recorded?.outputs ?? {},
      observedAt: context.now(),
    }),
  );
  const kept: string[] = [];
  for (const { logicalId, type, physicalId, status } of await stacks.resources(stackId, context.signal)) {
    if (status !== 'DELETE_SKIPPED' || physicalId === null) continue;
    const said = await handle({ logicalId, type, physicalId });
    kept.push(
      said ??
        `${type} ${physicalId} (${logicalId}) stays: its deletion policy retains it as a record. Delete it by hand when it is not needed.`,
    );
  }
  return kept;
}

async function unprotectAndRemove(watch: Removal, found: StackView): Promise<void> {
  const { context, stacks } = watch;
  // A creation gives way to its deletion; every other operation has to end first ("DeleteStack").
  const waits = inProgress(found.status) && found.status !== 'CREATE_IN_PROGRESS';
  const stack = waits ? await settled(watch, found.stackId) : found;
  if (stack === undefined || stack.status === 'DELETE_COMPLETE') return;
  if (stack.terminationProtection) {
    await context.checkpoint();
    await stacks.setTerminationProtection(stack.name, false, context.signal);
  }
  await removeStack(watch, stack);
}
