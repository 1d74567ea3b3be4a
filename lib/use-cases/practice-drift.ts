import { appendAudit } from '../db/audit-store.ts';
import {
  type DriftRecord,
  isWatched,
  listDriftRecords,
  newestDriftRecord,
  requestDriftCheck as putFirstInLine,
  readDriftWatch,
} from '../db/drift-store.ts';
import { type Page, type PageRequest, pageFrom, positionOf } from '../db/page.ts';
import { lockPractice } from '../db/practice-store.ts';
import { openRunOf } from '../db/run-store.ts';
import type { Actor } from '../domain/access.ts';
import type { AcceptedDifference, DriftDifference, DriftState } from '../domain/drift.ts';
import type { Core } from './core.ts';
import { readPractice } from './read-practices.ts';
import { notFound, wrongState } from './refusals.ts';

export type { DriftRecord };

/** How a practice's silo compares with its release, as far as is known. */
export interface PracticeDrift {
  readonly practiceId: string;
  readonly state: DriftState;
  /** The release that it was held against; null while it never was. */
  readonly releaseId: string | null;
  /** When the last look began. */
  readonly checkedAt: Date | null;
  /** Since when the findings are these. */
  readonly since: Date | null;
  readonly nextCheckAt: Date | null;
  /** When somebody last asked for a look out of turn. */
  readonly requestedAt: Date | null;
  readonly differences: readonly DriftDifference[];
  readonly accepted: readonly AcceptedDifference[];
  readonly problems: readonly string[];
}

/**
 * A practice that is not watched any more, such as one whose silo was removed, is `not_checked`: what was found before (`listDriftHistory`
 * has it) says nothing of now.
 * @throws DomainError `not_found`
 */
export async function readDrift(core: Core, practiceId: string): Promise<PracticeDrift> {
  const practice = await readPractice(core, practiceId);
  const watched = isWatched(practice.state);
  const watch = watched ? await readDriftWatch(core.db, practiceId) : undefined;
  const newest = watched ? await newestDriftRecord(core.db, practiceId) : undefined;
  return {
    practiceId,
    state: watch?.state ?? 'not_checked',
    releaseId: newest?.release_id ?? null,
    checkedAt: watch?.checked_at ?? null,
    since: newest?.observed_at ?? null,
    nextCheckAt: watch?.next_check_at ?? null,
    requestedAt: watch?.requested_at ?? null,
    differences: newest?.differences ?? [],
    accepted: newest?.accepted ?? [],
    problems: newest?.problems ?? [],
  };
}

/** What looks at a silo found, newest first; a look that found the same as the one before left no record. @throws DomainError `not_found` */
export async function listDriftHistory(
  core: Core,
  practiceId: string,
  page: PageRequest,
): Promise<Page<DriftRecord>> {
  await readPractice(core, practiceId);
  const beforeId = page.cursor === undefined ? undefined : Number(positionOf(page.cursor, 'integer').id);
  const rows = await listDriftRecords(core.db, { practiceId, beforeId, limit: page.limit + 1 });
  return pageFrom(rows, page.limit, (row) => ({ at: row.observed_at, id: String(row.id) }));
}

/**
 * Asks for a look out of turn; answers when it was asked for: a look that began then or later is the answer. Repeating it is harmless.
 * @throws DomainError `not_found`; `wrong_state` when the practice is neither active nor suspended, or a run is about to change its silo.
 */
export function requestDriftCheck(core: Core, practiceId: string, actor: Actor): Promise<Date> {
  return core.db.transaction().execute(async (trx) => {
    const practice = await lockPractice(trx, practiceId);
    if (practice === undefined) throw notFound('practice');
    if (!isWatched(practice.state)) {
      throw wrongState(
        practice.state,
        `The practice is ${practice.state}; only the silo of an active or a suspended practice is held against a release.`,
      );
    }
    const open = await openRunOf(trx, practiceId);
    if (open !== undefined) {
      throw wrongState(
        practice.state,
        `Run ${open.id} (${open.workflow}) is at work on this silo. Ask again when it has ended: it verifies the silo too.`,
      );
    }
    const now = core.clock.now();
    await putFirstInLine(trx, practiceId, now);
    await appendAudit(trx, {
      actor,
      action: 'practice.drift_check_requested',
      subject: { type: 'practice', id: practiceId },
      at: now,
    });
    return now;
  });
}
