import { appendEvidence } from '../db/evidence-store.ts';
import { appendRunEvents } from '../db/run-event-store.ts';
import type { Evidence } from '../domain/evidence.ts';
import type { RunContext } from '../runs/workflow.ts';

/** Evidence is kept whatever it says, with an event for each check, before anything is concluded from it. */
export function keepEvidence({ run, now, write }: RunContext, evidence: readonly Evidence[]): Promise<void> {
  return write(async (trx) => {
    await appendEvidence(trx, { practiceId: run.practiceId, runId: run.id }, evidence);
    const events = evidence.map(({ check, title, passed, expected, observed }) => ({
      kind: 'check' as const,
      check,
      title,
      passed,
      expected,
      observed,
    }));
    await appendRunEvents(trx, run.id, events, now());
  });
}

/** What failed checks expected and observed, in a sentence for the operator. */
export function failureWords(failures: readonly Evidence[]): string {
  return failures
    .map(({ check, expected, observed }) => `${check}: expected ${expected}, observed ${observed}`)
    .join('; ');
}
