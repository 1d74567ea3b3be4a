import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, freePort, type Started, start } from '../builders/process.ts';

/** Tests run CommonJS compiled by swc; production runs ES modules compiled by tsc. So each built entry point is started for real. */
const root = join(__dirname, '../..');
const entry = (name: string): string => join(root, 'dist/bin', `${name}.js`);
const running: Started[] = [];
let directory: string;

beforeAll(() => {
  execFileSync(
    process.execPath,
    // Types are what `npm run check` proves; without them the same files come out in a third of the time.
    [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json', '--noCheck'],
    { cwd: root },
  );
});

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'lumenality-smoke-'));
});

afterEach(async () => {
  for (const { child, ended } of running.splice(0)) {
    child.kill('SIGTERM');
    await ended;
  }
  rmSync(directory, { recursive: true, force: true });
});

function startEntry(name: string, env: Record<string, string>, args: readonly string[] = []): Started {
  const started = start(process.execPath, [entry(name), ...args], env);
  running.push(started);
  return started;
}

async function environment(): Promise<Record<string, string>> {
  return {
    LUMENALITY_DATA_DIR: directory,
    PORT: String(await freePort()),
    SANDBOX_PORT: String(await freePort()),
    LUMENALITY_LOG_LEVEL: 'warn',
  };
}

function ready(port: string, started: Started): Promise<Response> {
  return eventually(
    () =>
      fetch(`http://127.0.0.1:${port}/readyz`).then(
        (answer) => (answer.ok ? answer : undefined),
        () => undefined,
      ),
    started.output,
  );
}

test('the control plane starts, refuses a second start, is killed in mid-run, finishes the run and stops in order', async () => {
  const env = await environment();
  const first = startEntry('control-api', env);
  expect((await ready(env['PORT'] as string, first)).status).toBe(200);

  const tokenFile = join(directory, 'admin.token');
  const token = readFileSync(tokenFile, 'utf8').trim();
  expect(statSync(tokenFile).mode & 0o777).toBe(0o600);
  expect(first.output()).not.toContain(token);

  const second = startEntry('control-api', { ...env, PORT: String(await freePort()) });
  expect(await second.ended).toBe(78);
  expect(second.output()).toContain(`in use by process ${first.child.pid}`);
  expect(second.output()).not.toContain('    at ');

  const samePort = startEntry('control-api', { ...env, LUMENALITY_DATA_DIR: join(directory, 'other') });
  expect(await samePort.ended).toBe(78);
  expect(samePort.output()).toContain(`Port ${env['PORT']} of 127.0.0.1 is in use`);

  const me = await fetch(`http://127.0.0.1:${env['PORT']}/v1/me`, {
    headers: { authorization: `Bearer ${token}` },
  });
  expect(me.status).toBe(200);

  const api = apiOf(env['PORT'] as string, token);
  const practice = JSON.parse(
    readFileSync(join(root, 'test/fixtures/practices/sunrise-aba.json'), 'utf8'),
  ) as unknown;
  const signUp = await api<{ id: string }>('POST', '/v1/signups', practice);
  const { runId } = await api<{ runId: string }>('POST', `/v1/signups/${signUp.id}/approve`, {
    reason: 'agreement checked',
  });
  const stepOf = async (name: string) =>
    (await api<RunView>('GET', `/v1/runs/${runId}`)).steps.find((step) => step.name === name)?.state;
  await eventually(
    async () => ((await stepOf('deploy-data')) === 'running' ? true : undefined),
    first.output,
  );

  first.child.kill('SIGKILL');
  expect(await first.ended).toBe('SIGKILL');
  const restarted = startEntry('control-api', env);
  await ready(env['PORT'] as string, restarted);
  const run = await eventually(async () => {
    const seen = await api<RunView>('GET', `/v1/runs/${runId}`);
    return seen.state === 'queued' || seen.state === 'running' ? undefined : seen;
  }, restarted.output);
  expect(run).toMatchObject({ state: 'succeeded', error: null });
  expect(run.steps.find((step) => step.name === 'deploy-foundation')).toMatchObject({ attempt: 1 });
  expect(await api('GET', '/v1/practices/sunrise-aba')).toMatchObject({
    state: 'active',
    health: { status: 'healthy' },
  });
  const evidence = await api<{ items: Array<{ passed: boolean }> }>(
    'GET',
    '/v1/practices/sunrise-aba/evidence?limit=200',
  );
  expect(evidence.items.length).toBeGreaterThan(20);
  expect(evidence.items.filter((row) => !row.passed)).toEqual([]);

  restarted.child.kill('SIGTERM');
  expect(await restarted.ended).toBe(0);
  expect(existsSync(join(directory, 'control-plane.pid'))).toBe(false);
  await expect(fetch(`http://127.0.0.1:${env['SANDBOX_PORT']}/_sandbox/health`)).rejects.toThrow(
    'fetch failed',
  );
}, 240_000);

interface RunView {
  readonly state: string;
  readonly error: unknown;
  readonly steps: ReadonlyArray<{ readonly name: string; readonly state: string; readonly attempt: number }>;
}

function apiOf(port: string, token: string) {
  return async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined
          ? {}
          : { 'content-type': 'application/json', 'idempotency-key': 'smoke-test' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as T;
  };
}

test('the sandbox starts alone and answers', async () => {
  const sandbox = startEntry('sandbox', {}, ['--port', '0', '--data-dir', directory]);
  const endpoint = await eventually(
    () => /http:\/\/127\.0\.0\.1:\d+/.exec(sandbox.output())?.[0],
    sandbox.output,
  );
  expect((await fetch(`${endpoint}/_sandbox/health`)).status).toBe(200);
});

test('migrate says what it did, and nothing more the second time; a lost token can be replaced', async () => {
  const env = { LUMENALITY_DATA_DIR: directory };
  const first = startEntry('migrate', env);
  expect(await first.ended).toBe(0);
  expect(first.output()).toContain('Applied: 0001-sign-up-to-silo');
  const second = startEntry('migrate', env);
  expect(await second.ended).toBe(0);
  expect(second.output()).toContain('up to date');

  const recover = async (): Promise<string> => {
    const recovery = startEntry('recover-token', env);
    expect(await recovery.ended).toBe(0);
    const file = join(directory, 'admin.token');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const token = readFileSync(file, 'utf8').trim();
    expect(recovery.output()).not.toContain(token);
    return token;
  };
  expect(await recover()).not.toBe(await recover());
});

test('a worker without a shared database says what it needs', async () => {
  const worker = startEntry('worker', {});
  expect(await worker.ended).toBe(78);
  expect(worker.output()).toContain('set DATABASE_URL');
});

test('a wrong configuration names every variable that is wrong', async () => {
  const api = startEntry('control-api', { PORT: 'eighty', LUMENALITY_CLOUD: 'azure' });
  expect(await api.ended).toBe(78);
  expect(api.output()).toContain('PORT');
  expect(api.output()).toContain('LUMENALITY_CLOUD');
});

test('a file that the configuration names is read before anything is opened', async () => {
  const data = join(directory, 'never-opened');
  const named = { LUMENALITY_DATA_DIR: data, LUMENALITY_CI_TRUST: join(directory, 'nowhere.json') };
  const api = startEntry('control-api', named);
  expect(await api.ended).toBe(78);
  expect(api.output()).toContain('nowhere.json, which cannot be read (ENOENT)');
  expect(existsSync(data)).toBe(false);
});

test('the command line answers --help', async () => {
  const help = startEntry('lumenality', {}, ['--help']);
  expect(await help.ended).toBe(0);
  expect(help.output()).toContain('signup');
});
