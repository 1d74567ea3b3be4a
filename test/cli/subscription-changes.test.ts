import { subscriptionChangeSchema } from '../../control-api/contracts/subscription-changes.ts';
import { billedPractice } from '../builders/billed-practice.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import type { Answer } from './run-cli.ts';
import { runHere } from './run-here.ts';

let plane: ControlPlane;
/** Free until 30 January 2027: it is 20 November 2026. */
const id = 'hazel-aba';
const why = ['--reason', 'as agreed'];

const cli = (args: readonly string[]): Promise<Answer> =>
  runHere(['subscription', ...args], { env: { LUMENALITY_URL: plane.url, LUMENALITY_TOKEN: plane.token } });

beforeAll(async () => {
  plane = await startControlPlane();
  await billedPractice(plane.api.database, id, { on: '2026-11-01' });
});
afterAll(() => plane.close());

test('quantities change, and the answer says how the subscription stands', async () => {
  const answer = await cli(['quantities', 'hazel', '--clinicians', '7', '--from', '2026-12-01', ...why]);
  expect(answer).toMatchObject({ code: 0, stderr: '' });
  expect(answer.stdout).toMatch(/State +trialing\nPlan +founding version 1\nCharged from +2027-01-30\n/);
  expect(await cli(['quantities', 'hazel', ...why])).toMatchObject({ code: 2 });
});

test('what gives a lock up is asked first, and says so', async () => {
  const asked = await cli(['change-plan', 'hazel', '--plan', 'standard', '--gives-up-lock', ...why]);
  expect(asked.code).toBe(2);
  expect(asked.stderr).toContain('locked to 2029-01-29, is lost for good');
});

test('a change of plan is taken back, and the lock is as before', async () => {
  const kept = await cli(['change-plan', 'hazel', '--plan', 'standard', '--yes', ...why]);
  expect(kept).toMatchObject({ code: 4, stderr: expect.stringContaining('--gives-up-lock') });
  const changed = await cli([
    'change-plan',
    'hazel',
    '--plan',
    'standard',
    '--gives-up-lock',
    '--yes',
    ...why,
  ]);
  expect(changed.stdout).toMatch(/Plan +standard version 1\n/);
  expect((await cli(['keep-plan', 'hazel'])).stdout).toMatch(
    /Plan +founding version 1\n(.*\n)*Lock +to 2029-01-29\n/,
  );
  expect((await cli(['facts', 'hazel'])).stdout).toContain('no other plan');
  expect((await cli(['notices', 'hazel'])).stdout).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\dZ /m);
});

test('a long extension waits for a second person', async () => {
  const answer = await cli(['extend-trial', 'hazel', '--days', '90', '--json', ...why]);
  const { approvalId, chargedFrom } = subscriptionChangeSchema.parse(JSON.parse(answer.stdout));
  expect(chargedFrom).toBe('2027-01-30');
  expect((await cli(['approvals'])).stdout).toMatch(
    new RegExp(`${String(approvalId).slice(0, 8)}.* trial extension`),
  );
});

test('a suspension names the practice, and is refused where nothing is overdue', async () => {
  expect((await cli(['suspend', 'hazel', ...why])).stderr).toContain(`--confirm ${id}`);
  expect(await cli(['suspend', 'hazel', '--confirm', 'hazel', ...why])).toMatchObject({ code: 2 });
  const refused = await cli(['suspend', 'hazel', '--confirm', id, ...why]);
  expect(refused).toMatchObject({ code: 4, stderr: expect.stringContaining('The subscription is trialing') });
});

test('a cancellation is made and taken back', async () => {
  const cancelled = await cli(['cancel', 'hazel', '--yes', ...why]);
  expect(cancelled.stdout).toMatch(/Ends +after 2027-01-29\n/);
  expect((await cli(['keep', 'hazel'])).stdout).toMatch(/Ends +no\n/);
});
