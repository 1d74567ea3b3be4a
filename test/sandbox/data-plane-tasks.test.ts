import { fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { callerOf } from '../../lib/sandbox/access-keys.ts';
import { FolderImageRegistry } from '../../lib/sandbox/data-plane/images.ts';
import { createDataPlane } from '../../lib/sandbox/data-plane/index.ts';
import type { ImageManifest, TaskSpec } from '../../lib/sandbox/model.ts';
import { openState } from '../../lib/sandbox/state.ts';
import { builtEntry } from '../builders/built-entries.ts';
import type { HostOptions, HostReport } from './fixtures/data-plane-host.ts';

const databaseProcess = join(__dirname, '../../lib/sandbox/data-plane/database-process.ts');
const workDirectory = mkdtempSync(join(tmpdir(), 'tasks-'));
// Tasks need no database: a folder that is there keeps the data plane from preparing an empty cluster.
const databaseTemplate = mkdtempSync(join(workDirectory, 'template-'));
const cleanUps: Array<() => Promise<unknown>> = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});
afterAll(() => rmSync(workDirectory, { recursive: true, force: true }));

const repository = 'lumenality/practice-app';
const sha256 = (bytes: string | Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** Answers every request with its environment; says two lines first, and ends with code 3 when asked to. */
const program = `
import { createServer } from 'node:http';
console.log('first line');
console.error('second line');
createServer((request, response) => {
  if (request.url === '/exit') process.exit(3);
  response.end(JSON.stringify({ ...process.env, cwd: process.cwd() }));
}).listen(Number(process.env.PORT), process.env.HOST);
`;

function imageFolder(
  files: Record<string, string>,
  changes: Partial<Record<keyof ImageManifest, unknown>> = {},
) {
  const folder = mkdtempSync(join(workDirectory, 'image-'));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  const manifest = {
    mediaType: 'application/vnd.lumenality.sandbox.image.v1+json',
    entrypoint: 'main.mjs',
    files: Object.fromEntries(Object.entries(files).map(([path, text]) => [path, sha256(text)])),
    ...changes,
  };
  return { folder, bytes: Buffer.from(JSON.stringify(manifest)) };
}

async function startSandbox() {
  const directory = mkdtempSync(join(workDirectory, 'sandbox-'));
  const state = openState(directory);
  const plane = await createDataPlane({
    directory,
    state,
    endpoint: () => 'http://127.0.0.1:4566',
    databaseProcess,
    databaseTemplate,
  });
  cleanUps.push(async () => {
    await plane.stop();
    await state.close();
  });
  const { folder, bytes } = imageFolder({ 'main.mjs': program });
  const { digest } = plane.images.push(repository, bytes, folder);
  return { plane, state, digest };
}

function taskSpec(digest: string, changes: Partial<TaskSpec> = {}): TaskSpec {
  return {
    arn: 'arn:aws:ecs:us-east-1:111122223333:task/sunrise/1',
    image: `111122223333.dkr.ecr.us-east-1.amazonaws.com/${repository}@${digest}`,
    environment: { PRACTICE_ID: 'sunrise', PORT: '8080', SECRET: 'resolved' },
    containerPort: 8080,
    accountId: '111122223333',
    region: 'us-west-2',
    taskRoleArn: 'arn:aws:iam::111122223333:role/sunrise-task',
    log: () => {},
    exited: () => {},
    ...changes,
  };
}

async function ask({ address, port }: { address: string; port: number }): Promise<Record<string, string>> {
  for (;;) {
    const answer = await fetch(`http://${address}:${port}/`).catch(() => undefined);
    if (answer?.ok) return (await answer.json()) as Record<string, string>;
    await wait(20);
  }
}

describe('a task of the sandbox', () => {
  test('has the environment that its task definition and AWS name, and nothing of the sandbox', async () => {
    process.env['SANDBOX_OWN_SECRET'] = 'must not leak';
    const { plane, state, digest } = await startSandbox();
    const lines: string[] = [];
    const at = await plane.tasks.start(taskSpec(digest, { log: (line) => lines.push(line) }));
    const {
      cwd,
      AWS_CONTAINER_CREDENTIALS_FULL_URI: uri,
      AWS_CONTAINER_AUTHORIZATION_TOKEN: token,
      ...environment
    } = await ask(at);
    expect(environment).toEqual({
      PRACTICE_ID: 'sunrise',
      SECRET: 'resolved',
      PORT: String(at.port),
      HOST: at.address,
      PATH: expect.any(String),
      AWS_REGION: 'us-west-2',
      AWS_DEFAULT_REGION: 'us-west-2',
      AWS_ENDPOINT_URL: 'http://127.0.0.1:4566',
      NODE_EXTRA_CA_CERTS: plane.certificatePath,
    });
    expect(cwd).toBe(plane.images.find(repository, digest)?.folder);
    expect(lines).toEqual(expect.arrayContaining(['first line', 'second line']));

    expect((await fetch(uri as string, { headers: { authorization: 'guessed' } })).status).toBe(401);
    const issued = await fetch(uri as string, { headers: { authorization: token as string } });
    const key = (await issued.json()) as { AccessKeyId: string; RoleArn: string };
    expect(key.RoleArn).toBe('arn:aws:iam::111122223333:role/sunrise-task');
    const authorization = `AWS4-HMAC-SHA256 Credential=${key.AccessKeyId}/20260101/us-west-2/kms/aws4_request`;
    const signed = callerOf({ headers: { authorization }, query: new URLSearchParams() }, state, new Date());
    expect(signed?.caller).toMatchObject({ accountId: '111122223333', principalArn: key.RoleArn });

    await plane.tasks.stop(taskSpec(digest).arn, 5000);
    expect((await fetch(uri as string, { headers: { authorization: token as string } })).status).toBe(401);
  });

  test('keeps its port beside another task, and reports an end of its own but not one that was asked for', async () => {
    const { plane, digest } = await startSandbox();
    const exits: unknown[] = [];
    const [first, second] = ['1', '2'].map((id) =>
      taskSpec(digest, {
        arn: `arn:aws:ecs:us-east-1:111122223333:task/sunrise/${id}`,
        exited: (exit) => exits.push(exit),
      }),
    ) as [TaskSpec, TaskSpec];
    const [one, two] = [await plane.tasks.start(first), await plane.tasks.start(second)];
    await Promise.all([ask(one), ask(two)]);
    expect(`${one.address}:${one.port}`).not.toBe(`${two.address}:${two.port}`);
    await plane.tasks.stop(first.arn, 5000);
    expect(plane.tasks.isRunning(first.arn)).toBe(false);
    expect(exits).toEqual([]);
    await fetch(`http://${two.address}:${two.port}/exit`).catch(() => {});
    while (plane.tasks.isRunning(second.arn)) await wait(20);
    expect(exits).toEqual([{ code: 3, signal: null }]);
  });

  test('does not start from an image that nobody pushed', async () => {
    const { plane } = await startSandbox();
    await expect(plane.tasks.start(taskSpec(`sha256:${'0'.repeat(64)}`))).rejects.toMatchObject({
      code: 'CannotPullContainerError',
    });
    const tagged = `111122223333.dkr.ecr.us-east-1.amazonaws.com/${repository}:latest`;
    await expect(plane.tasks.start(taskSpec('', { image: tagged }))).rejects.toMatchObject({
      code: 'CannotPullContainerError',
    });
  });

  test('ends when its sandbox is killed', async () => {
    const directory = mkdtempSync(join(workDirectory, 'killed-'));
    const { folder, bytes } = imageFolder({ 'main.mjs': program });
    const { digest } = new FolderImageRegistry(join(directory, 'images')).push(repository, bytes, folder);
    const options: HostOptions = { directory, databaseProcess, databaseTemplate, task: taskSpec(digest) };
    const host = fork(await builtEntry('test/sandbox/fixtures/data-plane-host'), [JSON.stringify(options)]);
    const [{ endpoint }] = (await once(host, 'message')) as [HostReport];
    await ask(endpoint);
    host.kill('SIGKILL');
    const answers = () =>
      fetch(`http://${endpoint.address}:${endpoint.port}/`)
        .then(() => true)
        .catch(() => false);
    while (await answers()) await wait(20);
  });
});

describe("the sandbox's image registry", () => {
  const open = () => new FolderImageRegistry(mkdtempSync(join(workDirectory, 'registry-')));

  test('gives back what was pushed, under the digest of its manifest, also after a restart', () => {
    const directory = mkdtempSync(join(workDirectory, 'registry-'));
    const { folder, bytes } = imageFolder({ 'main.mjs': program, 'lib/part.mjs': '' });
    const { digest } = new FolderImageRegistry(directory).push(repository, bytes, folder);
    expect(digest).toBe(sha256(bytes));
    const again = new FolderImageRegistry(directory);
    expect(again.find(repository, digest)?.manifest.entrypoint).toBe('main.mjs');
    expect(again.push(repository, bytes, folder)).toEqual({ digest });
    expect(again.find('lumenality/other', digest)).toBeUndefined();
  });

  test('refuses files that are not what the manifest says', () => {
    const registry = open();
    const { folder, bytes } = imageFolder({ 'main.mjs': program });
    writeFileSync(join(folder, 'main.mjs'), 'something else');
    expect(() => registry.push(repository, bytes, folder)).toThrow(/main.mjs does not have the digest/);
    expect(registry.find(repository, sha256(bytes))).toBeUndefined();
  });

  test.each([
    ['a path that leaves the folder', { files: { '../main.mjs': sha256('') }, entrypoint: '../main.mjs' }],
    ['an absolute path', { files: { '/etc/passwd': sha256('') }, entrypoint: '/etc/passwd' }],
    ['a file that is missing', { files: { 'gone.mjs': sha256('') }, entrypoint: 'gone.mjs' }],
    ['an entrypoint that it does not hold', { entrypoint: 'other.mjs' }],
    ['another media type', { mediaType: 'application/json' }],
    ['a digest of another form', { files: { 'main.mjs': 'md5:1' } }],
  ])('refuses %s', (_what, changes) => {
    const { folder, bytes } = imageFolder({ 'main.mjs': program }, changes);
    expect(() => open().push(repository, bytes, folder)).toThrow(/The image manifest is not valid: /);
  });

  test('refuses a link, and a repository name that is none', () => {
    const { folder, bytes } = imageFolder({ 'main.mjs': program });
    const linked = imageFolder({});
    symlinkSync(join(folder, 'main.mjs'), join(linked.folder, 'main.mjs'));
    expect(() => open().push(repository, bytes, linked.folder)).toThrow(/symbolic link/);
    expect(() => open().push('../outside', bytes, folder)).toThrow(/Invalid repository name/);
  });
});
