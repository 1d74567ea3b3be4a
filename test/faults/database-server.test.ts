import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'kysely';
import { z } from 'zod';
import { appendAudit } from '../../lib/db/audit-store.ts';
import { assertAnswers, bringUpToDate, type Database, migrate, openServer } from '../../lib/db/database.ts';
import { systemActor } from '../../lib/domain/access.ts';
import { createRunEngine } from '../../lib/runs/engine.ts';
import type { WorkflowDefinition } from '../../lib/runs/workflow.ts';
import { freshKey, startTestApi, type TestApi } from '../builders/api.ts';
import { type PostgresServer, startPostgres } from '../builders/postgres.ts';
import { eventually, insertPracticeRun, runIn, silent } from '../builders/runs.ts';
import { signUpRequest } from '../builders/sign-up.ts';

const clock = { now: () => new Date() };
const steps = ['one', 'two', 'three'];

/** Steps that write a little all the time, and of which each leaves one audit row in the transaction that records its success. */
function writing(begun: string[]): WorkflowDefinition {
  return {
    name: 'provision-practice',
    steps: steps.map((name) => ({
      name,
      output: z.object({}),
      run: async ({ run, checkpoint, write }) => {
        begun.push(`${run.practiceId} ${name}`);
        for (let round = 0; round < 20; round += 1) {
          await checkpoint();
          await write((trx) => sql`select pg_sleep(0.02)`.execute(trx));
        }
        return {};
      },
      commit: (trx, _output, { run, now }) =>
        appendAudit(trx, {
          at: now(),
          actor: systemActor,
          action: `test.${name}`,
          subject: { type: 'run', id: run.id },
        }),
    })),
    failed: async () => undefined,
    cancel: async () => [],
    cancelled: async () => undefined,
  };
}

