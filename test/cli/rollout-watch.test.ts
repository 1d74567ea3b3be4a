import { randomUUID } from 'node:crypto';
import { insertRollout, setRolloutStarted } from '../../lib/db/rollout-store.ts';
import { defaultPolicy, type RolloutState, type TargetState } from '../../lib/domain/rollout.ts';
import type { Ring } from '../../lib/domain/schedule.ts';
import { publishTestRelease } from '../builders/database.ts';
import { insertPracticeRun } from '../builders/runs.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { type Running, startCli } from './run-cli.ts';

let plane: ControlPlane;
let releaseId: string;
beforeAll(async () => {
  plane = await startControlPlane();
  releaseId = await publishTestRelease(plane.api.database, 'b', new Date());
});
afterAll(() => plane.close());

const watch = (id: string, env: Record<string, string> = {}, ...args: string[]): Running =>
  startCli(['rollout', 'watch', id, ...args], {
    env: { LUMENALITY_URL: plane.url, LUMENALITY_TOKEN: plane.token, ...env },
  });

/** A rollout that runs over practices of its own: of each ring as many as asked for. */
interface TestRollout {
  readonly id: string;
  readonly practices: readonly string[];
  /** The reconciler is away: a test says what becomes of a practice, and of the rollout. */
  target(practiceId: string | undefined, state: TargetState, note?: string): Promise<void>;
  become(state: RolloutState, pausedBecause?: string): Promise<void>;
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
  expect(stdout).toContain(`${practices[1]} missed its window, next turn 2`);
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
  const running = watch(id, {}, '--json');
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
  const [late, left] = [watch(id, {}, '--timeout', '1s'), watch(id)];
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
  const running = watch(id, {
    // As if its pipe were a terminal.
    NODE_OPTIONS: '--import=data:text/javascript,process.stdout.isTTY=true',
    NO_COLOR: '1',
  });
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
