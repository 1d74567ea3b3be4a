import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { Client } from 'pg';
import { writeBackup } from '../../lib/db/backup.ts';
import { type Database, type Db, migrate, openServer } from '../../lib/db/database.ts';
import { insertLedgerTransactions, type NewLedgerTransaction } from '../../lib/db/ledger-store.ts';
import { restoreBackup } from '../../lib/db/restore.ts';
import { listStatements } from '../../lib/db/statement-store.ts';
import { insertApproval, setApprovalDecided } from '../../lib/db/subscription-approval-store.ts';
import { entriesOf, mirrorOf } from '../../lib/domain/ledger.ts';
import { billedPractice } from '../builders/billed-practice.ts';
import { type CreatedDatabase, createEmptyDatabase, openTestDatabase } from '../builders/database.ts';

const at = new Date('2027-04-02T15:00:00Z');
const tables = ['ledger_transaction', 'ledger_entry', 'closed_period'] as const;

const credit = (changes: Partial<NewLedgerTransaction> = {}): NewLedgerTransaction => ({
  practiceId: 'oak',
  kind: 'credit',
  day: '2027-04-01',
  currency: 'USD',
  reason: 'test',
  author: 'test',
  approvedBy: null,
  sourceKey: null,
  reverses: null,
  charge: null,
  entries: entriesOf('credit', 2_900),
  at,
  ...changes,
});
const posting = (db: Db, ...posted: NewLedgerTransaction[]): Promise<string[]> =>
  db.transaction().execute((trx) => insertLedgerTransactions(trx, posted));
const countOf = async (db: Db, table: string): Promise<number> => {
  const { rows } = await sql<{ n: number }>`select count(*)::int as n from ${sql.table(table)}`.execute(db);
  return rows[0]?.n ?? 0;
};

/** What changes, removes or empties rows of a table, as somebody would who means to. */
const attempts = (table: (typeof tables)[number]): string[] => [
  table === 'ledger_entry' ? `update ${table} set amount_cents = 1` : `update ${table} set currency = 'EUR'`,
  `delete from ${table}`,
  `truncate ${table} cascade`,
];

