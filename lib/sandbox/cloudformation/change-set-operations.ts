import { randomUUID } from 'node:crypto';
import type * as sdk from '@aws-sdk/client-cloudformation';
import { AwsError, type Call } from '../model.ts';
import { pageOf } from '../paging.ts';
import { requireRoom } from '../quotas.ts';
import { planChanges } from './changes.ts';
import { validationFailure } from './deployment.ts';
import { enterStatus } from './events.ts';
import { type ChangeSetRecord, type PlannedChange, type StackRecord, stackKey, tables } from './records.ts';
import {
  type Api,
  addStack,
  beginOperation,
  changeSetKey,
  checkName,
  contentOf,
  findChangeSet,
  findStack,
  hasNoChanges,
  inBrackets,
  invalid,
  newStack,
  once,
  refuseUnsupported,
  requireRole,
  requireStackOf,
  requireUpdatable,
} from './requests.ts';
import { describeParameters, describeTags } from './stack-reads.ts';

/** What CloudFormation says of a change set that would do nothing; deployment tools look for these very words. */
const noChanges =
  "The submitted information didn't contain changes. Submit different information to create a change set.";
const pageSize = 100;

const notFound = (name: string | undefined) =>
  new AwsError('ChangeSetNotFoundException', `ChangeSet [${name}] does not exist`, 404);

function requireChangeSet(
  call: Call,
  input: { ChangeSetName?: string | undefined; StackName?: string | undefined },
): ChangeSetRecord {
  const name = input.ChangeSetName ?? '';
  if (!name.startsWith('arn:')) {
    if (input.StackName === undefined)
      throw invalid('StackName must be specified if ChangeSetName is not specified as an ARN.');
    requireStackOf(call, input.StackName, inBrackets);
  }
  const found = findChangeSet(call, name, input.StackName);
  if (!found) throw notFound(name);
  return found;
}

export const changeSetOperations = (api: Api) => ({
  CreateChangeSet(input: sdk.CreateChangeSetInput, call: Call): sdk.CreateChangeSetOutput {
    refuseUnsupported(input, [
      'NotificationARNs',
      'ResourceTypes',
      'ResourcesToImport',
      'ImportExistingResources',
    ]);
    refuseUnsupported(input.RollbackConfiguration ?? {}, ['RollbackTriggers', 'MonitoringTimeInMinutes']);
    const { ChangeSetName: name = '', StackName: stackName = '', ClientToken: token } = input;
    checkName(name, 'changeSetName');
    const use = `CreateChangeSet ${JSON.stringify(input)}`;
    const changeSetId = once(call, token && `change-set/${token}`, use, () =>
      createChangeSet(api, call, input, name, stackName),
    );
    const created = requireChangeSet(call, { ChangeSetName: changeSetId });
    return { Id: created.changeSetId, StackId: created.stackId };
  },

  DescribeChangeSet(input: sdk.DescribeChangeSetInput, call: Call): sdk.DescribeChangeSetOutput {
    const record = requireChangeSet(call, input);
    const page = pageOf(record.changes, {
      keyOf: ({ logicalId }) => logicalId,
      marker: input.NextToken,
      limit: pageSize,
      invalidMarkerCode: 'ValidationError',
    });
    return {
      ...summaryOf(call, record),
      Capabilities: record.capabilities as sdk.Capability[],
      Parameters: describeParameters(record.content),
      Tags: describeTags(record.content.tags),
      NotificationARNs: [],
      RollbackConfiguration: {},
      ...(record.onStackFailure && { OnStackFailure: record.onStackFailure }),
      Changes: page.items.map((change) => describeChange(change, input.IncludePropertyValues ?? false)),
      NextToken: page.next,
    };
  },

  ListChangeSets(input: sdk.ListChangeSetsInput, call: Call): sdk.ListChangeSetsOutput {
    const stack = requireStackOf(call, input.StackName, inBrackets);
    const page = pageOf(tables(call.cloud.state).changeSets.list(`${stackKey(stack.stackId)}/`), {
      keyOf: (changeSet) => changeSet.name,
      marker: input.NextToken,
      limit: pageSize,
      invalidMarkerCode: 'ValidationError',
    });
    return { Summaries: page.items.map((record) => summaryOf(call, record)), NextToken: page.next };
  },

  DeleteChangeSet(input: sdk.DeleteChangeSetInput, call: Call): sdk.DeleteChangeSetOutput {
    const record = requireChangeSet(call, input);
    if (executionStatusOf(call, record) === 'EXECUTE_IN_PROGRESS') {
      throw invalidStatus(
        `ChangeSet [${record.changeSetId}] cannot be deleted in its current status of [EXECUTE_IN_PROGRESS]`,
      );
    }
    tables(call.cloud.state).changeSets.delete(changeSetKey(record, record.name));
    return {};
  },

  ExecuteChangeSet(input: sdk.ExecuteChangeSetInput, call: Call): sdk.ExecuteChangeSetOutput {
    refuseUnsupported(input, ['RetainExceptOnCreate']);
    const { changeSetId } = requireChangeSet(call, input);
    once(call, input.ClientRequestToken, `ExecuteChangeSet ${changeSetId}`, () => {
      executeChangeSet(api, call, input, requireChangeSet(call, input));
      return changeSetId;
    });
    return {};
  },
});

