/** Amazon ECS on Fargate: services whose tasks are real processes of the data plane. */
import * as sdk from '@aws-sdk/client-ecs';
import { AwsError, type Call, type Cloud, type ServiceEmulation } from '../../model.ts';
import * as clusters from './clusters.ts';
import {
  changeService,
  existingCluster,
  existingDefinition,
  findCluster,
  findService,
  putCluster,
  putDefinition,
  serviceTable,
} from './records.ts';
import { schedule, stopSchedulers } from './scheduler.ts';
import * as services from './services.ts';
import * as definitions from './task-definitions.ts';
import * as tasks from './tasks.ts';

export { resources } from './resources.ts';

/** Reads the tags of what an ARN names and, given a change, writes them. */
function changeTags(arn: string | undefined, call: Call, change?: (tags: sdk.Tag[]) => sdk.Tag[]): sdk.Tag[] {
  const [, kind = '', id = ''] =
    /^arn:[^:]+:ecs:[^:]*:\d*:(cluster|service|task-definition)\/(.+)$/.exec(arn ?? '') ?? [];
  if (kind === 'cluster') {
    const cluster = existingCluster(id, call);
    const after = change?.(cluster.tags ?? []);
    if (after !== undefined) putCluster({ ...cluster, tags: after }, call);
    return after ?? cluster.tags ?? [];
  }
  if (kind === 'service') {
    const home = findCluster(id.split('/')[0], call);
    const service = home && findService(home, arn ?? '', call);
    if (service === undefined)
      throw new AwsError('InvalidParameterException', 'The specified service is not found.');
    const after = change?.(service.tags ?? []);
    if (after !== undefined)
      changeService(services.keyOf(service, call), call.cloud, () => ({ tags: after }));
    return after ?? service.tags ?? [];
  }
  if (kind === 'task-definition') {
    const definition = existingDefinition(id, call);
    const after = change?.(definition.Tags);
    if (after !== undefined) putDefinition({ ...definition, Tags: after }, call);
    return after ?? definition.Tags;
  }
  throw new AwsError('InvalidParameterException', `Invalid ARN or resource type for this operation: ${arn}`);
}

function tagResource({ resourceArn, tags = [] }: sdk.TagResourceRequest, call: Call) {
  const named = new Set(tags.map((tag) => tag.key));
  changeTags(resourceArn, call, (before) => [...before.filter((tag) => !named.has(tag.key)), ...tags]);
  return {};
}

function untagResource({ resourceArn, tagKeys = [] }: sdk.UntagResourceRequest, call: Call) {
  changeTags(resourceArn, call, (before) => before.filter((tag) => !tagKeys.includes(tag.key ?? '')));
  return {};
}

/** Every service's scheduler again; tasks that were running come up as the same tasks. */
async function resume(cloud: Cloud): Promise<void> {
  for (const [key, service] of serviceTable(cloud).entries()) {
    const [accountId = '', region = ''] = key.split('/');
    if (service.status !== 'INACTIVE') schedule(key, { cloud, accountId, region });
  }
}

export const service: ServiceEmulation = {
  signingName: 'ecs',
  sdk,
  resume,
  stop: stopSchedulers,
  operations: {
    CreateCluster: clusters.createCluster,
    DescribeClusters: clusters.describeClusters,
    ListClusters: clusters.listClusters,
    DeleteCluster: clusters.deleteCluster,
    RegisterTaskDefinition: (input: sdk.RegisterTaskDefinitionRequest, call) =>
      definitions.registerTaskDefinition(input, call),
    DescribeTaskDefinition: definitions.describeTaskDefinition,
    DeregisterTaskDefinition: definitions.deregisterTaskDefinition,
    ListTaskDefinitions: definitions.listTaskDefinitions,
    CreateService: (input: sdk.CreateServiceRequest, call) => services.createService(input, call),
    UpdateService: services.updateService,
    DeleteService: services.deleteService,
    DescribeServices: services.describeServices,
    ListServices: services.listServices,
    ListTasks: tasks.listTasks,
    DescribeTasks: tasks.describeTasks,
    StopTask: tasks.stopTask,
    TagResource: tagResource,
    UntagResource: untagResource,
    ListTagsForResource: ({ resourceArn }: sdk.ListTagsForResourceRequest, call) => ({
      tags: changeTags(resourceArn, call),
    }),
  },
};
