import { randomUUID } from 'node:crypto';
import type { Faults } from '../faults.ts';
import type { Latency } from '../latency.ts';
import {
  AwsError,
  type Cloud,
  type ResourceContext,
  type ResourceHandler,
  type ResourceOutcome,
} from '../model.ts';
import { resolveDynamicReferences } from './dynamic-references.ts';
import { recordEvent } from './events.ts';
import { reasonOf } from './failures.ts';
import { evaluate, type Scope } from './intrinsics.ts';
import {
  changeStack,
  type OperationRecord,
  type ProgressRecord,
  type ResourceRecord,
  requireStack,
  resourceOf,
  type StackRecord,
  stackKey,
  tables,
} from './records.ts';
import type { BoundTemplate } from './scope.ts';
import { conform, isSame, recreationOf, resourceIdentifier, stronger, tagProperty } from './specification.ts';
import { checkStackPolicy } from './stack-policy.ts';
import { deletionPolicyOf, type ResourceDefinition } from './template.ts';

/** What people add to the work: failures and time. */
export interface Disturbances {
  readonly faults: Faults;
  readonly latency: Latency;
}

/** What every step on a resource needs. */
export interface Engine extends Disturbances {
  readonly handlers: ReadonlyMap<string, ResourceHandler>;
}

/** One operation of one stack, as it runs in this process. */
export interface Run {
  readonly engine: Engine;
  readonly cloud: Cloud;
  readonly stackId: string;
  readonly operationId: string;
  /** Aborted by the first failure, by CancelUpdateStack and by the end of the sandbox. */
  readonly signal: AbortSignal;
  cancel(): void;
  /** The sandbox is stopping: what is under way is neither done nor failed, and goes on at the next start. */
  isStopping(): boolean;
}

export function handlerOf(run: Run, type: string): ResourceHandler {
  const handler = run.engine.handlers.get(type);
  if (!handler)
    throw new AwsError('ValidationError', `The sandbox does not emulate the resource type ${type}.`);
  return handler;
}

export function contextOf(
  run: Pick<Run, 'cloud' | 'stackId' | 'operationId' | 'signal'>,
  logicalId: string,
  tags: Readonly<Record<string, string>>,
  initiated: (physicalId: string) => void = () => undefined,
): ResourceContext {
  const { cloud } = run;
  const stack = requireStack(cloud, run.stackId);
  return {
    cloud,
    accountId: stack.accountId,
    region: stack.region,
    principalArn: stack.roleArn ?? stack.principalArn,
    requestId: randomUUID(),
    stackId: stack.stackId,
    stackName: stack.name,
    logicalId,
    stackTags: {
      ...tags,
      'aws:cloudformation:stack-name': stack.name,
      'aws:cloudformation:stack-id': stack.stackId,
      'aws:cloudformation:logical-id': logicalId,
    },
    token: `${stackKey(stack.stackId)}/${logicalId}/${run.operationId}`,
    signal: run.signal,
    initiated,
  };
}

/** The resource exists, though it may not be stable: a rollback must delete it from now on. */
function noteInitiated(
  run: Run,
  logicalId: string,
  action: ProgressRecord['action'],
  physicalId: string,
): void {
  const record = resourceOf(run.cloud, run.stackId, logicalId);
  const progress = getProgress(run, logicalId);
  if (!record || !progress) throw new Error(`${logicalId} was initiated before its creation began.`);
  if (action === 'create') {
    if (record.physicalId !== physicalId)
      putResource(run, { ...record, physicalId }, 'Resource creation Initiated');
  } else {
    putProgress(run, { ...progress, leftover: { ...record, physicalId, properties: progress.properties } });
  }
}

/** Records a resource and the event of what became of it, as one. */
export function putResource(run: Run, record: ResourceRecord, reason?: string): void {
  const { cloud, stackId } = run;
  cloud.state.transaction(() => {
    const written = { ...record, statusReason: reason, timestamp: cloud.now() };
    tables(cloud.state).resources.put(`${stackKey(stackId)}/${record.logicalId}`, written);
    recordEvent(cloud, requireStack(cloud, stackId), {
      logicalId: record.logicalId,
      physicalId: record.physicalId ?? '',
      type: record.type,
      status: record.status,
      reason,
      properties: JSON.stringify(record.properties),
    });
  });
}

export function putProgress(run: Run, progress: ProgressRecord): void {
  tables(run.cloud.state).progress.put(`${stackKey(run.stackId)}/${progress.logicalId}`, progress);
}

const getProgress = (run: Run, logicalId: string): ProgressRecord | undefined =>
  tables(run.cloud.state).progress.get(`${stackKey(run.stackId)}/${logicalId}`);

