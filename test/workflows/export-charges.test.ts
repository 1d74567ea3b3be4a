import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chargeExports } from '../../bin/charge-exports.ts';
import { readConfig } from '../../lib/config.ts';
import { listAudit } from '../../lib/db/audit-store.ts';
import { type Database, openServer } from '../../lib/db/database.ts';
import type { ChargeExport, ChargeExports } from '../../lib/ports/charge-export.ts';
import { type ExportParts, exportDue } from '../../lib/reconcilers/export-charges.ts';
import { type BilledPractice, billedPractice } from '../builders/billed-practice.ts';
import { createTestDatabase } from '../builders/database.ts';
import { type StripeServer, startStripeServer } from '../builders/stripe-server.ts';

const started = new Date('2027-06-01T12:00:00Z');
const minutes = 60_000;
/** Longer than any wait between two tries. */
const long = 6 * 60 * minutes;
const key = 'rk_test_abc123';

let url: string;
let drop: () => Promise<void>;
let database: Database;
let directory: string;
let stripe: StripeServer;
let oak: BilledPractice;
// What is due is taken by whoever comes by: each test has a database of its own.
beforeEach(async () => {
  ({ url, drop } = await createTestDatabase());
  database = openServer(url);
  directory = mkdtempSync(join(tmpdir(), 'lumenality-billing-'));
  stripe = await startStripeServer();
  oak = await billedPractice(database, 'oak-aba');
});
afterEach(async () => {
  await stripe.close();
  await database.close();
  await drop();
  rmSync(directory, { recursive: true });
});

/** As a process makes them from its environment. */
const exportsOf = (environment: NodeJS.ProcessEnv): ChargeExports =>
  chargeExports(readConfig({ LUMENALITY_BILLING_DIR: directory, ...environment }), {
    db: database.db,
    clock: { now: () => started },
  });
const toFiles = () => exportsOf({});
const toStripe = () => exportsOf({ LUMENALITY_STRIPE_KEY: key, LUMENALITY_STRIPE_URL: stripe.address.href });

/** One control plane's process: its clock is the test's, its log can be read. */
function replica(...exports: ChargeExports) {
  const clock = { at: started, now: () => clock.at };
  const log: string[] = [];
  const write = (fields: object, message: string) => void log.push(JSON.stringify({ ...fields, message }));
  const parts: ExportParts = {
    db: database.db,
    clock,
    log: { info: write, warn: write, error: write },
    exports,
  };
  return {
    log,
    pass: () => exportDue(parts),
    later: (ms: number) => {
      clock.at = new Date(clock.at.getTime() + ms);
    },
  };
}

const rows = () =>
  database.db.selectFrom('charge_export').selectAll().orderBy('practice_id').orderBy('period_from').execute();
const exportedActions = async () =>
  (await listAudit(database.db, { limit: 50, action: 'statement.exported' })).items.map(
    ({ details }) => details,
  );

