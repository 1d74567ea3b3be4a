import fc from 'fast-check';
import { money, parseSignedMoney } from '../../bin/commands/money.ts';
import { entriesOf, type LedgerKind, mirrorOf, owedBy, postingDay } from '../../lib/domain/ledger.ts';
import { addDays } from '../../lib/domain/plan/day.ts';
import { statementsOf } from '../../lib/domain/statement.ts';

const kinds = ['charge', 'credit', 'adjustment', 'payment'] as const;
const amounts = fc.integer({ min: 1, max: 1_000_000_000 });
const sumOf = (numbers: readonly number[]): number => numbers.reduce((sum, each) => sum + each, 0);

test.each([
  ['charge', 14_900, { receivable: 14_900, revenue: -14_900 }],
  ['credit', 2_900, { credits_given: 2_900, receivable: -2_900 }],
  ['payment', 14_900, { cash: 14_900, receivable: -14_900 }],
  ['adjustment', 500, { receivable: 500, adjustments: -500 }],
  ['adjustment', -500, { adjustments: 500, receivable: -500 }],
] as const)('a %s of %s is booked on both sides', (kind, amountCents, booked) => {
  const entries = entriesOf(kind, amountCents);
  expect(Object.fromEntries(entries.map((entry) => [entry.account, entry.amountCents]))).toEqual(booked);
});

test.each([
  ['credit', -1],
  ['payment', 0],
  ['charge', -1],
  ['adjustment', 0],
  ['credit', 0.5],
  ['payment', 2 ** 53],
  ['adjustment', -(2 ** 53)],
] as const)('a %s of %s is refused', (kind, amountCents) => {
  expect(() => entriesOf(kind, amountCents)).toThrow(/must/);
});

test('what is posted and its mirror image leave nothing, account by account', () => {
  fc.assert(
    fc.property(fc.constantFrom(...kinds), amounts, (kind, amountCents) => {
      const entries = entriesOf(kind, amountCents);
      const all = [...entries, ...mirrorOf(entries)];
      expect(sumOf(entries.map((entry) => entry.amountCents))).toBe(0);
      expect(owedBy(all)).toBe(0);
    }),
  );
});

test('statements follow one another, whatever is in them', () => {
  const sums = fc.array(
    fc.record({
      kind: fc.constantFrom(...kinds, 'reversal' as LedgerKind),
      amountCents: amounts,
      back: fc.boolean(),
    }),
    { maxLength: 6 },
  );
  fc.assert(
    fc.property(fc.array(sums, { minLength: 1, maxLength: 8 }), fc.integer(), (all, opening) => {
      const periods = all.map((lines, at) => ({
        period: {
          from: addDays('2027-02-20', 30 * at),
          until: addDays('2027-02-20', 30 * at + 30),
          currency: 'USD',
          closedAt: new Date(0),
        },
        sums: lines.map(({ kind, amountCents, back }) => {
          const owedCents = back ? -amountCents : amountCents;
          return { kind, owedCents, cashCents: kind === 'payment' ? -owedCents : 0 };
        }),
      }));
      const statements = statementsOf('oak', opening, periods);
      for (const [at, statement] of statements.entries()) {
        const { totals, openingCents, closingCents, costCents } = statement;
        expect(openingCents).toBe(at === 0 ? opening : statements[at - 1]?.closingCents);
        expect(closingCents - openingCents).toBe(sumOf(Object.values(totals)));
        expect(closingCents - openingCents).toBe(costCents + totals.payment);
      }
      const moved = periods.flatMap((period) => period.sums.map(({ owedCents }) => owedCents));
      expect(statements.at(-1)?.closingCents).toBe(opening + sumOf(moved));
    }),
  );
});

test('a day is today unless another is named, neither to come nor of a closed period nor before the subscription', () => {
  const at = { today: '2027-04-02', since: '2026-11-22', closedUntil: '2027-03-20' };
  expect(postingDay(undefined, at)).toBe('2027-04-02');
  // Midnight has passed for whoever closed the period, and not yet for whoever posts.
  expect(postingDay(undefined, { ...at, closedUntil: '2027-04-03' })).toBe('2027-04-03');
  expect(postingDay('2027-03-20', at)).toBe('2027-03-20');
  expect(() => postingDay('2027-04-03', at)).toThrow('must not be after today, 2027-04-02');
  expect(() => postingDay('2027-03-19', at)).toThrow('name a day from 2027-03-20 on');
  expect(postingDay('2026-11-22', { ...at, closedUntil: null })).toBe('2026-11-22');
  expect(() => postingDay('2026-11-21', at)).toThrow('must not be before 2026-11-22');
});

test('money on the command line is read and written to the cent, with a sign where it may have one', () => {
  fc.assert(
    fc.property(fc.integer({ min: -(10 ** 14), max: 10 ** 14 }), (cents) => {
      const [amount = ''] = money(cents, 'USD').split(' ');
      expect(parseSignedMoney(amount)).toBe(cents);
    }),
  );
  expect(() => parseSignedMoney('--1.00')).toThrow('such as 159.00');
});
