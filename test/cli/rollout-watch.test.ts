import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { insertRollout, setRolloutStarted } from '../../lib/db/rollout-store.ts';
import { parseCiTrust } from '../../lib/domain/ci-trust.ts';
import { defaultPolicy, type RolloutState, type TargetState } from '../../lib/domain/rollout.ts';
import type { Ring } from '../../lib/domain/schedule.ts';
import { remoteIdTokens } from '../../lib/oidc/id-tokens.ts';
import { publishTestRelease } from '../builders/database.ts';
import { type GithubRunner, startGithubRunner } from '../builders/github-runner.ts';
import { type OidcIssuer, startOidcIssuer } from '../builders/oidc-issuer.ts';
import { eventually, insertPracticeRun } from '../builders/runs.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { type CommandLine, startCli } from './run-cli.ts';
import { startHere } from './run-here.ts';

const audience = 'https://control.lumenality.test';
const claims = { sub: 'project:1', project_path: 'lumenality/control-plane', ref: 'main' };

let plane: ControlPlane;
let issuer: OidcIssuer;
let releaseId: string;
beforeAll(async () => {
  issuer = await startOidcIssuer([audience]);
  const entry = { name: 'pipeline', issuer: issuer.url, audience, claims };
  plane = await startControlPlane({
    ci: {
      trust: parseCiTrust(JSON.stringify({ trusted: [entry] }), 'test'),
      idTokens: remoteIdTokens(new Map([[issuer.url, [audience]]])),
    },
  });
  releaseId = await publishTestRelease(plane.api.database, 'b', new Date());
});
afterAll(async () => {
  await plane.close();
  await issuer.stop();
});

const given = (env = {}) => ({
  env: { LUMENALITY_URL: plane.url, LUMENALITY_TOKEN: plane.token, ...env },
});
const watch = (id: string, ...args: string[]): CommandLine =>
  startHere(['rollout', 'watch', id, ...args], given());

/** A rollout that runs over practices of its own: of each ring as many as asked for. */
interface TestRollout {
  readonly id: string;
  readonly practices: readonly string[];
  /** The reconciler is away: a test says what becomes of a practice, and of the rollout. */
  readonly target: (practiceId: string | undefined, state: TargetState, note?: string) => Promise<void>;
  readonly become: (state: RolloutState, pausedBecause?: string) => Promise<void>;
}

let made = 0;

async function rollout(...rings: readonly [Ring, number][]): Promise<TestRollout> {
  const { db } = plane.api.database;
  const now = new Date();
  const id = randomUUID();
  const waves = [];
  for (const [ring, count] of rings) {
    const targets = [];
    for (let each = 0; each < count; each += 1) {
      made += 1;
      const practiceId = `watched-${made}`;
      await insertPracticeRun(db, { practiceId, steps: ['prepare'] }, async () => undefined);
      targets.push({ practiceId, startsAt: now, latestStartAt: now, yielded: [] });
    }
    waves.push({ ring, targets });
  }
  const plan = {
    waves,
    left: [{ practiceId: 'elsewhere', reason: 'It is suspended.' }],
    late: [],
    until: now,
  };
  await db.transaction().execute(async (trx) => {
    const stored = { id, releaseId, parentId: null, policy: defaultPolicy, plan, reason: 'monthly', now };
    await insertRollout(trx, { ...stored, createdBy: 'test' });
    await setRolloutStarted(trx, id, { parentId: null, now });
  });
  return {
    id,
    practices: waves.flatMap(({ targets }) => targets.map(({ practiceId }) => practiceId)),
    target: async (practiceId = '', state, note) => {
      await db
        .updateTable('rollout_target')
        .set({ state, note: note ?? null, updated_at: new Date() })
        .where('rollout_id', '=', id)
        .where('practice_id', '=', practiceId)
        .execute();
    },
    become: async (state, pausedBecause) => {
      const isOver = state !== 'paused' && state !== 'running';
      await db
        .updateTable('rollout')
        .set({ state, paused_because: pausedBecause ?? null, finished_at: isOver ? new Date() : null })
        .where('id', '=', id)
        .execute();
    },
  };
}

test('tells each wave as it gets on, over a restart of the control plane, and ends with 0', async () => {
  const { id, practices, target, become } = await rollout(['canary', 1], ['general', 2]);
  const running = watch(id);
  await running.says('canary: 0 of 1 done');
  await target(practices[0], 'updating');
  await running.says('canary: 0 of 1 done, 1 updating');
  await plane.stop();
  await running.says('Lost the control plane');
  await target(practices[0], 'succeeded');
  await plane.start();
  await running.says('The control plane is back.');
  await running.says('canary: 1 of 1 done');
  await target(practices[1], 'succeeded');
  await target(practices[2], 'succeeded');
  await become('succeeded');
  const { code, stdout, stderr } = await running.ended;
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toContain('general: 2 of 2 done');
  expect(stdout).toContain(`3 practices run ${releaseId}`);
  expect(stdout).toContain(`1 were left out: npx lumenality rollout show ${id}`);
});

test('a pause is told with its reason and the practices that are the cause, and ends with 8', async () => {
  const { id, practices, target, become } = await rollout(['canary', 2]);
  const running = watch(id);
  await running.says('canary: 0 of 2 done');
  await target(practices[0], 'rolled_back', 'The app did not get ready.');
  await target(practices[1], 'missed', 'It was busy.');
  await running.says(`${practices[0]} was rolled back: The app did not get ready.`);
  await become('paused', '1 practice failed, the budget is 0\u001b[2J.');
  const { code, stdout } = await running.ended;
  expect(code).toBe(8);
  expect(stdout).toContain('canary: 1 of 2 done, 1 missed its window, 1 rolled back');
  expect(stdout).toContain(`${practices[1]} missed its last window, of 2`);
  expect(stdout.split('did not get ready').length).toBe(2);
  expect(stdout).toContain('Paused: 1 practice failed, the budget is 0');
  expect(stdout).toContain(`npx lumenality rollout resume ${id} --reason`);
  expect(stdout).not.toContain('\u001b');
});

