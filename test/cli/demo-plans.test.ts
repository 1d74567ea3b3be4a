import { mkdtempSync } from 'node:fs';
import { demonstrate } from '../../bin/accelerated-demo.ts';
import { checkIndependently } from '../../bin/demo-plans-facts.ts';
import { yearsOf } from '../../bin/demo-plans-report.ts';
import { lastDay, story } from '../../bin/demo-plans-story.ts';
import type { Stops } from '../../bin/lifecycle.ts';
import type { StatementSummary } from '../../control-api/contracts/statements.ts';
import type { Config } from '../../lib/config.ts';
import { shared } from '../builders/run-directory.ts';

// The demo itself takes minutes: CI runs it (.github/workflows/ci.yml). This is what its report would tell wrongly without anybody seeing it.

const statement = (until: string, chargeCents: number): StatementSummary => ({
  number: `oak-${until}`,
  practiceId: 'oak',
  from: '2027-01-01',
  until,
  currency: 'USD',
  openingCents: 0,
  totals: { charge: chargeCents, credit: -5, adjustment: -2, payment: -100, reversal: 1 },
  costCents: chargeCents - 6,
  closingCents: 0,
  closedAt: `${until}T05:00:00Z`,
});

test('a statement counts in the year in which its last day is', () => {
  const statements = [
    // Its last day is the last one of the first year.
    statement('2027-11-23', 1_000),
    statement('2027-11-24', 20_000),
    statement('2029-11-23', 300_000),
  ];
  const years = yearsOf({ subscriptions: [], statements }, '2026-11-23');
  expect(years.map(({ from, chargedCents }) => [from, chargedCents])).toEqual([
    ['2026-11-23', 1_000],
    ['2027-11-23', 20_000],
    ['2028-11-23', 300_000],
  ]);
  expect(years[0]).toMatchObject({ statements: 1, correctedCents: -6, paidCents: 100 });
});

test('the story is told in the order of its days, and ends with time left for what follows from it', () => {
  const days = story.map(({ day }) => day);
  expect(days).toEqual(days.toSorted((one, other) => one - other));
  expect(days[0]).toBe(0);
  expect(days.at(-1)).toBeLessThan(lastDay - 14);
});

test('who interrupts the independent check interrupts the demo, which then still stops what it has started', async () => {
  const interrupt = new AbortController();
  const of = { url: 'http://127.0.0.1:1', tokenFile: 'none', clock: { now: () => new Date() } };
  const checked = checkIndependently(of, interrupt.signal);
  interrupt.abort();
  await expect(checked).rejects.toThrow('aborted');
});

test('everything that was started is stopped, also after something that does not stop', async () => {
  process.env['LUMENALITY_DATA_DIR'] = mkdtempSync(shared('demo-'));
  const stopped: string[] = [];
  const start = async (_config: Config, stops: Stops): Promise<never> => {
    stops.push(async () => stopped.push('database'));
    stops.push(() => Promise.reject(new Error('it does not stop')));
    stops.push(async () => stopped.push('API'));
    throw new Error('it does not start');
  };
  const show = () => Promise.reject(new Error('nothing to show'));
  const options = { exit: true, json: true, color: false, help: false };
  const demo = demonstrate({ folder: 'demo', start, show }, options, new AbortController().signal);
  await expect(demo).rejects.toThrow('it does not stop');
  expect(stopped).toEqual(['API', 'database']);
});