/** Values as the resources of the stack return them now. */
export function liveScope(run: Run, bound: BoundTemplate): Scope {
  const record = (logicalId: string): ResourceRecord => {
    const found = resourceOf(run.cloud, run.stackId, logicalId);
    if (found?.physicalId === undefined) {
      throw new AwsError(
        'ValidationError',
        `Unresolved resource dependencies [${logicalId}] in the Resources block of the template`,
      );
    }
    return found;
  };
  return bound.scope({
    reference: (logicalId) => record(logicalId).physicalId,
    attribute(logicalId, attribute) {
      const { attributes, type } = record(logicalId);
      if (!Object.hasOwn(attributes, attribute)) {
        throw new AwsError(
          'ValidationError',
          `The sandbox's ${type} does not return the attribute ${attribute} (resource ${logicalId}).`,
        );
      }
      return attributes[attribute];
    },
  });
}

/**
 * Creates or updates one resource, as its definition now asks.
 *
 * @returns whether it is done; a failure is recorded, and ends the operation's other work.
 */
export async function deploy(run: Run, bound: BoundTemplate, logicalId: string): Promise<boolean> {
  const known = getProgress(run, logicalId);
  if (known?.done) return true;
  const definition = bound.template.Resources[logicalId] as ResourceDefinition;
  const stack = requireStack(run.cloud, run.stackId);
  const operation = stack.operation as OperationRecord;
  const before = known ? known.before : resourceOf(run.cloud, run.stackId, logicalId);
  let action: ProgressRecord['action'] = before ? 'update' : 'create';
  let begun = emptyRecord(run, definition, logicalId, before, bound);
  try {
    const checked = conform(
      definition.Type,
      evaluate(definition.Properties ?? {}, liveScope(run, bound)) as Record<string, unknown>,
    );
    if (checked.problems.length > 0) throw validationFailure(logicalId, checked.problems);
    const { properties } = checked;
    const tags = operation.target?.tags ?? {};
    action = known?.action ?? actionOf(handlerOf(run, definition.Type), before, properties, tags);
    begun = { ...begun, properties: action === 'create' ? properties : begun.properties };
    putProgress(run, { logicalId, action, properties, before, done: action === 'none' });
    if (action === 'none') {
      noteAttributes(run, begun);
      return true;
    }
    if (before) checkUpdate(operation, stack, before, action, properties);
    begin(run, begun, action, known === undefined);
    const outcome = await carryOut(run, stack, tags, action, properties, begun);
    return finish(run, { ...begun, ...outcome, properties, stackTags: tags }, action);
  } catch (error) {
    if (run.isStopping()) return false;
    fail(run, begun, action, error);
    return false;
  }
}

function emptyRecord(
  run: Run,
  definition: ResourceDefinition,
  logicalId: string,
  before: ResourceRecord | undefined,
  bound: BoundTemplate,
): ResourceRecord {
  const current = resourceOf(run.cloud, run.stackId, logicalId);
  return {
    logicalId,
    type: definition.Type,
    physicalId: current?.physicalId ?? before?.physicalId,
    attributes: before?.attributes ?? {},
    properties: before?.properties ?? {},
    stackTags: before?.stackTags ?? {},
    deletionPolicy: deletionPolicyOf(definition),
    updateReplacePolicy: definition.UpdateReplacePolicy ?? 'Delete',
    dependsOn: bound.dependencies.has(logicalId) ? [...(bound.dependencies.get(logicalId) ?? [])] : [],
    status: before?.status ?? 'CREATE_IN_PROGRESS',
    timestamp: run.cloud.now(),
  };
}

/** What CloudFormation's registry says of properties that do not fit a type's schema. */
export const validationFailure = (logicalId: string, problems: readonly string[]): AwsError =>
  new AwsError(
    'ValidationError',
    `Properties validation failed for resource ${logicalId} with message:\n${problems.join('\n')}`,
  );

/**
 * A property that replaces `Always` replaces here; of one that does so `Conditionally` the resource's handler knows
 * whether this change is one that needs a new resource.
 */
function actionOf(
  { type, replaces }: ResourceHandler,
  before: ResourceRecord | undefined,
  properties: Readonly<Record<string, unknown>>,
  tags: Readonly<Record<string, string>>,
): ProgressRecord['action'] {
  if (!before) return 'create';
  const names = new Set([...Object.keys(before.properties), ...Object.keys(properties)]);
  const changed = [...names].filter((name) => !isSame(before.properties[name], properties[name]));
  const recreation = changed
    .map((name) => recreationOf(type, name, before.properties[name], properties[name]))
    .reduce(stronger, 'Never');
  if (recreation === 'Always') return 'replace';
  if (recreation === 'Conditionally' && replaces?.(properties, before.properties) === true) return 'replace';
  const tagsChange = tagProperty(type) !== undefined && !isSame(before.stackTags, tags);
  return changed.length > 0 || tagsChange ? 'update' : 'none';
}

function checkUpdate(
  operation: OperationRecord,
  stack: StackRecord,
  before: ResourceRecord,
  action: ProgressRecord['action'],
  properties: Readonly<Record<string, unknown>>,
): void {
  const policy = operation.stackPolicy ?? stack.stackPolicy;
  checkStackPolicy(
    policy,
    action === 'replace' ? 'Update:Replace' : 'Update:Modify',
    before.logicalId,
    before.type,
  );
  const name = resourceIdentifier(before.type);
  const isNamed =
    name !== undefined && properties[name] !== undefined && properties[name] === before.properties[name];
  if (action === 'replace' && isNamed) {
    throw new AwsError(
      'ValidationError',
      `CloudFormation cannot update a stack when a custom-named resource requires replacing. Rename ${String(properties[name])} and update the stack again.`,
    );
  }
}