test.each([
  ['failed', 'Failed after'],
  ['aborted', 'It was aborted after'],
  ['superseded', 'It was superseded after'],
] as const)('%s ends with 9', async (state, words) => {
  const { id, become } = await rollout(['general', 1]);
  await become(state);
  const { code, stdout } = await watch(id).ended;
  expect(code).toBe(9);
  expect(stdout).toContain(words);
  expect(stdout).toContain(`npx lumenality rollout show ${id}`);
});

test('--json gives a line for each change and one for the end', async () => {
  const { id, practices, target, become } = await rollout(['canary', 1]);
  const running = watch(id, '--json');
  await running.says('"pending":1');
  await target(practices[0], 'failed', 'It broke.');
  await running.says('"practice"');
  await become('paused', 'Too many failed.');
  const { code, stdout, stderr } = await running.ended;
  expect({ code, stderr }).toEqual({ code: 8, stderr: '' });
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines).toMatchObject([
    { kind: 'progress', state: 'running', waves: [{ ring: 'canary', practices: { pending: 1 } }] },
    { kind: 'progress', state: 'running', practices: { failed: 1 } },
    { kind: 'practice', practiceId: practices[0], state: 'failed', note: 'It broke.' },
    { kind: 'progress', state: 'paused' },
    { kind: 'end', exitCode: 8, rollout: { id, state: 'paused', pausedBecause: 'Too many failed.' } },
  ]);
});

test('--timeout ends the watching with 7, Ctrl-C with 130; the rollout goes on', async () => {
  const { id } = await rollout(['general', 1]);
  const late = watch(id, '--timeout', '1s');
  const left = startCli(['rollout', 'watch', id], given());
  await left.says('general: 0 of 1 done');
  left.child.kill('SIGINT');
  for (const [running, expected] of [
    [late, 7],
    [left, 130],
  ] as const) {
    const { code, stderr } = await running.ended;
    expect(code).toBe(expected);
    expect(stderr).toContain(`The rollout goes on. Come back with:\n  npx lumenality rollout watch ${id}`);
  }
  const answer = await plane.api.call({ url: `/v1/rollouts/${id}` });
  expect(answer.json().state).toBe('running');
});

test('a rollout that there is none of ends with 3', async () => {
  expect((await watch(randomUUID()).ended).code).toBe(3);
});

test('on a terminal each wave is a bar', async () => {
  const { id, practices, target, become } = await rollout(['canary', 1], ['general', 2]);
  // As if its pipe were a terminal.
  const NODE_OPTIONS = '--import=data:text/javascript,process.stdout.isTTY=true';
  const running = startCli(['rollout', 'watch', id], given({ NODE_OPTIONS, NO_COLOR: '1' }));
  await running.says(`${'░'.repeat(24)} general · 0 of 2 done`);
  await target(practices[0], 'succeeded');
  await target(practices[1], 'succeeded');
  await running.says(`${'█'.repeat(24)} canary · 1 of 1 done`);
  await running.says(`${'█'.repeat(12)}${'░'.repeat(12)} general · 1 of 2 done`);
  await target(practices[2], 'succeeded');
  await become('succeeded');
  const { code, stdout } = await running.ended;
  expect(code).toBe(0);
  expect(stdout).toContain('Succeeded after');
});

describe('a job whose token would expire', () => {
  const idToken = () => issuer.idToken({ ...claims, jti: randomUUID() });
  let github: GithubRunner;
  let directory: string;
  beforeAll(async () => {
    github = await startGithubRunner(idToken);
    directory = mkdtempSync(join(tmpdir(), 'lumenality-watch-'));
  });
  afterAll(() => {
    github.close();
    rmSync(directory, { recursive: true });
  });

  test.each([
    ['takes another ID token on GitHub', () => ({ ...github.env, LUMENALITY_CI_AUDIENCE: audience })],
    ['renews it elsewhere', () => ({})],
  ])('%s, and goes on watching', async (_case, environment) => {
    const env = {
      LUMENALITY_URL: plane.url,
      LUMENALITY_DATA_DIR: mkdtempSync(join(directory, 'data-')),
      ...environment(),
    };
    const login = startHere(['ci', 'login'], { env: { ...env, LUMENALITY_ID_TOKEN: await idToken() } });
    expect((await login.ended).code).toBe(0);
    const file = join(env.LUMENALITY_DATA_DIR, 'ci.token');
    const first = readFileSync(file, 'utf8');
    const asked = github.asked.length;
    const { id, become } = await rollout(['general', 1]);
    const running = startHere(['rollout', 'watch', id], { env });
    await running.says('general: 0 of 1 done');
    const old = new Date(Date.now() - 9 * 60_000);
    utimesSync(file, old, old);
    await eventually('another token', () => readFileSync(file, 'utf8') !== first || undefined);
    expect(github.asked.length - asked).toBe('ACTIONS_ID_TOKEN_REQUEST_URL' in env ? 1 : 0);
    const [, firstId] = first.split('_');
    await plane.api.call({ method: 'DELETE', url: `/v1/tokens/${firstId}` });
    await become('succeeded');
    expect(await running.ended).toMatchObject({ code: 0, stderr: '' });
  });
});
