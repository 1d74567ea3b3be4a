import { type Check, check, listed, safeguards } from './silo-check.ts';
import type { TargetGroupFacts, TaskDefinitionFacts } from './silo-facts.ts';

function hardening({ user, readOnlyRoot, privileged }: TaskDefinitionFacts['containers'][number]): string {
  // A container without a user of its own has the image's, which nobody has looked at here.
  const root = user === null || /^(root|0)(:|$)/.test(user);
  return [
    root ? `runs as ${user ?? 'whoever the image says'}` : 'not root',
    readOnlyRoot ? 'read-only' : 'writable',
    privileged ? 'privileged' : 'not privileged',
  ].join(', ');
}

const spoken = ({ protocol, healthCheckProtocol }: TargetGroupFacts): string =>
  `requests by ${protocol}, health checks by ${healthCheckProtocol}`;

const pinOf = (image: string): string => /@sha256:[0-9a-f]{64}$/.exec(image)?.[0] ?? image;

export const serviceChecks: readonly Check[] = [
  check({
    id: 'service-steady',
    title: 'The app runs as many tasks as its plan promises, and no others',
    safeguards: safeguards.operation,
    source: 'ecs:DescribeServices',
    fact: 'service',
    expected: ({ desiredCount, maxCount }) =>
      `ACTIVE, ${desiredCount} to ${maxCount} desired and all of them running, 0 pending, COMPLETED`,
    observed: (service) =>
      `${service.status}, ${service.desired} desired, ${service.running} running, ${service.pending} pending, ${listed(service.rollouts)}`,
    // Autoscaling moves the number between the plan's bounds.
    passes: (service, { desiredCount, maxCount }) =>
      service.status === 'ACTIVE' &&
      service.desired >= desiredCount &&
      service.desired <= maxCount &&
      service.running === service.desired &&
      service.pending === 0 &&
      listed(service.rollouts) === 'COMPLETED',
  }),
  check({
    id: 'service-image',
    title: "Every container runs exactly the release's image",
    safeguards: safeguards.integrity,
    source: 'ecs:DescribeTasks',
    fact: 'tasks',
    expected: ({ imageDigest }) => imageDigest,
    observed: (tasks) =>
      listed([
        ...new Set(
          tasks.flatMap((task) =>
            task.containers.map((container) => container.imageDigest ?? 'unknown digest'),
          ),
        ),
      ]),
  }),
  check({
    id: 'task-hardened',
    title: 'The app runs without root, without privileges and on a file system that it cannot change',
    safeguards: safeguards.leastPrivilege,
    source: 'ecs:DescribeTaskDefinition',
    fact: 'taskDefinition',
    expected: () => 'not root, read-only, not privileged',
    observed: ({ containers }) => listed([...new Set(containers.map(hardening))]),
  }),
  check({
    id: 'task-image-by-digest',
    title: 'The task definition names its images by digest, never by a tag that can be moved',
    safeguards: safeguards.integrity,
    source: 'ecs:DescribeTaskDefinition',
    fact: 'taskDefinition',
    expected: ({ imageDigest }) => `@${imageDigest}`,
    observed: ({ containers }) => listed([...new Set(containers.map(({ image }) => pinOf(image)))]),
  }),
  check({
    id: 'task-no-shell',
    title: 'Nobody can open a shell in a task',
    safeguards: safeguards.leastPrivilege,
    source: 'ecs:DescribeServices',
    fact: 'service',
    expected: () => 'ECS Exec off',
    observed: ({ commandExecution }) => `ECS Exec ${commandExecution ? 'on' : 'off'}`,
  }),
  check({
    id: 'app-identity',
    title: 'The app at the practice’s address is this practice’s, in this release',
    safeguards: [...safeguards.integrity, '45 CFR 164.312(d)'],
    source: 'GET /version through the load balancer',
    fact: 'version',
    expected: ({ practiceId, releaseId }) => `${practiceId} at ${releaseId}`,
    observed: (version) => `${version.practiceId} at ${version.releaseId}`,
  }),
  check({
    id: 'app-ready',
    title: 'The app is ready, as this practice and in this release',
    safeguards: safeguards.operation,
    source: 'GET /readyz through the load balancer',
    fact: 'readiness',
    expected: ({ practiceId, releaseId }) => `ready, ${practiceId} at ${releaseId}`,
    observed: (ready) => `${ready.status}, ${ready.practiceId} at ${ready.releaseId}`,
  }),
  check({
    id: 'app-behind-tls',
    title: 'The load balancer speaks TLS to the app, health checks included',
    safeguards: safeguards.inTransit,
    source: 'elasticloadbalancing:DescribeTargetGroups',
    fact: 'targetGroups',
    expected: () => 'requests by HTTPS, health checks by HTTPS',
    // Every group that a rule leads to, so that none stands beside the app's own.
    observed: (groups) => listed([...new Set(groups.map(spoken))]),
  }),
  check({
    id: 'app-database-over-tls',
    title: 'The app reaches its database over TLS',
    safeguards: safeguards.inTransit,
    source: 'GET /readyz through the load balancer',
    fact: 'readiness',
    expected: () => 'a round trip over TLS',
    observed: (ready) =>
      `a round trip of ${ready.databaseRoundTripMs} ms ${ready.databaseTls ? 'over TLS' : 'without TLS'}`,
    passes: (ready) => ready.databaseTls && ready.databaseRoundTripMs >= 0,
  }),
  check({
    id: 'app-uses-key',
    title: "The app uses the practice's key",
    safeguards: safeguards.atRest,
    source: 'GET /readyz through the load balancer',
    fact: 'readiness',
    expected: ({ keyArn }) => keyArn,
    observed: (ready) => ready.keyArn,
  }),
];