describe('a PostgreSQL server', () => {
  let server: PostgresServer;
  let url: string;
  let database: Database;
  beforeAll(async () => {
    server = await startPostgres();
    url = await server.createDatabase('faults');
    database = openServer(url);
    await migrate(database.db);
  });
  afterAll(async () => {
    await database.close();
    await server.stop();
  });

  const signUp = (api: TestApi, key: string, payload = signUpRequest()) =>
    api.call({ method: 'POST', url: '/v1/signups', headers: { 'idempotency-key': key }, payload });

  test('is migrated however long that takes, and not by a version that is older than its schema', async () => {
    const place = await server.createDatabase('migrated');
    const impatient = openServer(place, { patience: { statement_timeout: 100 } });
    const other = openServer(place);
    try {
      await migrate(impatient.db, '0004-owner-invitation');
      // As a backup does: whoever alters the table waits for it.
      const applied = await other.db.transaction().execute(async (trx) => {
        await sql`select 1 from practice`.execute(trx);
        await expect(migrate(impatient.db)).rejects.toMatchObject({ code: 'unavailable' });
        const migrating = bringUpToDate(impatient);
        await sql`select pg_sleep(0.3)`.execute(trx);
        return { migrating };
      });
      expect(await applied.migrating).toContain('0005-cells');

      await sql`insert into kysely_migration (name, timestamp) values ('9999-later', '2999-01-01')`.execute(
        other.db,
      );
      await expect(bringUpToDate(impatient)).rejects.toMatchObject({
        code: 'configuration',
        publicMessage: expect.stringMatching(/by a newer version \(migration 9999-later\)/),
      });
    } finally {
      await Promise.all([impatient.close(), other.close()]);
    }
  });

  test('whose statement hangs does not keep a process from closing', async () => {
    const leaving = openServer(url);
    let hangs = true;
    const hanging = sql`select pg_sleep(600)`.execute(leaving.db).catch(() => {
      hangs = false;
    });
    await eventually('the statement to be under way', async () => {
      const { rows } = await sql`select 1 from pg_stat_activity where query = 'select pg_sleep(600)'`.execute(
        database.db,
      );
      return rows[0];
    });
    await leaving.close();
    expect(hangs).toBe(true);
    await sql`select pg_terminate_backend(pid) from pg_stat_activity where query = 'select pg_sleep(600)'`.execute(
      database.db,
    );
    await hanging;
  });

  test('that is killed and started again, and then drops every connection, loses and doubles nothing', async () => {
    const begun: string[] = [];
    const engine = createRunEngine({
      database,
      definitions: [writing(begun)],
      clock,
      log: silent,
      concurrency: 3,
    });
    await engine.start();
    const api = await startTestApi({}, undefined, database);
    try {
      const ids = await Promise.all(
        ['a', 'b', 'c', 'd'].map((name) =>
          insertPracticeRun(database.db, { practiceId: `practice-${name}`, steps }, (trx, run) =>
            engine.queue.enqueue(trx, run),
          ),
        ),
      );
      await eventually('work to begin', () => begun.length > 2 || undefined);
      await server.crash();

      const request = signUpRequest();
      const key = freshKey();
      for (const answer of [await signUp(api, key, request), await api.call({ url: '/v1/practices' })]) {
        expect(answer.statusCode).toBe(503);
        expect(answer.headers['retry-after']).toBe('5');
        expect(answer.json()).toMatchObject({
          code: 'unavailable',
          detail: expect.stringMatching(/database does not answer/),
        });
      }
      const ready = await api.call({ url: '/readyz' });
      expect([ready.statusCode, ready.json()]).toEqual([
        503,
        { status: 'not_ready', parts: [{ part: 'database', ready: false }], warnings: [] },
      ]);

      await server.restart();
      await eventually('readiness', async () =>
        (await api.call({ url: '/readyz' })).statusCode === 200 ? true : undefined,
      );
      const again = [await signUp(api, key, request), await signUp(api, key, request)];
      expect(again.map(({ statusCode }) => statusCode)).toEqual([201, 201]);
      expect(again[0]?.json().id).toBe(again[1]?.json().id);

      const counted = begun.length;
      await eventually('work to go on', () => begun.length > counted || undefined);
      await sql`select pg_terminate_backend(pid) from pg_stat_activity
        where datname = 'faults' and pid <> pg_backend_pid()`.execute(database.db);

      const runs = await Promise.all(ids.map((id) => runIn(database.db, id, 'succeeded', 'failed')));
      expect(runs.map(({ state, error }) => ({ state, error }))).toEqual(
        ids.map(() => ({ state: 'succeeded', error: null })),
      );
      const audit = await database.db
        .selectFrom('audit')
        .select(['subject_id', 'action'])
        .where('subject_type', '=', 'run')
        .execute();
      expect(audit.map((row) => `${row.subject_id} ${row.action}`).toSorted()).toEqual(
        ids.flatMap((id) => steps.map((name) => `${id} test.${name}`)).toSorted(),
      );
    } finally {
      await engine.stop();
      await api.app.close();
    }
  });

  test('that undoes a transaction because of another one is asked again', async () => {
    await sql`create table pair (id integer primary key, value integer not null)`.execute(database.db);
    await sql`insert into pair values (1, 0), (2, 0)`.execute(database.db);
    const add = (first: number, second: number, level: 'read committed' | 'serializable') =>
      database.db
        .transaction()
        .setIsolationLevel(level)
        .execute(async (trx) => {
          for (const id of [first, second]) {
            await sql`update pair set value = value + 1 where id = ${id}`.execute(trx);
            await delay(50);
          }
        });
    // In opposite order they lock each other out; serialisable, the second to commit has read what the first changed.
    await Promise.all([add(1, 2, 'read committed'), add(2, 1, 'read committed')]);
    await Promise.all([add(1, 2, 'serializable'), add(1, 2, 'serializable')]);
    const { rows } = await sql`select value from pair order by id`.execute(database.db);
    expect(rows).toEqual([{ value: 4 }, { value: 4 }]);
  });

  test('whose connections are all in use, or whose statement hangs, is not waited for without end', async () => {
    const narrow = openServer(url, {
      maxConnections: 1,
      patience: { connectionTimeoutMillis: 300, statement_timeout: 900 },
    });
    try {
      const hanging = sql`select pg_sleep(600)`.execute(narrow.db);
      const waiting = narrow.db.selectFrom('plan').selectAll().execute();
      const refusals = await Promise.allSettled([waiting, hanging]);
      for (const refusal of refusals) {
        expect(refusal).toMatchObject({
          status: 'rejected',
          reason: {
            code: 'unavailable',
            retryable: true,
            publicMessage: 'The database is too busy to answer. Try again in a few seconds.',
          },
        });
      }
      await expect(narrow.db.selectFrom('plan').selectAll().execute()).resolves.toBeDefined();
    } finally {
      await narrow.close();
    }
  });

  test.each([
    [
      'is not there',
      () => 'postgres://lumenality@127.0.0.1:1/faults',
      'unavailable',
      /127\.0\.0\.1:1 does not answer .*ECONNREFUSED/,
    ],
    [
      'has a name that nobody knows',
      () => 'postgres://lumenality@db.invalid/faults',
      'unavailable',
      /db\.invalid does not answer/,
    ],
    [
      'has no such database',
      () => url.replace('/faults', '/none'),
      'configuration',
      /refuses .* database none: .*does not exist.* Correct DATABASE_URL/,
    ],
    [
      'knows no such user',
      () => url.replace('lumenality@', 'nobody:hunter2@'),
      'configuration',
      /refuses .*role "nobody" does not exist/,
    ],
  ])('that %s is named at once, without the password', async (_what, wrong, code, message) => {
    const refused = openServer(wrong());
    const error: unknown = await assertAnswers(refused).catch((reason: unknown) => reason);
    await refused.close();
    expect(error).toMatchObject({ code, publicMessage: expect.stringMatching(message) });
    expect(String(error)).not.toContain('hunter2');
  });
});
