import { randomUUID } from 'node:crypto';
import { type Database, openServer } from '../../lib/db/database.ts';
import { addNotice } from '../../lib/db/notice-store.ts';
import { insertToken } from '../../lib/db/token-store.ts';
import type { Role } from '../../lib/domain/access.ts';
import { forgetOldRecords } from '../../lib/reconcilers/forget-old-records.ts';
import { createTestDatabase } from '../builders/database.ts';
import { insertPracticeRun, silent } from '../builders/runs.ts';

const now = new Date('2027-12-31T12:00:00Z');
const daysAgo = (days: number) => new Date(now.getTime() - days * 86_400_000);

let database: Database;
let drop: () => Promise<void>;
beforeEach(async () => {
  const created = await createTestDatabase();
  drop = created.drop;
  database = openServer(created.url);
});
afterEach(async () => {
  await database.close();
  await drop();
});

/** One pass, seen to its end by the last thing that it says. */
async function pass(): Promise<string[]> {
  const said: string[] = [];
  const log = {
    ...silent,
    info: (fields: object, words: string) => void said.push(JSON.stringify({ ...fields, words })),
  };
  const reconciler = forgetOldRecords({ db: database.db, clock: { now: () => now }, log });
  await reconciler.stop();
  return said;
}

test('notices go after 400 days with their deliveries, but none that is still to be sent', async () => {
  const practiceId = 'alder-aba';
  await insertPracticeRun(database.db, { practiceId, steps: ['prepare'] }, async () => undefined);
  const tell = async (written: Date, state: 'delivered' | 'failed' | 'pending') => {
    const id = await database.db.transaction().execute((trx) =>
      addNotice(
        trx,
        {
          kind: 'update_finished',
          practiceId,
          subject: { type: 'rollout', id: 'rollout-1' },
          data: { rolloutId: 'rollout-1', releaseId: 'r-0123456789ab', runId: 'run-1' },
        },
        written,
      ),
    );
    await database.db
      .updateTable('notice_delivery')
      .set({ state, finished_at: state === 'pending' ? null : written })
      .where('notice_id', '=', id)
      .execute();
    return id;
  };
  const old = [await tell(daysAgo(401), 'delivered'), await tell(daysAgo(500), 'failed')];
  const kept = [await tell(daysAgo(399), 'delivered'), await tell(daysAgo(401), 'pending')];
  const said = await pass();
  expect(said).toEqual([expect.stringContaining(`"forgotten":${old.length}`)]);
  const left = await database.db.selectFrom('notice').select('id').orderBy('seq').execute();
  expect(left.map(({ id }) => id)).toEqual(kept);
  const deliveries = await database.db.selectFrom('notice_delivery').select('notice_id').execute();
  expect(deliveries.map(({ notice_id: id }) => id).sort()).toEqual([...kept].sort());
});

test("pipelines' tokens go 30 days after their end; those of people and those that an ID token can renew stay", async () => {
  const token = async (id: string, roles: readonly Role[], expired: Date) => {
    await database.db.transaction().execute((trx) =>
      insertToken(trx, {
        id,
        name: id,
        secret_hash: randomUUID(),
        roles,
        created_by: 'test',
        created_at: daysAgo(90),
        expires_at: expired,
      }),
    );
  };
  await token('old', ['ci'], daysAgo(31));
  await token('young', ['ci'], daysAgo(29));
  await token('renewable', ['ci'], daysAgo(31));
  await token('person', ['ci', 'operator'], daysAgo(31));
  await database.db
    .insertInto('ci_exchange')
    .values({ fingerprint: 'f', token_id: 'renewable', exchanged_at: daysAgo(31), expires_at: now })
    .execute();
  await pass();
  const left = await database.db.selectFrom('api_token').select('id').orderBy('id').execute();
  expect(left.map(({ id }) => id)).toEqual(['person', 'renewable', 'young']);
});
