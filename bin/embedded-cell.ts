import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  CloudFormationClient,
  CreateStackCommand,
  DescribeStacksCommand,
  type Parameter,
  type Stack,
  UpdateStackCommand,
} from '@aws-sdk/client-cloudformation';
import { sandboxDefaults } from '../lib/config.ts';
import { DomainError } from '../lib/domain/errors.ts';
import type { CellAccess } from '../lib/ports/cell-access.ts';

/** File of a built cell that is written whatever it holds. */
export const cellMark = 'cell-report.json';

const pollMs = 50;

interface CellStack {
  readonly name: 'lumenality-cell' | 'lumenality-cell-copies';
  readonly region: string;
  readonly parameters: readonly Parameter[];
}

interface SandboxCell {
  /** The sandbox's own account unless told. */
  readonly accountId?: string;
  readonly region: string;
  readonly hostedZoneId: string;
  readonly backupCopyRegion: string;
  /** Who may assume the cell's role, and with which external id; unless told, anybody of the cell's own account. */
  readonly trust?: { readonly principalArn: string; readonly externalId: string };
}

/**
 * Deploys what all silos share into an account of the sandbox, unless it is there: practice templates count on it. On AWS a person
 * does it once (docs/cell.md).
 * @param directory what `cell:build` wrote
 * @throws DomainError `cloud_failure` when a stack cannot be made, with CloudFormation's reason
 */
export async function deployCell(endpoint: string, directory: string, cell: SandboxCell): Promise<void> {
  const given = (ParameterKey: string, ParameterValue: string): Parameter => ({
    ParameterKey,
    ParameterValue,
  });
  const stacks: readonly CellStack[] = [
    {
      name: 'lumenality-cell',
      region: cell.region,
      parameters: [
        given('HostedZoneId', cell.hostedZoneId),
        ...(cell.trust === undefined
          ? []
          : [
              given('ControlPlanePrincipalArn', cell.trust.principalArn),
              given('ExternalId', cell.trust.externalId),
            ]),
      ],
    },
    { name: 'lumenality-cell-copies', region: cell.backupCopyRegion, parameters: [] },
  ];
  // Twelve digits are the keys of an account's own administrator in the sandbox.
  const { accountId = sandboxDefaults.credentials.accessKeyId } = cell;
  const credentials = { ...sandboxDefaults.credentials, accessKeyId: accountId };
  const deployed = stacks.map(async (stack) => {
    const client = new CloudFormationClient({ endpoint, region: stack.region, credentials });
    try {
      await deploy(client, directory, stack);
    } finally {
      client.destroy();
    }
  });
  await Promise.all(deployed);
}

/** On the sandbox, does what an account's administrator does on AWS before a cell there is activated. */
export function deployingCells(access: CellAccess, endpoint: string, directory: string): CellAccess {
  return {
    caller: (signal) => access.caller(signal),
    check: async (cell, signal) => {
      if (cell.externalId !== null) {
        const { arn: principalArn } = await access.caller(signal);
        await deployCell(endpoint, directory, {
          ...cell,
          trust: { principalArn, externalId: cell.externalId },
        });
      }
      await access.check(cell, signal);
    },
  };
}

async function deploy(client: CloudFormationClient, directory: string, stack: CellStack): Promise<void> {
  const template = () => readFile(join(directory, `${stack.name}.template.json`), 'utf8');
  let found = await describe(client, stack.name);
  if (found === undefined) {
    await create(client, stack, await template());
    found = await describe(client, stack.name);
  } else if (!isDeployedWith(found, stack.parameters)) {
    await client.send(new UpdateStackCommand(inputOf(stack, await template())));
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
}

function isDeployedWith({ Parameters = [] }: Stack, wanted: readonly Parameter[]): boolean {
  return wanted.every(({ ParameterKey: key, ParameterValue: value }) =>
    Parameters.some(({ ParameterKey, ParameterValue }) => ParameterKey === key && ParameterValue === value),
  );
}

const inputOf = ({ name, parameters }: CellStack, template: string) => ({
  StackName: name,
  TemplateBody: template,
  Parameters: [...parameters],
  Capabilities: ['CAPABILITY_NAMED_IAM' as const],
});

async function create(client: CloudFormationClient, stack: CellStack, template: string): Promise<void> {
  try {
    await client.send(new CreateStackCommand(inputOf(stack, template)));
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
