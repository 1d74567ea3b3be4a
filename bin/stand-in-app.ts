import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { sandboxDefaults } from '../lib/config.ts';
import { DomainError } from '../lib/domain/errors.ts';
import { stackNameFor } from '../lib/domain/stack-plan.ts';
import type { HealthProbe } from '../lib/ports/health-probe.ts';

/**
 * Answers in place of practice apps that a sandbox without data plane does not run: what an app in good order would say of itself,
 * by the parameters that its service stack was deployed with. A practice whose access is closed is asked through the sandbox's load
 * balancer, which answers for itself.
 */
export function standInApp(endpoint: string, throughLoadBalancer: HealthProbe): HealthProbe {
  const stacks = new CloudFormationClient({
    region: sandboxDefaults.region,
    endpoint,
    credentials: sandboxDefaults.credentials,
  });
  return {
    get: async (hostName, path, signal) => {
      const practiceId = hostName.split('.')[0] ?? '';
      const service = await parametersOf(stacks, stackNameFor(practiceId, 'service'));
      if (service['Access'] === 'closed') return throughLoadBalancer.get(hostName, path, signal);
      return {
        status: 200,
        body: JSON.stringify(answer(practiceId, service, path)),
        tls: null,
        durationMs: 0,
      };
    },
  };
}

async function parametersOf(
  stacks: CloudFormationClient,
  StackName: string,
): Promise<Readonly<Record<string, string | undefined>>> {
  try {
    const { Stacks = [] } = await stacks.send(new DescribeStacksCommand({ StackName }));
    return Object.fromEntries(
      (Stacks[0]?.Parameters ?? []).map(({ ParameterKey, ParameterValue }) => [ParameterKey, ParameterValue]),
    );
  } catch (cause) {
    throw new DomainError('cloud_failure', `There is nothing at ${StackName}.`, { cause, retryable: true });
  }
}

function answer(
  practiceId: string,
  service: Readonly<Record<string, string | undefined>>,
  path: string,
): object {
  const identity = { practiceId, releaseId: service['ReleaseId'] };
  if (path === '/version') return { ...identity, appVersion: 'stand-in', migration: 'stand-in' };
  if (path === '/healthz') return { status: 'ok' };
  return {
    status: 'ready',
    ...identity,
    database: { roundTripMs: 1, tls: true },
    key: { arn: service['KeyArn'] },
  };
}
