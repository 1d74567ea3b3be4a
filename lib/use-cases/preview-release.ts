import { findPractice } from '../db/practice-store.ts';
import { openRunOf } from '../db/run-store.ts';
import { DomainError } from '../domain/errors.ts';
import type { CloudPorts } from '../ports/cloud.ts';
import type { Log } from '../ports/log.ts';
import type { StandingSources } from '../workflows/practice-parameters.ts';
import { previewRelease as preview, type StackPreview } from '../workflows/preview-release.ts';
import type { Core } from './core.ts';
import { readRelease } from './read-releases.ts';
import { notFound, wrongState } from './refusals.ts';

/** CloudFormation takes some seconds for a change set; three are made one after the other. */
const previewWithinMs = 120_000;

/** The cell of a practice, as far as a preview asks it. */
export type SiloOf = (practiceId: string) => Promise<
  StandingSources & {
    readonly ports: Pick<CloudPorts, 'stacks'>;
    readonly pollIntervalMs: number;
  }
>;

export interface ReleasePreview {
  readonly releaseId: string;
  readonly practiceId: string;
  /** The release that the practice has. */
  readonly from: string | null;
  readonly at: Date;
  /** In the order of deployment. */
  readonly stacks: readonly StackPreview[];
}

/**
 * What an update to a release would do to a practice's stacks, as the change review judges it now. Nothing is executed or recorded.
 * @throws DomainError `not_found`; `wrong_state` when the practice is not active or a run of it is open, which it names.
 */
export async function previewRelease(
  core: Core,
  { siloOf, log }: { readonly siloOf: SiloOf; readonly log: Log },
  asked: { readonly releaseId: string; readonly practiceId: string },
  signal: AbortSignal,
): Promise<ReleasePreview> {
  const { releaseId, practiceId } = asked;
  await readRelease(core, releaseId);
  const practice = await findPractice(core.db, practiceId);
  if (practice === undefined) throw notFound('practice');
  if (practice.state !== 'active') {
    throw wrongState(
      practice.state,
      `The practice is ${practice.state}; a preview is of an update, and only an active practice is updated.`,
    );
  }
  await requireNoRun(core, practiceId);
  const { ports, pollIntervalMs, ...sources } = await siloOf(practiceId);
  const late = AbortSignal.timeout(previewWithinMs);
  const parts = { db: core.db, clock: core.clock, log, stacks: ports.stacks, sources, pollIntervalMs };
  try {
    const stacks = await preview(parts, practice, releaseId, AbortSignal.any([signal, late]));
    return { releaseId, practiceId, from: practice.release_id, at: core.clock.now(), stacks };
  } catch (error) {
    // A run that began meanwhile changes the stacks under the preview: that is what is wrong then.
    await requireNoRun(core, practiceId);
    if (!late.aborted) throw error;
    throw new DomainError(
      'unavailable',
      `CloudFormation has not worked out the change sets within ${previewWithinMs / 1_000} seconds. Ask again later.`,
      { cause: error, retryable: true },
    );
  }
}

async function requireNoRun(core: Core, practiceId: string): Promise<void> {
  const open = await openRunOf(core.db, practiceId);
  if (open === undefined) return;
  throw wrongState(
    open.state,
    `Run ${open.id} (${open.workflow}) of this practice is ${open.state} and changes its stacks. Wait for its end, then ask again.`,
  );
}
