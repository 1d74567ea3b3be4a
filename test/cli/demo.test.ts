import { execFile } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import {
  CloudFormationClient,
  CreateStackCommand,
  waitUntilStackCreateComplete,
} from '@aws-sdk/client-cloudformation';
import { proveIsolation } from '../../bin/demo-proof.ts';
import type { Practice } from '../../control-api/contracts/practices.ts';
import { type Sandbox, startSandbox } from '../../lib/sandbox/server.ts';

const demo = resolve(__dirname, '../../bin/demo.ts');
const directory = () => mkdtempSync(join(tmpdir(), 'lumenality-demo-'));

/** The demo's exit code and what it said on stderr, with a data directory of its own. */
async function refusal(env: Record<string, string>): Promise<{ code: unknown; stderr: string }> {
  const run = promisify(execFile)(process.execPath, ['--import', 'tsx', demo, '--exit'], {
    cwd: resolve(__dirname, '../..'),
    env: { PATH: process.env['PATH'], LUMENALITY_DATA_DIR: directory(), ...env },
  });
  return run.then(
    () => ({ code: 0, stderr: '' }),
    (error: { code: unknown; stderr: string }) => error,
  );
}

const listen = async (server: Server): Promise<number> => {
  await new Promise<void>((ready) => {
    server.listen(0, '127.0.0.1', ready);
  });
  return (server.address() as AddressInfo).port;
};

test('the demo refuses a port where something else listens, and a cloud that costs money', async () => {
  const server = createHttpServer((_request, response) => response.end('{"status":"something else"}'));
  const port = await listen(server);
  try {
    const [taken, aws] = await Promise.all([
      refusal({ PORT: String(port) }),
      refusal({
        LUMENALITY_CLOUD: 'aws',
        AWS_REGION: 'us-east-1',
        LUMENALITY_DOMAIN: 'practices.example.com',
        LUMENALITY_HOSTED_ZONE_ID: 'Z0EXAMPLE',
        LUMENALITY_IMAGE_REGISTRY: '000000000000.dkr.ecr.us-east-1.amazonaws.com',
      }),
    ]);
    expect(taken.code).toBe(4);
    expect(taken.stderr).toContain('Something that is not the control plane');
    expect(taken.stderr).toContain('PORT=');
    expect(aws.code).toBe(2);
    expect(aws.stderr).toContain('in the sandbox cloud only');
  } finally {
    server.close();
  }
});

describe('the proof that practices share nothing', () => {
  let sandbox: Sandbox;
  let cloudFormation: CloudFormationClient;
  /** Answers every session as PostgreSQL answers one without TLS where it is forced. */
  const database = createServer((socket) => {
    const fields = ['SFATAL', 'VFATAL', 'C28000', `M${refusalWords}`].map((field) => `${field}\0`).join('');
    const body = Buffer.from(`${fields}\0`);
    const head = Buffer.alloc(5, 'E');
    head.writeInt32BE(body.length + 4, 1);
    socket.once('data', () => socket.end(Buffer.concat([head, body])));
  });
  const refusalWords = 'no pg_hba.conf entry for host "127.0.0.1", no encryption';
  const access = () => ({
    region: 'us-east-1',
    endpoint: sandbox.endpoint,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });

  beforeAll(async () => {
    sandbox = await startSandbox({ port: 0, directory: directory(), dataPlane: false });
    cloudFormation = new CloudFormationClient(access());
    await listen(database);
  });
  afterAll(async () => {
    cloudFormation.destroy();
    await sandbox.stop();
    database.close();
  });

  /** A practice whose stack has a key of its own, unless it is given another's. */
  async function practice(
    id: string,
    parts: { vpcId: string; keyArn?: string; port?: number },
  ): Promise<Practice> {
    const { port = (database.address() as AddressInfo).port, keyArn, vpcId } = parts;
    const own = { 'Fn::GetAtt': ['Key', 'Arn'] };
    const outputs = {
      KeyArn: keyArn ?? own,
      VpcId: vpcId,
      DatabaseInstanceArn: `arn:aws:rds:us-east-1:000000000000:db:${id}`,
      DatabaseEndpoint: '127.0.0.1',
      DatabasePort: String(port),
      DatabaseName: 'practice',
    };
    const policy = {
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Principal: { AWS: 'arn:aws:iam::000000000000:root' },
          Action: 'kms:*',
          Resource: '*',
        },
      ],
    };
    const stackName = `lumenality-${id}-foundation`;
    await cloudFormation.send(
      new CreateStackCommand({
        StackName: stackName,
        TemplateBody: JSON.stringify({
          Resources: { Key: { Type: 'AWS::KMS::Key', Properties: { KeyPolicy: policy } } },
          Outputs: Object.fromEntries(Object.entries(outputs).map(([name, Value]) => [name, { Value }])),
        }),
      }),
    );
    await waitUntilStackCreateComplete(
      { client: cloudFormation, maxWaitTime: 30, minDelay: 0.05, maxDelay: 0.1 },
      { StackName: stackName },
    );
    return { id, observed: [{ stackName }] } as Practice;
  }

  test('holds for silos of their own: own key opens, another is refused by KMS, plain text is refused', async () => {
    const practices = [await practice('one', { vpcId: 'vpc-1' }), await practice('two', { vpcId: 'vpc-2' })];
    const proof = await proveIsolation(practices, access());
    expect(proof).toMatchObject({ held: true, distinct: { keys: 2, databases: 2, vpcs: 2 } });
    expect(proof.decryptions.map(({ opened }) => opened)).toEqual([true, false, false, true]);
    expect(proof.decryptions[1]?.refusal).toMatch(/^IncorrectKeyException: /);
    expect(proof.plainText).toMatchObject({ held: true, refusal: refusalWords });
  });

  test('does not hold when two practices share a key, or when a database cannot be asked', async () => {
    const first = await practice('three', { vpcId: 'vpc-3' });
    const { silos } = await proveIsolation([first], access());
    const sharing = await practice('four', { vpcId: 'vpc-4', keyArn: silos[0]?.keyArn ?? '' });
    const shared = await proveIsolation([first, sharing], access());
    expect(shared).toMatchObject({ held: false, distinct: { keys: 1 } });
    expect(shared.decryptions.filter(({ held }) => !held)).toHaveLength(2);

    const silent = await practice('five', { vpcId: 'vpc-5', port: 1 });
    expect(await proveIsolation([silent], access())).toMatchObject({
      held: false,
      plainText: { held: false },
    });
  });
});
