import {
  CreateLogGroupCommand,
  DeleteLogGroupCommand,
  FilterLogEventsCommand,
} from '@aws-sdk/client-cloudwatch-logs';
import {
  CreateClusterCommand,
  CreateServiceCommand,
  DescribeServicesCommand,
  DescribeTasksCommand,
  ListTasksCommand,
  type Service,
  StopTaskCommand,
  type Task,
  UpdateServiceCommand,
} from '@aws-sdk/client-ecs';
import {
  DescribeTargetHealthCommand,
  ModifyLoadBalancerAttributesCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { CreateSecretCommand } from '@aws-sdk/client-secrets-manager';
import {
  brokenImage,
  type ComputeClients,
  computeClients,
  FakeTasks,
  goodImage,
  newSite,
  newTaskDefinition,
  newTaskRole,
  type Site,
  sickImage,
  visit,
} from './fixtures/services-compute-cloud.ts';
import {
  eventually,
  handlerOf,
  refusal,
  resourceContext,
  TestCloud,
} from './fixtures/services-data-cloud.ts';

let tasks: FakeTasks;
let cloud: TestCloud;
let clients: ComputeClients;
let site: Site;
let roleArn: string;

beforeEach(async () => {
  tasks = new FakeTasks();
  cloud = await new TestCloud(tasks).start();
  clients = computeClients(cloud.sandbox.endpoint);
  site = await newSite(clients, 'silo');
  roleArn = await newTaskRole(clients, 'task');
  await clients.ecs.send(new CreateClusterCommand({ clusterName: 'silo' }));
});

afterEach(() => cloud.stop());

async function startService(taskDefinition: string, desiredCount = 1): Promise<void> {
  await clients.ecs.send(
    new CreateServiceCommand({
      cluster: 'silo',
      serviceName: 'app',
      taskDefinition,
      desiredCount,
      launchType: 'FARGATE',
      deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: true } },
      networkConfiguration: {
        awsvpcConfiguration: { subnets: site.subnetIds, securityGroups: [site.securityGroupId] },
      },
      loadBalancers: [{ targetGroupArn: site.targetGroupArn, containerName: 'app', containerPort: 8080 }],
    }),
  );
}

async function describeService(): Promise<Service> {
  const { services } = await clients.ecs.send(
    new DescribeServicesCommand({ cluster: 'silo', services: ['app'] }),
  );
  const [service] = services ?? [];
  if (service === undefined) throw new Error('The service is not described.');
  return service;
}

async function describeTasks(desiredStatus: 'RUNNING' | 'STOPPED'): Promise<Task[]> {
  const { taskArns = [] } = await clients.ecs.send(
    new ListTasksCommand({ cluster: 'silo', serviceName: 'app', desiredStatus }),
  );
  if (taskArns.length === 0) return [];
  return (await clients.ecs.send(new DescribeTasksCommand({ cluster: 'silo', tasks: taskArns }))).tasks ?? [];
}

const rolledOut = (service: Service) =>
  service.deployments?.length === 1 && service.deployments[0]?.rolloutState === 'COMPLETED';

const steady = (taskDefinition: string) =>
  eventually(
    describeService,
    (service) =>
      rolledOut(service) &&
      service.taskDefinition === taskDefinition &&
      service.runningCount === service.desiredCount,
  );

test('a service serves through its load balancer, with exactly the environment that its task definition names', async () => {
  const secret = await clients.secrets.send(
    new CreateSecretCommand({ Name: 'database', SecretString: '{"username":"admin","password":"s3cret"}' }),
  );
  const definition = await newTaskDefinition(clients, roleArn, goodImage, {
    environment: [{ name: 'PRACTICE_ID', value: 'bright-steps' }],
    secrets: [
      { name: 'PASSWORD', valueFrom: `${secret.ARN}:password::` },
      { name: 'WHOLE', valueFrom: secret.ARN ?? '' },
    ],
  });

  expect((await visit(cloud.sandbox.endpoint, site.dnsName)).status).toBe(503);
  await startService(definition);
  await steady(definition);

  const [task] = await describeTasks('RUNNING');
  expect(await visit(cloud.sandbox.endpoint, site.dnsName)).toMatchObject({
    status: 200,
    body: task?.taskArn,
  });
  expect(tasks.started).toHaveLength(1);
  expect(tasks.started[0]?.environment).toEqual({
    PRACTICE_ID: 'bright-steps',
    PASSWORD: 's3cret',
    WHOLE: '{"username":"admin","password":"s3cret"}',
  });
  expect(task).toMatchObject({
    lastStatus: 'RUNNING',
    taskDefinitionArn: definition,
    containers: [{ image: goodImage, imageDigest: goodImage.split('@')[1], lastStatus: 'RUNNING' }],
  });
  const health = await clients.elb.send(
    new DescribeTargetHealthCommand({ TargetGroupArn: site.targetGroupArn }),
  );
  expect(health.TargetHealthDescriptions).toMatchObject([
    { Target: { Id: expect.stringMatching(/^10\.0\./), Port: 8080 }, TargetHealth: { State: 'healthy' } },
  ]);
});

