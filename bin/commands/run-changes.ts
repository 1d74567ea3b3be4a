import { type Run, type RunEvent, runEventPageSchema } from '../../control-api/contracts/runs.ts';
import { CommandError } from './command-error.ts';
import { exitCodes } from './exit-codes.ts';
import type { Session } from './session.ts';
import { type Cell, table } from './table.ts';
import { clean } from './text.ts';

type ChangeEvent = Extract<RunEvent, { kind: 'change' }>;

/** One change of a change set in a line: what it does to which resource, whether it was let pass, and why. */
export function changeWords({ logicalId, type, effect, verdict, reason }: ChangeEvent): string {
  const said =
    verdict === 'refused' ? 'REFUSED' : verdict === 'overridden' ? 'allowed by an override' : 'allowed';
  const because = reason === null ? '' : `: ${clean(reason)}`;
  return `change ${clean(logicalId)} (${clean(type)}) ${effect}, ${said}${because}`;
}

/**
 * Shows what the review said of a run's change sets: every change that is more than safe, and how many were safe. A run that
 * changed no stack that was there already has nothing to show.
 */
export async function showChanges({ api, output }: Session, run: Run): Promise<void> {
  const changes = await changesOf(api, run.id);
  if (changes === 'not_allowed') {
    output.line(
      output.colours.dim('\nThe changes are in the events of the run, which this token may not read.'),
    );
    return;
  }
  if (changes.length === 0) return;
  const telling = changes.filter(({ effect }) => effect !== 'safe');
  const verdict = (event: ChangeEvent): Cell =>
    event.verdict === 'refused' ? { text: 'REFUSED', paint: output.colours.red } : event.verdict;
  output.line();
  if (telling.length > 0) {
    output.line(
      table(
        output,
        ['CHANGE', 'RESOURCE', 'EFFECT', 'VERDICT', 'WHY'],
        telling.map((event) => [
          event.logicalId,
          event.type,
          event.effect,
          verdict(event),
          event.reason ?? '-',
        ]),
      ),
    );
  }
  output.line(`${changes.length - telling.length} of ${changes.length} reviewed changes are safe.`);
}

async function changesOf(api: Session['api'], runId: string): Promise<ChangeEvent[] | 'not_allowed'> {
  const changes: ChangeEvent[] = [];
  let after = 0;
  try {
    for (;;) {
      const { items, nextCursor } = await api.get(`/v1/runs/${runId}/events`, runEventPageSchema, {
        query: { after, limit: 500 },
      });
      changes.push(...items.filter((event) => event.kind === 'change'));
      if (nextCursor === null) return changes;
      after = Number(nextCursor);
    }
  } catch (error) {
    if (error instanceof CommandError && error.exitCode === exitCodes.notAllowed) return 'not_allowed';
    throw error;
  }
}
