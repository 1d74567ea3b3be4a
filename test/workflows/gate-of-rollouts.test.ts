import { DomainError } from '../../lib/domain/errors.ts';
import type { SiloFigures } from '../../lib/ports/silo-metrics.ts';
import { type RolloutFleet, startRolloutFleet } from '../builders/rollout-fleet.ts';

let fleet: RolloutFleet;

beforeEach(async () => {
  fleet = await startRolloutFleet();
});
afterEach(() => fleet.close());

const figures = (requests: number, errors: number, latencyMs: number): SiloFigures => ({
  requests,
  errors,
  latencyMs,
});
const calm = figures(1000, 10, 300);

/** Apps that were calm before their update; what was asked of them. */
function measured(after: SiloFigures, alarms: readonly string[] = []) {
  const asked: { readonly from: Date; readonly until: Date }[] = [];
  const metricsOf = async () => ({
    figures: async (_id: string, span: { readonly from: Date; readonly until: Date }) => {
      asked.push(span);
      return span.from < new Date('2026-11-21T02:00:00Z') ? calm : after;
    },
    alarms: async () => [...alarms],
  });
  return { asked, metricsOf };
}

/** A rollout that has just updated these practices, half past a minute. */
async function updated(...practices: readonly [string, ...string[]]) {
  for (const each of practices) await fleet.practice(each, 'canary');
  const policy = { concurrencyPerCell: practices.length, failureBudget: { failures: 9 } };
  const id = await fleet.rollout({ releaseId: fleet.releases[1], policy });
  fleet.at('2026-11-21T02:00:30Z');
  await fleet.pass();
  for (const each of practices) await fleet.end(each);
  fleet.at('2026-11-21T02:00:30Z');
  expect(await fleet.pass()).toEqual(practices.map((each) => `${each}: bake`));
  return id;
}

const rowOf = (practiceId: string) =>
  fleet.api.database.db
    .selectFrom('rollout_target')
    .selectAll()
    .where('practice_id', '=', practiceId)
    .where('held', '=', true)
    .executeTakeFirstOrThrow();

test.each([
  ['more errors', figures(1000, 40, 100), [], /4\.0 % of 1000 requests failed, 1\.0 % before/],
  ['longer answers', figures(1000, 10, 900), [], /up to 900 ms, 300 ms before; 450 ms are allowed/],
  ['an alarm', calm, ['app-errors'], /in alarm: app-errors/],
])('a practice with %s after its update goes back', async (_what, after, alarms, words) => {
  const id = await updated('canary-one');
  const { asked, metricsOf } = measured(after, alarms);
  fleet.at('2026-11-21T02:16:00Z');
  expect(await fleet.pass({ metricsOf })).toEqual(['canary-one: roll_back']);
  const times = (from: string, until: string) => ({ from: new Date(from), until: new Date(until) });
  expect(asked).toEqual([
    times('2026-11-21T01:50:00Z', '2026-11-21T02:00:00Z'),
    times('2026-11-21T02:01:00Z', '2026-11-21T02:11:00Z'),
  ]);
  expect(await fleet.audit(id)).toContainEqual(
    expect.objectContaining({ action: 'rollout.practice_going_back', because: expect.stringMatching(words) }),
  );
});

test('a practice is looked at while it bakes, and judged when the figures of the whole bake time are there', async () => {
  await updated('canary-one');
  const good = measured(calm);
  fleet.at('2026-11-21T02:05:30Z');
  expect(await fleet.pass(good)).toEqual(['canary-one: wait']);
  expect(await fleet.pass(good)).toEqual([]);
  fleet.at('2026-11-21T02:10:30Z');
  expect(await fleet.pass(good)).toEqual(['canary-one: wait']);
  expect((await rowOf('canary-one')).note).toBe('so far no alarm; 10 of 1000 requests failed');
  fleet.at('2026-11-21T02:15:00Z');
  expect(await fleet.pass(good)).toEqual([]);
  fleet.at('2026-11-21T02:16:00Z');
  expect(await fleet.pass(good)).toEqual(['canary-one: succeed']);
});