const invalidStatus = (message: string) => new AwsError('InvalidChangeSetStatus', message);

function createChangeSet(
  api: Api,
  call: Call,
  input: sdk.CreateChangeSetInput,
  name: string,
  stackName: string,
): string {
  const type = input.ChangeSetType ?? 'UPDATE';
  if (type !== 'CREATE' && type !== 'UPDATE')
    throw invalid(`The sandbox does not support the change set type ${type}.`);
  const existing = findStack(call, stackName);
  const stack =
    type === 'CREATE'
      ? stackToCreate(call, existing, stackName, name)
      : stackToUpdate(call, existing, stackName);
  if (tables(call.cloud.state).changeSets.get(changeSetKey(stack, name))) {
    throw new AwsError('AlreadyExistsException', `ChangeSet ${name} already exists`);
  }
  requireRole(call, input.RoleARN);
  const content = contentOf(api, input, type === 'UPDATE' ? stack : undefined);
  const plan = planChanges(call.cloud, stack, content, type === 'CREATE');
  const [problem] = plan.problems;
  const statusReason = problem
    ? validationFailure(problem.logicalId, problem.problems).message
    : hasNoChanges(plan)
      ? noChanges
      : undefined;
  const record: ChangeSetRecord = {
    changeSetId: `arn:aws:cloudformation:${call.region}:${call.accountId}:changeSet/${name}/${randomUUID()}`,
    name,
    stackId: stack.stackId,
    stackName: stack.name,
    type,
    description: input.Description,
    creationTime: call.cloud.now(),
    status: statusReason === undefined ? 'CREATE_COMPLETE' : 'FAILED',
    statusReason,
    executionStatus: statusReason === undefined ? 'AVAILABLE' : 'UNAVAILABLE',
    content,
    capabilities: input.Capabilities ?? [],
    roleArn: input.RoleARN,
    onStackFailure: input.OnStackFailure,
    changes: plan.changes,
  };
  call.cloud.state.transaction(() => {
    if (!existing && type === 'CREATE') {
      addStack(call, stack);
      enterStatus(call.cloud, stack.stackId, 'REVIEW_IN_PROGRESS', 'User Initiated');
    }
    tables(call.cloud.state).changeSets.put(changeSetKey(stack, name), record);
  });
  return record.changeSetId;
}

function stackToCreate(
  call: Call,
  existing: StackRecord | undefined,
  stackName: string,
  name: string,
): StackRecord {
  if (!existing) {
    checkName(stackName, 'stackName');
    requireRoom(call, 'stacks');
    return newStack(call, stackName);
  }
  if (existing.status !== 'REVIEW_IN_PROGRESS') {
    throw invalid(
      `Stack [${existing.name}] already exists and cannot be created again with the changeSet [${name}].`,
    );
  }
  return existing;
}

function stackToUpdate(call: Call, existing: StackRecord | undefined, stackName: string): StackRecord {
  const stack = existing ?? requireStackOf(call, stackName, inBrackets);
  requireUpdatable(stack);
  return stack;
}

