import { rolloutPlanSchema, rolloutSchema } from '../../control-api/contracts/rollouts.ts';
import { putSchedule } from '../../lib/db/schedule-store.ts';
import { publishTestRelease } from '../builders/database.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import type { Answer } from './run-cli.ts';
import { runHere } from './run-here.ts';

let plane: ControlPlane;
let release: string;

const cli = (...args: string[]): Promise<Answer> =>
  runHere(args, { env: { LUMENALITY_URL: plane.url, LUMENALITY_TOKEN: plane.token } });
const said = async (...args: string[]): Promise<string> => {
  const answer = await cli(...args);
  expect(answer).toMatchObject({ code: 0, stderr: '' });
  return answer.stdout;
};

/** In three days, so that it is not open now, whatever day it is. */
const day = new Date(Date.now() + 3 * 86_400_000).getUTCDay();
const dayName = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'][day];
const thatNight = {
  rule: `FREQ=WEEKLY;BYDAY=${['SU', 'MO', 'TU', 'WE', 'TH', 'FR', 'SA'][day]};BYHOUR=2;BYMINUTE=0`,
  durationMinutes: 240,
  timeZone: 'America/Phoenix',
};

beforeAll(async () => {
  plane = await startControlPlane();
  for (const name of ['Cedar ABA', 'Dogwood OT', 'Elm Speech']) {
    const { runId } = await plane.approved(name);
    await plane.end(runId, 'succeeded');
  }
  for (const id of ['cedar-aba', 'dogwood-ot']) {
    const ring = id === 'dogwood-ot' ? 'canary' : 'general';
    await plane.api.database.db
      .transaction()
      .execute((trx) => putSchedule(trx, id, { window: thatNight, ring }, new Date()));
  }
  await plane.api.database.db
    .updateTable('practice')
    .set({ state: 'suspended' })
    .where('id', '=', 'elm-speech')
    .execute();
  release = await publishTestRelease(plane.api.database, 'b', new Date());
});
afterAll(() => plane.close());

test('a plan is shown wave by wave in local times, with who is left out', async () => {
  const text = await said('rollout', 'plan', release, '--bake', '2h', '--concurrency', '3');
  expect(text).toContain(`Release ${release}: 2 practices in 2 waves.`);
  expect(text).toContain('3 at a time in a cell, each expected to take 30 min; 2 h between waves');
  expect(text).toMatch(
    new RegExp(`Wave 1, canary: 1 practice\nPRACTICE.*\ndogwood-ot +${dayName}, .* 02:00 MST`),
  );
  expect(text).toMatch(
    new RegExp(`Wave 2, general: 1 practice\nPRACTICE.*\ncedar-aba +${dayName}, .* 04:35 MST`),
  );
  expect(text).toMatch(
    /Left out: 1 practice\n.*\nelm-speech +It is suspended; only active practices are updated\./,
  );
  const plan = rolloutPlanSchema.parse(JSON.parse(await said('rollout', 'plan', release, '--json')));
  expect(plan.waves.map(({ ring }) => ring)).toEqual(['canary', 'general']);
});

test('what a policy cannot be is said before anything is asked', async () => {
  const answer = await cli('rollout', 'plan', release, '--wave', 'all=3');
  expect(answer.code).toBe(2);
  expect(answer.stderr).toContain('general=100');
  const unknown = await cli('rollout', 'plan', 'r-00000000dead');
  expect(unknown).toMatchObject({ code: 2, stderr: expect.stringContaining('is not published') });
});

test('a rollout is started, listed and shown; a second one is refused and names the first', async () => {
  const started = await said('rollout', 'start', release, '--reason', 'monthly', '--json');
  const { id, policy } = rolloutSchema.parse(JSON.parse(started));
  expect(policy.thresholds).toEqual({ errorRate: 0.02, latencyRatio: 1.5 });
  const list = await said('rollout', 'list');
  expect(list).toMatch(new RegExp(`${id.slice(0, 8)}.*${release} +running +0 of 2 done.*monthly`));
  const shown = await said('rollout', 'show', id.slice(0, 8));
  expect(shown).toMatch(/dogwood-ot +1 +pending +\w{3}, .* 02:00 MST/);
  expect(shown).toMatch(/cedar-aba +2 +pending +\w{3}, .* 03:35 MST/);
  expect(shown).toContain('Left out: 1 practice');
  const again = await cli('rollout', 'start', release, '--reason', 'monthly');
  expect(again).toMatchObject({ code: 4, stderr: expect.stringContaining(`Rollout ${id}`) });
  expect((await cli('rollout', 'show', 'ffffffff')).code).toBe(3);
});

test('a plan is stored for later', async () => {
  const newest = await publishTestRelease(plane.api.database, 'c', new Date());
  const text = await said('rollout', 'start', newest, '--reason', 'monthly', '--later');
  const [, id] = /^Rollout (\S+) of release r-c{12} is planned\./.exec(text) ?? [];
  expect(text).toContain(`Start it with: npx lumenality rollout begin ${id}`);
  const waits = await cli('rollout', 'start', newest, '--reason', 'monthly', '--later', '--wait');
  expect(waits.code).toBe(2);
});
