import { addedCellSchema, cellPageSchema, cellSchema } from '../../control-api/contracts/cells.ts';
import { approvalSchema } from '../../control-api/contracts/sign-ups.ts';
import { quotas } from '../../lib/domain/capacity.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import type { Answer } from './run-cli.ts';
import { startHere } from './run-here.ts';

let plane: ControlPlane;
beforeAll(async () => {
  plane = await startControlPlane();
});
afterAll(() => plane.close());

const start = (args: readonly string[], token = plane.token) =>
  startHere(args, { env: { LUMENALITY_URL: plane.url, LUMENALITY_TOKEN: token } });
const cli = (args: readonly string[], token = plane.token): Promise<Answer> => start(args, token).ended;
const asDocument = async (args: readonly string[]): Promise<unknown> => {
  const answer = await cli([...args, '--json']);
  expect(answer).toMatchObject({ code: 0, stderr: '' });
  return JSON.parse(answer.stdout);
};
const addArgs = (id: string, account: string): string[] =>
  `cell add ${id} --account ${account} --region us-west-2 --hosted-zone Z0WEST --domain ${id}.practices.test --limit vpcs=100 --limit stacks=3000`.split(
    ' ',
  );

test('a practice waits, says why, and goes on when a cell is added and opened', async () => {
  await cli(['cell', 'drain', 'main']);
  const id = await plane.signUp('Juniper OT');
  const approved = await cli(['signup', 'approve', id, '--reason', 'checked']);
  expect(approved.code).toBe(0);
  expect(approved.stdout).toContain(
    'Approved Juniper OT as practice juniper-ot, which waits: No cell has room (main is draining).',
  );
  // Nobody can show the link again: it is shown without the address that the practice does not have yet.
  expect(approved.stdout).toMatch(/First owner's link +\/invitation#[\w-]{43}/);
  expect((await cli(['practice', 'show', 'juniper-ot'])).stdout).toMatch(
    /State +waiting[^]*Waits because +No cell has room[^]*Next: npx lumenality cell list/,
  );
  expect((await cli(['practice', 'list'])).stdout).toMatch(/juniper-ot +waiting +unknown +-/);
  expect((await cli(['run', 'show', 'juniper-ot'])).stdout).toMatch(/Waits because +No cell has room/);

  const watching = start(['practice', 'watch', 'juniper-ot']);
  const added = await cli(addArgs('west', '222222222222'));
  expect(added.stdout).toMatch(
    /aws cloudformation deploy --region us-west-2 --stack-name lumenality-cell .* ExternalId=[\w-]{32}\n/,
  );
  expect(added.stdout).toContain('Then: npx lumenality cell activate west');
  expect((await cli(['cell', 'set-up', 'west'])).stdout).toContain('ControlPlanePrincipalArn=arn:aws:iam::');
  expect((await cli(['cell', 'activate', 'west'])).stdout).toContain('Cell west is active');
  const show = await cli(['practice', 'show', 'juniper-ot']);
  expect(show.stdout).toMatch(/State +provisioning[^]*Cell +west[^]*juniper-ot\.west\.practices\.test/);
  const run = await plane.api.database.db
    .selectFrom('run')
    .select('id')
    .where('practice_id', '=', 'juniper-ot')
    .executeTakeFirstOrThrow();
  await plane.end(run.id, 'succeeded');
  const watched = await watching.ended;
  expect(watched.code).toBe(0);
  expect(watched.stdout).toMatch(/run waiting: No cell has room[^]*run queued: cell west has room/);

  const cell = cellSchema.parse(await asDocument(['cell', 'show', 'west']));
  expect(cell).toMatchObject({ practices: 1, state: 'active' });
  const shown = await cli(['cell', 'show', 'west']);
  expect(shown.stdout).toMatch(/stacks +3000 +3 +2997 +3 +999 d/);
  expect(shown.stdout).toMatch(/juniper-ot +active/);
});

test('cells are added with care: twice with one key once, and wrong flags are named', async () => {
  const args = addArgs('north', '333333333333');
  const key = ['--idempotency-key', 'the-same-key-twice'];
  const first = addedCellSchema.parse(await asDocument([...args, ...key]));
  expect(addedCellSchema.parse(await asDocument([...args, ...key]))).toEqual(first);
  const wrong = await cli(addArgs('north', '12'));
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('--account (/accountId)') });
  const unknown = await cli(['cell', 'limits', 'north', '--limit', 'vpc=3']);
  expect(unknown).toMatchObject({ code: 2, stderr: expect.stringContaining('vpc') });
  const bananas = await cli(['cell', 'limits', 'north', '--limit', 'bananas=3']);
  expect(bananas).toMatchObject({ code: 2, stderr: expect.stringContaining('bananas') });
  for (const quota of quotas) expect(bananas.stderr).toContain(quota);
  expect(await cli(['cell', 'limits', 'north'])).toMatchObject({ code: 2 });
  expect(await cli(['cell', 'activate', 'south'])).toMatchObject({ code: 3 });
  const set = await cli(['cell', 'limits', 'north', '--limit', 'databases=80']);
  expect(set.stdout).toMatch(/databases +80 +0 +80/);
  expect(await cli(['cell', 'remove', 'north'])).toMatchObject({ code: 2 });
  expect((await cli(['cell', 'remove', 'north', '--yes'])).code).toBe(0);
});

test('cells are listed for those who place practices, and changed by security administrators', async () => {
  const page = cellPageSchema.parse(await asDocument(['cell', 'list']));
  expect(page.items.map(({ id }) => id)).toContain('main');
  const { token } = await plane.api.tokenWith(['operator']);
  expect((await cli(['cell', 'list'], token)).stdout).toMatch(/main +\w+ +000000000000 +us-east-1/);
  expect((await cli(['cell', 'drain', 'main'], token)).code).toBe(5);
  await cli(['cell', 'activate', 'main']);
  const id = await plane.signUp('Has A Place');
  const approval = approvalSchema.parse(
    await asDocument(['signup', 'approve', id, '--reason', 'checked', '--no-invitation']),
  );
  expect(approval.waitingFor).toBeNull();
});
