import type { Cloud } from '../model.ts';
import {
  clearProgress,
  deleteStack,
  idsOf,
  isOver,
  namesOf,
  removalOrder,
  rollBackCreation,
} from './deletion.ts';
import { deploy, type Engine, putProgress, putResource, type Run } from './deployment.ts';
import { enterStatus } from './events.ts';
import { describeError } from './failures.ts';
import { type Dependencies, walk } from './graph.ts';
import { evaluateOutputs } from './outputs.ts';
import {
  isPresent,
  type OperationRecord,
  type ProgressRecord,
  progressOf,
  type ResourceRecord,
  requireStack,
  resourceOf,
  resourcesOf,
  type StackContent,
  type StackRecord,
} from './records.ts';
import { removeLeftover, restore } from './removal.ts';
import { type BoundTemplate, bindTemplate } from './scope.ts';
import { checkStackPolicy } from './stack-policy.ts';
import { parseTemplate } from './template.ts';

/**
 * Carries a stack's operation on, phase by phase, until it has ended. Each phase reads where it stands from the
 * records, so a phase that the end of the process interrupted is simply begun again: what is done is skipped, and
 * what was under way is asked for again under the same token.
 */
export async function carryOn(
  engine: Engine,
  cloud: Cloud,
  stackId: string,
  stopping: AbortSignal,
  control: RunControl,
): Promise<void> {
  for (;;) {
    const stack = requireStack(cloud, stackId);
    const { operation } = stack;
    if (!operation || operation.halted) return;
    const run = createRun(engine, cloud, stackId, operation, stopping, control);
    try {
      await runPhase(run, stack, operation);
    } catch (error) {
      if (!run.isStopping()) throw error;
    }
    if (run.isStopping()) return;
  }
}

/** How a request reaches an operation that is under way. */
export interface RunControl {
  cancel: () => void;
}

function createRun(
  engine: Engine,
  cloud: Cloud,
  stackId: string,
  operation: OperationRecord,
  stopping: AbortSignal,
  control: RunControl,
): Run {
  const ending = new AbortController();
  const cancel = () => ending.abort();
  control.cancel = cancel;
  return {
    engine,
    cloud,
    stackId,
    operationId: operation.id,
    signal: ending.signal,
    cancel,
    isStopping: () => stopping.aborted,
  };
}

function runPhase(run: Run, stack: StackRecord, operation: OperationRecord): Promise<void> {
  if (operation.kind === 'delete') return deleteStack(run, stack, operation);
  switch (operation.phase) {
    case 'work':
      return deployStack(run, stack, operation);
    case 'rollback':
      return operation.kind === 'create' ? rollBackCreation(run, operation) : rollBackUpdate(run, operation);
    case 'cleanup':
      return cleanUp(run, stack);
  }
}

async function deployStack(run: Run, stack: StackRecord, operation: OperationRecord): Promise<void> {
  const target = operation.target as StackContent;
  const bound = bindTemplate(run.cloud, stack, parseTemplate(target.templateBody), target.parameters);
  const isInterrupted = operation.failed.length > 0 || operation.cancelled;
  let reason: string | undefined;
  if (!isInterrupted) {
    const refusal = refuseRemovals(run, stack, operation, bound);
    const isDone =
      refusal === undefined && (await walk(bound.dependencies, (logicalId) => deploy(run, bound, logicalId)));
    if (isOver(run)) return;
    if (isDone) {
      try {
        return succeed(run, operation, target, bound);
      } catch (error) {
        reason = describeError(error);
      }
    }
    reason ??= refusal;
  }
  giveUp(run, reason);
}

/** A policy may forbid the removal of resources; that is known before anything is done. */
function refuseRemovals(
  run: Run,
  stack: StackRecord,
  operation: OperationRecord,
  bound: BoundTemplate,
): string | undefined {
  try {
    for (const { logicalId, type } of resourcesOf(run.cloud, stack.stackId).filter(isPresent)) {
      if (bound.isActive(bound.template.Resources[logicalId])) continue;
      checkStackPolicy(operation.stackPolicy ?? stack.stackPolicy, 'Update:Delete', logicalId, type);
    }
    return undefined;
  } catch (error) {
    return describeError(error);
  }
}

function succeed(run: Run, operation: OperationRecord, target: StackContent, bound: BoundTemplate): void {
  const { cloud, stackId } = run;
  const { outputs, imports } = evaluateOutputs(run, bound);
  const content = { ...target, outputs, imports, description: bound.template.Description };
  if (operation.kind === 'create') {
    cloud.state.transaction(() => {
      clearProgress(run);
      enterStatus(cloud, stackId, 'CREATE_COMPLETE', undefined, { ...content, operation: undefined });
    });
    return;
  }
  cloud.state.transaction(() => {
    for (const progress of progressOf(cloud, stackId)) {
      if (progress.action === 'replace') putProgress(run, { ...progress, leftover: progress.before });
    }
    for (const record of resourcesOf(cloud, stackId)) {
      if (bound.isActive(bound.template.Resources[record.logicalId])) continue;
      putProgress(run, {
        logicalId: record.logicalId,
        action: 'none',
        done: true,
        properties: {},
        leftover: record,
      });
    }
    enterStatus(cloud, stackId, 'UPDATE_COMPLETE_CLEANUP_IN_PROGRESS', undefined, {
      ...content,
      operation: { ...operation, phase: 'cleanup' },
    });
  });
}