test('log lines that CloudWatch Logs does not take are reported, and the task goes on', async () => {
  const logGroupName = '/app';
  await clients.logs.send(new CreateLogGroupCommand({ logGroupName }));
  const options = {
    'awslogs-group': logGroupName,
    'awslogs-region': 'us-east-1',
    'awslogs-stream-prefix': 'a',
  };
  const definition = await newTaskDefinition(clients, roleArn, goodImage, {
    logConfiguration: { logDriver: 'awslogs', options },
  });
  await startService(definition);
  await steady(definition);
  const [spec] = tasks.specs.values();
  const messages = async () => {
    const { events = [] } = await clients.logs.send(new FilterLogEventsCommand({ logGroupName }));
    return events.map(({ message }) => message);
  };
  await eventually(messages, (lines) => lines.includes('listening'));
  await clients.logs.send(new DeleteLogGroupCommand({ logGroupName }));
  spec?.log('one');
  spec?.log('two');
  await eventually(
    () => Promise.resolve(cloud.logged),
    (lines) => lines.length > 0,
  );
  expect(cloud.logged).toEqual([
    expect.stringMatching(
      /^awslogs: 2 log events for \/app a\/app\/.* were dropped: ResourceNotFoundException: /,
    ),
  ]);
  expect((await visit(cloud.sandbox.endpoint, site.dnsName)).status).toBe(200);
});

test('a load balancer waits for a target as long as its idle timeout says', async () => {
  const definition = await newTaskDefinition(clients, roleArn, goodImage);
  await startService(definition);
  await steady(definition);
  tasks.mute();
  const Attributes = [{ Key: 'idle_timeout.timeout_seconds', Value: '1' }];
  const command = new ModifyLoadBalancerAttributesCommand({
    LoadBalancerArn: site.loadBalancerArn,
    Attributes,
  });
  await clients.elb.send(command);
  expect(await visit(cloud.sandbox.endpoint, site.dnsName)).toMatchObject({
    status: 504,
    body: expect.stringContaining('504 Gateway Time-out'),
  });
});

test('a task whose secret cannot be read does not start, and says which secret', async () => {
  const definition = await newTaskDefinition(clients, roleArn, goodImage, {
    secrets: [
      { name: 'PASSWORD', valueFrom: 'arn:aws:secretsmanager:us-east-1:000000000000:secret:none-AbCdEf' },
    ],
  });
  await startService(definition);
  const [task] = await eventually(
    () => describeTasks('STOPPED'),
    (stopped) => stopped.length > 0,
  );
  expect(task).toMatchObject({ stopCode: 'TaskFailedToStart' });
  expect(task?.stoppedReason).toMatch(
    /^ResourceInitializationError: .*retrieve secret from asm: ResourceNotFoundException/,
  );
  expect(tasks.started).toEqual([]);
});

test('an update rolls: the old task serves until the new one is healthy', async () => {
  const before = await newTaskDefinition(clients, roleArn, goodImage);
  const after = await newTaskDefinition(clients, roleArn, sickImage);
  await startService(before);
  await steady(before);
  const [old] = await describeTasks('RUNNING');

  await clients.ecs.send(
    new UpdateServiceCommand({ cluster: 'silo', service: 'app', taskDefinition: after }),
  );
  const isUp = (task: Task) => task.taskDefinitionArn === after && task.lastStatus === 'RUNNING';
  await eventually(
    () => describeTasks('RUNNING'),
    (running) => running.some(isUp),
  );
  expect(await visit(cloud.sandbox.endpoint, site.dnsName)).toMatchObject({
    status: 200,
    body: old?.taskArn,
  });
  expect((await describeService()).deployments).toMatchObject([
    { status: 'PRIMARY', rolloutState: 'IN_PROGRESS' },
    { status: 'ACTIVE', rolloutState: 'COMPLETED' },
  ]);

  tasks.heal();
  await steady(after);
  expect([...tasks.specs.values()].map((spec) => spec.image)).toEqual([sickImage]);
  const [stopped] = await describeTasks('STOPPED');
  expect(stopped).toMatchObject({
    taskArn: old?.taskArn,
    stoppedReason: expect.stringMatching(/^Scaling activity initiated by \(deployment ecs-svc\/\d+\)$/),
  });
});

test('a task that its load balancer finds unhealthy never serves, and is replaced', async () => {
  const definition = await newTaskDefinition(clients, roleArn, sickImage);
  await startService(definition);
  const isUp = (task: Task) => task.lastStatus === 'RUNNING';
  await eventually(
    () => describeTasks('RUNNING'),
    (running) => running.some(isUp),
  );
  expect((await visit(cloud.sandbox.endpoint, site.dnsName)).status).toBe(503);
  cloud.later = 60_000;
  const [failed] = await eventually(describeTasksStopped, (stopped) => stopped.length > 0);
  expect(failed?.stoppedReason).toBe(
    `Task failed ELB health checks in (target-group ${site.targetGroupArn})`,
  );
  tasks.heal();
  await steady(definition);
});

