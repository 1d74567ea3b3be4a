import type { Db } from '../db/database.ts';
import { hostNameOf, type PracticeRow } from '../db/practice-store.ts';
import { DomainError } from '../domain/errors.ts';
import { type SiloPromise, siloPromise } from '../domain/silo-promise.ts';
import type { Access, Parameters } from '../domain/stack-plan.ts';
import { type StandingSources, standingOf } from './practice-parameters.ts';
import { recordedOutputs } from './recorded-stacks.ts';
import { releaseOf } from './steps/prepare.ts';

/**
 * What the silo of a practice is held against by what stands on record: its release, its settings, and what its stacks gave out.
 * @throws DomainError `wrong_state` when no release of it was ever verified; `verification_failed` when an output is missing.
 */
export async function recordedPromise(
  { db, shapes, cell }: StandingSources & { readonly db: Db },
  practice: PracticeRow,
  access: Access,
): Promise<SiloPromise> {
  if (practice.release_id === null) {
    throw new DomainError('wrong_state', `Practice ${practice.id} has no release to hold its silo against.`);
  }
  const release = await releaseOf({ db }, practice.release_id);
  const standing = await standingOf(db, { cell, shapes, access }, practice, release.manifest);
  const outputs = Object.assign({}, ...(await recordedOutputs(db, practice.id)).values()) as Parameters;
  return siloPromise({ practiceId: practice.id, hostName: hostNameOf(practice), release, standing, outputs });
}
