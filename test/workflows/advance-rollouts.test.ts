import { listNotices } from '../../lib/db/notice-store.ts';
import { findPractice } from '../../lib/db/practice-store.ts';
import { readRun } from '../../lib/db/run-store.ts';
import { putSchedule } from '../../lib/db/schedule-store.ts';
import { advanceTarget } from '../../lib/reconcilers/rollout-decisions.ts';
import { type RolloutFleet, startRolloutFleet } from '../builders/rollout-fleet.ts';

let fleet: RolloutFleet;

beforeEach(async () => {
  fleet = await startRolloutFleet();
});
afterEach(() => fleet.close());

const noticesOf = async (practice: string) =>
  (await listNotices(fleet.api.database.db, { practice, limit: 50 })).items.map(({ kind }) => kind).reverse();

test('a rollout goes from wave to wave, each in its windows and after the bake time of the one before', async () => {
  await fleet.practice('canary-one', 'canary');
  await fleet.practice('general-one');
  const id = await fleet.rollout({ releaseId: fleet.releases[1] });
  expect(await fleet.pass()).toEqual([]);
  fleet.at('2026-11-21T02:00:30Z');
  expect(await fleet.pass()).toEqual(['canary-one: start']);
  expect(await fleet.pass()).toEqual([]);
  fleet.at('2026-11-21T02:20:00Z');
  const runId = await fleet.end('canary-one');
  expect(await fleet.pass()).toEqual(['canary-one: bake']);
  fleet.at('2026-11-21T02:29:59Z');
  expect(await fleet.pass()).toEqual([]);
  fleet.at('2026-11-21T02:45:00Z');
  expect(await fleet.pass()).toEqual(['canary-one: succeed']);
  expect(await fleet.pass()).toEqual(['general-one: start']);
  fleet.at('2026-11-21T03:00:00Z');
  await fleet.end('general-one');
  await fleet.pass();
  fleet.at('2026-11-21T03:10:00Z');
  expect(await fleet.pass()).toEqual(['general-one: succeed']);
  expect(await fleet.pass()).toEqual(['all: finish']);
  expect(await fleet.state(id)).toBe('succeeded');
  expect(await fleet.targets(id)).toEqual({ 'canary-one': 'succeeded', 'general-one': 'succeeded' });
  expect(await noticesOf('canary-one')).toEqual(['update_started', 'update_finished']);
  expect((await fleet.audit(id)).slice(0, 3)).toMatchObject([
    { action: 'rollout.practice_started', practiceId: 'canary-one', runId },
    { action: 'rollout.practice_baking', practiceId: 'canary-one' },
    { action: 'rollout.practice_succeeded', because: 'verified; its figures were not read' },
  ]);
});

test('a practice whose update fails goes back by itself, and beyond the budget nobody else is started', async () => {
  await fleet.practice('canary-one', 'canary');
  await fleet.practice('general-one');
  const id = await fleet.rollout({ releaseId: fleet.releases[1] });
  fleet.at('2026-11-21T02:00:00Z');
  await fleet.pass();
  fleet.at('2026-11-21T02:15:00Z');
  const runId = await fleet.end('canary-one', { message: 'The app was not ready.' });
  expect(await fleet.pass()).toEqual(['canary-one: roll_back', 'all: pause']);
  expect(await fleet.state(id)).toMatch(/^paused: 1 of its practices failed, none may\. Retry or skip/);
  fleet.at('2026-11-21T02:30:00Z');
  expect(await fleet.pass()).toEqual([]);
  const back = await fleet.end('canary-one');
  expect(await readRun(fleet.api.database.db, back)).toMatchObject({
    workflow: 'roll-back-practice',
    input: { releaseId: fleet.releases[0] },
  });
  expect(await fleet.pass()).toEqual(['canary-one: rolled_back']);
  expect(await fleet.pass()).toEqual([]);
  expect(await fleet.targets(id)).toEqual({ 'canary-one': 'rolled_back', 'general-one': 'pending' });
  const { items } = await listNotices(fleet.api.database.db, { limit: 50 });
  expect(items.map(({ kind, data }) => ({ kind, ...data })).slice(0, 2)).toMatchObject([
    {
      kind: 'update_failed',
      runId,
      reason: expect.stringContaining('The app was not ready.'),
      rolledBackTo: fleet.releases[0],
    },
    { kind: 'rollout_paused', reason: expect.stringContaining('none may') },
  ]);
});

test('a missed window is recorded, and the next one is planned; after the last the practice counts as missed', async () => {
  await fleet.practice('general-one');
  const id = await fleet.rollout({ releaseId: fleet.releases[1], horizonDays: 2 });
  fleet.at('2026-11-21T05:30:01Z');
  expect(await fleet.pass()).toEqual(['general-one: replan']);
  expect(await fleet.audit(id)).toMatchObject([
    {
      action: 'rollout.practice_replanned',
      because: 'missed its window: nothing started it in time',
      from: '2026-11-21T02:00:00.000Z',
      startsAt: '2026-11-22T02:00:00.000Z',
    },
  ]);
  expect(await noticesOf('general-one')).toEqual(['update_scheduled']);
  fleet.at('2026-11-22T06:00:00Z');
  expect(await fleet.pass()).toEqual(['general-one: miss']);
  expect(await fleet.pass()).toEqual(['all: finish']);
  expect(await fleet.state(id)).toBe('failed');
});

