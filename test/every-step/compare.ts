import type { Life } from './harness.ts';
import type { Picture } from './picture.ts';

/** What an interrupted life may have that an undisturbed one has not. */
interface Allowance {
  /** A run that fails and an operator who retries it write a row each; a stack that could not be made is made anew. */
  readonly failures: boolean;
}

/** In words, where two lives differ; empty when they came to the same after every workflow. */
export function differences(reference: Life, life: Life, { failures }: Allowance): string[] {
  const told: string[] = [];
  for (const [workflow, expected] of reference.after) {
    const found = life.after.get(workflow);
    const parts: (keyof Picture)[] = ['records', 'audit', 'cloud'];
    for (const part of parts) {
      const [before, after] = [expected[part], found?.[part] ?? []].map((lines) =>
        failures ? lines.filter((line) => !isOfFailure(line)) : lines,
      );
      told.push(
        ...compared(before ?? [], after ?? []).map((line) => `${life.practiceId}, ${workflow}: ${line}`),
      );
    }
    if (failures)
      told.push(...unevenRetries(found).map((line) => `${life.practiceId}, ${workflow}: ${line}`));
  }
  return told;
}

const isFailureRow = (line: string): boolean => /"action":"[a-z_]+\.\w*failed"/.test(line);
const isRetryRow = (line: string): boolean => line.includes('"action":"run.retried"');
const isOfFailure = (line: string): boolean =>
  isFailureRow(line) ||
  isRetryRow(line) ||
  (line.includes('stack ever made') && line.includes('DELETE_COMPLETE'));

/** Each failure was retried once: a lost or doubled row of the trail shows here. */
function unevenRetries(picture: Picture | undefined): string[] {
  const failed = picture?.audit.filter(isFailureRow).length ?? 0;
  const retried = picture?.audit.filter(isRetryRow).length ?? 0;
  return failed === retried ? [] : [`${failed} failures and ${retried} retries in the audit trail`];
}

/** Line by line as often as it occurs; a line that is there otherwise is told by where it begins to differ. */
function compared(expected: readonly string[], found: readonly string[]): string[] {
  const surplus = new Map<string, number>();
  for (const line of expected) surplus.set(line, (surplus.get(line) ?? 0) - 1);
  for (const line of found) surplus.set(line, (surplus.get(line) ?? 0) + 1);
  const missing = [...surplus].filter(([, count]) => count < 0).map(([line]) => line);
  const surplusLines = [...surplus].filter(([, count]) => count > 0);
  const told = surplusLines.map(([line, count]) => {
    const like = missing.toSorted((a, b) => common(b, line) - common(a, line))[0] ?? '';
    const at = common(like, line);
    if (at < line.length / 4) return `${count} too many: ${line}`;
    missing.splice(missing.indexOf(like), 1);
    return `${line.slice(0, 90)}…: expected …${like.slice(at - 40, at + 80)}…, found …${line.slice(at - 40, at + 80)}…`;
  });
  return [...told, ...missing.map((line) => `missing: ${line}`)];
}

function common(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length += 1;
  return length;
}
