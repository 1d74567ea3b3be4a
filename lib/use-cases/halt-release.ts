import { appendAudit } from '../db/audit-store.ts';
import type { Trx } from '../db/database.ts';
import { addNotices } from '../db/notice-store.ts';
import { lockRelease, type PublishedRelease, readRelease, setHalted } from '../db/release-store.ts';
import { practicesPinnedTo } from '../db/schedule-store.ts';
import type { Actor } from '../domain/access.ts';
import type { Core } from './core.ts';
import { notFound, requireRevision, wrongState } from './refusals.ts';

/** A change of a release's state, held to the revision that its author saw. */
export interface HaltRequest {
  readonly id: string;
  readonly reason: string;
  readonly revision?: readonly number[] | undefined;
}

/**
 * Stops a release: no approval and no update deploys it from now on, to any practice that does not have it. What has begun ends. Who is
 * pinned to it stays on it, and is told.
 * @throws DomainError `not_found`; `precondition_failed`; `wrong_state` when it is halted already.
 */
export function haltRelease(core: Core, request: HaltRequest, actor: Actor): Promise<PublishedRelease> {
  return change(core, request, actor, 'release.halted');
}

/**
 * Lets a halted release be deployed again.
 * @throws DomainError `not_found`; `precondition_failed`; `wrong_state` when it is not halted.
 */
export function unhaltRelease(core: Core, request: HaltRequest, actor: Actor): Promise<PublishedRelease> {
  return change(core, request, actor, 'release.unhalted');
}

function change(
  core: Core,
  { id, reason, revision }: HaltRequest,
  actor: Actor,
  action: 'release.halted' | 'release.unhalted',
): Promise<PublishedRelease> {
  return core.db.transaction().execute(async (trx) => {
    const release = await lockRelease(trx, id);
    if (release === undefined) throw notFound('release');
    requireRevision(release.revision, revision);
    const { halted } = release;
    const halts = action === 'release.halted';
    if (halts && halted !== null) {
      throw wrongState(
        'halted',
        `Release ${id} is halted already, by ${halted.by} since ${halted.at.toISOString()}: ${halted.reason}`,
      );
    }
    if (!halts && halted === null) {
      throw wrongState('published', `Release ${id} is not halted: it can be deployed as it is.`);
    }
    const at = core.clock.now();
    await setHalted(trx, id, halts ? { by: actor.name, at, reason } : null);
    if (halts) await tellPinned(trx, { releaseId: id, reason, now: at });
    await appendAudit(trx, {
      actor,
      action,
      subject: { type: 'release', id },
      details: {
        reason,
        ...(halted === null ? {} : { wasHaltedBy: halted.by, wasHaltedFor: halted.reason }),
      },
      at,
    });
    return (await readRelease(trx, id)) ?? release;
  });
}

async function tellPinned(
  trx: Trx,
  { releaseId, reason, now }: { readonly releaseId: string; readonly reason: string; readonly now: Date },
): Promise<void> {
  const pinned = await practicesPinnedTo(trx, releaseId, now);
  const notices = pinned.map(({ practiceId, until }) => ({
    kind: 'pinned_release_halted' as const,
    practiceId,
    subject: { type: 'release', id: releaseId },
    data: { releaseId, reason, until: until.toISOString() },
  }));
  await addNotices(trx, notices, now);
}
