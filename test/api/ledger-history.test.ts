import fc from 'fast-check';
import { type LedgerTransaction, listLedger } from '../../lib/db/ledger-store.ts';
import { listStatements, statementLines } from '../../lib/db/statement-store.ts';
import { systemActor } from '../../lib/domain/access.ts';
import { addDays, daysBetween } from '../../lib/domain/plan/day.ts';
import { periodsOf } from '../../lib/domain/plan/periods.ts';
import { requestPosting, requestReversal } from '../../lib/use-cases/ledger.ts';
import { freshKey, startTestApi, type TestApi } from '../builders/api.ts';
import { billedPractice } from '../builders/billed-practice.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

/** What people and the calendar do to a ledger, one after the other. */
const steps = fc.array(
  fc.oneof(
    fc.record({
      step: fc.constant('post' as const),
      kind: fc.constantFrom('credit' as const, 'adjustment' as const, 'payment' as const),
      amountCents: fc.integer({ min: 1, max: 50_000 }),
      /** Of the days that are open, which one: 0 the first, 1 today. */
      share: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
    fc.record({ step: fc.constant('reverse' as const), which: fc.nat() }),
    fc.record({ step: fc.constant('close' as const), daysLater: fc.integer({ min: 0, max: 12 }) }),
  ),
  { minLength: 4, maxLength: 12 },
);

let practices = 0;
const receivable = ({ entries }: LedgerTransaction): number =>
  entries.reduce((sum, { account, amountCents }) => sum + (account === 'receivable' ? amountCents : 0), 0);
const total = (lines: readonly LedgerTransaction[]): number =>
  lines.reduce((sum, line) => sum + receivable(line), 0);

test('whatever happens to a ledger, it sums to 0, and its statements follow one another and have all of it', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (history) => {
      practices += 1;
      const { db } = api.database;
      const { id, timeline, close } = await billedPractice(api.database, `practice-${practices}`, {
        on: '2026-11-01',
        terms: { freeDays: 20 },
      });
      const periods = periodsOf(timeline, { from: '2026-11-01', until: '2028-11-01' });
      let today = '2026-11-05';
      let open = '2026-11-01';
      const undone = new Set<string>();
      const ledger = async () => (await listLedger(db, { practiceId: id, limit: 1_000 })).items;
      for (const step of history) {
        api.clock.at = new Date(`${today}T18:00:00Z`);
        const call = { idempotencyKey: freshKey() };
        if (step.step === 'post') {
          const day = addDays(open, Math.floor(step.share * daysBetween(open, today)));
          const { kind, amountCents } = step;
          await requestPosting(
            api.core,
            { practiceId: id, kind, amountCents, day, reason: 'test' },
            call,
            systemActor,
          );
        } else if (step.step === 'reverse') {
          const left = (await ledger()).filter((line) => line.kind !== 'reversal' && !undone.has(line.id));
          const chosen = left[step.which % Math.max(1, left.length)];
          if (chosen === undefined) continue;
          undone.add(chosen.id);
          await requestReversal(api.core, { id: chosen.id, reason: 'test' }, call, systemActor);
        } else {
          const period = periods.find(({ from }) => from >= open);
          if (period === undefined) continue;
          open = period.until;
          today = addDays(open, step.daysLater);
          await close(open);
        }
      }
      const lines = await ledger();
      for (const { entries } of lines) {
        expect(entries.reduce((sum, { amountCents }) => sum + amountCents, 0)).toBe(0);
      }
      const statements = (await listStatements(db, { practiceId: id, limit: 100 })).items.toReversed();
      let before = 0;
      let told = 0;
      for (const statement of statements) {
        expect(statement.openingCents).toBe(before);
        const own = await statementLines(db, id, statement);
        expect(statement.closingCents - statement.openingCents).toBe(total(own));
        expect(statement.closingCents).toBe(total(lines.filter(({ day }) => day < statement.until)));
        before = statement.closingCents;
        told += own.length;
      }
      const last = statements.at(-1);
      expect(told).toBe(lines.filter(({ day }) => last !== undefined && day < last.until).length);
    }),
    { numRuns: 8 },
  );
});
