/** How all of a stack goes: at its deletion, and when its creation is rolled back. */
import { putResource, type Run } from './deployment.ts';
import { enterStatus } from './events.ts';
import { type Dependencies, reversed, walk } from './graph.ts';
import { exportInUse } from './outputs.ts';
import {
  isPresent,
  type OperationRecord,
  progressOf,
  type ResourceRecord,
  requireStack,
  resourceOf,
  resourcesOf,
  type StackRecord,
  stackKey,
  tables,
} from './records.ts';
import { remove, removeLeftover } from './removal.ts';

/** Policies that keep a resource when its stack is deleted, and when the stack's creation is rolled back. */
const keptByDeletion = ['Retain', 'RetainExceptOnCreate'];
const keptByRollback = ['Retain'];

/** Whether this run has to let go: the sandbox stops, or another operation has taken the stack over. */
export const isOver = (run: Run): boolean =>
  run.isStopping() || requireStack(run.cloud, run.stackId).operation?.id !== run.operationId;

export function clearProgress(run: Run): void {
  const { progress } = tables(run.cloud.state);
  for (const { logicalId } of progressOf(run.cloud, run.stackId))
    progress.delete(`${stackKey(run.stackId)}/${logicalId}`);
}

export const namesOf = (verb: string, logicalIds: readonly string[]) =>
  logicalIds.length === 0 ? '' : `The following resource(s) failed to ${verb}: [${logicalIds.join(', ')}].`;

export const idsOf = (records: readonly ResourceRecord[]) => records.map(({ logicalId }) => logicalId);

/** Deletes all that the stack still has, dependents first. @returns the resources that would not go. */
async function removeAll(
  run: Run,
  keeps: readonly string[],
  retain: readonly string[],
): Promise<ResourceRecord[]> {
  const present = resourcesOf(run.cloud, run.stackId).filter(isPresent);
  const order = removalOrder(present);
  const byId = new Map(present.map((record) => [record.logicalId, record]));
  await walk(
    order,
    (logicalId) => {
      const record = byId.get(logicalId) as ResourceRecord;
      return remove(
        run,
        retain.includes(logicalId) ? { ...record, deletionPolicy: 'Retain' } : record,
        keeps,
      );
    },
    'go on after failures',
  );
  return resourcesOf(run.cloud, run.stackId).filter(isPresent);
}

export function removalOrder(records: readonly ResourceRecord[]): Dependencies {
  const present = new Set(records.map(({ logicalId }) => logicalId));
  return reversed(
    new Map(
      records.map(({ logicalId, dependsOn }) => [
        logicalId,
        new Set(dependsOn.filter((other) => present.has(other))),
      ]),
    ),
  );
}

export async function rollBackCreation(run: Run, operation: OperationRecord): Promise<void> {
  const { cloud, stackId } = run;
  const left = await removeAll(run, keptByRollback, []);
  if (isOver(run)) return;
  cloud.state.transaction(() => {
    clearProgress(run);
    if (left.length > 0) {
      enterStatus(cloud, stackId, 'ROLLBACK_FAILED', namesOf('delete', idsOf(left)), {
        operation: undefined,
      });
    } else if (operation.onFailure === 'DELETE') {
      finishDeletion(run);
    } else {
      enterStatus(cloud, stackId, 'ROLLBACK_COMPLETE', undefined, { operation: undefined });
    }
  });
}

export async function deleteStack(run: Run, stack: StackRecord, operation: OperationRecord): Promise<void> {
  const { cloud, stackId } = run;
  const inUse = exportInUse(cloud, stack);
  if (inUse !== undefined) {
    enterStatus(cloud, stackId, 'DELETE_FAILED', inUse, { operation: undefined });
    return;
  }
  await removeReplaced(run);
  const left = await removeAll(run, keptByDeletion, operation.retain);
  if (isOver(run)) return;
  if (operation.forced) for (const record of left) putResource(run, { ...record, status: 'DELETE_SKIPPED' });
  if (left.length > 0 && !operation.forced) {
    enterStatus(cloud, stackId, 'DELETE_FAILED', `${namesOf('delete', idsOf(left))} `, {
      operation: undefined,
    });
  } else {
    finishDeletion(run);
  }
}

/** An update that was left half done has two physical resources where it replaces one: the stack's record names one of them. */
async function removeReplaced(run: Run): Promise<void> {
  for (const progress of progressOf(run.cloud, run.stackId)) {
    const isSwitched = progress.action === 'replace' && progress.done && progress.restored !== true;
    const leftover = isSwitched ? progress.before : progress.leftover;
    const current = resourceOf(run.cloud, run.stackId, progress.logicalId);
    if (leftover?.physicalId === undefined || leftover.physicalId === current?.physicalId) continue;
    if (run.isStopping()) return;
    await removeLeftover(run, { ...progress, leftover }, 'Delete');
  }
}

function finishDeletion(run: Run): void {
  const { cloud, stackId } = run;
  cloud.state.transaction(() => {
    clearProgress(run);
    const { name, accountId, region } = requireStack(cloud, stackId);
    enterStatus(cloud, stackId, 'DELETE_COMPLETE', undefined, {
      operation: undefined,
      deletionTime: cloud.now(),
      outputs: [],
      imports: [],
    });
    const { names, changeSets } = tables(cloud.state);
    names.delete(`${accountId}/${region}/${name}`);
    // They go with their stack: one of them, executed, would make a stack without a name.
    for (const [key] of changeSets.entries(`${stackKey(stackId)}/`)) changeSets.delete(key);
  });
}
