import {
  type Change,
  ContinueUpdateRollbackCommand,
  CreateChangeSetCommand,
  DeleteChangeSetCommand,
  DeleteStackCommand,
  DescribeChangeSetCommand,
  type DescribeChangeSetOutput,
  DescribeStackEventsCommand,
  DescribeStackResourcesCommand,
  DescribeStacksCommand,
  ExecuteChangeSetCommand,
  GetTemplateCommand,
  ListStacksCommand,
  SetStackPolicyCommand,
  type Stack,
  StackStatus,
  UpdateTerminationProtectionCommand,
} from '@aws-sdk/client-cloudformation';
import { isMissing } from '../domain/errors.ts';
import type { ResourceChange } from '../domain/resource-change.ts';
import type { ChangeSetView, StackDeployments, StackEvent, StackView } from '../ports/stack-deployments.ts';
import type { CloudFormationCall } from './budgeted-calls.ts';
import type { AwsClients } from './clients.ts';
import { deployRole } from './deploy-role.ts';
import { awsCodeOf } from './errors.ts';
import type { UnderWay } from './stack-watch.ts';

/** A stack that was only reviewed does nothing until somebody executes its change set. */
const underWayStatuses = Object.values(StackStatus).filter(
  (status) => status.endsWith('_IN_PROGRESS') && status !== StackStatus.REVIEW_IN_PROGRESS,
);

/** The port by CloudFormation. Every answer is what AWS says now; nothing is cached but the deploy role's name. */
export function stackDeployments(
  { cloudFormation, sts }: Pick<AwsClients, 'cloudFormation' | 'sts'>,
  call: CloudFormationCall,
  accountId: string,
): Omit<StackDeployments, 'glance'> & { readonly underWay: (signal: AbortSignal) => Promise<UnderWay> } {
  const deployRoleArn = deployRole(sts, accountId);
  return {
    underWay: async (signal) => {
      const statuses = new Map<string, string>();
      let pages = 0;
      let NextToken: string | undefined;
      do {
        const page = await call('ListStacks', signal, (options) =>
          cloudFormation.send(
            new ListStacksCommand({ StackStatusFilter: underWayStatuses, NextToken }),
            options,
          ),
        );
        for (const stack of page.StackSummaries ?? [])
          statuses.set(stack.StackId ?? '', stack.StackStatus ?? '');
        pages += 1;
        NextToken = page.NextToken;
      } while (NextToken !== undefined);
      return { statuses, pages };
    },
    describe: async (nameOrId, signal) => {
      try {
        const { Stacks = [] } = await call('DescribeStacks', signal, (options) =>
          cloudFormation.send(new DescribeStacksCommand({ StackName: nameOrId }), options),
        );
        const [stack] = Stacks;
        return stack === undefined ? undefined : stackView(stack);
      } catch (error) {
        if (isUnknownStack(error)) return undefined;
        throw error;
      }
    },
    template: async (nameOrId, signal) => {
      const { TemplateBody = '' } = await call('GetTemplate', signal, (options) =>
        cloudFormation.send(
          new GetTemplateCommand({ StackName: nameOrId, TemplateStage: 'Original' }),
          options,
        ),
      );
      return TemplateBody;
    },
    resources: async (nameOrId, signal) => {
      const { StackResources = [] } = await call('DescribeStackResources', signal, (options) =>
        cloudFormation.send(new DescribeStackResourcesCommand({ StackName: nameOrId }), options),
      );
      return StackResources.map((resource) => ({
        logicalId: resource.LogicalResourceId ?? '',
        physicalId: resource.PhysicalResourceId ?? null,
        type: resource.ResourceType ?? '',
        status: resource.ResourceStatus ?? '',
      }));
    },
    createChangeSet: async (request, signal) => {
      const input = {
        StackName: request.stackName,
        ChangeSetName: request.name,
        ChangeSetType: request.kind === 'create' ? ('CREATE' as const) : ('UPDATE' as const),
        TemplateBody: request.templateBody,
        Parameters: Object.entries(request.parameters).map(([ParameterKey, ParameterValue]) => ({
          ParameterKey,
          ParameterValue,
        })),
        Tags: Object.entries(request.tags).map(([Key, Value]) => ({ Key, Value })),
        // The silo's roles have generated names, so the weaker acknowledgement is enough.
        Capabilities: ['CAPABILITY_IAM' as const],
        // CloudFormation keeps it for the stack, so that a deletion too is this role's.
        RoleARN: await deployRoleArn(signal),
        ClientToken: request.token,
      };
      const { Id = '', StackId = '' } = await call('CreateChangeSet', signal, (options) =>
        cloudFormation.send(new CreateChangeSetCommand(input), options),
      );
      return { id: Id, stackId: StackId };
    },
    describeChangeSet: async (id, signal) => {
      const changes: Change[] = [];
      let page: DescribeChangeSetOutput;
      let NextToken: string | undefined;
      do {
        page = await call('DescribeChangeSet', signal, (options) =>
          cloudFormation.send(
            new DescribeChangeSetCommand({ ChangeSetName: id, IncludePropertyValues: true, NextToken }),
            options,
          ),
        );
        changes.push(...(page.Changes ?? []));
        NextToken = page.NextToken;
      } while (NextToken !== undefined);
      return {
        id,
        state: changeSetState(page),
        reason: page.StatusReason ?? `it is ${page.Status} and ${page.ExecutionStatus}`,
        changes: changes.flatMap(resourceChange),
      };
    },
    executeChangeSet: async (id, token, signal) => {
      await call('ExecuteChangeSet', signal, (options) =>
        cloudFormation.send(
          new ExecuteChangeSetCommand({ ChangeSetName: id, ClientRequestToken: token }),
          options,
        ),
      );
    },
    deleteChangeSet: async (id, signal) => {
      await call('DeleteChangeSet', signal, (options) =>
        cloudFormation.send(new DeleteChangeSetCommand({ ChangeSetName: id }), options),
      );
    },
    eventsSince: async (stackId, isKnown, signal) => {
      const fresh: StackEvent[] = [];
      let NextToken: string | undefined;
      do {
        const page = await call('DescribeStackEvents', signal, (options) =>
          cloudFormation.send(new DescribeStackEventsCommand({ StackName: stackId, NextToken }), options),
        );
        // Newest first: the first known one ends the reading.
        for (const event of page.StackEvents ?? []) {
          if (isKnown(event.EventId ?? '')) return fresh.reverse();
          fresh.push({
            id: event.EventId ?? '',
            stackId: event.StackId ?? '',
            stackName: event.StackName ?? '',
            logicalId: event.LogicalResourceId ?? '',
            physicalId: event.PhysicalResourceId || null,
            resourceType: event.ResourceType ?? '',
            status: event.ResourceStatus ?? '',
            reason: event.ResourceStatusReason ?? null,
            at: event.Timestamp ?? new Date(0),
            token: event.ClientRequestToken ?? null,
          });
        }
        NextToken = page.NextToken;
      } while (NextToken !== undefined);
      return fresh.reverse();
    },
    remove: async (stackId, token, signal) => {
      await call('DeleteStack', signal, (options) =>
        cloudFormation.send(
          new DeleteStackCommand({ StackName: stackId, ClientRequestToken: token }),
          options,
        ),
      );
    },
    continueUpdateRollback: async (stackId, token, signal) => {
      await call('ContinueUpdateRollback', signal, (options) =>
        cloudFormation.send(
          new ContinueUpdateRollbackCommand({ StackName: stackId, ClientRequestToken: token }),
          options,
        ),
      );
    },
    setTerminationProtection: async (stackName, enabled, signal) => {
      await call('UpdateTerminationProtection', signal, (options) =>
        cloudFormation.send(
          new UpdateTerminationProtectionCommand({
            StackName: stackName,
            EnableTerminationProtection: enabled,
          }),
          options,
        ),
      );
    },
    setStackPolicy: async (stackName, policy, signal) => {
      await call('SetStackPolicy', signal, (options) =>
        cloudFormation.send(
          new SetStackPolicyCommand({ StackName: stackName, StackPolicyBody: policy }),
          options,
        ),
      );
    },
  };
}

