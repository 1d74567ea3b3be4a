import { changeOffboarding } from '../../lib/db/offboarding-store.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import type { Answer } from './run-cli.ts';
import { runHere } from './run-here.ts';

let plane: ControlPlane;
const practiceId = 'alder-aba';

const cli = (...args: string[]): Promise<Answer> =>
  runHere(args, { env: { LUMENALITY_URL: plane.url, LUMENALITY_TOKEN: plane.token } });

beforeAll(async () => {
  plane = await startControlPlane();
  const { runId } = await plane.approved('Alder ABA');
  await plane.end(runId, 'succeeded');
});
afterAll(() => plane.close());

test('an exit is confirmed by the id, shown stage by stage, and taken back', async () => {
  const offboard = ['practice', 'offboard', practiceId, '--reason', 'it has closed'];
  expect(await cli(...offboard)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining(`confirm it with --confirm ${practiceId}`),
  });
  expect(await cli(...offboard, '--confirm', 'another')).toMatchObject({ code: 2, stdout: '' });
  const short = await cli(...offboard, '--confirm', practiceId, '--grace-days', '1');
  expect(short).toMatchObject({ code: 2, stderr: expect.stringContaining('--grace-days (/graceDays)') });
  expect(await cli('practice', 'offboarding', practiceId)).toMatchObject({ code: 3 });

  const begun = await cli(...offboard, '--confirm', practiceId, '--json');
  expect(begun).toMatchObject({ code: 0, stderr: '' });
  const { runId } = JSON.parse(begun.stdout) as { runId: string };
  await plane.end(runId, 'succeeded');
  const graceBeganAt = new Date();
  const graceEndsAt = new Date(graceBeganAt.getTime() + 30 * 86_400_000);
  await plane.api.database.db.transaction().execute(async (trx) => {
    await changeOffboarding(trx, practiceId, { stage: 'grace', runId: null, graceBeganAt, graceEndsAt });
    await trx.updateTable('practice').set({ state: 'offboarding' }).where('id', '=', practiceId).execute();
  });
  const shown = await cli('practice', 'offboarding', practiceId);
  const minute = graceEndsAt.toISOString().slice(0, 16).replace('T', ' ');
  expect(shown.stdout).toMatch(/STAGE +STATE +BEGINS +CAN BE TAKEN BACK UNTIL/);
  expect(shown.stdout).toMatch(new RegExp(`^grace +current .* ${minute}Z`, 'm'));
  expect(shown.stdout).toMatch(/^shredded +planned/m);
  expect(shown.stdout).toContain(`cancel-offboarding ${practiceId}`);

  const suspended = await cli('practice', 'suspend', practiceId, '--reason', 'unpaid');
  expect(suspended).toMatchObject({ code: 4, stderr: expect.stringContaining('closed already') });
  const resumed = await cli('practice', 'resume', practiceId, '--reason', 'paid');
  expect(resumed).toMatchObject({ code: 4, stderr: expect.stringContaining('cancel-offboarding') });
  const cancel = ['practice', 'cancel-offboarding', practiceId, '--reason', 'it goes on'];
  expect(await cli(...cancel, '--retention-days', '9')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('--retention-days (/retentionDays): must be left out'),
  });
  const back = await cli(...cancel);
  expect(back).toMatchObject({ code: 0, stdout: expect.stringContaining('is being taken back') });
});
