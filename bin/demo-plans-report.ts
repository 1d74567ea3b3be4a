import { dirname } from 'node:path';
import { addMonths, type Day } from '../lib/domain/plan/day.ts';
import { money } from './commands/money.ts';
import type { Output } from './commands/output.ts';
import { table } from './commands/table.ts';
import type { Checked, Standing } from './demo-plans-facts.ts';
import { heading } from './demo-report.ts';
import type { AcceleratedControlPlane } from './demo-rollout-control-plane.ts';
import type { Fact } from './demo-rollout-facts.ts';

/** What was charged in a year of the story. */
export interface Year {
  readonly from: Day;
  /** The first day after it. */
  readonly until: Day;
  readonly statements: number;
  readonly chargedCents: number;
  /** Credits, adjustments and reversals. */
  readonly correctedCents: number;
  readonly paidCents: number;
}

/** A statement counts in the year in which its period ended. */
export function yearsOf({ statements }: Standing, firstDay: Day): Year[] {
  return [0, 12, 24].map((months) => {
    const [from, until] = [addMonths(firstDay, months), addMonths(firstDay, months + 12)];
    const inIt = statements.filter((statement) => from < statement.until && statement.until <= until);
    const sum = (of: (statement: Standing['statements'][number]) => number) =>
      inIt.reduce((total, statement) => total + of(statement), 0);
    return {
      from,
      until,
      statements: inIt.length,
      chargedCents: sum(({ totals }) => totals.charge),
      correctedCents: sum(({ totals }) => totals.credit + totals.adjustment + totals.reversal),
      paidCents: -sum(({ totals }) => totals.payment),
    };
  });
}

export function reportYears(output: Output, years: readonly Year[]): void {
  heading(output, 'Three years of charges');
  const usd = (cents: number) => money(cents, 'USD');
  output.line(
    table(
      output,
      ['YEAR FROM', 'STATEMENTS', 'CHARGED', 'CREDITS AND ADJUSTMENTS', 'PAYMENTS NOTED'],
      years.map(({ from, statements, chargedCents, correctedCents, paidCents }) => [
        from,
        String(statements),
        usd(chargedCents),
        usd(correctedCents),
        usd(paidCents),
      ]),
    ),
  );
}

/** Practices by plan, state and lock, as they stand at the end. */
export function reportMembers(output: Output, { subscriptions }: Standing): void {
  heading(output, 'Practices at the end');
  const counts = new Map<string, number>();
  for (const { plan, state, locked } of subscriptions) {
    const lock = state === 'cancelled' ? '-' : locked ? 'locked' : 'not locked';
    const kind = [plan.id, `version ${plan.version}`, state, lock].join('\n');
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  const rows = [...counts].toSorted(([one], [other]) => one.localeCompare(other));
  output.line(
    table(
      output,
      ['PLAN', 'PRICE OF', 'STATE', 'RATE', 'PRACTICES'],
      rows.map(([kind, count]) => [...kind.split('\n'), String(count)]),
    ),
  );
}

export function reportFacts(output: Output, checked: Checked, facts: readonly Fact[]): void {
  heading(output, 'What the story was to show');
  const { green, red } = output.colours;
  const lines = (which: readonly Fact[]) => {
    for (const { words, held } of which) output.line(`  ${held ? green('yes') : red('NO ')}  ${words}`);
  };
  lines(facts);
  heading(
    output,
    `Recomputed from the terms alone: ${checked.charges} charges, ${money(checked.chargedCents, 'USD')}, of ${checked.subscriptions} subscriptions in ${checked.periods} periods`,
  );
  lines(checked.facts);
  const shown = checked.findings.slice(0, findingsShown);
  for (const { practiceId, text } of shown) output.line(`       ${practiceId}: ${text}`);
  if (shown.length < checked.findings.length)
    output.line(`       and ${checked.findings.length - shown.length} more (--json has all)`);
}

const findingsShown = 10;

export function reportNext(
  output: Output,
  { url, tokenFile }: Pick<AcceleratedControlPlane, 'url' | 'tokenFile'>,
  practiceId: string,
): void {
  heading(output, 'It stays up. In another terminal, try');
  output.line(`  export LUMENALITY_URL=${url} LUMENALITY_DATA_DIR=${dirname(tokenFile)}`);
  output.line(`  npx lumenality subscription show ${practiceId}`);
  output.line(`  npx lumenality subscription facts ${practiceId}`);
  output.line(`  npx lumenality subscription statements ${practiceId}`);
  output.line('  npx lumenality plan show founding');
  output.line('Ctrl-C stops it all; the next start makes everything anew.');
}
