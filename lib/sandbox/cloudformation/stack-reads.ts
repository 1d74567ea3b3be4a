import type * as sdk from '@aws-sdk/client-cloudformation';
import { recordKey } from '../identifiers.ts';
import type { Call } from '../model.ts';
import { pageFrom, pageOf } from '../paging.ts';
import { eventsOf } from './events.ts';
import { isSecret } from './parameters.ts';
import {
  type ResourceRecord,
  resourcesOf,
  type StackContent,
  type StackRecord,
  stackKey,
  tables,
} from './records.ts';
import {
  type Api,
  checkedTemplate,
  findChangeSet,
  inBrackets,
  invalid,
  requireStackOf,
  templateBodyOf,
  withId,
} from './requests.ts';
import { exportsOf } from './scope.ts';
import { parseTemplate, requiredCapability } from './template.ts';

const pageSize = 100;
const invalidMarkerCode = 'ValidationError';

const newestFirst = (stacks: readonly StackRecord[]): StackRecord[] =>
  stacks.toSorted(
    (a, b) => b.creationTime.getTime() - a.creationTime.getTime() || a.stackId.localeCompare(b.stackId),
  );

/** Stacks in these statuses, in any when none is given; those that were deleted are among them. */
function stacksIn(statuses: readonly string[], call: Call): StackRecord[] {
  const { stacks } = tables(call.cloud.state);
  const owner = recordKey(call);
  return newestFirst(
    statuses.length === 0
      ? stacks.list(owner)
      : [...new Set(statuses)].flatMap((status) => stacks.withTerm(owner, `status:${status}`)),
  );
}

/** Pages over a list that has an order of its own, by position. */
function pageByPosition<T>(
  items: readonly T[],
  marker: string | undefined,
): { items: T[]; next: string | undefined } {
  const numbered = items.map((item, index) => ({ item, key: String(index).padStart(9, '0') }));
  const page = pageOf(numbered, { keyOf: ({ key }) => key, marker, limit: pageSize, invalidMarkerCode });
  return { items: page.items.map(({ item }) => item), next: page.next };
}

