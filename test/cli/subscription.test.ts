import { sql } from 'kysely';
import { subscriptionActivated } from '../../lib/workflows/subscription-life.ts';
import { makePlan } from '../builders/plans.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import type { Answer } from './run-cli.ts';
import { runHere } from './run-here.ts';

let plane: ControlPlane;
const id = 'juniper-ot';

const cli = (args: readonly string[]): Promise<Answer> =>
  runHere(args, { env: { LUMENALITY_URL: plane.url, LUMENALITY_TOKEN: plane.token } });
const said = async (args: readonly string[]): Promise<string> => {
  const answer = await cli(args);
  expect(answer).toMatchObject({ code: 0, stderr: '' });
  return answer.stdout;
};

beforeAll(async () => {
  plane = await startControlPlane();
  await plane.approved('Juniper OT');
});
afterAll(() => plane.close());

test('a subscription is shown before it is active and after, with what happened to it', async () => {
  const before = await said(['subscription', 'show', 'juniper']);
  expect(before).toMatch(/^Plan +founding, version 1$/m);
  expect(before).toMatch(/^State +pending$/m);
  expect(before).toMatch(/^Rates +149.00 USD a month, 29.00 USD a clinician, 19.00 USD a location$/m);
  expect(before).toMatch(/^Quantities +4 clinicians, 1 location$/m);
  expect(before).toMatch(/^Charged from +known once it is active$/m);
  expect(before).toMatch(/^Terms +signed, by key [0-9a-f]{16}…$/m);
  expect(await said(['subscription', 'project', id])).toContain('Nothing is charged in these months.');

  const at = new Date('2027-01-05T20:00:00Z');
  await plane.api.database.db
    .transaction()
    .execute((trx) => subscriptionActivated(trx, { practiceId: id, at }));
  const after = await said(['subscription', 'show', id]);
  expect(after).toMatch(/^Active since +2027-01-05$/m);
  expect(after).toMatch(/^Charged from +2027-04-05$/m);
  expect(after).toMatch(/^Lock +from 2027-04-05 to 2029-04-04$/m);
  const facts = await said(['subscription', 'facts', id, '--wide']);
  expect(facts).toMatch(/enrolled on \d{4}-\d\d-\d\d in founding, version 1: 4 clinicians, 1 location/);
  expect(facts).toContain('active on 2027-01-05');
  const projected = await said(['subscription', 'project', id, '--months', '24']);
  expect(projected).toMatch(/^2027-04-05 +2027-05-04 +locked +284.00 USD$/m);
});

test('the practice reads its own by an address, until that is withdrawn', async () => {
  const { url } = JSON.parse(await said(['subscription', 'link', id, '--yes', '--json']));
  const own = await fetch(url);
  expect(own.status).toBe(200);
  expect(await own.json()).toMatchObject({
    displayName: 'Juniper OT',
    subscription: { practiceId: id, terms: { freeDays: 90 } },
    projection: { currency: 'USD' },
    statements: [],
  });
  const renewed = JSON.parse(await said(['subscription', 'link', id, '--yes', '--json'])).url;
  expect((await fetch(url)).status).toBe(404);
  expect((await fetch(renewed)).status).toBe(200);
  await said(['subscription', 'link', id, '--withdraw', '--yes']);
  expect((await fetch(renewed)).status).toBe(404);
});

test('a place on a waiting list ends an approval with code 4, and the offer can be taken', async () => {
  const plan = await makePlan(plane.api.database.db, { cap: 1 });
  const [first, second] = [await plane.signUp('Alder', { plan }), await plane.signUp('Birch', { plan })];
  const approve = (signUp: string, ...more: string[]) =>
    cli(['signup', 'approve', signUp, '--reason', 'checked', '--no-invitation', ...more]);
  expect(await approve(first)).toMatchObject({ code: 0 });
  const full = await approve(second);
  expect(full).toMatchObject({ code: 4, stdout: '' });
  expect(full.stderr).toContain(`number 1 on its waiting list`);
  expect(full.stderr).toContain('or approve it with plan standard');
  expect(await said(['plan', 'waiting-list', plan, '--wide'])).toMatch(
    new RegExp(`^1 +${second} +Birch .* waits$`, 'm'),
  );
  expect(await approve(second, '--plan', 'standard', '--locations', '2')).toMatchObject({ code: 0 });
  expect(await said(['plan', 'waiting-list', plan])).toBe('Nobody waits for a place.\n');
  expect(await said(['subscription', 'show', 'birch'])).toMatch(/^Quantities +4 clinicians, 2 locations$/m);
});

test('verify says whose terms are not as they were signed, and ends with 1', async () => {
  const { practiceId } = await plane.approved('Cedar');
  expect(await said(['subscription', 'verify', 'cedar'])).toMatch(/^cedar +as they were signed/m);
  await sql`update subscription set terms = jsonb_set(terms, '{freeDays}', '1') where practice_id = ${practiceId}`.execute(
    plane.api.database.db,
  );
  const answer = await cli(['subscription', 'verify', '--json']);
  expect(answer.code).toBe(1);
  const { items } = JSON.parse(answer.stdout) as { items: { practiceId: string; good: boolean }[] };
  expect(items.filter(({ good }) => !good)).toMatchObject([
    { practiceId, objection: expect.stringContaining('another terms than its facts') },
  ]);
  expect(items.length).toBeGreaterThan(1);
});
