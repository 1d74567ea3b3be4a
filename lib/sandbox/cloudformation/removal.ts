import { AwsError } from '../model.ts';
import { contextOf, handlerOf, putProgress, putResource, type Run } from './deployment.ts';
import { resolveDynamicReferences } from './dynamic-references.ts';
import { recordEvent } from './events.ts';
import { reasonOf } from './failures.ts';
import { type ProgressRecord, type ResourceRecord, requireStack, stackKey, tables } from './records.ts';

/** Deletes what a resource's record names. The record itself and its events are the caller's. */
async function carryOutDeletion(run: Run, record: ResourceRecord, policy: string): Promise<void> {
  if (record.physicalId === undefined) return; // Its creation failed before there was anything.
  const context = contextOf(run, record.logicalId, record.stackTags);
  const subject = {
    stackName: context.stackName,
    logicalId: record.logicalId,
    properties: record.properties,
  };
  const during = requireStack(run.cloud, run.stackId).operation?.phase ?? 'work';
  await run.engine.faults.onResource({ type: record.type, action: 'delete', during, subject }, run.signal);
  run.signal.throwIfAborted();
  if (policy === 'Snapshot') {
    const DBSnapshotIdentifier =
      `${context.stackName}-snapshot-${record.logicalId}-${run.operationId.slice(0, 8)}`.toLowerCase();
    await context.cloud.invoke(
      'rds',
      'CreateDBSnapshot',
      { DBInstanceIdentifier: record.physicalId, DBSnapshotIdentifier },
      context,
    );
  }
  const properties = (await resolveDynamicReferences(record.properties, context).catch(
    () => record.properties,
  )) as Record<string, unknown>;
  await handlerOf(run, record.type).delete(record.physicalId, properties, context);
  await run.engine.latency.wait(record.type, 'delete', record.properties, run.signal);
}

/**
 * Deletes a resource of the stack, as its policy has it.
 *
 * @param keeps the policies that leave the resource in place: a creation that is rolled back keeps less than a deletion.
 * @returns whether the resource is out of the stack's hands.
 */
export async function remove(run: Run, record: ResourceRecord, keeps: readonly string[]): Promise<boolean> {
  if (keeps.includes(record.deletionPolicy)) {
    putResource(run, { ...record, status: 'DELETE_SKIPPED' });
    return true;
  }
  try {
    if (record.physicalId !== undefined) putResource(run, { ...record, status: 'DELETE_IN_PROGRESS' });
    await carryOutDeletion(
      run,
      record,
      keeps.includes('RetainExceptOnCreate') ? record.deletionPolicy : 'Delete',
    );
    putResource(run, { ...record, status: 'DELETE_COMPLETE' });
    return true;
  } catch (error) {
    if (!run.isStopping()) putResource(run, { ...record, status: 'DELETE_FAILED' }, reasonOf(error));
    return false;
  }
}

/**
 * Deletes what an update left over: a resource that was replaced, that left the template, or that a rollback has no
 * use for. A failure is an event and nothing more: the stack has moved on.
 */
export async function removeLeftover(run: Run, progress: ProgressRecord, policy: string): Promise<boolean> {
  const leftover = progress.leftover as ResourceRecord;
  const event = (status: string, reason?: string) =>
    recordEvent(run.cloud, requireStack(run.cloud, run.stackId), {
      logicalId: leftover.logicalId,
      physicalId: leftover.physicalId ?? '',
      type: leftover.type,
      status,
      reason,
    });
  if (policy === 'Retain' || policy === 'RetainExceptOnCreate') {
    event('DELETE_SKIPPED');
  } else {
    event('DELETE_IN_PROGRESS');
    try {
      await carryOutDeletion(run, leftover, policy);
      event('DELETE_COMPLETE');
    } catch (error) {
      if (run.isStopping()) return false;
      event('DELETE_FAILED', reasonOf(error));
    }
  }
  run.cloud.state.transaction(() => {
    putProgress(run, { ...progress, leftover: undefined });
    const current = tables(run.cloud.state).resources.get(`${stackKey(run.stackId)}/${leftover.logicalId}`);
    if (current && current.physicalId === leftover.physicalId) {
      tables(run.cloud.state).resources.delete(`${stackKey(run.stackId)}/${leftover.logicalId}`);
    }
  });
  return true;
}

/** Gives a resource back what it was before the update. @returns whether it has it. */
export async function restore(run: Run, progress: ProgressRecord, current: ResourceRecord): Promise<boolean> {
  const { before, action, logicalId } = progress;
  if (!before) {
    // Made by this update: it goes in the cleanup.
    putProgress(run, { ...progress, restored: true, leftover: current });
    return true;
  }
  if (action === 'replace') {
    const made = progress.done ? current : progress.leftover;
    run.cloud.state.transaction(() => {
      putProgress(run, { ...progress, restored: true, leftover: made });
      putResource(run, { ...before, status: 'UPDATE_COMPLETE' });
    });
    return true;
  }
  try {
    putResource(run, { ...current, status: 'UPDATE_IN_PROGRESS' });
    const context = contextOf(run, logicalId, before.stackTags);
    const resolve = async (properties: unknown) =>
      (await resolveDynamicReferences(properties, context)) as Record<string, unknown>;
    const subject = { stackName: context.stackName, logicalId, properties: before.properties };
    await run.engine.faults.onResource(
      { type: before.type, action: 'update', during: 'rollback', subject },
      run.signal,
    );
    if (before.physicalId === undefined)
      throw new AwsError('ValidationError', `${logicalId} had no physical id.`);
    const outcome = await handlerOf(run, before.type).update(
      before.physicalId,
      await resolve(before.properties),
      await resolve(progress.properties),
      context,
    );
    await run.engine.latency.wait(before.type, 'update', before.properties, run.signal);
    run.cloud.state.transaction(() => {
      putProgress(run, { ...progress, restored: true });
      putResource(run, { ...before, ...outcome, status: 'UPDATE_COMPLETE' });
    });
    return true;
  } catch (error) {
    if (!run.isStopping()) putResource(run, { ...current, status: 'UPDATE_FAILED' }, reasonOf(error));
    return false;
  }
}
