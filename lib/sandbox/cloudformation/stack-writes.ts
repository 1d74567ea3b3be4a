import type * as sdk from '@aws-sdk/client-cloudformation';
import { AwsError, type Call } from '../model.ts';
import { requireRoom } from '../quotas.ts';
import { enterStatus } from './events.ts';
import { changeStack, type OperationRecord, resourcesOf, type StackRecord } from './records.ts';
import {
  type Api,
  addStack,
  beginOperation,
  checkName,
  contentOf,
  findStack,
  hasNoChanges,
  inBrackets,
  invalid,
  newStack,
  once,
  planOrRefuse,
  refuseUnsupported,
  requireRole,
  requireStackOf,
  requireUpdatable,
  withId,
} from './requests.ts';
import { parseStackPolicy } from './stack-policy.ts';

const unsupported = [
  'NotificationARNs',
  'ResourceTypes',
  'StackPolicyURL',
  'StackPolicyDuringUpdateURL',
  'TimeoutInMinutes',
  'RetainExceptOnCreate',
];

export const stackWrites = (api: Api) => ({
  CreateStack(input: sdk.CreateStackInput, call: Call): sdk.CreateStackOutput {
    refuseUnsupported(input, unsupported);
    refuseUnsupported(input.RollbackConfiguration ?? {}, ['RollbackTriggers', 'MonitoringTimeInMinutes']);
    const name = input.StackName ?? '';
    checkName(name, 'stackName');
    const use = `CreateStack ${JSON.stringify(input)}`;
    return { StackId: once(call, input.ClientRequestToken, use, () => createStack(api, call, input, name)) };
  },

  UpdateStack(input: sdk.UpdateStackInput, call: Call): sdk.UpdateStackOutput {
    refuseUnsupported(input, unsupported);
    refuseUnsupported(input.RollbackConfiguration ?? {}, ['RollbackTriggers', 'MonitoringTimeInMinutes']);
    const use = `UpdateStack ${JSON.stringify(input)}`;
    return { StackId: once(call, input.ClientRequestToken, use, () => updateStack(api, call, input)) };
  },

  DeleteStack(input: sdk.DeleteStackInput, call: Call): void {
    const stack = findStack(call, input.StackName);
    if (!stack || stack.status === 'DELETE_COMPLETE') return; // As on AWS, what is not there is deleted.
    once(call, input.ClientRequestToken, `DeleteStack ${stack.stackId} ${JSON.stringify(input)}`, () => {
      deleteStack(api, call, input, stack);
      return stack.stackId;
    });
  },

  CancelUpdateStack(input: sdk.CancelUpdateStackInput, call: Call): void {
    const stack = requireStackOf(call, input.StackName, inBrackets);
    const { operation } = stack;
    if (stack.status !== 'UPDATE_IN_PROGRESS' || !operation) {
      throw invalid(`CancelUpdateStack cannot be called from current stack status`);
    }
    changeStack(call.cloud, stack.stackId, { operation: { ...operation, cancelled: true } });
    api.runner.interrupt(stack.stackId);
  },

  ContinueUpdateRollback(
    input: sdk.ContinueUpdateRollbackInput,
    call: Call,
  ): sdk.ContinueUpdateRollbackOutput {
    const stack = requireStackOf(call, input.StackName, withId);
    const skip = input.ResourcesToSkip ?? [];
    once(call, input.ClientRequestToken, `ContinueUpdateRollback ${stack.stackId} ${skip.join()}`, () => {
      continueRollback(api, call, stack, input);
      return stack.stackId;
    });
    return {};
  },

  RollbackStack(input: sdk.RollbackStackInput, call: Call): sdk.RollbackStackOutput {
    refuseUnsupported(input, ['RetainExceptOnCreate']);
    const stack = requireStackOf(call, input.StackName, withId);
    requireRole(call, input.RoleARN);
    once(call, input.ClientRequestToken, `RollbackStack ${stack.stackId}`, () => {
      rollBack(api, call, stack, input);
      return stack.stackId;
    });
    return { StackId: stack.stackId };
  },

  UpdateTerminationProtection(
    input: sdk.UpdateTerminationProtectionInput,
    call: Call,
  ): sdk.UpdateTerminationProtectionOutput {
    const { stackId } = requireStackOf(call, input.StackName, withId);
    changeStack(call.cloud, stackId, { terminationProtection: input.EnableTerminationProtection ?? false });
    return { StackId: stackId };
  },

  SetStackPolicy(input: sdk.SetStackPolicyInput, call: Call): void {
    refuseUnsupported(input, ['StackPolicyURL']);
    if (input.StackPolicyBody === undefined)
      throw invalid('You must specify either the StackPolicyBody or the StackPolicyURL.');
    const { stackId } = requireStackOf(call, input.StackName, inBrackets);
    parseStackPolicy(input.StackPolicyBody);
    changeStack(call.cloud, stackId, { stackPolicy: input.StackPolicyBody });
  },

  GetStackPolicy(input: sdk.GetStackPolicyInput, call: Call): sdk.GetStackPolicyOutput {
    return { StackPolicyBody: requireStackOf(call, input.StackName, inBrackets).stackPolicy };
  },
});