/** CloudFormation has no code of its own for it: "ValidationError: Stack with id … does not exist". */
function isUnknownStack(error: unknown): boolean {
  return awsCodeOf(error) === 'ValidationError' && isMissing(error);
}

function stackView(stack: Stack): StackView {
  return {
    stackId: stack.StackId ?? '',
    name: stack.StackName ?? '',
    createdAt: stack.CreationTime ?? new Date(0),
    status: stack.StackStatus ?? '',
    statusReason: stack.StackStatusReason ?? null,
    parameters: record(stack.Parameters, 'ParameterKey', 'ParameterValue'),
    outputs: record(stack.Outputs, 'OutputKey', 'OutputValue'),
    tags: record(stack.Tags, 'Key', 'Value'),
    terminationProtection: stack.EnableTerminationProtection ?? false,
  };
}

function record<K extends string, V extends string>(
  pairs: readonly { readonly [name in K | V]?: string | undefined }[] | undefined,
  key: K,
  value: V,
): Record<string, string> {
  return Object.fromEntries((pairs ?? []).map((pair) => [pair[key] ?? '', pair[value] ?? '']));
}

function changeSetState({
  Status,
  StatusReason = '',
  ExecutionStatus,
}: DescribeChangeSetOutput): ChangeSetView['state'] {
  if (Status === 'CREATE_PENDING' || Status === 'CREATE_IN_PROGRESS') return 'pending';
  if (Status === 'CREATE_COMPLETE' && ExecutionStatus === 'AVAILABLE') return 'ready';
  if (Status === 'FAILED') {
    return /didn't contain changes|No updates are to be performed/i.test(StatusReason) ? 'empty' : 'failed';
  }
  if (ExecutionStatus?.startsWith('EXECUTE_') === true) return 'executed';
  // Obsolete, or being deleted by somebody: waiting would never make it ready.
  return 'overtaken';
}

function resourceChange({ ResourceChange: change }: Change): ResourceChange[] {
  if (change === undefined) return [];
  return [
    {
      action: change.Action ?? 'unknown',
      logicalId: change.LogicalResourceId ?? '',
      physicalId: change.PhysicalResourceId ?? null,
      type: change.ResourceType ?? '',
      replacement: change.Replacement ?? null,
      policyAction: change.PolicyAction ?? null,
      details: (change.Details ?? []).map((detail) => ({
        attribute: detail.Target?.Attribute ?? 'unknown',
        name: detail.Target?.Name ?? null,
        // CloudFormation leaves it out for attributes that are no properties: those never make a new resource.
        requiresRecreation: detail.Target?.RequiresRecreation ?? 'Never',
        evaluation: detail.Evaluation ?? 'Static',
        causingEntity: detail.CausingEntity ?? null,
        before: detail.Target?.BeforeValue ?? null,
        after: detail.Target?.AfterValue ?? null,
      })),
    },
  ];
}