describe('the ledger, by the database alone,', () => {
  let database: Database;
  let db: Db;
  beforeAll(async () => {
    database = await openTestDatabase();
    db = database.db;
    await billedPractice(database, 'oak');
    await billedPractice(database, 'elm');
  });
  afterAll(() => database.close());

  test.each([
    ['one side', [{ account: 'receivable', amountCents: 5 }]],
    [
      'sides that differ',
      [
        { account: 'receivable', amountCents: 5 },
        { account: 'revenue', amountCents: -4 },
      ],
    ],
  ] as const)('does not commit a transaction of %s', async (_name, entries) => {
    const before = await countOf(db, 'ledger_transaction');
    await expect(posting(db, credit({ entries }))).rejects.toThrow(
      /not balanced|entries >= 2|check constraint/,
    );
    expect(await countOf(db, 'ledger_transaction')).toBe(before);
  });

  test('does not commit a transaction without entries, nor entries of an old one', async () => {
    const [id = ''] = await posting(db, credit());
    const bare = sql`insert into ledger_transaction (id, practice_id, kind, day, currency, entries, reason, author, at)
      values (${randomUUID()}, 'oak', 'payment', '2027-04-01', 'USD', 2, 'test', 'test', now())`;
    await expect(bare.execute(db)).rejects.toThrow('is made of 2 entries, not of 0');
    const more = sql`insert into ledger_entry values (${id}, 3, 'receivable', 7), (${id}, 4, 'cash', -7)`;
    await expect(more.execute(db)).rejects.toThrow('is made of 2 entries, not of 4');
  });

  test('keeps to one currency in a practice', async () => {
    await posting(db, credit());
    await expect(posting(db, credit({ currency: 'EUR' }))).rejects.toThrow('has another currency than EUR');
    await posting(db, credit({ practiceId: 'elm', currency: 'EUR' }));
  });

  test('takes each source once, and each reversal once and of the same practice', async () => {
    const [id = ''] = await posting(db, credit({ sourceKey: 'approval:1' }));
    await expect(posting(db, credit({ sourceKey: 'approval:1' }))).rejects.toThrow(
      'ledger_transaction_source_key_key',
    );
    const undo = (reverses: string, practiceId = 'oak') =>
      credit({ kind: 'reversal', practiceId, reverses, entries: mirrorOf(entriesOf('credit', 2_900)) });
    await expect(posting(db, undo(id, 'elm'))).rejects.toThrow('foreign key');
    await expect(posting(db, undo(randomUUID()))).rejects.toThrow('foreign key');
    const twice = await Promise.allSettled([posting(db, undo(id)), posting(db, undo(id))]);
    expect(twice.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    await expect(posting(db, credit({ practiceId: 'nobody' }))).rejects.toThrow('foreign key');
    const orphan = sql`insert into ledger_entry values (${randomUUID()}, 1, 'cash', 5)`;
    await expect(orphan.execute(db)).rejects.toThrow('foreign key');
  });

  test('takes nothing more for the days of a statement, nor for those before the first', async () => {
    const { close } = await billedPractice(database, 'ash');
    const on = (day: string) => posting(db, credit({ practiceId: 'ash', day }));
    await on('2026-12-24');
    await close('2027-03-20');
    for (const day of ['2026-12-24', '2027-02-20', '2027-03-19']) {
      await expect(on(day)).rejects.toThrow('the statement of practice ash up to 2027-03-20 stands');
    }
    await on('2027-03-20');
  });

  test.each(tables)('refuses to change or remove rows of %s, to a superuser too', async (table) => {
    await (await billedPractice(database, `p-${table.replace('_', '-')}`)).close('2027-03-20');
    for (const attempt of attempts(table)) {
      await expect(sql.raw(attempt).execute(db)).rejects.toThrow('append-only');
    }
  });
});

test('a request for approval stays as it was asked for, and is decided once by somebody else', async () => {
  const database = await openTestDatabase();
  try {
    await billedPractice(database, 'oak');
    const request = {
      id: randomUUID(),
      kind: 'credit' as const,
      practiceId: 'oak',
      input: { amountCents: 60_000 },
      valueCents: 60_000,
      currency: 'USD',
      reason: 'test',
      requestedBy: { id: 'token:one', name: 'one' },
      requestedAt: at,
      expiresAt: new Date('2027-04-16T15:00:00Z'),
    };
    const { db } = database;
    await db.transaction().execute((trx) => insertApproval(trx, request));
    const raised = sql`update subscription_approval set input = '{"amountCents": 90000}'`;
    await expect(raised.execute(db)).rejects.toThrow('stays as it was asked for');
    await expect(sql`delete from subscription_approval`.execute(db)).rejects.toThrow('stays as it was');
    await expect(sql`truncate subscription_approval`.execute(db)).rejects.toThrow('append-only');
    const decide = (id: string, state: 'approved' | 'declined') =>
      db.transaction().execute((trx) => {
        const result = state === 'approved' ? {} : null;
        return setApprovalDecided(trx, request.id, { state, by: { id, name: id }, at, reason: null, result });
      });
    await expect(decide('token:one', 'approved')).rejects.toThrow('check constraint');
    await decide('token:two', 'declined');
    await expect(decide('token:two', 'approved')).rejects.toThrow('is decided once');
  } finally {
    await database.close();
  }
});

describe('a role of PostgreSQL that is no superuser', () => {
  // They go with the run's server.
  const owner = `owner_${randomUUID().slice(0, 8)}`;
  const other = `other_${randomUUID().slice(0, 8)}`;
  let created: CreatedDatabase;
  let own: Database;
  /** Of no closed period. */
  const day = '2027-04-20';
  beforeAll(async () => {
    created = await createEmptyDatabase();
    await administer(created, `create role ${owner} login; create role ${other} login`);
    own = await openOwned(created, owner);
    await migrate(own.db);
    const oak = await billedPractice(own, 'oak');
    await posting(own.db, credit());
    await oak.close(day);
  });
  afterAll(async () => {
    await own.close();
    await created.drop();
  });

  test('posts and closes as the owner of the tables, and is denied to change or remove', async () => {
    const [id = ''] = await posting(own.db, credit({ day }));
    await posting(
      own.db,
      credit({ day, kind: 'reversal', reverses: id, entries: mirrorOf(entriesOf('credit', 2_900)) }),
    );
    for (const table of tables) {
      for (const attempt of attempts(table)) {
        await expect(sql.raw(attempt).execute(own.db)).rejects.toThrow(
          `permission denied for table ${table}`,
        );
      }
    }
    // The one column that foreign keys need the right to: nobody sets it all the same.
    await expect(sql`update ledger_transaction set seq = 7`.execute(own.db)).rejects.toThrow(
      'can only be updated to DEFAULT',
    );
    await expect(sql`update ledger_transaction set seq = default`.execute(own.db)).rejects.toThrow(
      'append-only',
    );
  });

  test('is refused by the triggers when somebody has granted it the right again', async () => {
    await administer(created, `grant all on all tables in schema public to ${other}`);
    const granted = openAs(created, other);
    try {
      for (const table of tables) {
        for (const attempt of attempts(table).slice(0, 2)) {
          await expect(sql.raw(attempt).execute(granted.db)).rejects.toThrow('append-only');
        }
      }
    } finally {
      await granted.close();
    }
  });

  test('restores a backup of the ledger, which holds on as before', async () => {
    const lines = await backupOf(own.db);
    const target = await createEmptyDatabase();
    const restored = await openOwned(target, owner);
    try {
      await restoreBackup(restored.db, linesOf(lines));
      expect(await backupOf(restored.db)).toEqual(lines);
      const page = { practiceId: 'oak', limit: 10 };
      const statements = await listStatements(own.db, page);
      expect(statements.items).toHaveLength(2);
      expect(await listStatements(restored.db, page)).toEqual(statements);
      // Numbers go on behind those that are there.
      await posting(restored.db, credit({ day }));
      await expect(posting(restored.db, credit())).rejects.toThrow('nothing more is posted on 2027-04-01');
      await expect(sql`delete from ledger_entry`.execute(restored.db)).rejects.toThrow('permission denied');
    } finally {
      await restored.close();
      await target.drop();
    }
  });
});

async function administer({ url }: CreatedDatabase, statement: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

function openAs({ url }: CreatedDatabase, role: string): Database {
  const as = new URL(url);
  as.username = role;
  return openServer(as.href);
}

async function openOwned(created: CreatedDatabase, owner: string): Promise<Database> {
  const name = new URL(created.url).pathname.slice(1);
  await administer(created, `alter database "${name}" owner to ${owner}`);
  return openAs(created, owner);
}

async function backupOf(db: Db): Promise<string[]> {
  let text = '';
  await writeBackup(db, at, async (more) => {
    text += more;
  });
  return text.trimEnd().split('\n');
}

async function* linesOf(lines: readonly string[]): AsyncGenerator<string> {
  yield* lines;
}
