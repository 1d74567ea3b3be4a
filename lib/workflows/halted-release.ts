import type { Trx } from '../db/database.ts';
import { holdRelease } from '../db/release-store.ts';
import { DomainError } from '../domain/errors.ts';

/**
 * Holds a release until the transaction ends, so that nobody halts it while it is given to a practice. A practice that has it already
 * keeps it: its settings and access still change.
 * @param has the release that the practice has, null for none
 * @throws DomainError `wrong_state` when the release is halted
 */
export async function refuseHalted(trx: Trx, releaseId: string, has: string | null): Promise<void> {
  if (releaseId === has) return;
  const halted = (await holdRelease(trx, releaseId))?.halted;
  if (halted === undefined || halted === null) return;
  throw new DomainError(
    'wrong_state',
    `Release ${releaseId} is halted, by ${halted.by} since ${halted.at.toISOString()}: ${halted.reason}. ` +
      `Publish a newer release; or, if this one turns out to do no harm: lumenality release unhalt ${releaseId}`,
    { context: { state: 'halted' } },
  );
}
