import fc from 'fast-check';
import { siloShapes } from '../../bin/silo-shapes.ts';
import { releaseCapacity, usedByCell } from '../../lib/db/capacity-store.ts';
import { changeCell, insertCell, listCells, lockCell } from '../../lib/db/cell-store.ts';
import type { Database } from '../../lib/db/database.ts';
import type { Actor } from '../../lib/domain/access.ts';
import { noAmounts, quotas } from '../../lib/domain/capacity.ts';
import { type Cell, configuredCellId } from '../../lib/domain/cell.ts';
import { cancelRun } from '../../lib/use-cases/cancel-run.ts';
import type { Core } from '../../lib/use-cases/core.ts';
import { workflowSteps } from '../../lib/workflows/all-workflows.ts';
import { placeWaiting } from '../../lib/workflows/place-waiting.ts';
import { openAccess, recordTestCell } from '../builders/cells.ts';
import { openTestDatabase, publishTestRelease } from '../builders/database.ts';
import { approved, submitted } from '../builders/placement.ts';
import { testTermsSigner } from '../builders/terms-signer.ts';

const actor: Actor = { id: 'token:test', name: 'test', roles: ['operator'], requestId: 'test-request' };
/** Each moment is another one, so that who came first is never in doubt. */
const clock = (() => {
  let at = Date.parse('2026-11-20T12:00:00Z');
  return { now: () => new Date((at += 1_000)) };
})();

let database: Database;
let core: Core;
beforeAll(async () => {
  database = await openTestDatabase();
  core = {
    db: database.db,
    clock,
    queue: { enqueue: async () => undefined },
    cellAccess: openAccess,
    secondApprovalCents: 50_000,
    termsSigner: testTermsSigner,
    steps: workflowSteps,
    shapes: siloShapes,
  };
  await recordTestCell(core);
  const templates = {
    foundation: JSON.stringify({ Resources: { Vpc: { Type: 'AWS::EC2::VPC' } } }),
    data: JSON.stringify({ Resources: { Database: { Type: 'AWS::RDS::DBInstance' } } }),
    service: JSON.stringify({
      Resources: { One: { Type: 'AWS::IAM::Role' }, Two: { Type: 'AWS::IAM::Role' } },
    }),
  };
  await publishTestRelease(database, 'd', clock.now(), templates);
});
afterAll(() => database.close());

async function waitingIds(): Promise<string[]> {
  const rows = await database.db
    .selectFrom('practice')
    .select('id')
    .where('state', '=', 'waiting')
    .orderBy('created_at')
    .execute();
  return rows.map(({ id }) => id);
}

describe('whatever happens in whatever order', () => {
  const secondCell = async () => {
    const [main] = await listCells(database.db);
    if (main === undefined) throw new Error('no cell');
    const place = { accountId: '222222222222', domain: 'second.practices.test' };
    await database.db
      .transaction()
      .execute((trx) => insertCell(trx, { ...main, ...place, id: 'second', state: 'draining' }));
  };

  /** What a run of the sequence does, each as its use-case or workflow would. */
  const steps = {
    approve: async () => void (await approved(core, await submitted(core))),
    callOff: async (which: number) => {
      const ids = await waitingIds();
      const id = ids[which % Math.max(1, ids.length)];
      if (id === undefined) return;
      const run = await database.db
        .selectFrom('run')
        .select('id')
        .where('practice_id', '=', id)
        .executeTakeFirstOrThrow();
      await cancelRun(core, { runId: run.id, reason: 'withdrawn' }, actor);
    },
    giveBack: async (which: number) => {
      const rows = await database.db
        .selectFrom('practice')
        .select('id')
        .where('state', '=', 'provisioning')
        .orderBy('id')
        .execute();
      const id = rows[which % Math.max(1, rows.length)]?.id;
      if (id === undefined) return;
      await database.db.transaction().execute(async (trx) => {
        await releaseCapacity(trx, id, 'deprovisioned', { runId: null, now: clock.now() });
        await trx.updateTable('practice').set({ state: 'deprovisioned' }).where('id', '=', id).execute();
      });
    },
    limit: async (which: number) => {
      const id = which % 2 === 0 ? configuredCellId : 'second';
      await database.db.transaction().execute(async (trx) => {
        const cell = await lockCell(trx, id);
        if (cell === undefined) return;
        const limits = {
          ...cell.limits,
          vpcs: which % 7,
          roles: (which * 3) % 20,
          stacks: 100,
          databases: 100,
        };
        await changeCell(trx, id, { limits }, clock.now());
      });
    },
    openOrClose: async (which: number) => {
      const state = which % 3 === 0 ? 'draining' : 'active';
      await database.db.transaction().execute((trx) => changeCell(trx, 'second', { state }, clock.now()));
    },
    place: async () => void (await placeWaiting(core)),
  } as const satisfies Record<string, (which: number) => Promise<void>>;

  const used = () => usedByCell(database.db);
  const anyStep = fc.tuple(
    fc.constantFrom(...(Object.keys(steps) as (keyof typeof steps)[])),
    fc.nat({ max: 1_000 }),
  );

  test('no sum grows beyond its limit, and nobody waits while there is room', async () => {
    await secondCell();
    await fc.assert(
      fc.asyncProperty(fc.array(anyStep, { minLength: 5, maxLength: 25 }), async (sequence) => {
        for (const [name, which] of sequence) {
          const before = await used();
          await steps[name](which);
          const after = await used();
          for (const cell of await listCells(database.db)) expectWithin(cell, before, after);
        }
        await placeWaiting(core);
        const open = (await listCells(database.db)).filter(({ state }) => state === 'active');
        const now = await used();
        const room = open.some(({ id, limits }) => {
          const taken = now.get(id) ?? noAmounts;
          return limits.vpcs > taken.vpcs && limits.roles >= taken.roles + 2;
        });
        if (room) expect(await waitingIds()).toEqual([]);
        await expectOneReservationEach();
      }),
      { numRuns: 8 },
    );
  });

  function expectWithin(
    { id, limits }: Cell,
    before: Awaited<ReturnType<typeof used>>,
    after: Awaited<ReturnType<typeof used>>,
  ): void {
    for (const quota of quotas) {
      const [was, is] = [before.get(id)?.[quota] ?? 0, after.get(id)?.[quota] ?? 0];
      // A limit may be set below what is there; then nothing is added to it.
      if (is > was) expect(is).toBeLessThanOrEqual(limits[quota]);
      expect(is).toBeGreaterThanOrEqual(0);
    }
  }

  /** What the ledger says of each practice is what its state says: a silo's worth, or nothing. */
  async function expectOneReservationEach(): Promise<void> {
    const rows = await database.db
      .selectFrom('practice')
      .leftJoin('capacity_ledger', (join) =>
        join.onRef('capacity_ledger.practice_id', '=', 'practice.id').on('quota', '=', 'vpcs'),
      )
      .select((eb) => ['practice.id', 'practice.state', eb.fn.sum<number>('amount').as('vpcs')])
      .groupBy(['practice.id', 'practice.state'])
      .execute();
    expect(rows.filter(({ state, vpcs }) => (vpcs ?? 0) !== (state === 'provisioning' ? 1 : 0))).toEqual([]);
  }
});
