import type { PlannedRollout } from '../../control-api/contracts/rollouts.ts';
import type { Output } from './output.ts';
import { waveName } from './rollout-words.ts';
import { table } from './table.ts';
import { clean } from './text.ts';
import { localTime } from './window-text.ts';

type Reasoned = PlannedRollout['left'];

/** How a plan reads, wave by wave; of each list `rows` rows at most. */
export function showPlan(output: Output, plan: PlannedRollout, rows: number): void {
  const { releaseId, deadline, policy, waves, takesOver, blockedBy } = plan;
  const practices = waves.reduce((total, { targets }) => total + targets.length, 0);
  output.line(
    `${output.colours.bold(`Release ${releaseId}`)}: ${people(practices)} in ${waves.length === 1 ? 'one wave' : `${waves.length} waves`}.`,
  );
  if (deadline !== null) output.line(`Security release: everybody should have it by ${deadline}.`);
  output.line(
    `${policy.concurrencyPerCell} at a time in a cell, each expected to take ${span(policy.expectedMinutes)}; ${span(policy.bakeMinutes)} between waves; it pauses after more than ${policy.failureBudget.failures} failures.`,
  );
  if (takesOver !== null) {
    output.line(
      `It takes over from rollout ${takesOver.rolloutId} of ${takesOver.releaseId} when it starts.`,
    );
  }
  for (const [place, { targets }] of waves.entries()) {
    output.line(
      `\n${output.colours.bold(`Wave ${place + 1}, ${waveName(plan, place)}`)}: ${people(targets.length)}`,
    );
    const shown = targets
      .slice(0, rows)
      .map((target) => [
        target.practiceId,
        localTime(target.startsAt, target.timeZone),
        localTime(target.latestStartAt, target.timeZone),
        target.startsAt,
        target.yielded.length === 0 ? '-' : { text: target.yielded.join(', '), paint: output.colours.yellow },
      ]);
    output.line(
      table(output, ['PRACTICE', 'STARTS THERE', 'AT THE LATEST', 'STARTS (UTC)', 'YIELDS'], shown),
    );
    sayRest(output, targets.length, rows);
  }
  showReasons(output, 'Left out', plan.left, rows);
  showLate(output, plan, rows);
  for (const { rolloutId, releaseId: other, practices: count } of blockedBy) {
    output.line(
      `\n${output.colours.red('It cannot start now')}: rollout ${rolloutId} of ${other} has ${count} of these practices. Wait for its end or abort it.`,
    );
  }
}

/** Who misses the deadline, so that nobody overlooks it. */
export function showLate(output: Output, { late }: { readonly late: Reasoned }, rows: number): void {
  showReasons(output, output.colours.red('MISSES THE DEADLINE'), late, rows);
}

export function showReasons(output: Output, title: string, reasons: Reasoned, rows: number): void {
  if (reasons.length === 0) return;
  output.line(`\n${output.colours.bold(title)}: ${people(reasons.length)}`);
  const shown = reasons.slice(0, rows).map(({ practiceId, reason }) => [practiceId, clean(reason)]);
  output.line(table(output, ['PRACTICE', 'REASON'], shown));
  sayRest(output, reasons.length, rows);
}

function sayRest(output: Output, total: number, rows: number): void {
  if (total > rows) output.line(output.colours.dim(`… and ${total - rows} more: use --all or --json.`));
}

const people = (count: number): string => `${count} ${count === 1 ? 'practice' : 'practices'}`;

/** `45 min`, `2 h`, `1 h 30 min`. */
function span(minutes: number): string {
  const [hours, rest] = [Math.floor(minutes / 60), minutes % 60];
  if (hours === 0) return `${rest} min`;
  return rest === 0 ? `${hours} h` : `${hours} h ${rest} min`;
}
