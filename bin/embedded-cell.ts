import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  CloudFormationClient,
  CreateStackCommand,
  DescribeStacksCommand,
  type Parameter,
  type Stack,
} from '@aws-sdk/client-cloudformation';
import { type Config, sandboxDefaults } from '../lib/config.ts';
import { DomainError } from '../lib/domain/errors.ts';

/** File of a built cell that is written whatever it holds. */
export const cellMark = 'cell-report.json';

const pollMs = 50;

interface CellStack {
  readonly name: 'lumenality-cell' | 'lumenality-cell-copies';
  readonly region: string;
  readonly parameters: readonly Parameter[];
}

/**
 * Deploys what all silos share into the sandbox, unless it is there: practice templates count on it. On AWS a person
 * does it once (docs/cell.md).
 * @param directory what `cell:build` wrote
 * @throws DomainError `cloud_failure` when a stack cannot be made, with CloudFormation's reason
 */
export async function deployCell(endpoint: string, directory: string, cell: Config['cell']): Promise<void> {
  const stacks: readonly CellStack[] = [
    {
      name: 'lumenality-cell',
      region: cell.region,
      parameters: [{ ParameterKey: 'HostedZoneId', ParameterValue: cell.hostedZoneId }],
    },
    { name: 'lumenality-cell-copies', region: cell.backupCopyRegion, parameters: [] },
  ];
  await Promise.all(stacks.map((stack) => deploy(endpoint, directory, stack)));
}

async function deploy(endpoint: string, directory: string, stack: CellStack): Promise<void> {
  const client = new CloudFormationClient({
    endpoint,
    region: stack.region,
    credentials: sandboxDefaults.credentials,
  });
  try {
    let found = await describe(client, stack.name);
    if (found === undefined) {
      await create(client, stack, await readFile(join(directory, `${stack.name}.template.json`), 'utf8'));
      found = await describe(client, stack.name);
    }
    while (found?.StackStatus?.endsWith('_IN_PROGRESS') === true) {
      await delay(pollMs);
      found = await describe(client, stack.name);
    }
    if (found?.StackStatus?.endsWith('_COMPLETE') !== true || found.StackStatus.includes('ROLLBACK')) {
      throw new DomainError(
        'cloud_failure',
        `The sandbox could not make the stack ${stack.name}: ${found?.StackStatus ?? 'it is gone'} (${found?.StackStatusReason ?? 'no reason given'}). ` +
          'Delete that stack and start again.',
      );
    }
  } finally {
    client.destroy();
  }
}

async function create(client: CloudFormationClient, stack: CellStack, template: string): Promise<void> {
  try {
    await client.send(
      new CreateStackCommand({
        StackName: stack.name,
        TemplateBody: template,
        Parameters: [...stack.parameters],
        Capabilities: ['CAPABILITY_NAMED_IAM'],
      }),
    );
  } catch (error) {
    // Another control plane of this machine was first: its stack is waited for.
    if (!(error instanceof Error && error.name === 'AlreadyExistsException')) throw error;
  }
}

/** Undefined when there is no such stack. */
async function describe(client: CloudFormationClient, name: string): Promise<Stack | undefined> {
  try {
    const { Stacks = [] } = await client.send(new DescribeStacksCommand({ StackName: name }));
    return Stacks[0];
  } catch (error) {
    if (error instanceof Error && error.name === 'ValidationError' && /does not exist/.test(error.message))
      return undefined;
    throw error;
  }
}
