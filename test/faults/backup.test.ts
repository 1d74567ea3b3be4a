import { sql } from 'kysely';
import { z } from 'zod';
import { writeBackup } from '../../lib/db/backup.ts';
import { type Database, openEmbedded, toJson } from '../../lib/db/database.ts';
import { restoreBackup } from '../../lib/db/restore.ts';
import { createRunEngine, type RunEngine } from '../../lib/runs/engine.ts';
import type { WorkflowDefinition } from '../../lib/runs/workflow.ts';
import { openEmbeddedTestDatabase, openEmptyDatabase, openTestDatabase } from '../builders/database.ts';
import { insertPracticeRun, runIn, silent } from '../builders/runs.ts';

const takenAt = new Date('2026-11-22T03:00:00Z');
const clock = { now: () => new Date() };
const steps = ['one', 'two', 'three'];

const auditRow = {
  at: takenAt,
  actor_id: 'system',
  actor_name: 'test',
  action: 'test.happened',
  subject_type: 'test',
  subject_id: 'one',
  request_id: 'test',
  details: toJson({}),
};

async function backupOf({ db }: Database): Promise<string[]> {
  let text = '';
  await writeBackup(db, takenAt, async (more) => {
    text += more;
  });
  return text.trimEnd().split('\n');
}

async function* linesOf(lines: readonly string[]): AsyncGenerator<string> {
  yield* lines;
}

/** Notes which steps were run; `two` waits for ever in an engine that is going to be lost. */
function workflow(ran: string[], stopsAt?: string): WorkflowDefinition {
  return {
    name: 'provision-practice',
    steps: steps.map((name) => ({
      name,
      output: z.object({ by: z.string() }),
      run: ({ signal }) => {
        ran.push(name);
        if (name !== stopsAt) return Promise.resolve({ by: name });
        return new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(new Error('stopped')));
        });
      },
    })),
    failed: async () => undefined,
    cancel: async () => [],
    cancelled: async () => undefined,
  };
}

function engineOn(database: Database, definition: WorkflowDefinition): RunEngine {
  return createRunEngine({ database, definitions: [definition], clock, log: silent, concurrency: 2 });
}

let embedded: Database;
const opened: Database[] = [];
const noted = (database: Database): Database => {
  opened.push(database);
  return database;
};

beforeAll(async () => {
  embedded = noted(await openEmbeddedTestDatabase());
  await embedded.db.insertInto('audit').values([auditRow, auditRow]).execute();
  await embedded.db
    .insertInto('idempotency')
    .values({
      scope: 'a "quoted", (bracketed)\\ scope',
      key: 'two\nlines, and ünïcode 🧒',
      request_hash: '',
      status: 204,
      // JSON's null, which is not SQL's.
      body: toJson(null),
      created_at: new Date('2026-11-22T02:59:59.123Z'),
    })
    .execute();
});
afterAll(async () => {
  await Promise.all(opened.map((database) => database.close()));
});

const emptyServer = async (): Promise<Database> => noted(await openEmptyDatabase());

test('a run in flight goes on where it was, from the embedded database to a server and back', async () => {
  const before: string[] = [];
  const lost = engineOn(embedded, workflow(before, 'two'));
  await lost.start();
  const runId = await insertPracticeRun(embedded.db, { practiceId: 'maple-aba', steps }, (trx, run) =>
    lost.queue.enqueue(trx, run),
  );
  while (!before.includes('two')) await new Promise((resolve) => setImmediate(resolve));
  const backup = await backupOf(embedded);
  await lost.stop();

  const onServer = await emptyServer();
  await restoreBackup(onServer.db, linesOf(backup));
  expect(await backupOf(onServer)).toEqual(backup);
  // The triggers stood aside for the restore only.
  await expect(sql`delete from plan_version`.execute(onServer.db)).rejects.toThrow('append-only');
  const halfway = noted(await openEmbedded(undefined));
  await restoreBackup(halfway.db, linesOf(await backupOf(onServer)));
  expect(await backupOf(halfway)).toEqual(backup);

  const after: string[] = [];
  const engine = engineOn(onServer, workflow(after));
  await engine.start();
  try {
    const run = await runIn(onServer.db, runId, 'succeeded', 'failed');
    expect(run.error).toBeNull();
    expect(run.steps.map(({ name, attempt }) => [name, attempt])).toEqual([
      ['one', 1],
      ['two', 2],
      ['three', 1],
    ]);
  } finally {
    await engine.stop();
  }
  expect(after).toEqual(['two', 'three']);
});