test('what was asked for since the plan was made counts at the start: a pin, another run, a halt, a newer release', async () => {
  const { db } = fleet.api.database;
  for (const id of ['pinned-one', 'busy-one', 'newer-one', 'quiet-one']) await fleet.practice(id);
  const id = await fleet.rollout({ releaseId: fleet.releases[1] });
  fleet.at('2026-11-21T02:00:00Z');
  const until = new Date('2026-11-22T12:00:00Z');
  const pin = { releaseId: fleet.releases[0], until, reason: 'an audit' };
  await db.transaction().execute((trx) => putSchedule(trx, 'pinned-one', { pin }, fleet.api.clock.at));
  await db
    .updateTable('practice')
    .set({ release_id: fleet.releases[2] })
    .where('id', '=', 'newer-one')
    .execute();
  const busy = await db
    .selectFrom('run')
    .select('id')
    .where('practice_id', '=', 'busy-one')
    .executeTakeFirstOrThrow();
  await db.updateTable('run').set({ state: 'running' }).where('id', '=', busy.id).execute();
  expect((await fleet.pass()).sort()).toEqual(['newer-one: skip', 'pinned-one: replan', 'quiet-one: start']);
  const halted = { state: 'halted', halted_reason: 'it leaks', halted_by: 'test', halted_at: until } as const;
  await db.updateTable('release').set(halted).where('id', '=', fleet.releases[1]).execute();
  await db.updateTable('run').set({ state: 'succeeded' }).where('id', '=', busy.id).execute();
  // By a process that had decided on it before the halt.
  const start = advanceTarget(fleet.api.core, id, 'busy-one');
  await expect(start).rejects.toThrow(`Release ${fleet.releases[1]} is halted, by test`);
  expect(await fleet.pass()).toEqual(['all: pause']);
  expect(await fleet.state(id)).toContain('is halted: it leaks');
  expect((await findPractice(db, 'busy-one'))?.latestRunId).toBe(busy.id);
});

test('a wave in which everybody failed has proved nothing, whatever the budget allows', async () => {
  await fleet.practice('canary-one', 'canary');
  await fleet.practice('general-one');
  const policy = { failureBudget: { failures: 5 } };
  const id = await fleet.rollout({ releaseId: fleet.releases[1], policy });
  fleet.at('2026-11-21T02:00:00Z');
  await fleet.pass();
  await fleet.end('canary-one', {});
  expect(await fleet.pass()).toEqual(['canary-one: roll_back']);
  await fleet.end('canary-one');
  expect(await fleet.pass()).toEqual(['canary-one: rolled_back']);
  fleet.at('2026-11-21T03:00:00Z');
  expect(await fleet.pass()).toEqual(['all: pause']);
  expect(await fleet.state(id)).toContain('wave 1 ended without one practice that was updated');
});

test('what fails for one practice in a way that nobody has foreseen is in nobody else’s way', async () => {
  await fleet.practice('broken-one');
  await fleet.practice('quiet-one');
  await fleet.rollout({ releaseId: fleet.releases[1] });
  fleet.at('2026-11-21T02:00:00Z');
  const { queue: good } = fleet.api.core;
  const queue: typeof good = {
    enqueue: (trx, run) =>
      run.practiceId === 'broken-one' ? Promise.reject(new Error('a bug')) : good.enqueue(trx, run),
  };
  await expect(fleet.pass({ queue })).rejects.toThrow(AggregateError);
  expect(fleet.api.enqueued).toHaveLength(1);
  expect(await fleet.pass()).toEqual(['broken-one: start']);
});

test('practices of a cell are started up to its limit, by however many processes', async () => {
  for (const id of ['one-aba', 'two-aba', 'three-aba', 'four-aba']) await fleet.practice(id);
  await fleet.rollout({ releaseId: fleet.releases[1], policy: { concurrencyPerCell: 4 } });
  // Planned at once, and then allowed less.
  fleet.at('2026-11-21T02:00:00Z');
  const started = (await Promise.all([fleet.pass(), fleet.pass(), fleet.pass()])).flat();
  expect(started.sort()).toEqual(['four-aba: start', 'one-aba: start', 'three-aba: start', 'two-aba: start']);
  expect(fleet.api.enqueued).toHaveLength(4);
});

test('a process that dies between any two writes changes nothing of what comes of it', async () => {
  await fleet.practice('canary-one', 'canary');
  await fleet.practice('canary-two', 'canary');
  const id = await fleet.rollout({
    releaseId: fleet.releases[1],
    policy: { failureBudget: { failures: 1 } },
  });
  let writes = 0;
  /** Passes until nothing is left to do, each of which dies after its first write or in the middle of it. */
  const dying = async (): Promise<void> => {
    for (let quiet = false; !quiet; ) {
      writes += 1;
      const inTheMiddle = writes % 2 === 0;
      if (inTheMiddle) fleet.api.queue.fault = new Error('killed');
      const died = new Error('killed');
      const log = {
        info: () => {
          throw died;
        },
        warn: () => undefined,
        error: () => undefined,
      };
      const ended = await fleet.pass({ log }).then(
        (did) => did,
        () => undefined,
      );
      delete fleet.api.queue.fault;
      quiet = ended?.length === 0;
    }
  };
  fleet.at('2026-11-21T02:00:00Z');
  await dying();
  await fleet.end('canary-one');
  await fleet.end('canary-two', { message: 'It broke.' });
  await dying();
  fleet.at('2026-11-21T02:10:00Z');
  await dying();
  await fleet.end('canary-two');
  await dying();
  expect(await fleet.state(id)).toBe('succeeded');
  expect(
    (await fleet.audit(id)).map(({ action, practiceId }) => [action, practiceId].filter(Boolean).join(' ')),
  ).toEqual([
    'rollout.practice_started canary-one',
    'rollout.practice_started canary-two',
    'rollout.practice_baking canary-one',
    'rollout.practice_going_back canary-two',
    'rollout.practice_succeeded canary-one',
    'rollout.practice_rolled_back canary-two',
    'rollout.succeeded',
  ]);
  expect(fleet.api.enqueued).toHaveLength(3);
});
