import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CloudFormationClient,
  CreateStackCommand,
  DescribeStackResourcesCommand,
  DescribeStacksCommand,
} from '@aws-sdk/client-cloudformation';
import { CreateKeyCommand, DescribeKeyCommand, KMSClient, ListKeysCommand } from '@aws-sdk/client-kms';
import { isRecordedImage } from '../../lib/sandbox/images.ts';
import type { LoadBalancerRoute } from '../../lib/sandbox/model.ts';
import { type Sandbox, startSandbox } from '../../lib/sandbox/server.ts';
import { openState } from '../../lib/sandbox/state.ts';
import { builtEntry } from '../builders/built-entries.ts';

const configuration = (port: number) => ({
  region: 'us-east-1',
  endpoint: `http://127.0.0.1:${port}`,
  credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  maxAttempts: 1,
});

describe('the sandbox server', () => {
  let directory: string;
  let sandbox: Sandbox;
  let upstream: Server;
  const routes = new Map<string, LoadBalancerRoute>();

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'sandbox-server-'));
    upstream = createServer((asked, response) => {
      const { host, 'x-forwarded-proto': scheme, 'x-forwarded-for': client } = asked.headers;
      if (asked.url === '/broken') {
        asked.socket.destroy();
        return;
      }
      response.writeHead(201, { 'x-app': 'yes' });
      response.write(JSON.stringify({ host, scheme, client, url: asked.url }));
      asked.on('data', (chunk: Buffer) => response.write(chunk)).on('end', () => response.end());
    });
    upstream.listen(0, '127.0.0.1');
    await once(upstream, 'listening');
    sandbox = await startSandbox({
      port: 0,
      directory,
      dataPlane: false,
      routeFor: (_cloud, host) => routes.get(host),
    });
  });
  beforeEach(() => control('DELETE', 'faults'));
  afterAll(async () => {
    await sandbox.stop();
    upstream.close();
    rmSync(directory, { recursive: true });
  });

  const control = async (method: string, path: string, body?: unknown) => {
    const response = await fetch(`${sandbox.endpoint}/_sandbox/${path}`, {
      method,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      body: text === '' ? undefined : (JSON.parse(text) as Record<string, unknown>),
    };
  };
  /** `fetch` does not let a caller choose the Host header. */
  const requestAs = (host: string, path: string, body = '', headers: Record<string, string> = {}) =>
    new Promise<{ status: number; headers: NodeJS.Dict<string | string[]>; body: string }>(
      (resolve, reject) => {
        const options = {
          host: '127.0.0.1',
          port: sandbox.port,
          path,
          method: 'POST',
          headers: { host, ...headers },
        };
        const call = request(options, (answer) => {
          let text = '';
          answer.on('data', (chunk: Buffer) => {
            text += chunk.toString();
          });
          answer.on('end', () =>
            resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: text }),
          );
        });
        call.on('error', reject);
        call.end(body);
      },
    );

  it('says how it is, and what was called', async () => {
    const kms = new KMSClient(configuration(sandbox.port));
    await kms.send(new ListKeysCommand({}));
    expect(await control('GET', 'health')).toEqual({
      status: 200,
      body: {
        status: 'ok',
        pid: process.pid,
        port: sandbox.port,
        directory,
        dataPlane: false,
        accounts: ['000000000000'],
      },
    });
    const { body } = await control('GET', 'calls');
    expect(body).toMatchObject({ calls: { 'kms:ListKeys': expect.any(Number) } });
    expect((await control('GET', 'nothing')).status).toBe(404);
  });

  it('refuses a second sandbox on its directory and on its port', async () => {
    await expect(startSandbox({ port: 0, directory, dataPlane: false })).rejects.toThrow(
      `Another sandbox (process ${process.pid}) uses ${directory}.`,
    );
    const other = mkdtempSync(join(tmpdir(), 'sandbox-other-'));
    await expect(startSandbox({ port: sandbox.port, directory: other, dataPlane: false })).rejects.toThrow(
      `Port ${sandbox.port} on 127.0.0.1 is in use.`,
    );
    // The refused one has let go of its directory.
    const state = openState(other);
    await state.close();
    rmSync(other, { recursive: true });
  });

  it('refuses state of another format and a directory that is none, says so, and leaves both as they are', async () => {
    const other = mkdtempSync(join(tmpdir(), 'sandbox-other-'));
    await openState(other).close();
    const mark = readFileSync(join(other, 'format'), 'utf8');
    expect(mark).toMatch(/^\d+\n$/);
    for (const format of ['0\n', undefined]) {
      if (format === undefined) rmSync(join(other, 'format'));
      else writeFileSync(join(other, 'format'), format);
      expect(() => openState(other)).toThrow(
        /was written by another version of the sandbox .* Move or remove/,
      );
    }
    writeFileSync(join(other, 'format'), mark);
    await openState(other).close();
    const file = join(other, 'file');
    writeFileSync(file, 'mine');
    expect(() => openState(file)).toThrow(/cannot keep its state in .*file \(EEXIST.*may write to/);
    expect(readFileSync(file, 'utf8')).toBe('mine');
    rmSync(other, { recursive: true });
  });

  it('fails, delays and cuts calls on demand, as often as it was told', async () => {
    const kms = new KMSClient(configuration(sandbox.port));
    const list = () => kms.send(new ListKeysCommand({}));
    await control('POST', 'faults', {
      service: 'kms',
      operation: 'ListKeys',
      times: 1,
      effect: { kind: 'throttle' },
    });
    await expect(list()).rejects.toMatchObject({ name: 'ThrottlingException' });
    await expect(list()).resolves.toBeDefined();

    const effect = { kind: 'error', code: 'KMSInternalException', message: 'Injected.', status: 500 };
    const { body: rule } = await control('POST', 'faults', { service: 'kms', match: 'alias/wanted', effect });
    await expect(list()).resolves.toBeDefined();
    const describe = kms.send(new DescribeKeyCommand({ KeyId: 'alias/wanted' }));
    await expect(describe).rejects.toMatchObject({
      name: 'KMSInternalException',
      $metadata: { httpStatusCode: 500 },
    });
    expect((await control('DELETE', `faults?id=${String(rule?.['id'])}`)).status).toBe(204);

    await control('POST', 'faults', {
      service: 'kms',
      operation: 'CreateKey',
      times: 1,
      effect: { kind: 'cut', when: 'after' },
    });
    const before = (await list()).Keys?.length ?? 0;
    await expect(kms.send(new CreateKeyCommand({}))).rejects.toThrow(/socket|ECONNRESET/);
    // The answer was lost, the operation was not.
    expect((await list()).Keys).toHaveLength(before + 1);
    expect(await control('GET', 'faults')).toMatchObject({ body: { faults: [] } });
  });

  it.each([
    [{ effect: { kind: 'throttle' } }, 'give either "service"'],
    [{ service: 'kms', effect: { kind: 'explode' } }, '"effect" must have a "kind"'],
    [{ service: 'kms', colour: 1, effect: { kind: 'throttle' } }, 'unknown field "colour"'],
    [{ resourceType: 'AWS::KMS::Key', effect: { kind: 'cut' } }, 'only a call can be cut'],
  ])('refuses the fault rule %j', async (rule, message) => {
    const answer = await control('POST', 'faults', rule);
    expect(answer).toMatchObject({
      status: 400,
      body: { code: 'ValidationError', message: expect.stringContaining(message) },
    });
  });

  it('fails a resource type on demand, and the stack says so', async () => {
    const cloudFormation = new CloudFormationClient(configuration(sandbox.port));
    await control('POST', 'faults', {
      resourceType: 'AWS::KMS::Key',
      action: 'create',
      match: 'doomed',
      effect: { kind: 'fail', message: 'A drill.' },
    });
    const Properties = { KeyPolicy: { Version: '2012-10-17', Statement: [] } };
    const TemplateBody = JSON.stringify({ Resources: { Key: { Type: 'AWS::KMS::Key', Properties } } });
    await cloudFormation.send(new CreateStackCommand({ StackName: 'doomed', TemplateBody }));
    await settled(cloudFormation, 'doomed');
    const { StackResources } = await cloudFormation.send(
      new DescribeStackResourcesCommand({ StackName: 'doomed' }),
    );
    expect(StackResources).toMatchObject([{ LogicalResourceId: 'Key', ResourceStatus: 'DELETE_COMPLETE' }]);
  });

  it('takes an image by its manifest, and knows it again', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'image-'));
    writeFileSync(join(folder, 'manifest.json'), '{}');
    const { body } = await control('PUT', 'images', { repository: 'lumenality/app', folder });
    const digest = String(body?.['digest']);
    expect(digest).toBe('sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a');
    expect(isRecordedImage(sandbox.cloud.state, { repository: 'lumenality/app', digest })).toBe(true);
    expect(isRecordedImage(sandbox.cloud.state, { repository: 'lumenality/other', digest })).toBe(false);
    expect(await control('PUT', 'images', { repository: 'app', folder: '../x' })).toMatchObject({
      status: 400,
    });
    rmSync(folder, { recursive: true });
  });

  it('passes a request for a load balanced name on, and answers like a load balancer where it cannot', async () => {
    const { port } = upstream.address() as AddressInfo;
    routes.set('app.localhost', { kind: 'target', address: '127.0.0.1', port, scheme: 'https' });
    routes.set('gone.localhost', { kind: 'target', address: '127.0.0.1', port: 1 });
    routes.set('fixed.localhost', {
      kind: 'answer',
      status: 404,
      contentType: 'text/plain',
      body: 'Nobody.',
    });
    const passed = await requestAs('app.localhost:8080', '/a?b=c', ' and the body');
    expect(passed.status).toBe(201);
    expect(passed.headers['x-app']).toBe('yes');
    expect(passed.body).toBe(
      `${JSON.stringify({ host: 'app.localhost:8080', scheme: 'https', client: '127.0.0.1', url: '/a?b=c' })} and the body`,
    );
    expect((await requestAs('app.localhost', '/broken')).status).toBe(502);
    // An app's own tokens are its own business; only a signed AWS request is the sandbox's.
    const bearer = await requestAs('app.localhost', '/', '', { authorization: 'Bearer of-the-app' });
    expect(bearer.status).toBe(201);
    const signed = await requestAs('app.localhost', '/', '', {
      authorization: 'AWS4-HMAC-SHA256 Credential=x',
    });
    expect(signed.status).toBeGreaterThanOrEqual(400);
    expect((await requestAs('gone.localhost', '/')).status).toBe(502);
    expect(await requestAs('fixed.localhost', '/')).toMatchObject({ status: 404, body: 'Nobody.' });
    expect((await requestAs('unknown.localhost', '/')).body).toContain('names no load balancer');
  });
});

