import { putSchedule } from '../../lib/db/schedule-store.ts';
import { publishTestRelease } from '../builders/database.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import type { Answer } from './run-cli.ts';
import { runHere } from './run-here.ts';

let plane: ControlPlane;

const cli = (...args: string[]): Promise<Answer> =>
  runHere(args, { env: { LUMENALITY_URL: plane.url, LUMENALITY_TOKEN: plane.token } });

beforeAll(async () => {
  plane = await startControlPlane();
  const { runId } = await plane.approved('Cedar ABA');
  await plane.end(runId, 'succeeded');
  const day = ['SU', 'MO', 'TU', 'WE', 'TH', 'FR', 'SA'][new Date(Date.now() + 3 * 86_400_000).getUTCDay()];
  const rule = `FREQ=WEEKLY;BYDAY=${day};BYHOUR=2;BYMINUTE=0`;
  const window = { rule, durationMinutes: 240, timeZone: 'America/Phoenix' };
  await plane.api.database.db
    .transaction()
    .execute((trx) => putSchedule(trx, 'cedar-aba', { window }, new Date()));
});
afterAll(() => plane.close());

test('a rollout is begun, paused, resumed, promoted and aborted; its practices are skipped and retried', async () => {
  const release = await publishTestRelease(plane.api.database, 'b', new Date());
  const planned = await cli('rollout', 'start', release, '--later', '--reason', 'monthly', '--json');
  const { id } = JSON.parse(planned.stdout) as { id: string };
  const steer = (...args: string[]) => cli('rollout', ...args, '--reason', 'asked for');
  expect(await cli('rollout', 'begin', id.slice(0, 8))).toMatchObject({
    code: 0,
    stdout: expect.stringContaining(`Rollout ${id} of release ${release} is running.`),
  });
  expect((await steer('pause', id)).stdout).toMatch(/is paused \(paused by .*: asked for\)/);
  expect(await steer('pause', id)).toMatchObject({
    code: 4,
    stderr: expect.stringContaining('Resume it first'),
  });
  expect((await steer('resume', id)).stdout).toContain('is running');
  expect(await steer('promote', id, '--yes')).toMatchObject({
    code: 4,
    stderr: expect.stringContaining('nothing to promote'),
  });
  const skipped = await steer('skip', id, 'cedar', '--json');
  expect(JSON.parse(skipped.stdout)).toMatchObject({ practiceId: 'cedar-aba', state: 'skipped' });
  expect((await steer('retry', id, 'cedar')).stdout).toContain('Practice cedar-aba is pending.');
  expect(await steer('abort', id)).toMatchObject({ code: 2, stderr: expect.stringContaining('--yes') });
  expect((await steer('abort', id, '--yes')).stdout).toContain('is aborted');
  expect(await cli('rollout', 'abort', id, '--yes')).toMatchObject({ code: 2 });
});