describe('statements as files', () => {
  test('each is one CSV with a row a charge and one JSON, the same bytes whenever it is written', async () => {
    await database.db.updateTable('practice').set({ display_name: '=cmd|"/C calc"!A0' }).execute();
    await oak.close('2027-04-20');
    const { pass } = replica(...toFiles());
    await pass();

    expect(readdirSync(directory).sort()).toEqual([
      'oak-aba-2027-02-20.csv',
      'oak-aba-2027-02-20.json',
      'oak-aba-2027-03-20.csv',
      'oak-aba-2027-03-20.json',
    ]);
    const read = (name: string) => readFileSync(join(directory, name), 'utf8');
    const written = JSON.parse(read('oak-aba-2027-02-20.json'));
    // 149.00 + 5 × 29.00 + 19.00
    expect(written).toMatchObject({ number: 'oak-aba-2027-02-20', totalCents: 31_300, currency: 'USD' });
    const [header, ...lines] = read('oak-aba-2027-02-20.csv').trimEnd().split('\r\n');
    expect(header).toMatch(/^id,statement,practice_id,practice,kind,day,component,from,until,quantity,/);
    expect(lines).toHaveLength(3);
    const base = lines.find((line) => line.includes(',base,'));
    const { id } = written.lines.find(
      (line: { charge: { component: string } }) => line.charge.component === 'base',
    );
    expect(base).toBe(
      `${id},oak-aba-2027-02-20,oak-aba,"'=cmd|""/C calc""!A0",charge,2027-03-19,base,2027-02-20,2027-03-20,1,14900,14900,USD,founding,1,true,,"Base, 2027-02-20 to 2027-03-19"`,
    );

    const before = readdirSync(directory).map(read);
    await database.db
      .updateTable('charge_export')
      .set({ state: 'pending', exported_at: null, due_at: started })
      .execute();
    await pass();
    expect(readdirSync(directory).map(read)).toEqual(before);
    expect(await rows()).toMatchObject([
      { state: 'exported', target: 'files', external_id: 'oak-aba-2027-02-20.json', tries: 2 },
      { state: 'exported', target: 'files', external_id: 'oak-aba-2027-03-20.json', tries: 2 },
    ]);
  });

  test('a directory that cannot be written to is told, and the statement waits, however long it takes', async () => {
    await oak.close('2027-03-20');
    const blocked = join(directory, 'billing');
    writeFileSync(blocked, 'a file in the way');
    const { pass, later, log } = replica(...exportsOf({ LUMENALITY_BILLING_DIR: blocked }));
    for (let tried = 0; tried < 8; tried += 1) {
      await pass();
      later(long);
    }
    expect(await rows()).toMatchObject([
      {
        state: 'pending',
        tries: 8,
        last_error: expect.stringMatching(/cannot be written to .*billing \(EEXIST\)/),
      },
    ]);
    expect(log).toHaveLength(8);
    rmSync(blocked);
    await pass();
    expect(readdirSync(blocked)).toHaveLength(2);
    expect(await rows()).toMatchObject([{ state: 'exported', last_error: null }]);
    expect(await exportedActions()).toMatchObject([{ statement: 'oak-aba-2027-02-20', totalCents: 31_300 }]);
  });

  test('two processes share the work, and what one of them died at the other takes up when its claim ran out', async () => {
    const others = await Promise.all(
      Array.from({ length: 6 }, (_, place) => billedPractice(database, `elm-${place}`)),
    );
    for (const { close } of [oak, ...others]) await close('2027-04-20');
    const sent: string[] = [];
    const counting: ChargeExport = {
      name: 'files',
      send: async ({ number }) => {
        sent.push(number);
        return { externalId: number };
      },
    };
    const until = new Date(started.getTime() + 10 * minutes);
    const dead = await database.db
      .updateTable('charge_export')
      .set({ claimed_until: until, tries: 1, target: 'files' })
      .where('practice_id', '=', 'oak-aba')
      .where('period_from', '=', '2027-02-20')
      .executeTakeFirstOrThrow();
    expect(dead.numUpdatedRows).toBe(1n);

    const [one, two] = [replica(counting), replica(counting)];
    await Promise.all([one.pass(), two.pass()]);
    // Both statements of the six others, each once; of the practice that the dead process was at, none.
    expect(sent.filter((number) => number.startsWith('oak'))).toEqual([]);
    expect([sent.length, new Set(sent).size]).toEqual([12, 12]);

    two.later(10 * minutes);
    await two.pass();
    expect(sent.slice(12)).toEqual(['oak-aba-2027-02-20', 'oak-aba-2027-03-20']);
    expect((await rows()).map(({ state }) => state)).toEqual(Array.from({ length: 14 }, () => 'exported'));
  });
});

