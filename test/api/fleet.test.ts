import { randomUUID } from 'node:crypto';
import { fleetVersionsSchema, patchLatencySchema } from '../../control-api/contracts/fleet.ts';
import { publishRelease, setHalted } from '../../lib/db/release-store.ts';
import { insertRun } from '../../lib/db/run-store.ts';
import { ownPublication, type Publication } from '../../lib/domain/release-publication.ts';
import { startTestApi, type TestApi } from '../builders/api.ts';
import { insertPracticeRun } from '../builders/runs.ts';
import { smallRelease } from '../builders/small-silo.ts';

const day = (number: number) => new Date(Date.UTC(2026, 10, number, 8));
const security: Publication = {
  ...ownPublication,
  kind: 'security',
  severity: 'high',
  deadline: day(14),
  notes: 'Closes a session that was left open.',
};

let api: TestApi;
beforeEach(async () => {
  api = await startTestApi();
  api.clock.at = day(21);
});
afterEach(() => api.close());

/** Publishes a release on a day of November. */
async function release(number: number, publication: Publication = ownPublication): Promise<string> {
  const made = smallRelease({ retentionDays: number });
  await publishRelease(api.database.db, made, { publishedBy: 'test', now: day(number), publication });
  return made.manifest.id;
}

/** A practice that came to these releases, one after the other, on these days. */
async function practice(id: string, ...updates: (readonly [releaseId: string, at: Date])[]): Promise<void> {
  const { db } = api.database;
  let runId = await insertPracticeRun(db, { practiceId: id, steps: ['finish'] }, async () => undefined);
  for (const [releaseId, at] of updates) {
    await db
      .updateTable('run')
      .set({ state: 'succeeded', finished_at: at })
      .where('id', '=', runId)
      .execute();
    const deployment = { id: randomUUID(), practice_id: id, release_id: releaseId, run_id: runId };
    await db
      .insertInto('deployment')
      .values({ ...deployment, state: 'succeeded', started_at: at, finished_at: at })
      .execute();
    await db
      .updateTable('practice')
      .set({ release_id: releaseId, state: 'active', activated_at: at })
      .where('id', '=', id)
      .execute();
    runId = randomUUID();
    const run = { workflow: 'update-practice', practiceId: id, input: {}, steps: ['finish'] } as const;
    await insertRun(db, { ...run, id: runId, requestedBy: 'token:test', now: at });
  }
}

const versions = async () =>
  fleetVersionsSchema.parse((await api.call({ url: '/v1/fleet/versions' })).json());
const latency = async (query = '') =>
  patchLatencySchema.parse((await api.call({ url: `/v1/fleet/patch-latency${query}` })).json());
const halt = (id: string) =>
  api.database.db
    .transaction()
    .execute((trx) => setHalted(trx, id, { by: 'token:test', at: day(20), reason: 'harmful' }));

test('counts practices by the release that they run, and how far behind they are', async () => {
  const none = { practices: 0, newestReleaseId: null, behind: 0, oldest: null, releases: [] };
  expect(await versions()).toMatchObject(none);
  const [first, second] = [await release(1), await release(4)];
  await practice('aspen', [first, day(2)]);
  await practice('birch', [first, day(3)]);
  await practice('cedar', [first, day(2)], [second, day(8)]);
  await practice('dogwood', [second, day(6)]);
  await practice('elm');
  await practice('fir', [first, day(2)]);
  await api.database.db
    .updateTable('practice')
    .set({ state: 'deprovisioned' })
    .where('id', '=', 'fir')
    .execute();
  expect(await versions()).toMatchObject({
    asOf: day(21).toISOString(),
    practices: 4,
    newestReleaseId: second,
    behind: 2,
    oldest: { releaseId: first, publishedAt: day(1).toISOString(), ageDays: 20 },
    releases: [
      {
        releaseId: second,
        practices: 2,
        share: 0.5,
        halted: false,
        firstUpdateAt: day(6).toISOString(),
        newestUpdateAt: day(8).toISOString(),
      },
      { releaseId: first, practices: 2, firstUpdateAt: day(2).toISOString() },
    ],
  });
  // Nobody is to get what is halted, so nobody is behind it.
  await halt(second);
  expect(await versions()).toMatchObject({
    newestReleaseId: first,
    behind: 0,
    releases: [{ halted: true }, {}],
  });
});

