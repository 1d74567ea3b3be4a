import { money, parseMoney } from '../../bin/commands/money.ts';
import { dryRunSchema, planSchema, planVersionSchema } from '../../control-api/contracts/plans.ts';
import { addDays } from '../../lib/domain/plan/day.ts';
import { billedPractice } from '../builders/billed-practice.ts';
import { foundingTerms, standardTerms } from '../builders/plan-terms.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import type { Answer } from './run-cli.ts';
import { runHere } from './run-here.ts';

let plane: ControlPlane;

const cli = (args: readonly string[], stdin?: string): Promise<Answer> =>
  runHere(['plan', ...args], {
    env: { LUMENALITY_URL: plane.url, LUMENALITY_TOKEN: plane.token },
    ...(stdin === undefined ? {} : { stdin }),
  });
const said = async (args: readonly string[], stdin?: string): Promise<string> => {
  const answer = await cli(args, stdin);
  expect(answer).toMatchObject({ code: 0, stderr: '' });
  return answer.stdout;
};

beforeAll(async () => {
  plane = await startControlPlane();
});
afterAll(() => plane.close());

test.each([
  ['159.00', 15_900],
  ['0.05', 5],
  // No binary fraction comes near: 1.15 × 100 is 114.99999999999999.
  ['1.15', 115],
  ['9999999999999.99', 999_999_999_999_999],
])('%s is %i cents', (text, cents) => {
  expect(parseMoney(text)).toBe(cents);
  expect(money(cents, 'USD')).toBe(`${text} USD`);
  expect(money(-cents, 'USD')).toBe(`-${text} USD`);
});

test.each(['159', '159.5', '159.005', '1,590.00', '-1.00', '1e3.00', '.50', ''])(
  '"%s" is no amount',
  (text) => {
    expect(() => parseMoney(text)).toThrow('such as 159.00');
  },
);

test('plans are listed with their prices, and shown with all terms', async () => {
  expect(await said(['list'])).toMatch(
    /^founding 1  2026-01-01  149.00 \+ 29.00 \+ 19.00 USD\/month  90 d  24 mo  100$/m,
  );
  const shown = await said(['show', 'founding']);
  expect(shown).toContain('at least 90 free days and a lock of 24 months');
  expect(shown).toMatch(/^lock +24 months from the first charged day/m);
  expect(await cli(['show', 'nothing'])).toMatchObject({ code: 3, stdout: '' });
});

test('a dry run lists whom a version would touch, and tells of the others', async () => {
  const on = new Date().toISOString().slice(0, 10);
  const unlocked = { freeDays: 0, lock: { months: 0, from: 'first_charged_day' } } as const;
  await billedPractice(plane.api.database, 'locked-aba', { on });
  await billedPractice(plane.api.database, 'open-aba', { on, terms: unlocked });
  const asked = ['dry-run', 'founding', '--from', addDays(on, 1), '--base', '159.00'];
  const shown = await said(asked);
  expect(shown).toMatch(
    /It touches 1 subscription after notice, the first on [-\d]{10}: 10.00 USD a month more together./,
  );
  expect(shown).toContain('It does not touch 1 subscription with a locked rate. The first lock ends on');
  expect(shown).toMatch(/open-aba +[-\d]{10} +5 +1 +313.00 USD +323.00 USD +10.00 USD/);
  expect(dryRunSchema.parse(JSON.parse(await said([...asked, '--json'])))).toMatchObject({
    version: 2,
    touched: { count: 1, items: [{ practiceId: 'open-aba' }] },
    locked: { count: 1 },
  });
});