/** The work failed or was cancelled: what follows is what the caller chose. */
function giveUp(run: Run, reason: string | undefined): void {
  const { cloud, stackId } = run;
  const stack = requireStack(cloud, stackId);
  const operation = stack.operation as OperationRecord;
  const isCreation = operation.kind === 'create';
  const failures = operation.failed
    .map((logicalId) => resourceOf(cloud, stackId, logicalId))
    .filter((record) => record !== undefined);
  const words = operation.cancelled
    ? 'User Initiated'
    : [
        reason,
        namesOf('create', idsOf(failures.filter(({ status }) => status === 'CREATE_FAILED'))),
        namesOf('update', idsOf(failures.filter(({ status }) => status === 'UPDATE_FAILED'))),
      ]
        .filter(Boolean)
        .join(' ');
  if (operation.onFailure === 'DO_NOTHING') {
    // What was touched stays on record: RollbackStack undoes it, and a deletion finds all of it.
    enterStatus(cloud, stackId, isCreation ? 'CREATE_FAILED' : 'UPDATE_FAILED', words, {
      operation: { ...operation, halted: true },
    });
    return;
  }
  const status = isCreation ? 'ROLLBACK_IN_PROGRESS' : 'UPDATE_ROLLBACK_IN_PROGRESS';
  const suffix = isCreation ? ' Rollback requested by user.' : '';
  enterStatus(cloud, stackId, status, words + suffix, { operation: { ...operation, phase: 'rollback' } });
}

/** Gives every touched resource back what it was, in the order of the stack as it was. */
async function rollBackUpdate(run: Run, operation: OperationRecord): Promise<void> {
  const { cloud, stackId } = run;
  const touched = new Map(
    progressOf(cloud, stackId)
      .filter(({ action }) => action !== 'none')
      .map((progress) => [progress.logicalId, progress]),
  );
  const order: Dependencies = new Map(
    [...touched.values()].map(({ logicalId, before }) => [
      logicalId,
      new Set((before?.dependsOn ?? []).filter((id) => touched.has(id))),
    ]),
  );
  const failed: string[] = [];
  const isRestored = await walk(
    order,
    async (logicalId) => {
      const progress = touched.get(logicalId);
      const current = resourceOf(cloud, stackId, logicalId);
      if (!progress || !current || progress.restored) return true;
      if (operation.retain.includes(logicalId)) {
        skip(run, progress, current);
        return true;
      }
      const isBack = await restore(run, progress, current);
      if (!isBack) failed.push(logicalId);
      return isBack;
    },
    'go on after failures',
  );
  if (isOver(run)) return;
  if (!isRestored) {
    const halted = { ...requireOperation(run), halted: true, notRestored: failed };
    enterStatus(cloud, stackId, 'UPDATE_ROLLBACK_FAILED', namesOf('update', failed), { operation: halted });
    return;
  }
  const previous = operation.previous as StackContent;
  enterStatus(cloud, stackId, 'UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS', undefined, {
    ...previous,
    operation: { ...requireOperation(run), phase: 'cleanup', target: previous },
  });
}

/** ContinueUpdateRollback gives up on a resource: on record it is what it was, whatever it is ("ResourcesToSkip"). */
function skip(run: Run, progress: ProgressRecord, current: ResourceRecord): void {
  run.cloud.state.transaction(() => {
    putProgress(run, { ...progress, restored: true });
    putResource(run, {
      ...(progress.before ?? current),
      physicalId: current.physicalId,
      status: 'UPDATE_COMPLETE',
    });
  });
}

const requireOperation = (run: Run) => requireStack(run.cloud, run.stackId).operation as OperationRecord;

/** Deletes what the update, or its rollback, has no use for any more. */
async function cleanUp(run: Run, stack: StackRecord): Promise<void> {
  const { cloud, stackId } = run;
  const isRollback = stack.status.startsWith('UPDATE_ROLLBACK');
  const leftovers = new Map(
    progressOf(cloud, stackId)
      .filter(({ leftover }) => leftover !== undefined)
      .map((progress) => [progress.logicalId, progress]),
  );
  await walk(
    removalOrder([...leftovers.values()].map(({ leftover }) => leftover as ResourceRecord)),
    async (logicalId) => {
      const progress = leftovers.get(logicalId);
      return (
        progress === undefined || removeLeftover(run, progress, leftoverPolicy(run, progress, isRollback))
      );
    },
    'go on after failures',
  );
  if (isOver(run)) return;
  cloud.state.transaction(() => {
    clearProgress(run);
    const status = isRollback ? 'UPDATE_ROLLBACK_COMPLETE' : 'UPDATE_COMPLETE';
    enterStatus(cloud, stackId, status, undefined, { operation: undefined });
  });
}

/** A rollback deletes what the update made; an update obeys the policies of what it replaced or removed. */
function leftoverPolicy(
  run: Run,
  progress: ReturnType<typeof progressOf>[number],
  isRollback: boolean,
): string {
  const leftover = progress.leftover as ResourceRecord;
  if (isRollback) return leftover.deletionPolicy === 'Retain' ? 'Retain' : 'Delete';
  if (progress.action !== 'replace') return leftover.deletionPolicy;
  return resourceOf(run.cloud, run.stackId, leftover.logicalId)?.updateReplacePolicy ?? 'Delete';
}
