import type { Trx } from '../db/database.ts';
import { lockPractice, type PracticeRow } from '../db/practice-store.ts';
import { readRelease } from '../db/release-store.ts';
import { openRunOf } from '../db/run-store.ts';
import type { Actor } from '../domain/access.ts';
import { DomainError } from '../domain/errors.ts';
import type { Workflow } from '../domain/run.ts';
import { beginRun } from '../runs/begin-run.ts';
import type { Core } from './core.ts';
import { notFound, requireRevision, wrongState } from './refusals.ts';

/** What every change of a practice's life says of itself. */
export interface LifeChange {
  readonly practiceId: string;
  readonly reason: string;
  readonly revision?: readonly number[] | undefined;
}

/**
 * The practice, locked until the transaction ends, with no run open: two that ask at once cannot both find it idle.
 * @throws DomainError `not_found`; `precondition_failed`; `wrong_state` when a run is open, which it names.
 */
export async function idlePractice(trx: Trx, change: LifeChange): Promise<PracticeRow> {
  const practice = await lockPractice(trx, change.practiceId);
  if (practice === undefined) throw notFound('practice');
  requireRevision(practice.revision, change.revision);
  const open = await openRunOf(trx, practice.id);
  if (open === undefined) return practice;
  throw wrongState(
    practice.state,
    `The practice is ${practice.state}, and its run ${open.id} (${open.workflow}) is ${open.state}. Wait for its end or cancel it, then ask again.`,
  );
}

/** @throws DomainError `invalid_input` */
export async function requirePublished(trx: Trx, releaseId: string): Promise<void> {
  if ((await readRelease(trx, releaseId)) !== undefined) return;
  throw new DomainError('invalid_input', `Release ${releaseId} is not published.`, {
    fields: [{ pointer: '/releaseId', message: 'must be the id of a published release' }],
  });
}

/** Records and enqueues the run that does what was asked for; the caller writes the audit row. */
export function beginRunFor(
  core: Core,
  trx: Trx,
  { practiceId, reason }: LifeChange,
  run: { readonly workflow: Workflow; readonly input: Readonly<Record<string, unknown>> },
  actor: Actor,
): Promise<string> {
  const now = core.clock.now();
  return beginRun(trx, core, { ...run, practiceId, reason, requestedBy: actor.name, now });
}