function executeChangeSet(
  api: Api,
  call: Call,
  input: sdk.ExecuteChangeSetInput,
  record: ChangeSetRecord,
): void {
  const executionStatus = executionStatusOf(call, record);
  if (executionStatus !== 'AVAILABLE') {
    const status = record.status === 'FAILED' ? 'FAILED' : executionStatus;
    throw invalidStatus(
      `ChangeSet [${record.changeSetId}] cannot be executed in its current status of [${status}]`,
    );
  }
  const stack = requireStackOf(call, record.stackId, inBrackets);
  if (record.type === 'UPDATE') requireUpdatable(stack);
  const { changeSets } = tables(call.cloud.state);
  call.cloud.state.transaction(() => {
    for (const [key, other] of changeSets.entries(`${stackKey(record.stackId)}/`)) {
      const isThis = other.changeSetId === record.changeSetId;
      if (isThis || other.executionStatus === 'AVAILABLE') {
        changeSets.put(key, { ...other, executionStatus: isThis ? 'EXECUTE_IN_PROGRESS' : 'OBSOLETE' });
      }
    }
    const { content, capabilities, roleArn, changeSetId } = record;
    const previous = { templateBody: stack.templateBody, parameters: stack.parameters, tags: stack.tags };
    const common = {
      clientRequestToken: input.ClientRequestToken,
      target: content,
      onFailure: record.onStackFailure ?? (input.DisableRollback ? 'DO_NOTHING' : 'ROLLBACK'),
    };
    const change = { capabilities, roleArn: roleArn ?? stack.roleArn, changeSetId };
    if (record.type === 'CREATE') {
      beginOperation(
        api,
        call,
        stack,
        { kind: 'create', ...common },
        { ...change, ...content, disableRollback: input.DisableRollback ?? false },
      );
    } else {
      const onFailure = common.onFailure === 'DELETE' ? 'ROLLBACK' : common.onFailure;
      beginOperation(
        api,
        call,
        stack,
        { kind: 'update', ...common, onFailure, previous },
        { ...change, lastUpdatedTime: call.cloud.now() },
      );
    }
  });
}

/** A change set being executed has ended with its stack's operation. */
function executionStatusOf(call: Call, record: ChangeSetRecord): ChangeSetRecord['executionStatus'] {
  if (record.executionStatus !== 'EXECUTE_IN_PROGRESS') return record.executionStatus;
  const stack = findStack(call, record.stackId);
  if (!stack || stack.changeSetId !== record.changeSetId) return 'EXECUTE_COMPLETE';
  if (stack.operation && !stack.operation.halted) return 'EXECUTE_IN_PROGRESS';
  return /^(CREATE|UPDATE)_COMPLETE$/.test(stack.status) ? 'EXECUTE_COMPLETE' : 'EXECUTE_FAILED';
}

function summaryOf(call: Call, record: ChangeSetRecord) {
  return {
    ChangeSetId: record.changeSetId,
    ChangeSetName: record.name,
    StackId: record.stackId,
    StackName: record.stackName,
    CreationTime: record.creationTime,
    Description: record.description,
    Status: record.status,
    StatusReason: record.statusReason,
    ExecutionStatus: executionStatusOf(call, record),
    IncludeNestedStacks: false,
    ImportExistingResources: false,
  };
}

/** Values are large, and shown only when asked for. */
function describeChange(change: PlannedChange, withValues: boolean): sdk.Change {
  return {
    Type: 'Resource',
    ResourceChange: {
      Action: change.action,
      LogicalResourceId: change.logicalId,
      PhysicalResourceId: change.physicalId,
      ResourceType: change.type,
      Replacement: change.replacement,
      PolicyAction: change.policyAction,
      Scope: [...change.scope],
      ...(withValues && { BeforeContext: change.beforeContext, AfterContext: change.afterContext }),
      Details: change.details.map((detail) => ({
        Target: {
          Attribute: detail.attribute,
          Name: detail.name,
          RequiresRecreation: detail.requiresRecreation,
          ...(withValues && {
            Path: detail.path,
            BeforeValue: detail.before,
            AfterValue: detail.after,
            AttributeChangeType: detail.changeType,
          }),
        },
        Evaluation: detail.evaluation,
        ChangeSource: detail.source,
        CausingEntity: detail.causingEntity,
      })),
    },
  };
}