describe('statements as invoices of Stripe', () => {
  const sums = () =>
    stripe.invoices.map(({ id, subtotal, auto_advance }) => ({ id, subtotal, auto_advance }));

  test('a practice is one customer, a statement one invoice that Stripe collects, a charge one item of it', async () => {
    await oak.close('2027-04-20');
    await replica(...toStripe()).pass();

    expect(stripe.customers).toEqual([
      {
        id: 'cus_1',
        object: 'customer',
        name: 'oak-aba',
        balance: 0,
        metadata: { practiceId: 'oak-aba', owner: '1' },
        livemode: false,
      },
    ]);
    expect(stripe.invoices).toMatchObject([
      {
        customer: 'cus_1',
        currency: 'usd',
        collection_method: 'charge_automatically',
        auto_advance: true,
        subtotal: 31_300,
        metadata: { practiceId: 'oak-aba', statement: 'oak-aba-2027-02-20' },
      },
      { customer: 'cus_1', auto_advance: true, metadata: { statement: 'oak-aba-2027-03-20' } },
    ]);
    expect(stripe.items.filter(({ invoice }) => invoice === 'in_1').map(({ amount }) => amount)).toEqual([
      14_900, 14_500, 1_900,
    ]);
    expect(await rows()).toMatchObject([
      { state: 'exported', target: 'stripe', external_id: 'in_1' },
      { state: 'exported', target: 'stripe', external_id: 'in_2' },
    ]);
    // A whole invoice, and only that, is left to Stripe; each call says which version of the API it means.
    const posts = stripe.calls.filter(({ route }) => route.startsWith('POST'));
    expect(posts.map(({ route }) => route).slice(0, 6)).toEqual([
      'POST /v1/customers',
      'POST /v1/invoices',
      ...Array.from({ length: 3 }, () => 'POST /v1/invoiceitems'),
      'POST /v1/invoices/in_1',
    ]);
    expect(new Set(stripe.calls.map(({ headers }) => headers['stripe-version']))).toEqual(
      new Set(['2026-10-28.endive']),
    );
    expect(new Set(posts.map(({ headers }) => headers['idempotency-key'])).size).toBe(posts.length);
    expect(
      posts
        .flatMap(({ form }) => Object.keys(form))
        .filter((name) => /email|card|phone|payment_method/.test(name)),
    ).toEqual([]);
  });

  test('whatever fails on the way, and when its answer is lost, nothing is there twice', async () => {
    await oak.close('2027-03-20');
    const process = replica(...toStripe());
    const ways = [/POST .*customers$/, /POST .*invoices$/, /POST .*invoiceitems$/, /POST .*invoices\/in_1$/];
    for (const route of ways) {
      for (const answer of [409, 429, 500, 'lost'] as const) stripe.faults.push({ route, answer });
    }
    for (let tried = 0; stripe.faults.length > 0; tried += 1) {
      expect(tried).toBeLessThan(20);
      await process.pass();
      process.later(long);
    }
    await process.pass();
    expect(sums()).toEqual([{ id: 'in_1', subtotal: 31_300, auto_advance: true }]);
    expect([stripe.customers.length, stripe.items.length]).toEqual([1, 3]);
    expect(await rows()).toMatchObject([{ state: 'exported', external_id: 'in_1' }]);
    expect(process.log.join()).toMatch(/status 409, lock_timeout.*status 429, rate_limit.*status 500/);
    expect(process.log.join()).not.toContain(key);
  });

  test.each([/POST .*customers$/, /POST .*invoices$/, /POST .*invoiceitems$/, /POST .*invoices\/in_1$/])(
    'a crash at %s is made good days later, when Stripe has forgotten the keys',
    async (route) => {
      await oak.close('2027-03-20');
      const process = replica(...toStripe());
      // Twice: the SDK asks again at once.
      stripe.faults.push({ route, answer: 'lost' }, { route, answer: 'lost' });
      await process.pass();
      expect(await rows()).toMatchObject([{ state: 'pending' }]);
      stripe.passDay();
      process.later(24 * 60 * minutes);
      await process.pass();
      expect(sums()).toEqual([{ id: 'in_1', subtotal: 31_300, auto_advance: true }]);
      expect([stripe.customers.length, stripe.items.length]).toEqual([1, 3]);
    },
  );

  test('a statement without lines needs no invoice', async () => {
    const rates = { base: 0, perClinician: 0, perLocation: 0 };
    const free = await billedPractice(database, 'free-aba', { terms: { rates } });
    await free.close('2027-03-20');
    await replica(...toStripe()).pass();
    expect(stripe.calls).toEqual([]);
    expect(await rows()).toMatchObject([{ state: 'exported', target: 'stripe', external_id: null }]);
  });

  test('a draft that somebody has changed is not collected', async () => {
    await oak.close('2027-03-20');
    const process = replica(...toStripe());
    stripe.faults.push({ route: /POST .*invoices\/in_1$/, answer: 500 });
    await process.pass();
    const [invoice] = stripe.invoices;
    if (invoice === undefined) throw new Error('no invoice was drafted');
    invoice.total += 100;
    process.later(long);
    await process.pass();
    expect(invoice.auto_advance).toBe(false);
    expect(await rows()).toMatchObject([
      {
        state: 'pending',
        last_error: expect.stringMatching(/in_1 .* 31400 cents at Stripe and to 31300 here/),
      },
    ]);
  });

  test('a key that Stripe does not take is told by the name of its variable, and never shown', async () => {
    await oak.close('2027-03-20');
    const process = replica(...toStripe());
    stripe.faults.push({ route: /search/, answer: 401 });
    await process.pass();
    expect(await rows()).toMatchObject([
      { state: 'pending', last_error: expect.stringMatching(/key of LUMENALITY_STRIPE_KEY .*status 401/) },
    ]);
    expect(process.log.join()).not.toMatch(/rk_test/);
  });

  test('what was begun with Stripe waits for Stripe, also where there are only files', async () => {
    await oak.close('2027-03-20');
    stripe.faults.push({ route: /POST .*invoices$/, answer: 500 });
    await replica(...toStripe()).pass();
    const files = replica(...toFiles());
    files.later(long);
    await files.pass();
    expect(readdirSync(directory)).toEqual([]);
    expect(await rows()).toMatchObject([{ state: 'pending', target: 'stripe' }]);
  });
});