/** Only attributes of the template changed (policies, dependencies): they are noted, and nothing happens. */
function noteAttributes(run: Run, record: ResourceRecord): void {
  tables(run.cloud.state).resources.put(`${stackKey(run.stackId)}/${record.logicalId}`, record);
}

function begin(
  run: Run,
  record: ResourceRecord,
  action: ProgressRecord['action'],
  isFirstAttempt: boolean,
): void {
  if (!isFirstAttempt) return;
  const status = action === 'create' ? 'CREATE_IN_PROGRESS' : 'UPDATE_IN_PROGRESS';
  const replacing = 'Requested update requires the creation of a new physical resource; hence creating one.';
  putResource(run, { ...record, status }, action === 'replace' ? replacing : undefined);
}

async function carryOut(
  run: Run,
  stack: StackRecord,
  tags: Readonly<Record<string, string>>,
  action: ProgressRecord['action'],
  properties: Readonly<Record<string, unknown>>,
  record: ResourceRecord,
): Promise<ResourceOutcome> {
  const { logicalId, type } = record;
  const handler = handlerOf(run, type);
  const context = contextOf(run, logicalId, tags, (physicalId) =>
    noteInitiated(run, logicalId, action, physicalId),
  );
  const subject = { stackName: stack.name, logicalId, properties };
  await run.engine.faults.onResource(
    { type, action: action === 'update' ? 'update' : 'create', during: 'work', subject },
    run.signal,
  );
  run.signal.throwIfAborted();
  const resolved = (await resolveDynamicReferences(properties, context)) as Record<string, unknown>;
  const { latency } = run.engine;
  if (action !== 'update') {
    const made = await handler.create(resolved, context);
    if (latency.isOn()) noteInitiated(run, logicalId, action, made.physicalId);
    await latency.wait(type, 'create', properties, run.signal);
    return made;
  }
  const previous = (await resolveDynamicReferences(record.properties, context)) as Record<string, unknown>;
  const changed = await handler.update(record.physicalId ?? '', resolved, previous, context);
  await latency.wait(type, 'update', properties, run.signal);
  return changed;
}

const recordedReason = 'Recorded without behaviour by the sandbox';

/** A resource that became ready after another one had failed counts as cancelled, and is rolled back like it. */
function finish(run: Run, record: ResourceRecord, action: ProgressRecord['action']): boolean {
  const isCreation = action === 'create';
  const progress = getProgress(run, record.logicalId) as ProgressRecord;
  if (run.signal.aborted) {
    if (run.isStopping()) {
      // It is made; the next start finds it done.
      putProgress(run, { ...progress, done: true });
      putResource(run, { ...record, status: isCreation ? 'CREATE_COMPLETE' : 'UPDATE_COMPLETE' });
      return false;
    }
    putProgress(run, { ...progress, done: true });
    putResource(
      run,
      { ...record, status: isCreation ? 'CREATE_FAILED' : 'UPDATE_FAILED' },
      cancelledReason(action),
    );
    return false;
  }
  run.cloud.state.transaction(() => {
    putProgress(run, { ...progress, done: true });
    const reason = handlerOf(run, record.type).fidelity === 'recorded' ? recordedReason : undefined;
    putResource(run, { ...record, status: isCreation ? 'CREATE_COMPLETE' : 'UPDATE_COMPLETE' }, reason);
  });
  return true;
}

const cancelledReason = (action: ProgressRecord['action']) =>
  action === 'create' ? 'Resource creation cancelled' : 'Resource update cancelled';

function fail(run: Run, record: ResourceRecord, action: ProgressRecord['action'], error: unknown): void {
  const { cloud, stackId } = run;
  const latest = resourceOf(cloud, stackId, record.logicalId);
  const isFirst = !run.signal.aborted;
  const status = action === 'create' ? 'CREATE_FAILED' : 'UPDATE_FAILED';
  cloud.state.transaction(() => {
    if (!getProgress(run, record.logicalId)) {
      // It failed before anything was asked of its service: a rollback finds nothing to undo.
      const before = latest;
      putProgress(run, {
        logicalId: record.logicalId,
        action,
        properties: before?.properties ?? {},
        before,
        done: false,
      });
    }
    const failed = { ...record, physicalId: latest?.physicalId ?? record.physicalId, status };
    putResource(run, failed, isFirst ? reasonOf(error) : cancelledReason(action));
    const { operation } = requireStack(cloud, stackId);
    if (operation && isFirst) {
      changeStack(cloud, stackId, {
        operation: { ...operation, failed: [...operation.failed, record.logicalId] },
      });
    }
  });
  run.cancel();
}