async function settled(client: CloudFormationClient, StackName: string): Promise<string> {
  for (;;) {
    const { Stacks } = await client.send(new DescribeStacksCommand({ StackName }));
    const status = Stacks?.[0]?.StackStatus ?? '';
    if (!status.endsWith('IN_PROGRESS')) return status;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe('a sandbox that is killed', () => {
  it('goes on with the stack operation that was under way, without making anything twice', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'sandbox-killed-'));
    const journal = join(directory, 'journal');
    writeFileSync(journal, '');
    const children: ChildProcess[] = [];
    const start = async (): Promise<{ child: ChildProcess; client: CloudFormationClient }> => {
      const child = fork(await builtEntry('test/sandbox/server-process'), [directory, journal]);
      children.push(child);
      const [message] = (await once(child, 'message')) as [{ port: number }];
      return { child, client: new CloudFormationClient(configuration(message.port)) };
    };
    const lines = () => readFileSync(journal, 'utf8').trim().split('\n');
    try {
      const first = await start();
      const TemplateBody = JSON.stringify({
        Resources: {
          Quick: { Type: 'AWS::SNS::Topic' },
          Slow: { Type: 'AWS::SNS::Topic', DependsOn: 'Quick' },
          Last: { Type: 'AWS::SNS::Topic', DependsOn: 'Slow' },
        },
      });
      await first.client.send(new CreateStackCommand({ StackName: 'killed', TemplateBody }));
      while (!lines().some((line) => line.startsWith('create Slow')))
        await new Promise((resolve) => setTimeout(resolve, 10));
      first.child.kill('SIGKILL');
      await once(first.child, 'exit');

      const second = await start();
      writeFileSync(join(directory, 'release'), '');
      expect(await settled(second.client, 'killed')).toBe('CREATE_COMPLETE');
      const calls = lines();
      expect(calls.map((line) => line.split(' ')[1])).toEqual(['Quick', 'Slow', 'Slow', 'Last']);
      // Asked again under the same token, so that a handler finds what it made before.
      expect(calls[1]).toBe(calls[2]);
    } finally {
      for (const child of children) child.kill('SIGKILL');
      rmSync(directory, { recursive: true });
    }
  });
});