test('new rows get numbers behind the restored ones', async () => {
  const { db } = await emptyServer();
  await restoreBackup(db, linesOf(await backupOf(embedded)));
  const { seq } = await db.selectFrom('audit').select('seq').orderBy('seq', 'desc').executeTakeFirstOrThrow();
  const added = await db.insertInto('audit').values(auditRow).returning('seq').executeTakeFirstOrThrow();
  expect(added.seq).toBe(seq + 1);
});

test('a backup is of one moment, whatever goes on meanwhile', async () => {
  const source = noted(await openTestDatabase());
  const before = await backupOf(source);
  let text = '';
  await writeBackup(source.db, takenAt, async (more) => {
    // Between two tables of the backup somebody signs up: neither half of it may be seen.
    if (text.includes('"table":"plan"') && !text.includes('"table":"run"')) {
      await insertPracticeRun(source.db, { practiceId: `oak-${text.length}`, steps }, async () => undefined);
    }
    text += more;
  });
  expect(await source.db.selectFrom('practice').select('id').execute()).not.toEqual([]);
  expect(text.trimEnd().split('\n')).toEqual(before);
});

describe('what is refused, with nothing restored', () => {
  let target: Database;
  let backup: string[];
  beforeAll(async () => {
    target = await emptyServer();
    backup = await backupOf(embedded);
  });

  const end = (lines: readonly string[]): string => lines.at(-1) ?? '';
  const wrong: [what: string, lines: (lines: string[]) => string[], says: RegExp][] = [
    ['a file that ends early', (lines) => lines.slice(0, -1), /ends too early/],
    ['a row that is missing', (lines) => lines.filter((line) => !line.includes('Standard')), /./],
    [
      'a value that was changed',
      (lines) => lines.map((line) => line.replace('Founding member', 'Founding friend')),
      /checksum/,
    ],
    ['something else', () => ['{"name":"package"}'], /no header/],
    ['nothing', () => [], /no header/],
    [
      'a backup of a newer version',
      (lines) =>
        lines.map((line) => line.replace('"0001-sign-up-to-silo"', '"0001-sign-up-to-silo","0001-x"')),
      /migration 0001-x, which this version does not have/,
    ],
    ['two backups in one', (lines) => [...lines.slice(0, -1), ...lines.slice(0, -1), end(lines)], /./],
  ];
  test.each(wrong)('%s', async (_, change, says) => {
    await expect(restoreBackup(target.db, linesOf(change([...backup])))).rejects.toThrow(says);
    await expect(restoreBackup(target.db, linesOf(change([...backup])))).rejects.toMatchObject({
      code: 'configuration',
    });
  });

  test('a database in use; one where a damaged backup was refused is not', async () => {
    const { db } = await emptyServer();
    await expect(restoreBackup(db, linesOf(backup.slice(0, -1)))).rejects.toThrow(/ends too early/);
    const { end: said } = await restoreBackup(db, linesOf(backup));
    expect(said.rows).toBe(backup.filter((line) => !line.startsWith('#')).length);
    await expect(restoreBackup(db, linesOf(backup))).rejects.toThrow(/is in use: its table/);
  });
});

test('a database that no control plane has used has no backup', async () => {
  await expect(backupOf(await emptyServer())).rejects.toThrow(/nothing to back up/);
});
