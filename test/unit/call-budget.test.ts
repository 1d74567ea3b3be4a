import fc from 'fast-check';
import { sql } from 'kysely';
import { readCallFigures, slowDown, takeTokens } from '../../lib/db/call-budget-store.ts';
import { type Database, openServer } from '../../lib/db/database.ts';
import { sharedCallBudget } from '../../lib/db/shared-call-budget.ts';
import { type BucketLimits, callLimits, waitsOf } from '../../lib/domain/call-budget.ts';
import { openTestDatabase } from '../builders/database.ts';
import { eventually } from '../builders/runs.ts';

const limits: BucketLimits = { most: 4, least: 0.5, burst: 2, recovery: 0.1 };
const begin = Date.parse('2026-11-22T08:00:00Z');
const at = (ms: number) => sql<Date>`${new Date(begin + ms)}::timestamptz`;

let database: Database;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());

describe('a bucket of the call budget', () => {
  let made = 0;
  const newBucket = () => ({ cellId: `cell-${(made += 1)}`, kind: 'read' as const });
  const owed = (count: number) => ({ count, owing: true });
  const spare = (count: number) => ({ count, owing: false });

  test('lets through what it has gathered, then as fast as its rate, in order', async () => {
    const bucket = newBucket();
    const { tokens, rate, granted } = await takeTokens(database.db, bucket, limits, owed(5), at(0));
    expect(granted).toBe(5);
    // Two were there; each of the others comes in after another quarter of a second.
    expect(waitsOf(tokens, rate, granted)).toEqual([0, 0, 250, 500, 750]);
    const later = await takeTokens(database.db, bucket, limits, owed(1), at(500));
    expect(waitsOf(later.tokens, later.rate, 1)).toEqual([500]);
  });

  test('gives nothing to spare that others wait for', async () => {
    const bucket = newBucket();
    expect((await takeTokens(database.db, bucket, limits, spare(5), at(0))).granted).toBe(2);
    expect((await takeTokens(database.db, bucket, limits, spare(5), at(0))).granted).toBe(0);
    await takeTokens(database.db, bucket, limits, owed(2), at(0));
    expect((await takeTokens(database.db, bucket, limits, spare(5), at(500))).granted).toBe(0);
    expect((await takeTokens(database.db, bucket, limits, spare(5), at(1_000))).granted).toBe(2);
  });

  test('halves its rate when AWS throttles, once a second at most and never below the least, and recovers slowly', async () => {
    const bucket = newBucket();
    const rateAt = async (ms: number) =>
      (await takeTokens(database.db, bucket, limits, spare(0), at(ms))).rate;
    expect(await rateAt(0)).toBe(4);
    // Many calls in flight are throttled together: that is one lesson, not many.
    for (const ms of [0, 10, 900]) await slowDown(database.db, bucket, limits, at(ms));
    expect(await rateAt(900)).toBeCloseTo(2.09);
    for (const ms of [1_000, 2_000, 3_000, 4_000]) await slowDown(database.db, bucket, limits, at(ms));
    expect(await rateAt(4_000)).toBe(0.5);
    expect(await rateAt(14_000)).toBeCloseTo(1.5);
    expect(await rateAt(600_000)).toBe(4);
    expect((await readCallFigures(database.db)).find(({ cellId }) => cellId === bucket.cellId)).toMatchObject(
      {
        throttles: 7,
        calls: 0,
      },
    );
  });

  test('goes on by a clock that was set back', async () => {
    const bucket = newBucket();
    const hour = 3_600_000;
    const rateAt = async (ms: number) =>
      (await takeTokens(database.db, bucket, limits, spare(0), at(ms))).rate;
    await takeTokens(database.db, bucket, limits, owed(2), at(hour));
    await slowDown(database.db, bucket, limits, at(hour));
    expect((await takeTokens(database.db, bucket, limits, spare(2), at(0))).granted).toBe(0);
    expect((await takeTokens(database.db, bucket, limits, spare(2), at(2_000))).granted).toBe(2);
    const rate = await rateAt(2_000);
    await slowDown(database.db, bucket, limits, at(2_000));
    expect(await rateAt(2_000)).toBeCloseTo(rate / 2);
  });

  test('whatever is asked whenever, no more leaves in any span of time than was gathered and came in', async () => {
    const step = fc.record({
      after: fc.integer({ min: 0, max: 2_000 }),
      ask: fc.constantFrom('take', 'spare', 'throttled'),
      count: fc.integer({ min: 1, max: 6 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
        const bucket = newBucket();
        const leaves: number[] = [];
        let now = 0;
        for (const { after, ask, count } of steps) {
          now += after;
          if (ask === 'throttled') {
            await slowDown(database.db, bucket, limits, at(now));
            continue;
          }
          const grant = await takeTokens(
            database.db,
            bucket,
            limits,
            { count, owing: ask === 'take' },
            at(now),
          );
          expect(grant.rate).toBeGreaterThanOrEqual(limits.least);
          expect(grant.rate).toBeLessThanOrEqual(limits.most);
          if (ask === 'spare') expect(grant.granted).toBeLessThanOrEqual(Math.max(0, count));
          else expect(grant.granted).toBe(count);
          leaves.push(...waitsOf(grant.tokens, grant.rate, grant.granted).map((wait) => now + wait));
        }
        leaves.sort((a, b) => a - b);
        for (const [index, from] of leaves.entries()) {
          for (const [more, until] of leaves.slice(index).entries()) {
            const most = limits.burst + (limits.most * (until - from)) / 1_000;
            expect(more + 1).toBeLessThanOrEqual(most + 1e-6);
          }
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('the budget of a process', () => {
  const rates = { 'describe-stacks': 20, read: 20, write: 20, events: 20 };

  test('lets those who wait go in order, and nothing is taken for one who has left', async () => {
    const budget = sharedCallBudget(database.db, callLimits({ ...rates, write: 25 }));
    const gone: number[] = [];
    const leaving = new AbortController();
    const waits = Array.from({ length: 50 }, (_, index) =>
      budget.take('order', 'write', index === 45 ? leaving.signal : undefined).then(() => gone.push(index)),
    );
    const left = expect(waits[45]).rejects.toThrow('left');
    await waits[10];
    leaving.abort(new Error('left'));
    await left;
    await Promise.all(waits.toSpliced(45, 1));
    expect(gone).toEqual([...gone].sort((a, b) => a - b));
    // The record of a wait is told with the next question.
    await budget.take('order', 'write');
    const figures = (await readCallFigures(database.db)).find(({ cellId }) => cellId === 'order');
    expect(figures?.calls).toBeLessThanOrEqual(55);
    expect(figures?.waitedMs).toBeGreaterThan(1_000);
  });

  test('one cell never waits for another, nor one kind of call for another', async () => {
    const budget = sharedCallBudget(database.db, callLimits({ ...rates, read: 0.1 }));
    await budget.take('slow', 'read');
    const waiting = new AbortController();
    const blocked = budget.take('slow', 'read', waiting.signal);
    await budget.take('other', 'read');
    await budget.take('slow', 'write');
    waiting.abort(new Error('enough'));
    await expect(blocked).rejects.toThrow('enough');
  });

  test('without the database no call leaves: the error says so and may pass', async () => {
    const closed = openServer('postgres://nobody@127.0.0.1:1/none');
    const budget = sharedCallBudget(closed.db, callLimits(rates));
    const refusal = { code: 'unavailable', retryable: true };
    await expect(budget.take('main', 'read')).rejects.toMatchObject(refusal);
    await expect(budget.takeSpare('main', 'events', 1)).rejects.toMatchObject(refusal);
    await expect(budget.throttled('main', 'read')).rejects.toMatchObject(refusal);
    await closed.close();
  });

  test('a throttled call slows down everybody who shares the database', async () => {
    const [one, other] = [0, 1].map(() => sharedCallBudget(database.db, callLimits(rates)));
    await one?.take('shared', 'read');
    await other?.throttled('shared', 'read');
    const rate = await eventually('the rate to be told', async () =>
      (await readCallFigures(database.db)).find(({ cellId }) => cellId === 'shared'),
    );
    expect(rate).toMatchObject({ rate: 10, throttles: 1 });
  });
});
