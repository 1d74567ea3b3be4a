import { addNotice } from '../../lib/db/notice-store.ts';
import { deliverDue, deliverNotices } from '../../lib/reconcilers/deliver-notices.ts';
import { testNoticePorts } from '../builders/notices.ts';
import { silent } from '../builders/runs.ts';
import { believes, startWebhookReceiver, type WebhookReceiver } from '../builders/webhook-receiver.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import type { Answer } from './run-cli.ts';
import { runHere } from './run-here.ts';

let plane: ControlPlane;
let receiver: WebhookReceiver;
beforeAll(async () => {
  plane = await startControlPlane();
  receiver = await startWebhookReceiver();
  await plane.approved('Rowan Speech');
});
afterAll(async () => {
  await receiver.close();
  await plane.close();
});

const cli = (...args: string[]): Promise<Answer> =>
  runHere(args, { env: { LUMENALITY_URL: plane.url, LUMENALITY_TOKEN: plane.token } });
const document = async (...args: string[]) => JSON.parse((await cli(...args, '--json')).stdout);
const parts = () => ({
  db: plane.api.database.db,
  clock: { now: () => new Date() },
  log: silent,
  notices: testNoticePorts(),
});

test('an endpoint is added, tried, given a new secret and removed', async () => {
  const before = receiver.received.length;
  const added = await cli(
    'notice',
    'endpoint',
    'add',
    receiver.url,
    '--practice',
    'rowan',
    '--kinds',
    'update_failed',
  );
  expect(added).toMatchObject({ code: 0, stdout: expect.stringMatching(/^whsec_\S+\n$/) });
  const id = /endpoint test (\S+)/.exec(added.stderr)?.[1] ?? '';
  const listed = await cli('notice', 'endpoint', 'list', '--practice', 'rowan');
  expect(listed.stdout).toMatch(new RegExp(`${id} +rowan-speech +${receiver.url} +update_failed`));

  // Nobody delivers: the worker is away.
  const waited = await cli('notice', 'endpoint', 'test', id, '--timeout', '1s');
  expect(waited.code).toBe(7);
  expect(waited.stderr).toContain('notice show');
  const worker = deliverNotices({ ...parts(), everyMs: 20 });
  expect(await cli('notice', 'endpoint', 'test', id)).toMatchObject({ code: 0, stderr: '' });
  receiver.status = 500;
  const refused = await cli('notice', 'endpoint', 'test', id);
  expect(refused).toMatchObject({ code: 1, stdout: 'The test was not taken: The receiver answered 500.\n' });
  await worker.stop();
  receiver.status = 204;

  const rotated = await document('notice', 'endpoint', 'rotate', id);
  expect(rotated.secret).not.toBe(added.stdout.trim());
  const [first] = receiver.received.slice(before);
  expect(first !== undefined && believes(added.stdout.trim(), first)).toBe(true);
  expect((await cli('notice', 'endpoint', 'remove', id)).code).toBe(2);
  expect(await cli('notice', 'endpoint', 'remove', id, '--yes')).toMatchObject({ code: 0 });
  expect((await cli('notice', 'endpoint', 'list', '--practice', 'rowan')).stdout).toContain('No endpoints.');
  const wrong = await cli('notice', 'endpoint', 'add', 'ftp://example.com');
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('must begin with https://') });
});

test('contacts are shown, added and removed', async () => {
  const before = await cli('practice', 'contacts', 'rowan');
  expect(before.stdout).toMatch(
    /Robin Vale +robin@harbor-speech.example.com +update_scheduled, update_started/,
  );
  expect(before.stdout).toContain("this is the sign-up's");
  const dana = 'Dana Reyes <dana@example.com>';
  const added = await document('practice', 'contacts', 'rowan', '--add', dana, '--notices', 'update_failed');
  expect(added.contacts).toHaveLength(2);
  const left = await document('practice', 'contacts', 'rowan', '--remove', 'robin@harbor-speech.example.com');
  expect(left.contacts).toEqual([
    { name: 'Dana Reyes', email: 'dana@example.com', notices: ['update_failed'] },
  ]);
  expect((await cli('practice', 'contacts', 'rowan', '--remove', 'robin@example.com')).code).toBe(3);
  expect((await cli('practice', 'contacts', 'rowan', '--add', 'dana@example.com')).code).toBe(2);
  const kind = await cli('practice', 'contacts', 'rowan', '--add', dana, '--notices', 'gossip');
  expect(kind).toMatchObject({ code: 2, stderr: expect.stringContaining('/contacts/0/notices/0') });
});

test('notices are listed, shown, and sent again where they were given up', async () => {
  const { practiceId } = await plane.approved('Hazel OT');
  const { id: endpoint } = await document('notice', 'endpoint', 'add', receiver.url, '--practice', 'hazel');
  await document('practice', 'contacts', 'hazel', '--remove', 'robin@harbor-speech.example.com');
  const notice = await plane.api.database.db.transaction().execute((trx) =>
    addNotice(
      trx,
      {
        kind: 'update_started',
        practiceId,
        subject: { type: 'rollout', id: 'rollout-1' },
        data: { rolloutId: 'rollout-1', releaseId: 'r-0123456789ab', runId: 'run-1' },
      },
      new Date(),
    ),
  );
  receiver.status = 410;
  await deliverDue(parts());
  const listed = await cli('notice', 'list', '--practice', 'hazel', '--delivery', 'failed');
  expect(listed.stdout).toMatch(new RegExp(`${notice} +update_started +hazel-ot .*1 failed`));
  const shown = await cli('notice', 'show', notice);
  expect(shown.stdout).toMatch(/About +rollout rollout-1[^]*releaseId +r-0123456789ab/);
  expect(shown.stdout).toMatch(new RegExp(`endpoint ${endpoint} +failed +1 +- +The receiver answered 410`));

  receiver.status = 204;
  const again = await document('notice', 'redeliver', notice, '--reason', 'the receiver is back');
  expect(again.deliveries).toMatchObject([{ state: 'pending', attempts: 0 }]);
  await deliverDue(parts());
  expect(receiver.received.at(-1)?.id).toBe(notice);
  const nothing = await cli('notice', 'redeliver', notice, '--reason', 'once more');
  expect(nothing).toMatchObject({ code: 4, stderr: expect.stringContaining('deliveryId') });
});
