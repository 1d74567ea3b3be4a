import { statementSchema } from '../../control-api/contracts/statements.ts';
import { approvalSchema } from '../../control-api/contracts/subscription-approvals.ts';
import { billedPractice } from '../builders/billed-practice.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import type { Answer } from './run-cli.ts';
import { runHere } from './run-here.ts';

let plane: ControlPlane;
const id = 'hazel-aba';

const cli = (args: readonly string[], token = plane.token): Promise<Answer> =>
  runHere(['subscription', ...args], { env: { LUMENALITY_URL: plane.url, LUMENALITY_TOKEN: token } });
const said = async (args: readonly string[], token = plane.token): Promise<string> => {
  const answer = await cli(args, token);
  expect(answer).toMatchObject({ code: 0, stderr: '' });
  return answer.stdout;
};
const why = ['--reason', 'as agreed'];

beforeAll(async () => {
  plane = await startControlPlane();
  const practice = await billedPractice(plane.api.database, id, { on: '2026-06-01', terms: { freeDays: 0 } });
  await practice.close('2026-08-01');
  await billedPractice(plane.api.database, 'birch-aba', { on: '2026-11-01' });
});
afterAll(() => plane.close());

test('statements are listed, and the newest is shown as people read one', async () => {
  expect(await said(['statements', 'hazel'])).toMatch(
    /^FROM +UNTIL +OPENING +COST +CLOSING\n2026-07-01 +2026-08-01 +313.00 USD +313.00 USD +626.00 USD\n2026-06-01/,
  );
  const shown = await said(['statement', 'hazel']);
  expect(shown).toContain('hazel-aba-2026-07-01');
  expect(shown).toMatch(/2026-07-01 +Owed before +313.00 USD\n/);
  expect(shown).toMatch(
    /2026-07-31 +charge +Clinicians, 2026-07-01 to 2026-07-31: 5 at 29.00 USD +145.00 USD +607.00 USD\n/,
  );
  expect(shown).toMatch(/2026-08-01 +Owed +626.00 USD\n$/);
  const first = JSON.parse(await said(['statement', 'hazel', '2026-06-01', '--json']));
  expect(statementSchema.parse(first)).toMatchObject({ openingCents: 0, closingCents: 31_300 });
});

test('money is posted by amounts with two decimals, and reversed by the start of an id', async () => {
  expect(await said(['pay', 'hazel', '300.00', '--day', '2026-08-02', ...why])).toBe(
    'Posted the payment of 2026-08-02: -300.00 USD.\nhazel-aba owes 326.00 USD.\n',
  );
  expect(await said(['adjust', 'hazel', '-19.00', ...why])).toContain('hazel-aba owes 307.00 USD.');
  const ledger = await said(['ledger', 'hazel', '--limit', '2']);
  const [, row = ''] = ledger.split('\n');
  expect(row).toMatch(/^[0-9a-f]{8,} .* adjustment +-19.00 USD +as agreed +first administrator$/);
  const [transaction = ''] = row.split(' ');
  const undone = await said(['reverse', 'hazel', transaction, '--yes', ...why]);
  expect(undone).toContain('hazel-aba owes 326.00 USD.');
  expect(await said(['ledger', 'hazel'])).toContain('adjustment, reversed');
  expect(await cli(['reverse', 'hazel', transaction, '--yes', ...why])).toMatchObject({
    code: 4,
    stderr: expect.stringContaining('reversed already'),
  });
});

test('the question before a reversal shows no reason that moves the cursor', async () => {
  await billedPractice(plane.api.database, 'maple-aba', { on: '2026-11-01' });
  await said(['credit', 'maple', '1.00', '--reason', 'as \u001b[2Jagreed']);
  const { items } = JSON.parse(await said(['ledger', 'maple', '--json']));
  const { code, stderr } = await runHere(['subscription', 'reverse', 'maple', items[0].id, ...why], {
    env: { LUMENALITY_URL: plane.url, LUMENALITY_TOKEN: plane.token },
    stdin: 'n\n',
    isTyped: true,
  });
  expect(code).not.toBe(0);
  expect(stderr).toContain('Reverse the credit');
  expect(stderr).not.toContain('\u001b[2J');
});

test('what is typed wrongly is refused, and nothing is posted', async () => {
  for (const amount of ['19', '-19.00', '0.00']) {
    const answer = await cli(['credit', 'hazel', amount, ...why]);
    expect(answer).toMatchObject({ code: 2, stdout: '' });
  }
  expect((await cli(['credit', 'hazel', '19.00'])).stderr).toContain('--reason');
  expect((await cli(['credit', 'hazel', '19.00', '--day', 'today', ...why])).stderr).toContain(
    '--day (/day)',
  );
  expect(await cli(['statement', 'hazel', '2026-06-02'])).toMatchObject({ code: 3 });
  expect(await cli(['statement', 'hazel', '2026-02-30'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('It must be a day'),
  });
});

test('a second person approves or declines what is worth much', async () => {
  const second = (await plane.api.tokenWith(['plan_admin'])).token;
  expect(await said(['credit', 'birch', '600.00', ...why])).toContain('takes a second plan administrator');
  const list = await said(['approvals']);
  expect(list).toMatch(/birch-aba +credit +600.00 USD +first administrator +expires in 14 d +as agreed/);
  const [request = ''] = (list.split('\n')[1] ?? '').split(' ');
  expect(await cli(['approve', request, '--yes'])).toMatchObject({
    code: 5,
    stderr: expect.stringContaining('asked for this yourself'),
  });
  expect(await said(['approve', request, '--yes'], second)).toMatch(
    /Reason +as agreed\nWorth +600.00 USD\n.*amountCents +60000\nThe credit for birch-aba is approved and done.\n$/s,
  );
  expect(await said(['ledger', 'birch', '--limit', '1'])).toMatch(
    /first administrator, approved by test plan_admin\nbirch-aba is owed 600.00 USD.\n$/,
  );

  const other = approvalSchema.parse(JSON.parse(await said(['credit', 'birch', '700.00', '--json', ...why])));
  expect(await said(['decline', other.id, ...why])).toContain('declined');
  expect(await said(['approvals'])).toBe('Nothing waits for approval.\n');
  expect(await said(['approvals', '--past'])).toMatch(/700.00 USD +first administrator +declined/);
});