test.each([
  ['an alarm rings', calm, ['app-errors']],
  ['clearly more requests fail', figures(100, 20, 100), []],
])('when %s the bake time is cut short', async (_what, after, alarms) => {
  await updated('canary-one');
  fleet.at('2026-11-21T02:08:30Z');
  expect(await fleet.pass(measured(after, alarms))).toEqual(['canary-one: roll_back']);
});

test('a practice whose figures cannot be read goes on baking and says why, until they can', async () => {
  await updated('canary-one');
  const metricsOf = () => Promise.reject(new DomainError('cloud_failure', 'CloudWatch does not answer.'));
  fleet.at('2026-11-21T02:16:00Z');
  expect(await fleet.pass({ metricsOf })).toEqual(['canary-one: wait']);
  expect(await rowOf('canary-one')).toMatchObject({
    state: 'baking',
    note: expect.stringContaining('its figures could not be read: CloudWatch does not answer.'),
  });
  expect(await fleet.pass(measured(calm))).toEqual([]);
  fleet.at('2026-11-21T02:21:00Z');
  expect(await fleet.pass(measured(calm))).toEqual(['canary-one: succeed']);
});

test('roll-backs are held to what their cell may do at a time; who waits counts as failed already', async () => {
  const id = await updated('canary-one', 'canary-two');
  await fleet.practice('busy-one');
  const { db } = fleet.api.database;
  const other = await fleet.rollout({ releaseId: fleet.releases[2], start: false });
  // Updated by another rollout, which leaves room for one.
  const busy = { state: 'updating', held: true } as const;
  await db
    .updateTable('rollout_target')
    .set(busy)
    .where('rollout_id', '=', other)
    .where('practice_id', '=', 'busy-one')
    .execute();
  fleet.at('2026-11-21T02:08:30Z');
  const loud = measured(calm, ['app-errors']);
  // Both are measured at once, and whoever is done first goes first.
  const did = await fleet.pass(loud);
  const [first, second] = did.includes('canary-one: roll_back')
    ? ['canary-one', 'canary-two']
    : ['canary-two', 'canary-one'];
  expect(new Set(did)).toEqual(new Set([`${first}: roll_back`, `${second}: must_go_back`]));
  expect(await fleet.pass(loud)).toEqual([]);
  expect(await rowOf(second)).toMatchObject({
    state: 'baking',
    note: 'in alarm: app-errors. It goes back when its cell has room: 2 practices of it are being updated.',
  });
  await fleet.end(first);
  expect(await fleet.pass(loud)).toEqual([`${first}: rolled_back`]);
  expect(await fleet.pass(loud)).toEqual([`${second}: roll_back`]);
  await fleet.end(second);
  expect(await fleet.pass(loud)).toEqual([`${second}: rolled_back`]);
  expect((await fleet.audit(id)).filter(({ practiceId }) => practiceId === second)).toMatchObject([
    { action: 'rollout.practice_started' },
    { action: 'rollout.practice_baking' },
    { action: 'rollout.practice_must_go_back', because: 'in alarm: app-errors' },
    { action: 'rollout.practice_going_back', because: 'in alarm: app-errors' },
    { action: 'rollout.practice_rolled_back', because: 'in alarm: app-errors' },
  ]);
});

test('a practice that is offboarded while it bakes is left out: nobody can measure it any more', async () => {
  const id = await updated('canary-one');
  const { db } = fleet.api.database;
  await db.updateTable('practice').set({ state: 'offboarding' }).where('id', '=', 'canary-one').execute();
  expect(await fleet.pass(measured(calm))).toEqual(['canary-one: skip']);
  expect(await fleet.targets(id)).toEqual({ 'canary-one': 'skipped' });
});