test('tells how long a security release takes to each practice that ran an older one', async () => {
  const [old, fix] = [await release(1), await release(4, security)];
  const newer = await release(9);
  await practice('aspen', [old, day(2)], [fix, day(5)]);
  await practice('birch', [old, day(2)], [newer, day(16)]);
  await practice('cedar', [old, day(2)]);
  await practice('dogwood', [fix, day(6)]);
  await practice('elm', [old, day(2)], [fix, day(6)], [old, day(7)], [newer, day(10)]);
  await practice('fir', [old, day(2)], [newer, day(10)], [old, day(11)]);
  const report = await latency();
  expect(report).toMatchObject({
    releaseId: fix,
    kind: 'security',
    severity: 'high',
    deadline: day(14).toISOString(),
    practices: 5,
    patched: 3,
    open: 2,
    late: 3,
    medianDays: 6,
    p95Days: 12,
    nextCursor: null,
  });
  const open = { patchedAt: null, days: 17, late: true };
  const expected = [
    { practiceId: 'fir', ...open },
    { practiceId: 'cedar', ...open },
    { practiceId: 'birch', patchedAt: day(16).toISOString(), days: 12, late: true },
    { practiceId: 'elm', patchedAt: day(10).toISOString(), days: 6, late: false },
    { practiceId: 'aspen', patchedAt: day(5).toISOString(), days: 1, late: false },
  ];
  expect(report.items).toEqual(expected);

  const first = await latency(`?release=${fix}&limit=2`);
  const second = await latency(`?release=${fix}&limit=2&cursor=${first.nextCursor}`);
  const third = await latency(`?release=${fix}&limit=2&cursor=${second.nextCursor}`);
  expect([...first.items, ...second.items, ...third.items]).toEqual(expected);
  expect(third).toMatchObject({ nextCursor: null, practices: 5 });

  expect(await latency(`?release=${newer}`)).toMatchObject({ kind: 'feature', late: 0, deadline: null });
});

test('before its deadline nobody is late, and without practices there is nothing to tell', async () => {
  const [old, fix] = [await release(1), await release(4, security)];
  const nothing = { practices: 0, patched: 0, open: 0, late: 0, medianDays: null, p95Days: null, items: [] };
  expect(await latency(`?release=${fix}`)).toMatchObject(nothing);
  await practice('aspen', [old, day(2)]);
  api.clock.at = day(13);
  expect(await latency()).toMatchObject({ open: 1, late: 0, items: [{ days: 9, late: false }] });
});

test('what is not there is refused', async () => {
  const status = async (query: string) =>
    (await api.call({ url: `/v1/fleet/patch-latency${query}` })).statusCode;
  expect(await status('')).toBe(404);
  const fix = await release(4, security);
  await halt(fix);
  expect(await status('')).toBe(404);
  expect(await status(`?release=${fix}`)).toBe(200);
  expect(await status('?release=r-000000000000')).toBe(404);
  expect(await status('?release=newest')).toBe(400);
  expect(await status(`?release=${fix}&cursor=bm90IG91cnM`)).toBe(400);
});

test('metrics tell what runs, the skew and the latency', async () => {
  const [old, fix] = [await release(1), await release(4, security)];
  await practice('aspen', [old, day(2)], [fix, day(6)]);
  await practice('birch', [old, day(2)]);
  const text = (await api.call({ url: '/metrics' })).body;
  for (const line of [
    `lumenality_practices_on_release{release="${old}"} 1`,
    `lumenality_practices_on_release{release="${fix}"} 1`,
    'lumenality_release_skew 1',
    `lumenality_security_patch_open{release="${fix}"} 1`,
    `lumenality_security_patch_latency_days{release="${fix}",quantile="0.95"} 2`,
  ])
    expect(text).toContain(line);
});
