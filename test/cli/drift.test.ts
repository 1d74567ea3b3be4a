import { noFindings } from '../../lib/domain/drift.ts';
import { drifted, lookAt, unreadable } from '../builders/drift.ts';
import { eventually } from '../builders/runs.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { startHere } from './run-here.ts';

let plane: ControlPlane;
beforeAll(async () => {
  plane = await startControlPlane();
});
afterAll(() => plane.close());

/** An active practice; answers the release that it runs. */
async function active(displayName: string): Promise<string> {
  const { runId, practiceId } = await plane.approved(displayName);
  await plane.end(runId, 'succeeded');
  return (await plane.api.call({ url: `/v1/practices/${practiceId}` })).json().releaseId;
}
const start = (...args: string[]) =>
  startHere(['practice', 'drift', ...args], {
    env: { LUMENALITY_URL: plane.url, LUMENALITY_TOKEN: plane.token },
  });
/** Plays the reconciler: looks as soon as somebody has asked. */
const looked = (releaseId: string, findings: Parameters<typeof lookAt>[3]) =>
  eventually('somebody to ask', () => lookAt(plane.api.database.db, new Date(), releaseId, findings));

test('shows what differs, waits for a look that was asked for, and tells by its exit code', async () => {
  const releaseId = await active('Willow Speech');
  const first = await start('willow').ended;
  expect(first.code).toBe(1);
  expect(first.stdout).toContain('practice drift willow-speech --check');

  const checking = start('willow', '--check');
  await looked(releaseId, drifted);
  const found = await checking.ended;
  expect(found).toMatchObject({ code: 1, stderr: '' });
  expect(found.stdout).toMatch(/foundation\/AppLogGroup +\/RetentionInDays +2192 +30/);
  expect(found.stdout).toContain('Set it back.');

  const unread = start('willow', '--check');
  await looked(releaseId, unreadable);
  const unknown = await unread.ended;
  expect(unknown.code).toBe(1);
  expect(unknown.stdout).toContain('Not read: kms:DescribeKey: AccessDenied');

  const again = start('willow', '--check', '--json');
  await looked(releaseId, noFindings);
  const cleared = await again.ended;
  expect(cleared).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(cleared.stdout)).toMatchObject({ practiceId: 'willow-speech', state: 'in_sync' });
});

test('gives up waiting after --timeout; the look goes on', async () => {
  const releaseId = await active('Maple Speech');
  const answer = await start('maple', '--check', '--timeout', '1s').ended;
  expect(answer.code).toBe(7);
  expect(answer.stderr).toContain('practice drift maple-speech');
  await looked(releaseId, noFindings);
});