export const stackReads = (api: Api) => ({
  DescribeStacks(input: sdk.DescribeStacksInput, call: Call): sdk.DescribeStacksOutput {
    if (input.StackName !== undefined) {
      return { Stacks: [describeStack(requireStackOf(call, input.StackName, withId))] };
    }
    const { stacks } = tables(call.cloud.state);
    const page = pageFrom((after) => stacks.byTerm(recordKey(call), 'newest:', after), {
      marker: input.NextToken,
      limit: pageSize,
      invalidMarkerCode,
    });
    return { Stacks: page.items.map(describeStack), NextToken: page.next };
  },

  ListStacks(input: sdk.ListStacksInput, call: Call): sdk.ListStacksOutput {
    const page = pageByPosition(stacksIn(input.StackStatusFilter ?? [], call), input.NextToken);
    const summaries = page.items.map((stack) => {
      const {
        StackId,
        StackName,
        CreationTime,
        LastUpdatedTime,
        DeletionTime,
        StackStatus,
        StackStatusReason,
      } = describeStack(stack);
      return {
        StackId,
        StackName,
        CreationTime,
        LastUpdatedTime,
        DeletionTime,
        StackStatus,
        StackStatusReason,
        TemplateDescription: stack.description,
        DriftInformation: describeDrift(stack),
      };
    });
    return { StackSummaries: summaries, NextToken: page.next };
  },

  DescribeStackEvents(input: sdk.DescribeStackEventsInput, call: Call): sdk.DescribeStackEventsOutput {
    const stack = requireStackOf(call, input.StackName, inBrackets);
    const page = pageOf(eventsOf(call.cloud, stack.stackId), {
      keyOf: ([key]) => key,
      marker: input.NextToken,
      limit: pageSize,
      invalidMarkerCode,
    });
    const events = page.items.map(([, event]) => ({
      StackId: event.stackId,
      EventId: event.id,
      StackName: event.stackName,
      LogicalResourceId: event.logicalId,
      PhysicalResourceId: event.physicalId,
      ResourceType: event.type,
      Timestamp: event.timestamp,
      ResourceStatus: event.status as sdk.ResourceStatus,
      ResourceStatusReason: event.reason,
      ResourceProperties: event.properties,
      ClientRequestToken: event.clientRequestToken,
    }));
    return { StackEvents: events, NextToken: page.next };
  },

  DescribeStackResources(
    input: sdk.DescribeStackResourcesInput,
    call: Call,
  ): sdk.DescribeStackResourcesOutput {
    if (input.StackName === undefined) throw invalid('The sandbox needs StackName to describe resources.');
    const stack = requireStackOf(call, input.StackName, withId);
    const wanted = input.LogicalResourceId;
    const resources = resourcesOf(call.cloud, stack.stackId).filter(
      ({ logicalId }) => wanted === undefined || wanted === logicalId,
    );
    return {
      // No more than the first hundred, and no word of the others: ListStackResources has them.
      StackResources: resources.slice(0, 100).map((record) => ({
        StackId: stack.stackId,
        StackName: stack.name,
        Timestamp: record.timestamp,
        ...describeResource(call, stack, record),
      })),
    };
  },

  DescribeStackResource(input: sdk.DescribeStackResourceInput, call: Call): sdk.DescribeStackResourceOutput {
    const stack = requireStackOf(call, input.StackName, withId);
    const record = resourcesOf(call.cloud, stack.stackId).find(
      ({ logicalId }) => logicalId === input.LogicalResourceId,
    );
    if (!record) throw invalid(`Resource ${input.LogicalResourceId} does not exist for stack ${stack.name}`);
    const metadata = parseTemplate(stack.templateBody).Resources[record.logicalId]?.Metadata;
    return {
      StackResourceDetail: {
        StackId: stack.stackId,
        StackName: stack.name,
        LastUpdatedTimestamp: record.timestamp,
        ...(metadata !== undefined && { Metadata: JSON.stringify(metadata) }),
        ...describeResource(call, stack, record),
      },
    };
  },

  ListStackResources(input: sdk.ListStackResourcesInput, call: Call): sdk.ListStackResourcesOutput {
    const stack = requireStackOf(call, input.StackName, withId);
    const page = pageByPosition(resourcesOf(call.cloud, stack.stackId), input.NextToken);
    const summaries = page.items.map((record) => ({
      LastUpdatedTimestamp: record.timestamp,
      ...describeResource(call, stack, record),
    }));
    return { StackResourceSummaries: summaries, NextToken: page.next };
  },

  GetTemplate(input: sdk.GetTemplateInput, call: Call): sdk.GetTemplateOutput {
    const body =
      input.ChangeSetName === undefined
        ? undefined
        : changeSetTemplate(call, input.ChangeSetName, input.StackName);
    const TemplateBody = body ?? requireStackOf(call, input.StackName, withId).templateBody;
    return { TemplateBody, StagesAvailable: ['Original', 'Processed'] };
  },

  GetTemplateSummary(input: sdk.GetTemplateSummaryInput, call: Call): sdk.GetTemplateSummaryOutput {
    const body =
      input.StackName === undefined
        ? templateBodyOf(input, undefined)
        : requireStackOf(call, input.StackName, withId).templateBody;
    const template = checkedTemplate(api, body);
    const capability = requiredCapability(template);
    return {
      Description: template.Description,
      Version: '2010-09-09',
      Parameters: Object.entries(template.Parameters).map(([name, definition]) => ({
        ParameterKey: name,
        ParameterType: definition.Type,
        DefaultValue: definition.Default === undefined ? undefined : String(definition.Default),
        NoEcho: isSecret(definition),
        Description: definition.Description,
        ParameterConstraints: { AllowedValues: definition.AllowedValues?.map(String) ?? [] },
      })),
      ResourceTypes: [...new Set(Object.values(template.Resources).map(({ Type }) => Type))],
      ...(template.Metadata && { Metadata: JSON.stringify(template.Metadata) }),
      ...capabilityMembers(capability),
    };
  },

  ValidateTemplate(input: sdk.ValidateTemplateInput): sdk.ValidateTemplateOutput {
    const template = checkedTemplate(api, templateBodyOf(input, undefined));
    return {
      Description: template.Description,
      Parameters: Object.entries(template.Parameters).map(([name, definition]) => ({
        ParameterKey: name,
        DefaultValue: definition.Default === undefined ? undefined : String(definition.Default),
        NoEcho: isSecret(definition),
        Description: definition.Description,
      })),
      ...capabilityMembers(requiredCapability(template)),
    };
  },

  ListExports(input: sdk.ListExportsInput, call: Call): sdk.ListExportsOutput {
    const page = pageByPosition(exportsOf(call.cloud, call), input.NextToken);
    const Exports = page.items.map(({ name, value, stack }) => ({
      Name: name,
      Value: value,
      ExportingStackId: stack.stackId,
    }));
    return { Exports, NextToken: page.next };
  },

  ListImports(input: sdk.ListImportsInput, call: Call): sdk.ListImportsOutput {
    const name = input.ExportName ?? '';
    const users = newestFirst(tables(call.cloud.state).stacks.withTerm(recordKey(call), `imports:${name}`));
    if (users.length === 0) throw invalid(`Export '${name}' is not imported by any stack.`);
    return { Imports: users.map((stack) => stack.name) };
  },
});

