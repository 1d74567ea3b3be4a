/** Clusters: names under which services run. */
import type {
  Cluster,
  CreateClusterRequest,
  DeleteClusterRequest,
  DescribeClustersRequest,
  ListClustersRequest,
} from '@aws-sdk/client-ecs';
import { AwsError, type Call } from '../../model.ts';
import { pageOf } from '../../paging.ts';
import {
  ecsArn,
  existingCluster,
  findCluster,
  listClusterRecords,
  putCluster,
  servicesOf,
  tasksOfCluster,
} from './records.ts';

/** Creating a cluster that exists returns it, as on AWS. */
export function createCluster(input: CreateClusterRequest, call: Call): { cluster: Cluster } {
  const name = input.clusterName ?? 'default';
  if (!/^[A-Za-z][A-Za-z0-9_-]{0,254}$/.test(name))
    throw new AwsError('InvalidParameterException', 'Identifier is empty or invalid.');
  const present = findCluster(name, call);
  if (present?.status === 'ACTIVE') return { cluster: present };
  const cluster: Cluster = {
    clusterArn: ecsArn(call, `cluster/${name}`),
    clusterName: name,
    status: 'ACTIVE',
    settings: input.settings ?? [{ name: 'containerInsights', value: 'disabled' }],
    configuration: input.configuration,
    capacityProviders: input.capacityProviders ?? [],
    defaultCapacityProviderStrategy: input.defaultCapacityProviderStrategy ?? [],
    statistics: [],
    tags: input.tags ?? [],
  };
  putCluster(cluster, call);
  return { cluster };
}

function shown(cluster: Cluster, withTags: boolean, call: Call): Cluster {
  const tasks = tasksOfCluster(cluster, call);
  return {
    ...cluster,
    registeredContainerInstancesCount: 0,
    activeServicesCount: servicesOf(cluster, call).filter((service) => service.status === 'ACTIVE').length,
    runningTasksCount: tasks.filter((task) => task.lastStatus === 'RUNNING').length,
    pendingTasksCount: tasks.filter((task) => ['PROVISIONING', 'PENDING'].includes(task.lastStatus ?? ''))
      .length,
    tags: withTags ? cluster.tags : [],
  };
}

export function describeClusters(
  { clusters = ['default'], include = [] }: DescribeClustersRequest,
  call: Call,
) {
  const found = clusters.map((reference) => ({ reference, cluster: findCluster(reference, call) }));
  return {
    clusters: found.flatMap(({ cluster }) =>
      cluster ? [shown(cluster, include.includes('TAGS'), call)] : [],
    ),
    failures: found.flatMap(({ reference, cluster }) =>
      cluster
        ? []
        : [
            {
              arn: reference.startsWith('arn:') ? reference : ecsArn(call, `cluster/${reference}`),
              reason: 'MISSING',
            },
          ],
    ),
  };
}

export function listClusters(input: ListClustersRequest, call: Call) {
  const arns = listClusterRecords(call)
    .filter((one) => one.status === 'ACTIVE')
    .map((one) => one.clusterArn ?? '');
  const page = pageOf(arns, {
    keyOf: (arn) => arn,
    marker: input.nextToken,
    limit: input.maxResults ?? 100,
    invalidMarkerCode: 'InvalidParameterException',
  });
  return { clusterArns: page.items, nextToken: page.next };
}

export function deleteCluster(input: DeleteClusterRequest, call: Call) {
  const cluster = existingCluster(input.cluster, call);
  if (servicesOf(cluster, call).some((service) => service.status !== 'INACTIVE')) {
    throw new AwsError(
      'ClusterContainsServicesException',
      'The Cluster cannot be deleted while Services are active.',
    );
  }
  if (tasksOfCluster(cluster, call).some((task) => task.lastStatus !== 'STOPPED'))
    throw new AwsError(
      'ClusterContainsTasksException',
      'The Cluster cannot be deleted while Tasks are active.',
    );
  const inactive = { ...cluster, status: 'INACTIVE' };
  putCluster(inactive, call);
  return { cluster: inactive };
}
