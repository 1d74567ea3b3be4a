import {
  CreateClusterCommand,
  CreateServiceCommand,
  DescribeServicesCommand,
  type Service,
  UpdateServiceCommand,
} from '@aws-sdk/client-ecs';
import {
  CreateTargetGroupCommand,
  DeleteTargetGroupCommand,
  DescribeTargetHealthCommand,
  ModifyListenerCommand,
  type TargetHealth,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import {
  type ComputeClients,
  computeClients,
  FakeTasks,
  goodImage,
  newSite,
  newTargetGroup,
  newTaskDefinition,
  newTaskRole,
  type Site,
  tlsImage,
  visit,
} from './fixtures/services-compute-cloud.ts';
import { eventually, refusal, TestCloud } from './fixtures/services-data-cloud.ts';

let tasks: FakeTasks;
let cloud: TestCloud;
let clients: ComputeClients;
let roleArn: string;

beforeEach(async () => {
  tasks = new FakeTasks();
  cloud = await new TestCloud(tasks).start();
  clients = computeClients(cloud.sandbox.endpoint);
  roleArn = await newTaskRole(clients, 'task');
  await clients.ecs.send(new CreateClusterCommand({ clusterName: 'silo' }));
});

afterEach(() => cloud.stop());

const balancers = (targetGroupArn: string) => [{ targetGroupArn, containerName: 'app', containerPort: 8080 }];

async function startService(
  site: Site,
  taskDefinition: string,
  healthCheckGracePeriodSeconds = 0,
): Promise<void> {
  await clients.ecs.send(
    new CreateServiceCommand({
      cluster: 'silo',
      serviceName: 'app',
      taskDefinition,
      desiredCount: 1,
      launchType: 'FARGATE',
      healthCheckGracePeriodSeconds,
      deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: true } },
      networkConfiguration: {
        awsvpcConfiguration: { subnets: site.subnetIds, securityGroups: [site.securityGroupId] },
      },
      loadBalancers: balancers(site.targetGroupArn),
    }),
  );
}

async function describeService(): Promise<Service | undefined> {
  const { services } = await clients.ecs.send(
    new DescribeServicesCommand({ cluster: 'silo', services: ['app'] }),
  );
  return services?.[0];
}

const steady = (taskDefinition: string) =>
  eventually(
    describeService,
    (service) =>
      service?.taskDefinition === taskDefinition &&
      service.deployments?.length === 1 &&
      service.deployments[0]?.rolloutState === 'COMPLETED',
  );

async function healthIn(TargetGroupArn: string): Promise<TargetHealth[]> {
  const health = await clients.elb.send(new DescribeTargetHealthCommand({ TargetGroupArn }));
  return (health.TargetHealthDescriptions ?? []).map(({ TargetHealth = {} }) => TargetHealth);
}

async function leadTo(site: Site, TargetGroupArn: string): Promise<void> {
  await clients.elb.send(
    new ModifyListenerCommand({
      ListenerArn: site.listenerArn,
      DefaultActions: [{ Type: 'forward', TargetGroupArn }],
    }),
  );
}

test('targets of an HTTPS group are asked over TLS, whoever signed their certificate, on a connection that is kept', async () => {
  const site = await newSite(clients, 'encrypted', 'HTTPS');
  const definition = await newTaskDefinition(clients, roleArn, tlsImage);
  await startService(site, definition);
  await steady(definition);
  const [spec] = tasks.started;
  for (let times = 0; times < 3; times += 1)
    expect(await visit(cloud.sandbox.endpoint, site.dnsName)).toMatchObject({ status: 200, body: spec?.arn });
  expect(tasks.connections.size).toBe(1);
});

test('a target that speaks plain HTTP behind an HTTPS group is unhealthy, and its visitors get 502', async () => {
  const site = await newSite(clients, 'mixed', 'HTTPS');
  await startService(site, await newTaskDefinition(clients, roleArn, goodImage), 7200);
  await eventually(
    () => healthIn(site.targetGroupArn),
    (targets) => targets.length > 0,
  );
  expect((await visit(cloud.sandbox.endpoint, site.dnsName)).status).toBe(503);
  cloud.later = 60_000;
  const targets = await eventually(
    () => healthIn(site.targetGroupArn),
    ([target]) => target?.State !== 'initial',
  );
  expect(targets).toEqual([
    { State: 'unhealthy', Reason: 'Target.FailedHealthChecks', Description: 'Health checks failed' },
  ]);
  // The group has no healthy target at all: the load balancer tries the unhealthy one, and cannot speak with it.
  expect((await visit(cloud.sandbox.endpoint, site.dnsName)).status).toBe(502);
});

test('a service moves from an HTTP group to an HTTPS one, and back when the new tasks do not speak TLS', async () => {
  const site = await newSite(clients, 'moved');
  const plain = await newTaskDefinition(clients, roleArn, goodImage);
  await startService(site, plain);
  await steady(plain);
  const [before] = tasks.started;

  const encrypted = await newTargetGroup(clients, 'encrypted', 'HTTPS', site.vpcId);
  await leadTo(site, encrypted);
  const stillPlain = await newTaskDefinition(clients, roleArn, goodImage);
  const update = (taskDefinition: string) =>
    clients.ecs.send(
      new UpdateServiceCommand({
        cluster: 'silo',
        service: 'app',
        taskDefinition,
        loadBalancers: balancers(encrypted),
      }),
    );
  await update(stillPlain);
  let oldTaskServed = true;
  const restored = await eventually(describeService, (service) => {
    if (service?.taskDefinition === plain) return true;
    oldTaskServed &&= tasks.specs.has(before?.arn ?? '');
    // The health checks of each new task would take their time.
    cloud.later += 2_000;
    return false;
  });
  expect(oldTaskServed).toBe(true);
  expect(restored?.loadBalancers).toEqual(balancers(site.targetGroupArn));
  await steady(plain);
  expect(await healthIn(encrypted)).toEqual([]);
  expect(await healthIn(site.targetGroupArn)).toHaveLength(1);

  const overTls = await newTaskDefinition(clients, roleArn, tlsImage);
  await update(overTls);
  await steady(overTls);
  expect((await visit(cloud.sandbox.endpoint, site.dnsName)).body).toBe(tasks.started.at(-1)?.arn);
  await clients.elb.send(new DeleteTargetGroupCommand({ TargetGroupArn: site.targetGroupArn }));
});

test('target groups speak HTTP or HTTPS, and a health check is HTTP unless told', async () => {
  const { vpcId } = await newSite(clients, 'spoken');
  const make = (Protocol: 'HTTPS' | 'TCP') =>
    clients.elb.send(
      new CreateTargetGroupCommand({ Name: 'more', Protocol, Port: 8080, VpcId: vpcId, TargetType: 'ip' }),
    );
  expect(await refusal(make('TCP'))).toEqual({
    name: 'ValidationError',
    message: `The sandbox reaches targets by HTTP and HTTPS only, not by 'TCP'`,
  });
  expect((await make('HTTPS')).TargetGroups).toMatchObject([
    { Protocol: 'HTTPS', HealthCheckProtocol: 'HTTP' },
  ]);
});
