import { readCallFigures } from '../../lib/db/call-budget-store.ts';
import { type Database, openServer } from '../../lib/db/database.ts';
import { sharedCallBudget } from '../../lib/db/shared-call-budget.ts';
import { callLimits } from '../../lib/domain/call-budget.ts';
import { type CreatedDatabase, createTestDatabase } from '../builders/database.ts';

describe('one budget of calls for all who share a PostgreSQL', () => {
  let created: CreatedDatabase;
  let replicas: Database[] = [];
  beforeAll(async () => {
    created = await createTestDatabase();
    replicas = [0, 1, 2].map(() => openServer(created.url));
  });
  const figuresOf = async (cell: string) => {
    const [replica] = replicas;
    return replica && (await readCallFigures(replica.db)).filter(({ cellId }) => cellId === cell);
  };
  afterAll(async () => {
    await Promise.all(replicas.map((replica) => replica.close()));
    await created.drop();
  });

  test('three replicas that ask as fast as they can get what one would, each a share of it', async () => {
    const rate = 40;
    const limits = callLimits({ 'describe-stacks': rate, read: rate, write: rate, events: rate });
    const spanMs = 1_500;
    const begun = performance.now();
    const left = await Promise.all(
      replicas.map(async ({ db }) => {
        const budget = sharedCallBudget(db, limits);
        let calls = 0;
        const asking = AbortSignal.timeout(spanMs);
        const ask = async (): Promise<void> => {
          while (!asking.aborted) {
            await budget.take('west', 'read', asking);
            calls += 1;
          }
        };
        // Ten at once, as the runs of one process are.
        await Promise.allSettled(Array.from({ length: 10 }, ask));
        return calls;
      }),
    );
    const seconds = (performance.now() - begun) / 1_000;
    const all = left.reduce((sum, calls) => sum + calls, 0);
    // What a quiet bucket had gathered, and what came in since.
    expect(all).toBeLessThanOrEqual(rate + rate * seconds);
    expect(Math.min(...left)).toBeGreaterThan(0);
    expect(await figuresOf('west')).toMatchObject([{ kind: 'read', rate, throttles: 0 }]);
  });

  test('the first calls of all to a new cell make one bucket', async () => {
    const limits = callLimits({ 'describe-stacks': 10, read: 10, write: 10, events: 10 });
    await Promise.all(replicas.map(({ db }) => sharedCallBudget(db, limits).take('new', 'write')));
    expect(await figuresOf('new')).toMatchObject([{ kind: 'write', calls: 3 }]);
  });
});