const capabilityMembers = (capability: ReturnType<typeof requiredCapability>) =>
  capability && {
    Capabilities: [capability],
    CapabilitiesReason: 'The following resource(s) require capabilities: IAM resources',
  };

function changeSetTemplate(call: Call, name: string, stackName: string | undefined): string {
  const found = findChangeSet(call, name, stackName);
  if (!found) throw invalid(`ChangeSet [${name}] does not exist`);
  return found.content.templateBody;
}

/** Parameters as they are shown: without the values that the template calls secret. */
export function describeParameters({ templateBody, parameters }: StackContent): sdk.Parameter[] {
  const definitions = templateBody === '' ? {} : parseTemplate(templateBody).Parameters;
  return Object.entries(parameters).map(([name, value]) => ({
    ParameterKey: name,
    ParameterValue: isSecret(definitions[name]) ? '****' : value,
  }));
}

export const describeTags = (tags: Readonly<Record<string, string>>): sdk.Tag[] =>
  Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));

const describeDrift = ({ drift }: StackRecord) =>
  drift
    ? { StackDriftStatus: drift.status, LastCheckTimestamp: drift.checkedAt }
    : { StackDriftStatus: 'NOT_CHECKED' as const };

function describeStack(stack: StackRecord): sdk.Stack {
  return {
    StackId: stack.stackId,
    StackName: stack.name,
    ChangeSetId: stack.changeSetId,
    Description: stack.description,
    Parameters: describeParameters(stack),
    CreationTime: stack.creationTime,
    LastUpdatedTime: stack.lastUpdatedTime,
    DeletionTime: stack.deletionTime,
    RollbackConfiguration: {},
    StackStatus: stack.status as sdk.StackStatus,
    StackStatusReason: stack.statusReason,
    DisableRollback: stack.disableRollback,
    NotificationARNs: [],
    Capabilities: stack.capabilities as sdk.Capability[],
    Outputs: stack.outputs.map(({ key, value, description, exportName }) => ({
      OutputKey: key,
      OutputValue: value,
      Description: description,
      ExportName: exportName,
    })),
    RoleARN: stack.roleArn,
    Tags: describeTags(stack.tags),
    EnableTerminationProtection: stack.terminationProtection,
    DriftInformation: describeDrift(stack),
  };
}

function describeResource(call: Call, stack: StackRecord, record: ResourceRecord) {
  const drift = tables(call.cloud.state).resourceDrifts.get(`${stackKey(stack.stackId)}/${record.logicalId}`);
  return {
    LogicalResourceId: record.logicalId,
    PhysicalResourceId: record.physicalId,
    ResourceType: record.type,
    ResourceStatus: record.status as sdk.ResourceStatus,
    ResourceStatusReason: record.statusReason,
    DriftInformation: drift
      ? { StackResourceDriftStatus: drift.status, LastCheckTimestamp: drift.timestamp }
      : { StackResourceDriftStatus: 'NOT_CHECKED' as const },
  };
}