test('the circuit breaker fails a broken deployment, says why, and goes back to the one that worked', async () => {
  const good = await newTaskDefinition(clients, roleArn, goodImage);
  const broken = await newTaskDefinition(clients, roleArn, brokenImage);
  await startService(good);
  await steady(good);

  await clients.ecs.send(
    new UpdateServiceCommand({ cluster: 'silo', service: 'app', taskDefinition: broken }),
  );
  await eventually(describeTasksStopped, (stopped) => stopped.length >= 3);
  const service = await steady(good);
  expect(service.events?.map((event) => event.message)).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/deployment failed: tasks failed to start\.$/),
      expect.stringMatching(/rolling back to deployment ecs-svc\/\d+\.$/),
    ]),
  );
  const stopped = await describeTasksStopped();
  const failed = stopped.filter((task) => task.taskDefinitionArn === broken);
  expect(failed).toHaveLength(3);
  expect(failed[0]).toMatchObject({
    stoppedReason: 'Essential container in task exited',
    containers: [{ exitCode: 78 }],
  });
  expect((await visit(cloud.sandbox.endpoint, site.dnsName)).status).toBe(200);
});

const describeTasksStopped = () => describeTasks('STOPPED');

test('a task that dies or is stopped is replaced', async () => {
  const definition = await newTaskDefinition(clients, roleArn, goodImage);
  await startService(definition);
  await steady(definition);
  const [first] = await describeTasks('RUNNING');
  tasks.crash(first?.taskArn ?? '');
  const replaced = (old: Task | undefined) => (running: Task[]) =>
    running.some((task) => task.lastStatus === 'RUNNING' && task.taskArn !== old?.taskArn);
  const [second] = await eventually(() => describeTasks('RUNNING'), replaced(first));

  await clients.ecs.send(new StopTaskCommand({ cluster: 'silo', task: second?.taskArn, reason: 'drill' }));
  await eventually(() => describeTasks('RUNNING'), replaced(second));
  const reasons = new Set((await describeTasksStopped()).map((task) => task.stoppedReason));
  expect(reasons).toEqual(new Set(['Essential container in task exited', 'drill']));
});

test('after a restart of the sandbox the same tasks serve again', async () => {
  const definition = await newTaskDefinition(clients, roleArn, goodImage);
  await startService(definition);
  await steady(definition);
  const [task] = await describeTasks('RUNNING');
  await tasks.stop();
  await cloud.restart();
  clients = computeClients(cloud.sandbox.endpoint);
  const answer = await eventually(
    () => visit(cloud.sandbox.endpoint, site.dnsName),
    ({ status }) => status === 200,
  );
  expect(answer.body).toBe(task?.taskArn);
  expect(await describeTasksStopped()).toEqual([]);
});

test('CloudFormation creates a service only once it is steady, and says why one is not', async () => {
  const handler = handlerOf('AWS::ECS::Service');
  const context = (id: string) => ({ ...resourceContext(cloud, id), accountId: '000000000000' });
  const properties = (definition: string) => ({
    Cluster: 'silo',
    ServiceName: 'app',
    TaskDefinition: definition,
    DesiredCount: '1',
    LaunchType: 'FARGATE',
    DeploymentConfiguration: { DeploymentCircuitBreaker: { Enable: true, Rollback: true } },
    NetworkConfiguration: {
      AwsvpcConfiguration: { Subnets: site.subnetIds, SecurityGroups: [site.securityGroupId] },
    },
    LoadBalancers: [{ ContainerName: 'app', ContainerPort: 8080, TargetGroupArn: site.targetGroupArn }],
  });
  const broken = properties(await newTaskDefinition(clients, roleArn, brokenImage));
  const initiated = jest.fn();
  const asked = handler.create(broken, { ...context('Broken'), initiated });
  const failure = await refusal(Promise.resolve(asked));
  expect(failure.message).toMatch(
    /^Error occurred during operation 'ECS Deployment Circuit Breaker was triggered'\..*Essential container in task exited \(exit code 78\)$/,
  );
  // The stack's rollback knows what to delete.
  expect(initiated).toHaveBeenCalledWith('arn:aws:ecs:us-east-1:000000000000:service/silo/app');
  await handler.delete('arn:aws:ecs:us-east-1:000000000000:service/silo/app', broken, context('Broken'));

  const good = properties(await newTaskDefinition(clients, roleArn, goodImage));
  const made = await handler.create(good, context('Good'));
  expect(made.physicalId).toBe('arn:aws:ecs:us-east-1:000000000000:service/silo/app');
  expect((await visit(cloud.sandbox.endpoint, site.dnsName)).status).toBe(200);
  const live = await handler.read?.(made.physicalId, good, context('Good'));
  expect(live).toMatchObject({ ...good, DesiredCount: 1 });
  await handler.delete(made.physicalId, good, context('Good'));
  expect(await handler.read?.(made.physicalId, good, context('Good'))).toBeUndefined();
  expect(tasks.specs.size).toBe(0);
  expect((await visit(cloud.sandbox.endpoint, site.dnsName)).status).toBe(503);
});