test('a version starts from the newest one, is shown beside it, and waits for a yes', async () => {
  const asked = [
    'publish',
    'standard',
    '--from',
    '2099-01-01',
    '--base',
    '259.00',
    '--per-clinician',
    '41.00',
  ];
  const unsure = await cli(asked);
  expect(unsure.code).toBe(2);
  expect(unsure.stderr).toContain('repeat the command with --yes');
  expect(unsure.stdout).toMatch(/TERM +VERSION 1 +VERSION 2\n/);
  expect(unsure.stdout).toMatch(/base +249.00 USD a month +259.00 USD a month/);
  expect(unsure.stdout).toContain('It touches no subscription.');
  const versions = async () =>
    planSchema.parse(JSON.parse(await said(['show', 'standard', '--json']))).versions;
  expect(await versions()).toHaveLength(1);
  const published = planVersionSchema.parse(JSON.parse(await said([...asked, '--yes', '--json'])));
  const rates = { base: 25_900, perClinician: 4_100, perLocation: 2_900 };
  expect(published).toMatchObject({ version: 2, terms: { ...standardTerms, rates } });
  expect(await versions()).toHaveLength(2);
});

test('a publication that is repeated after a broken connection is answered, and not made twice', async () => {
  const names = ['--name', 'Late practices', '--description', 'For those who come late'];
  await said(['create', 'late', ...names]);
  const publish = ['publish', 'late', '--from', '2099-01-01', '--yes', '--idempotency-key', 'late-in-2099'];
  const terms = JSON.stringify(foundingTerms);
  const first = await said([...publish, '--terms', '-'], terms);
  expect(await said([...publish, '--terms', '-'], terms)).toBe(first);
  expect(first).toBe('Version 1 of plan late is offered from 2099-01-01.\n');
});

test('a new plan gets its first terms from a file, with flags on top', async () => {
  const names = ['--name', 'Early practices', '--description', 'For those who come early'];
  const created = await said(['create', 'early', ...names, '--promise-free-days', '30']);
  expect(created).toContain('No version yet');
  const publish = ['publish', 'early', '--from', '2099-01-01'];
  const without = await cli(publish);
  expect(without).toMatchObject({ code: 2, stdout: '' });
  expect(without.stderr).toContain('--terms FILE');
  const flags = ['--terms', '-', '--cap', 'none', '--enrolment-until', '2099-06-30', '--yes', '--json'];
  const terms = JSON.stringify(foundingTerms);
  const published = planVersionSchema.parse(JSON.parse(await said([...publish, ...flags], terms)));
  expect(published.terms).toEqual({
    ...foundingTerms,
    cap: null,
    enrolment: { from: null, until: '2099-06-30' },
  });
});

test('what is wrong is named by its flag before anybody is asked', async () => {
  const refused = await cli([
    'publish',
    'founding',
    '--from',
    '2099-02-01',
    '--lock-months',
    '3',
    '--free-days',
    '9',
  ]);
  expect(refused).toMatchObject({ code: 2, stdout: '' });
  expect(refused.stderr).toContain('--lock-months (/terms/lock/months): must be at least 24');
  expect(refused.stderr).toContain('--free-days (/terms/freeDays): must be at least 90');
  const late = await cli(['publish', 'standard', '--from', '2020-01-01', '--base', '1.00']);
  expect(late.stderr).toContain('--from (/effectiveFrom): must be 20');
});

test('a preview shows free days, locked periods and sums', async () => {
  const asked = ['preview', 'founding', '--clinicians', '5', '--starts-on', '2026-11-22'];
  const shown = await said([...asked, '--time-zone', 'America/Chicago', '--months', '4']);
  expect(shown).toMatch(/2026-11-22 +2027-02-19 +90 +free +0.00 USD/);
  expect(shown).toMatch(/2027-02-20 +2027-03-19 +28 +locked +313.00 USD/);
  expect(shown).toContain(
    'The first day charged is 2027-02-20. The rate is locked to 2029-02-19. Together: 626.00 USD.',
  );
  const refused = await cli([...asked, '--time-zone', 'Chicago', '--plan-version', '9']);
  expect(refused.stderr).toContain('--time-zone (/timeZone): must be an IANA time zone');
});
