import { checksFor, siloChecks } from '../../lib/domain/silo-checks.ts';
import { acknowledgements } from '../../stacks/acknowledgements.ts';
import type { Control } from '../../stacks/compliance/control.ts';
import { controls } from '../../stacks/compliance/fsbp.ts';

/** Replaces what stands between `<!-- name -->` and `<!-- /name -->` in docs/controls.md by what the code says. */
export function controlsDocument(document: string): string {
  return Object.entries({
    controls: controlsTable(),
    accepted: acceptedTable(),
    checks: checksTable(),
  }).reduce((text, [name, table]) => {
    const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
    const [from, to] = [text.indexOf(begin), text.indexOf(end)];
    if (from < 0 || to < from)
      throw new Error(`docs/controls.md has no place for the table of ${name}: ${begin} … ${end}.`);
    return `${text.slice(0, from + begin.length)}\n\n${table}\n${text.slice(to)}`;
  }, document);
}

function controlsTable(): string {
  return table(
    ['control', 'asks', '45 CFR', 'NIST SP 800-53r5', 'construct', 'test', 'evidence check', 'state'],
    controls.map((control) => [
      control.id,
      control.asks,
      control.requirement.cfr.join(', '),
      control.requirement.nist.join(', '),
      file(control.construct),
      testOf(control),
      (control.checks ?? []).map(code).join(', ') || '–',
      stateOf(control),
    ]),
  );
}

/** Each judgement is proven to find a mistake; some have a test beside it that asks more. */
function testOf(control: Control): string {
  const tests = ['judge' in control ? 'test/stacks/fsbp.test.ts' : undefined, control.test];
  return tests.flatMap((path) => (path === undefined ? [] : file(path))).join(', ') || '–';
}

function stateOf(control: Control): string {
  if (!('judge' in control)) return `elsewhere: ${control.outside}`;
  if (control.absent === true) return 'kept: a silo has none';
  const accepted = acknowledgements.filter(({ rule }) => rule === `SecurityHub.${control.id}`);
  return accepted.length === 0
    ? 'kept'
    : `accepted for ${accepted
        .flatMap(({ resources }) => resources)
        .map(code)
        .join(', ')}`;
}

function acceptedTable(): string {
  return table(
    ['rule', 'resource', 'why it is accepted'],
    acknowledgements.map(({ rule, resources, reason }) => [rule, resources.map(code).join(', '), reason]),
  );
}

function checksTable(): string {
  const whileClosed = checksFor('closed').filter((check) => !siloChecks.includes(check));
  return table(
    ['evidence check', 'what must be true', 'supports', 'read from'],
    [...siloChecks, ...whileClosed].map(({ id, title, safeguards, source }) => [
      code(id),
      title,
      safeguards.join(', '),
      source,
    ]),
  );
}

function table(head: readonly string[], rows: ReadonlyArray<readonly string[]>): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line), ''].join('\n');
}

const code = (text: string): string => `\`${text}\``;
const file = (path: string): string => `[${path.split('/').at(-1)}](../${path})`;
