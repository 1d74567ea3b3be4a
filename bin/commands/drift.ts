import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { type Drift, driftCheckSchema, driftSchema } from '../../control-api/contracts/drift.ts';
import { commandError } from './command-error.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import { findPractice } from './find.ts';
import { act, type Invocation, type Session } from './session.ts';
import { type Cell, fields, table } from './table.ts';
import { duration, relative } from './text.ts';
import { milliseconds } from './watch.ts';

const pollMs = 500;
const patienceMs = 900_000;

interface DriftOptions {
  readonly check?: boolean;
  readonly timeout?: number;
}

/** `lumenality practice drift`. */
export function practiceDriftCommand(group: Command, invocation: Invocation): void {
  const command = group
    .command('drift')
    .argument('<practice>', 'id or name, or a unique start of either')
    .description(
      "Show what differs between a practice's silo and its release; exit code 1 unless it is in sync",
    )
    .option('--check', 'look now, and wait for the result')
    .option('--timeout <duration>', 'with --check: stop waiting after, such as 90s or 15m', milliseconds);
  act<DriftOptions>(command, invocation, async (session, options, [text = '']) => {
    const practice = await findPractice(session.api, text);
    const path = `/v1/practices/${practice.id}/drift`;
    const drift =
      options.check === true ? await freshDrift(session, path, options) : await read(session, path);
    session.output.document(drift);
    showDrift(session, drift, practice.state);
    return exitCodeFor(drift);
  });
}

const read = ({ api }: Session, path: string): Promise<Drift> => api.get(path, driftSchema);

/** Only a silo that is known to be in sync is good news. */
const exitCodeFor = ({ state }: Drift): ExitCode => (state === 'in_sync' ? exitCodes.done : exitCodes.failed);

async function freshDrift(session: Session, path: string, { timeout }: DriftOptions): Promise<Drift> {
  const { requestedAt } = await session.api.post(`${path}-checks`, driftCheckSchema, {});
  const patience = timeout ?? patienceMs;
  const deadline = performance.now() + patience;
  for (;;) {
    const drift = await read(session, path);
    if (drift.checkedAt !== null && drift.checkedAt >= requestedAt) return drift;
    if (performance.now() > deadline) {
      throw commandError('timed_out', `There is no result after ${duration(patience)}; the look goes on.`, {
        hint: `Read it later with: npx lumenality practice drift ${drift.practiceId}`,
      });
    }
    await delay(pollMs);
  }
}

function showDrift({ output }: Session, drift: Drift, practiceState: string): void {
  const now = new Date();
  output.line(
    fields(output, [
      ['Practice', drift.practiceId],
      ['Drift', painted(drift, output.colours)],
      ['Release', drift.releaseId ?? '-'],
      ['Looked at', relative(drift.checkedAt, now)],
      ['So since', relative(drift.since, now)],
      ['Next look', relative(drift.nextCheckAt, now)],
    ]),
  );
  if (drift.state === 'not_checked') {
    const watched = practiceState === 'active' || practiceState === 'suspended';
    output.line(
      watched
        ? `\nNobody has looked yet. Next: npx lumenality practice drift ${drift.practiceId} --check`
        : `\nThe practice is ${practiceState}; only the silo of an active or a suspended one is held against a release.`,
    );
  }
  if (drift.differences.length > 0) {
    output.line();
    output.line(
      table(
        output,
        ['WHERE', 'PROPERTY', 'EXPECTED', 'ACTUAL'],
        drift.differences.map((row) => [
          `${row.component}/${row.resource}`,
          row.property,
          row.expected ?? 'nothing',
          row.actual ?? 'nothing',
        ]),
      ),
    );
    const advice = new Map(drift.differences.map((row) => [`${row.meaning}\n  ${row.nextAction}`, row]));
    for (const text of advice.keys()) output.line(`\n${text}`);
  }
  for (const { component, resource, property, reason } of drift.accepted) {
    output.line(`\nExpected: ${component}/${resource} ${property}. ${reason}`);
  }
  for (const problem of drift.problems) output.line(`\nNot read: ${problem}`);
}

function painted({ state }: Drift, colours: Session['output']['colours']): Cell {
  if (state === 'in_sync') return { text: state, paint: colours.green };
  return state === 'drifted' ? { text: state, paint: colours.red } : state;
}
