import {
  DescribeServicesCommand,
  DescribeTaskDefinitionCommand,
  DescribeTasksCommand,
  ListTasksCommand,
} from '@aws-sdk/client-ecs';
import type { TaskFacts } from '../domain/silo-facts.ts';
import type { SiloReads } from '../ports/silo-reads.ts';
import { type AwsClients, call } from './clients.ts';
import { missing } from './missing.ts';

/** What Amazon ECS says about a practice's app. */
export function serviceReads({ ecs }: AwsClients): Pick<SiloReads, 'service' | 'taskDefinition' | 'tasks'> {
  return {
    service: async (cluster, serviceArn, signal) => {
      const { services = [] } = await call('ecs', 'DescribeServices', signal, (options) =>
        ecs.send(new DescribeServicesCommand({ cluster, services: [serviceArn] }), options),
      );
      const service = services[0] ?? missing('ecs', 'service', serviceArn);
      return {
        status: service.status ?? 'unknown',
        desired: service.desiredCount ?? 0,
        running: service.runningCount ?? 0,
        pending: service.pendingCount ?? 0,
        rollouts: (service.deployments ?? []).map((deployment) => deployment.rolloutState ?? 'unknown'),
        taskDefinitionArn: service.taskDefinition ?? '',
        // What AWS does not say counts as the worse answer.
        commandExecution: service.enableExecuteCommand ?? true,
      };
    },
    taskDefinition: async (taskDefinitionArn, signal) => {
      const { taskDefinition } = await call('ecs', 'DescribeTaskDefinition', signal, (options) =>
        ecs.send(new DescribeTaskDefinitionCommand({ taskDefinition: taskDefinitionArn }), options),
      );
      const { containerDefinitions = [] } =
        taskDefinition ?? missing('ecs', 'task definition', taskDefinitionArn);
      return {
        arn: taskDefinitionArn,
        containers: containerDefinitions.map((container) => ({
          name: container.name ?? '',
          image: container.image ?? 'unknown',
          user: container.user ?? null,
          readOnlyRoot: container.readonlyRootFilesystem ?? false,
          privileged: container.privileged ?? false,
        })),
      };
    },
    tasks: async (cluster, serviceName, signal) => {
      const { taskArns = [] } = await call('ecs', 'ListTasks', signal, (options) =>
        ecs.send(new ListTasksCommand({ cluster, serviceName, desiredStatus: 'RUNNING' }), options),
      );
      if (taskArns.length === 0) return [];
      const { tasks = [] } = await call('ecs', 'DescribeTasks', signal, (options) =>
        ecs.send(new DescribeTasksCommand({ cluster, tasks: taskArns }), options),
      );
      return tasks.map(
        (task): TaskFacts => ({
          arn: task.taskArn ?? '',
          lastStatus: task.lastStatus ?? 'unknown',
          containers: (task.containers ?? []).map((container) => ({
            name: container.name ?? '',
            imageDigest: container.imageDigest ?? null,
          })),
        }),
      );
    },
  };
}
