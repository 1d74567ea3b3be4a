import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CloudFormationClient, ListStacksCommand } from '@aws-sdk/client-cloudformation';
import { CreateRoleCommand, DeleteRoleCommand, IAMClient } from '@aws-sdk/client-iam';
import { deployingCells } from '../../bin/embedded-cell.ts';
import { sandboxDefaults } from '../../lib/config.ts';
import type { CellToCheck } from '../../lib/ports/cell-access.ts';
import type { CloudPorts } from '../../lib/ports/cloud.ts';
import type { CellAddress } from '../../lib/ports/clouds.ts';
import { startSandbox } from '../../lib/sandbox/server.ts';
import { builtRelease } from '../builders/built-release.ts';
import { connectSandbox, sandboxCell } from '../builders/sandbox-cell.ts';
import { callsMade } from '../builders/sandbox-controls.ts';

const cell = (id: string, accountId: string): CellAddress => ({
  id,
  accountId,
  region: sandboxDefaults.region,
  roleArn: `arn:aws:iam::${accountId}:role/lumenality-cell/control-plane`,
  externalId: `external-id-of-${id}-cell`,
});
const west = cell('west', '222222222222');
const east = cell('east', '333333333333');
const home = `arn:aws:iam::${sandboxCell.accountId}:root`;

describe('several cells, on the sandbox cloud', () => {
  let sandbox: Awaited<ReturnType<typeof startSandbox>>;
  let connection: ReturnType<typeof connectSandbox>;
  const directory = mkdtempSync(join(tmpdir(), 'lumenality-cells-'));
  const iams: IAMClient[] = [];

  const administrator = (accountId: string) => ({
    region: sandboxDefaults.region,
    endpoint: sandbox.endpoint,
    credentials: { accessKeyId: accountId, secretAccessKey: 'sandbox' },
  });
  const iamOf = (accountId: string): IAMClient => {
    const iam = new IAMClient(administrator(accountId));
    iams.push(iam);
    return iam;
  };
  const makeRole = (accountId: string, RoleName: string, statement: object) =>
    iamOf(accountId).send(
      new CreateRoleCommand({
        Path: '/lumenality-cell/',
        RoleName,
        AssumeRolePolicyDocument: JSON.stringify({
          Version: '2012-10-17',
          Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', ...statement }],
        }),
      }),
    );
  const trusting = (externalId: string | null) => ({
    Principal: { AWS: home },
    ...(externalId === null ? {} : { Condition: { StringEquals: { 'sts:ExternalId': externalId } } }),
  });

  beforeAll(async () => {
    sandbox = await startSandbox({ port: 0, directory, dataPlane: false, log: () => undefined });
    connection = connectSandbox(sandbox.endpoint);
    for (const { accountId } of [sandboxCell, west, east]) {
      await makeRole(accountId, 'deploy', { Principal: { Service: 'cloudformation.amazonaws.com' } });
    }
    for (const { accountId, externalId } of [west, east]) {
      await makeRole(accountId, 'control-plane', trusting(externalId));
    }
  });
  afterAll(async () => {
    for (const iam of iams) iam.destroy();
    connection.close();
    await sandbox.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  const calls = () => callsMade(sandbox.endpoint);
  const stacksIn = async (accountId: string): Promise<string[]> => {
    const client = new CloudFormationClient(administrator(accountId));
    const { StackSummaries = [] } = await client.send(new ListStacksCommand({}));
    client.destroy();
    return StackSummaries.map(({ StackName = '' }) => StackName).sort();
  };

  test('what is done for a cell is done in its account, also when all are called at the same moment', async () => {
    const { 'sts:AssumeRole': before = 0 } = await calls();
    const make = (ports: CloudPorts, stackName: string) =>
      ports.stacks.createChangeSet({
        stackName,
        kind: 'create',
        name: 'first',
        templateBody: JSON.stringify({ Resources: { Topic: { Type: 'AWS::SNS::Topic' } } }),
        parameters: {},
        tags: {},
        token: stackName,
      });
    const cells = [sandboxCell, west, east];
    const made = Array.from({ length: 12 }, (_, index) => cells[index % 3] ?? sandboxCell);
    await Promise.all(
      made.map((each, index) => make(connection.of({ ...each }), `practice-${index}-in-${each.id}`)),
    );
    for (const { id, accountId } of cells) {
      const names = made.flatMap((each, index) => (each.id === id ? [`practice-${index}-in-${id}`] : []));
      expect(await stacksIn(accountId)).toEqual(names.sort());
    }
    // One session a cell, whatever number of clients and calls use it.
    expect(((await calls())['sts:AssumeRole'] ?? 0) - before).toBe(2);
  });

  test("a cell with another account's role, or that is not where it is said to be, is refused before anything is done", async () => {
    const crossed = connection.of({
      ...west,
      id: 'crossed',
      roleArn: east.roleArn,
      externalId: east.externalId,
    });
    await expect(crossed.reachable()).rejects.toMatchObject({
      code: 'configuration',
      message: expect.stringContaining(
        'Cell crossed is account 222222222222, but its role is arn:aws:iam::333',
      ),
    });
    const elsewhere = connection.of({ ...sandboxCell, id: 'elsewhere', accountId: '444444444444' });
    const made = elsewhere.stacks.createChangeSet({
      stackName: 'stray',
      kind: 'create',
      name: 'first',
      templateBody: '{}',
      parameters: {},
      tags: {},
      token: 'stray',
    });
    await expect(made).rejects.toMatchObject({ code: 'configuration' });
    expect(await stacksIn(sandboxCell.accountId)).not.toContain('stray');
  });

  const toCheck = (address: CellAddress): CellToCheck => ({
    ...address,
    hostedZoneId: sandboxDefaults.hostedZoneId,
    backupCopyRegion: 'us-west-2',
  });

  test('a cell is let in only with its external id, and only as itself', async () => {
    const { access } = connection;
    await access.check(toCheck(west));
    await access.check(toCheck(sandboxCell));
    expect(await access.caller()).toEqual({ accountId: sandboxCell.accountId, arn: home });
    await expect(access.check(toCheck({ ...west, externalId: east.externalId }))).rejects.toMatchObject({
      code: 'cloud_failure',
      context: { awsCode: 'AccessDenied' },
    });
    await expect(access.check(toCheck({ ...sandboxCell, accountId: '444444444444' }))).rejects.toMatchObject({
      code: 'wrong_state',
    });
    const open = cell('open', '555555555555');
    await makeRole(open.accountId, 'control-plane', trusting(null));
    await expect(access.check(toCheck(open))).rejects.toMatchObject({
      code: 'wrong_state',
      message: expect.stringContaining('without the external id'),
    });
    await iamOf(open.accountId).send(new DeleteRoleCommand({ RoleName: 'control-plane' }));
  });

  test('an account of the sandbox gets its cell when the cell is activated, again with another external id', async () => {
    const { cell: built } = await builtRelease();
    const access = deployingCells(connection.access, sandbox.endpoint, built);
    const north = cell('north', '666666666666');
    await expect(connection.access.check(toCheck(north))).rejects.toMatchObject({ code: 'cloud_failure' });
    await access.check(toCheck(north));
    await access.check(toCheck({ ...north, externalId: 'another-external-id' }));
    await expect(connection.access.check(toCheck(north))).rejects.toMatchObject({ code: 'cloud_failure' });
    expect(await stacksIn(north.accountId)).toContain('lumenality-cell');
  });
});
