import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseCiTrust } from '../../lib/domain/ci-trust.ts';
import { remoteIdTokens } from '../../lib/oidc/id-tokens.ts';
import { type GithubRunner, startGithubRunner } from '../builders/github-runner.ts';
import { type OidcIssuer, startOidcIssuer } from '../builders/oidc-issuer.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { runHere } from './run-here.ts';

const audience = 'https://control.lumenality.test';
const claims = { sub: 'project:1', project_path: 'lumenality/control-plane', ref: 'main' };

let plane: ControlPlane;
let issuer: OidcIssuer;
let directory: string;
let github: GithubRunner;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'lumenality-ci-'));
  issuer = await startOidcIssuer([audience]);
  const entry = { name: 'pipeline', issuer: issuer.url, audience, claims: { ...claims } };
  plane = await startControlPlane({
    ci: {
      trust: parseCiTrust(JSON.stringify({ trusted: [entry] }), 'test'),
      idTokens: remoteIdTokens(new Map([[issuer.url, [audience]]])),
    },
  });
  github = await startGithubRunner(idToken);
});
afterAll(async () => {
  github.close();
  await Promise.all([plane.close(), issuer.stop()]);
  rmSync(directory, { recursive: true });
});

const idToken = () => issuer.idToken({ ...claims, jti: randomUUID() });
const cli = (args: readonly string[], env: Record<string, string> = {}) =>
  runHere(args, { env: { LUMENALITY_URL: plane.url, ...env } });
const githubEnv = () => ({ ...github.env, LUMENALITY_CI_AUDIENCE: audience });
/** A data directory of a test's own. */
const dataDirectory = () => mkdtempSync(join(directory, 'data-'));

test('a GitLab job signs in, and the commands that follow find the token; nobody sees it', async () => {
  const env = { LUMENALITY_DATA_DIR: dataDirectory(), LUMENALITY_ID_TOKEN: await idToken() };
  const login = await cli(['ci', 'login'], env);
  expect(login).toMatchObject({ code: 0, stderr: '' });
  const file = join(env.LUMENALITY_DATA_DIR, 'ci.token');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const token = readFileSync(file, 'utf8').trim();
  expect(token).toMatch(/^lum_/);
  expect(login.stdout).toContain('Signed in as pipeline: lumenality/control-plane');
  expect(login.stdout).not.toContain(token);

  const list = await cli(['practice', 'list'], { LUMENALITY_DATA_DIR: env.LUMENALITY_DATA_DIR });
  expect(list).toMatchObject({ code: 0, stderr: '' });
  // What the role does not allow stays forbidden.
  expect((await cli(['token', 'list'], env)).code).toBe(5);

  const again = await cli(['ci', 'login'], env);
  expect(again.code).toBe(4);
  expect(again.stderr).toContain('was exchanged before');
  expect(readFileSync(file, 'utf8').trim()).toBe(token);
});

test('a GitHub job asks for its ID token and hands the token file on to the steps that follow', async () => {
  const variables = join(directory, 'github.env');
  writeFileSync(variables, 'BEFORE=1\n');
  const runner = dataDirectory();
  const env = { ...githubEnv(), GITHUB_ENV: variables, RUNNER_TEMP: runner };
  const login = await cli(['ci', 'login', '--github-env', '--json'], env);
  expect(login).toMatchObject({ code: 0, stderr: '' });
  expect(github.asked.at(-1)).toBe(audience);
  const file = join(runner, 'lumenality-ci.token');
  const token = readFileSync(file, 'utf8').trim();
  expect(JSON.parse(login.stdout)).toMatchObject({ roles: ['ci'], tokenFile: file });
  expect(login.stdout).not.toContain(token);
  const handedOn = readFileSync(variables, 'utf8');
  expect(handedOn).toBe(`BEFORE=1\nLUMENALITY_CI_TOKEN_FILE=${file}\n`);
  const next = await cli(['practice', 'list'], { LUMENALITY_CI_TOKEN_FILE: file });
  expect(next).toMatchObject({ code: 0, stderr: '' });
});

test('the ID token may come from a file', async () => {
  const file = join(directory, 'id.token');
  writeFileSync(file, `${await idToken()}\n`);
  const env = { LUMENALITY_DATA_DIR: dataDirectory(), LUMENALITY_ID_TOKEN: 'not.this.one' };
  expect((await cli(['ci', 'login', '--id-token-file', file], env)).code).toBe(0);
});

test.each([
  ['without an ID token', {}, [], 5, 'id-token: write'],
  ['--github-env elsewhere', { LUMENALITY_ID_TOKEN: 'a.b.c' }, ['--github-env'], 2, 'GitHub Actions job'],
  ['a file that is not there', {}, ['--id-token-file', '/nowhere'], 5, 'ENOENT'],
  ['an ID token of somebody else', { LUMENALITY_ID_TOKEN: 'e30.e30.e30' }, [], 5, 'The ID token is refused'],
  [
    'a control plane that others could listen in on',
    { LUMENALITY_ID_TOKEN: 'a.b.c', LUMENALITY_URL: 'http://control.example' },
    [],
    2,
    'use https',
  ],
  [
    'GitHub that refuses',
    {
      ACTIONS_ID_TOKEN_REQUEST_URL: '{github}',
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'old',
    },
    [],
    6,
    'GitHub gave no ID token: it answered 401',
  ],
])('refused with what to do: %s', async (_case, given, args, code, words) => {
  const env = Object.fromEntries(
    Object.entries({ LUMENALITY_DATA_DIR: dataDirectory(), ...given }).map(([name, value]) => [
      name,
      value === '{github}' ? github.url : value,
    ]),
  ) as Record<string, string>;
  const answer = await cli(['ci', 'login', ...args], env);
  expect(answer.code).toBe(code);
  expect(answer.stderr).toContain(words);
});
