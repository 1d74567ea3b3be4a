import type { Command } from 'commander';
import { type OrphanFinding, type Orphans, orphansSchema } from '../../control-api/contracts/orphans.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import { act, type Invocation, type Session } from './session.ts';
import { table } from './table.ts';
import { cents, relative } from './text.ts';

/** `lumenality orphans`: one command without verbs below it. */
export function orphansCommand(command: Command, invocation: Invocation): void {
  command.option('--cell <id>', 'look in this cell only');
  act<{ cell?: string }>(command, invocation, async (session, { cell }) => {
    const report = await session.api.get('/v1/orphans', orphansSchema, { query: { cell } });
    session.output.document(report);
    showReport(session, report);
    return exitCodeFor(report);
  });
}

/** Only a sweep that could read everything and found no orphan is good news. */
function exitCodeFor({ cells, findings }: Orphans): ExitCode {
  const unread = cells.some(({ problem }) => problem !== null);
  const orphaned = findings.some(({ verdict }) => verdict === 'orphan');
  return unread || orphaned ? exitCodes.failed : exitCodes.done;
}

function showReport({ output }: Session, { cells, findings }: Orphans): void {
  const orphans = findings.filter(({ verdict }) => verdict === 'orphan');
  const kept = findings.filter(({ verdict }) => verdict === 'kept');
  showFindings(output, orphans);
  if (kept.length > 0) output.line(`${orphans.length > 0 ? '\n' : ''}Kept on purpose:`);
  showFindings(output, kept);
  for (const { id, problem } of cells) {
    if (problem !== null) output.line(`\nCell ${id} could not be read: ${problem}`);
  }
  const read = cells.filter(({ resources }) => resources !== null);
  const seen = read.reduce((sum, { resources }) => sum + (resources ?? 0), 0);
  output.line(
    `${findings.length > 0 ? '\n' : ''}${count(orphans.length, 'orphan')} and ${kept.length} kept among ${count(seen, 'tagged resource')} ` +
      `in ${count(read.length, 'cell')}. Nothing was deleted.`,
  );
  for (const advice of new Set(orphans.map(({ nextAction }) => nextAction))) output.line(`Next: ${advice}`);
}

function showFindings(output: Session['output'], findings: readonly OrphanFinding[]): void {
  if (findings.length === 0) return;
  const now = new Date();
  output.line(
    table(
      output,
      ['PRACTICE', 'CELL', 'KIND', 'RESOURCE', 'MADE', 'USD A MONTH', 'REASON'],
      findings.map((row) => [
        row.practiceId,
        row.cellId,
        row.kind,
        output.wide ? row.arn : row.name,
        row.createdAt === null ? '-' : relative(row.createdAt, now),
        row.monthlyNanoUsd === null ? 'by use' : cents(row.monthlyNanoUsd),
        row.reason,
      ]),
    ),
  );
}

const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`;
