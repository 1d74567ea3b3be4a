import { type Check, check, listed, safeguards } from './silo-check.ts';

export const serviceChecks: readonly Check[] = [
  check({
    id: 'entrance-tls',
    title: 'The load balancer takes the app’s requests over TLS only',
    safeguards: safeguards.inTransit,
    source: 'elasticloadbalancing:DescribeListeners',
    fact: 'listener',
    expected: ({ loadBalancerArn }) =>
      `HTTPS with a certificate and a TLS 1.2 or 1.3 policy on ${loadBalancerArn}`,
    observed: (listener) =>
      `${listener.protocol} with ${listener.certificates} certificate(s) and policy ${listener.tlsPolicy ?? 'none'} on ${listener.loadBalancerArn}`,
    passes: (listener, { loadBalancerArn }) =>
      listener.protocol === 'HTTPS' &&
      listener.certificates > 0 &&
      /TLS(13-)?1-[23]/.test(listener.tlsPolicy ?? '') &&
      !/TLS13-1-[01]-|TLS-1-[01]-/.test(listener.tlsPolicy ?? '') &&
      listener.loadBalancerArn === loadBalancerArn,
  }),
  check({
    id: 'service-steady',
    title: 'The app runs as many tasks as its plan promises, and no others',
    safeguards: safeguards.operation,
    source: 'ecs:DescribeServices',
    fact: 'service',
    expected: ({ desiredCount }) =>
      `ACTIVE, ${desiredCount} desired, ${desiredCount} running, 0 pending, COMPLETED`,
    observed: (service) =>
      `${service.status}, ${service.desired} desired, ${service.running} running, ${service.pending} pending, ${listed(service.rollouts)}`,
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
