import {
  churnReportSchema,
  marginReportSchema,
  membersReportSchema,
  placesReportSchema,
  revenueReportSchema,
} from '../../control-api/contracts/plan-reports.ts';
import { addDays } from '../../lib/domain/plan/day.ts';
import { freshKey } from '../builders/api.ts';
import { billedPractice } from '../builders/billed-practice.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import type { Answer } from './run-cli.ts';
import { runHere } from './run-here.ts';

let plane: ControlPlane;
const today = new Date().toISOString().slice(0, 10);

const cli = (...args: string[]): Promise<Answer> =>
  runHere(['plan', 'report', ...args], {
    env: { LUMENALITY_URL: plane.url, LUMENALITY_TOKEN: plane.token },
  });
const said = async (...args: string[]): Promise<string> => {
  const answer = await cli(...args);
  expect(answer).toMatchObject({ code: 0, stderr: '' });
  return answer.stdout;
};

beforeAll(async () => {
  plane = await startControlPlane();
  await billedPractice(plane.api.database, 'paying-aba', { on: addDays(today, -120) });
  await billedPractice(plane.api.database, 'trying-aba', { on: addDays(today, -20) });
  // Later than the projection goes.
  const cancelled = await plane.api.call({
    method: 'POST',
    url: '/v1/practices/paying-aba/subscription/cancellation',
    headers: { 'idempotency-key': freshKey() },
    payload: { from: addDays(today, 900), reason: 'retires' },
  });
  expect(cancelled.statusCode).toBe(200);
});
afterAll(() => plane.close());

test('revenue is drawn month by month to one scale, with what is assumed', async () => {
  const shown = await said('revenue');
  expect(shown).toContain(`Monthly recurring revenue at the end of ${today}\n`);
  expect(shown).toContain(
    '313.00 USD a month of 2 practices; 626.00 USD when none is free or suspended any more.',
  );
  const months = shown.match(/^[-\d]{10} +[.\d]+ USD .*$/gm) ?? [];
  expect(months).toHaveLength(25);
  expect(months[0]).toBe(`${today}  313.00 USD  ${'█'.repeat(20)}`);
  expect(months[4]).toMatch(/626.00 USD {2}█{40}$/);
  expect(shown).toMatch(
    /^trying-aba +founding 1 +trialing +313.00 USD +[-\d]{10} \(70 d\) +[-\d]{10} \(\d+ d\) +-$/m,
  );
  expect(shown).toContain('Of a yearly price it is a twelfth');
  // Colours are for terminals.
  expect(shown).not.toContain('\u001b');
});

test('who leaves is shown with the last day, and where nobody is a member it is said', async () => {
  const last = addDays(today, 899);
  expect(await said('revenue')).toMatch(new RegExp(`^paying-aba .* ends with ${last}$`, 'm'));
  expect((await said('revenue', '--limit', '1')).split('\n')[1]).toContain('of 2 practices');
  expect((await said('revenue', '--plan', 'standard')).split('\n')[1]).toBe('No practice is a member.');
  expect((await said('margin', '--plan', 'standard')).split('\n')[1]).toBe('No practice is a member.');
});

test('all reports together are an overview, and one document', async () => {
  const shown = await said();
  expect(shown).toMatch(/^together +2 +0 +1 +1 /m);
  expect(shown).toMatch(/^founding +1 +2 +100 +98 +0$/m);
  expect(shown).toMatch(/^Margin at the end of /m);
  expect(shown).toMatch(/^[-\d]{7} so far +\d /m);
  const whole = JSON.parse(await said('--json'));
  expect(Object.keys(whole)).toEqual(['members', 'places', 'revenue', 'margin', 'churn']);
  membersReportSchema.parse(whole.members);
  placesReportSchema.parse(whole.places);
  revenueReportSchema.parse(whole.revenue);
  marginReportSchema.parse(whole.margin);
  churnReportSchema.parse(whole.churn);
});

test('a page says how to go on', async () => {
  const page = revenueReportSchema.parse(JSON.parse(await said('revenue', '--limit', '1', '--json')));
  expect(page.items.map(({ practiceId }) => practiceId)).toEqual(['paying-aba']);
  const rest = await said('revenue', '--cursor', page.nextCursor ?? '');
  expect(rest).not.toContain('paying-aba');
  expect(await said('margin', '--limit', '1')).toContain(`--cursor ${page.nextCursor}`);
});

test('CSV is the table as the control plane gives it', async () => {
  const csv = await said('members', '--csv', '--plan', 'founding');
  expect(csv).toMatch(/^plan,month,enrolled,.*\r\nfounding,[-\d]{7},1,0,/);
});

test.each([
  [['--csv'], 2, 'name a report'],
  [['revenue', '--csv', '--json'], 2, 'name a report'],
  [['--cursor', 'x'], 2, 'name revenue or margin'],
  [['members', '--cursor', 'x'], 2, 'name revenue or margin'],
  [['profit'], 2, 'Allowed choices are members, places'],
  [['churn', '--on', addDays(today, 2)], 2, '--on (/on): must not be after'],
  [['places', '--plan', 'nothing'], 3, 'plan'],
])('%j is refused', async (args, code, words) => {
  const answer = await cli(...args);
  expect(answer).toMatchObject({ code, stdout: '' });
  expect(answer.stderr).toContain(words);
});
