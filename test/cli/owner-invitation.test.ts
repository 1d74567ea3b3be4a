import { createHash } from 'node:crypto';
import { findOwnerInvitation } from '../../lib/db/owner-invitation-store.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import type { Answer } from './run-cli.ts';
import { startHere } from './run-here.ts';

let plane: ControlPlane;
beforeAll(async () => {
  plane = await startControlPlane();
});
afterAll(() => plane.close());

const start = (args: readonly string[]) =>
  startHere(args, { env: { LUMENALITY_URL: plane.url, LUMENALITY_TOKEN: plane.token } });
const cli = (args: readonly string[]): Promise<Answer> => start(args).ended;

/** The link that was shown, and whether the control plane keeps the hash of its token and nothing else. */
async function linkIn(text: string, practiceId: string): Promise<{ token: string; isKept: boolean }> {
  const [, host, token = ''] =
    /https:\/\/(\S+)\/invitation#([A-Za-z0-9_-]{43})(?![A-Za-z0-9_-])/.exec(text) ?? [];
  expect(host).toBe(`${practiceId}.practices.test`);
  const kept = await findOwnerInvitation(plane.api.database.db, practiceId);
  return { token, isKept: kept?.tokenSha256 === createHash('sha256').update(token).digest('hex') };
}

test('an approval shows the link once, says until when, and that nobody can show it again', async () => {
  await plane.signUp('Cedar Speech');
  const approved = await cli(['signup', 'approve', 'cedar', '--reason', 'checked']);
  expect(approved).toMatchObject({ code: 0, stderr: '' });
  const { token, isKept } = await linkIn(approved.stdout, 'cedar-speech');
  expect(isKept).toBe(true);
  expect(approved.stdout).toMatch(/Works +once, once the practice is active, until \d{4}-\d\d-\d\dT/);
  expect(approved.stdout).toContain('Nobody can show this link again');

  const shown = await cli(['practice', 'invitation', 'cedar', '--json']);
  expect(JSON.parse(shown.stdout)).toMatchObject({ practiceId: 'cedar-speech', state: 'open' });
  expect(shown.stdout).not.toContain(token);
});

test('with --wait it is shown at the end, also when the run failed', async () => {
  await plane.signUp('Hazel Speech');
  const waiting = start(['signup', 'approve', 'hazel', '--reason', 'checked', '--wait']);
  await waiting.says('Run ');
  const { latestRunId } = (await plane.api.call({ method: 'GET', url: '/v1/practices/hazel-speech' })).json();
  await plane.end(latestRunId, 'failed');
  const answer = await waiting.ended;
  expect(answer.code).toBe(1);
  expect((await linkIn(answer.stdout, 'hazel-speech')).isKept).toBe(true);
  expect(answer.stdout.indexOf('/invitation#')).toBeGreaterThan(answer.stdout.indexOf('Failed'));
});

test('in --json the link is in the one document', async () => {
  await plane.signUp('Maple Speech');
  const approved = await cli(['signup', 'approve', 'maple', '--reason', 'checked', '--json']);
  const { practiceId, ownerInvitation } = JSON.parse(approved.stdout);
  expect((await linkIn(ownerInvitation.link, practiceId)).isKept).toBe(true);
  expect(Date.parse(ownerInvitation.expiresAt)).toBeGreaterThan(Date.now());
});

test('--no-invitation invites nobody', async () => {
  await plane.signUp('Birch Speech');
  const approved = await cli(['signup', 'approve', 'birch', '--reason', 'checked', '--no-invitation']);
  expect(approved.code).toBe(0);
  expect(approved.stdout).not.toContain('/invitation#');
  const shown = await cli(['practice', 'invitation', 'birch']);
  expect(shown).toMatchObject({ code: 3, stdout: '' });
});

test('a new link takes the place of a lost one, and can be taken back', async () => {
  const { practiceId, runId } = await plane.approved('Rowan Speech');
  await plane.end(runId, 'succeeded');
  const invited = await cli([
    'practice',
    'invite',
    'rowan',
    '--email',
    'ana@rowan.example',
    '--reason',
    'lost',
  ]);
  expect(invited).toMatchObject({ code: 0, stderr: '' });
  expect((await linkIn(invited.stdout, practiceId)).isKept).toBe(true);
  expect(invited.stdout).toMatch(/For +ana@rowan\.example/);

  const early = await cli(['practice', 'revoke-invitation', 'rowan', '--yes']);
  expect(early.code).toBe(4);
  expect(early.stderr).toContain('Wait for its end');

  const { latestRunId } = (
    await plane.api.call({ method: 'GET', url: `/v1/practices/${practiceId}` })
  ).json();
  await plane.end(latestRunId, 'succeeded');
  const revoked = await cli(['practice', 'revoke-invitation', 'rowan', '--yes']);
  expect(revoked).toMatchObject({ code: 0, stderr: '' });
  expect((await cli(['practice', 'invitation', 'rowan'])).stdout).toMatch(/State +revoked/);
});