function createStack(api: Api, call: Call, input: sdk.CreateStackInput, name: string): string {
  const existing = findStack(call, name);
  if (existing) throw new AwsError('AlreadyExistsException', `Stack [${name}] already exists`);
  if (input.OnFailure !== undefined && input.DisableRollback !== undefined) {
    throw invalid('You can specify either DisableRollback or OnFailure, but not both.');
  }
  if (input.StackPolicyBody !== undefined) parseStackPolicy(input.StackPolicyBody);
  requireRole(call, input.RoleARN);
  const content = contentOf(api, input, undefined);
  const stack: StackRecord = {
    ...newStack(call, name),
    ...content,
    capabilities: input.Capabilities ?? [],
    roleArn: input.RoleARN,
    disableRollback: input.DisableRollback ?? false,
    terminationProtection: input.EnableTerminationProtection ?? false,
    stackPolicy: input.StackPolicyBody,
  };
  planOrRefuse(call, stack, content, true);
  requireRoom(call, 'stacks');
  addStack(call, stack);
  beginOperation(api, call, stack, {
    kind: 'create',
    clientRequestToken: input.ClientRequestToken,
    target: content,
    onFailure: input.OnFailure ?? (input.DisableRollback ? 'DO_NOTHING' : 'ROLLBACK'),
  });
  return stack.stackId;
}

function updateStack(api: Api, call: Call, input: sdk.UpdateStackInput): string {
  const stack = requireStackOf(call, input.StackName, inBrackets);
  requireUpdatable(stack);
  for (const policy of [input.StackPolicyBody, input.StackPolicyDuringUpdateBody]) {
    if (policy !== undefined) parseStackPolicy(policy);
  }
  requireRole(call, input.RoleARN);
  const content = contentOf(api, input, stack);
  if (hasNoChanges(planOrRefuse(call, stack, content, false)))
    throw invalid('No updates are to be performed.');
  beginOperation(
    api,
    call,
    stack,
    {
      kind: 'update',
      clientRequestToken: input.ClientRequestToken,
      target: content,
      previous: { templateBody: stack.templateBody, parameters: stack.parameters, tags: stack.tags },
      onFailure: input.DisableRollback ? 'DO_NOTHING' : 'ROLLBACK',
      ...(input.StackPolicyDuringUpdateBody !== undefined && {
        stackPolicy: input.StackPolicyDuringUpdateBody,
      }),
    },
    {
      lastUpdatedTime: call.cloud.now(),
      capabilities: input.Capabilities ?? stack.capabilities,
      roleArn: input.RoleARN ?? stack.roleArn,
      ...(input.StackPolicyBody !== undefined && { stackPolicy: input.StackPolicyBody }),
    },
  );
  return stack.stackId;
}

function deleteStack(api: Api, call: Call, input: sdk.DeleteStackInput, stack: StackRecord): void {
  if (stack.terminationProtection) {
    throw invalid(`Stack [${stack.name}] cannot be deleted while TerminationProtection is enabled`);
  }
  if (stack.status === 'DELETE_IN_PROGRESS') return;
  if (stack.status.startsWith('UPDATE') && stack.operation && !stack.operation.halted) {
    throw invalid(`Stack [${stack.stackId}] cannot be deleted while in status ${stack.status}`);
  }
  const retain = input.RetainResources ?? [];
  if (retain.length > 0 && stack.status !== 'DELETE_FAILED') {
    throw invalid(
      `Invalid operation on stack [${stack.stackId}]. When you delete a stack, specify which resources to retain only when the stack is in the DELETE_FAILED state.`,
    );
  }
  const forced = input.DeletionMode === 'FORCE_DELETE_STACK';
  if (forced && stack.status !== 'DELETE_FAILED') {
    throw invalid(
      `Invalid operation on stack [${stack.stackId}]. Stacks can be force deleted only when they are in the DELETE_FAILED state.`,
    );
  }
  requireResources(call, stack, retain);
  requireRole(call, input.RoleARN);
  const isRunning = stack.operation !== undefined && !stack.operation.halted;
  beginOperation(api, call, stack, {
    kind: 'delete',
    clientRequestToken: input.ClientRequestToken,
    onFailure: 'DO_NOTHING',
    retain,
    forced,
  });
  // A creation under way gives way to its deletion.
  if (isRunning) api.runner.interrupt(stack.stackId);
}

function requireResources(call: Call, stack: StackRecord, logicalIds: readonly string[]): void {
  const known = new Set(resourcesOf(call.cloud, stack.stackId).map(({ logicalId }) => logicalId));
  const strange = logicalIds.filter((logicalId) => !known.has(logicalId));
  if (strange.length > 0)
    throw invalid(`The following resources do not exist in stack ${stack.name}: [${strange.join(', ')}]`);
}

function continueRollback(
  api: Api,
  call: Call,
  stack: StackRecord,
  { ResourcesToSkip: skip = [], ClientRequestToken }: sdk.ContinueUpdateRollbackInput,
): void {
  const { operation } = stack;
  if (stack.status !== 'UPDATE_ROLLBACK_FAILED' || !operation) {
    throw invalid(
      `Stack:${stack.stackId} is in ${stack.status} state and its rollback can not be continued.`,
    );
  }
  requireResources(call, stack, skip);
  const strange = skip.filter((logicalId) => !operation.notRestored?.includes(logicalId));
  if (strange.length > 0) {
    throw invalid(
      `The following resources are not in the UPDATE_FAILED state because of a failed rollback, and cannot be skipped: [${strange.join(', ')}]`,
    );
  }
  const continued: OperationRecord = {
    ...operation,
    // Each event of an operation carries the token of the call that it comes from.
    clientRequestToken: ClientRequestToken,
    halted: false,
    retain: skip,
  };
  enterStatus(call.cloud, stack.stackId, 'UPDATE_ROLLBACK_IN_PROGRESS', 'User Initiated', {
    operation: continued,
  });
  api.runner.start(call.cloud, stack.stackId);
}

/** "RollbackStack": back to the last stable state, from a failure that left everything as it was. */
function rollBack(api: Api, call: Call, stack: StackRecord, input: sdk.RollbackStackInput): void {
  const { operation } = stack;
  const isCreation = stack.status === 'CREATE_FAILED';
  if (!operation?.halted || !(isCreation || stack.status === 'UPDATE_FAILED')) {
    throw invalid(
      `Stack [${stack.name}] is in ${stack.status} state and can not be rolled back: RollbackStack takes CREATE_FAILED and UPDATE_FAILED.`,
    );
  }
  const { halted: _over, ...continued } = operation;
  const status = isCreation ? 'ROLLBACK_IN_PROGRESS' : 'UPDATE_ROLLBACK_IN_PROGRESS';
  enterStatus(call.cloud, stack.stackId, status, 'User Initiated', {
    roleArn: input.RoleARN ?? stack.roleArn,
    operation: {
      ...continued,
      phase: 'rollback',
      onFailure: 'ROLLBACK',
      clientRequestToken: input.ClientRequestToken,
    },
  });
  api.runner.start(call.cloud, stack.stackId);
}
