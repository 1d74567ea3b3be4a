import type { Connection } from '../db/database.ts';
import { findOwnerInvitation } from '../db/owner-invitation-store.ts';
import { findPractice } from '../db/practice-store.ts';
import { wasStepTried } from '../db/run-history.ts';

/** Whether a silo may keep something that somebody entered, and how that is known. */
export interface RecordsJudgement {
  /** `practice`: it is or was active. `possible`: never active, but somebody could have got in. `none`: nobody could. */
  readonly records: 'practice' | 'possible' | 'none';
  /** In words, for the record of a removal. */
  readonly because: string;
}

/**
 * Judges what may be lost with a practice's silo, by the control plane's own records. The app lets nobody in before the link of its first owner was
 * taken (docs/silo.md, "The owner's link"), and nothing but the app reaches the database.
 */
export async function judgeRecords(db: Connection, practiceId: string): Promise<RecordsJudgement> {
  const practice = await findPractice(db, practiceId);
  if (practice === undefined || practice.activated_at !== null) {
    return { records: 'practice', because: 'the practice is or was active' };
  }
  if (!(await wasStepTried(db, practiceId, 'deploy-service'))) {
    return { records: 'none', because: 'no app was ever deployed that could have written to it' };
  }
  if ((await findOwnerInvitation(db, practiceId)) === undefined) {
    return {
      records: 'none',
      because: 'nobody was ever invited, so nobody could sign in and enter anything',
    };
  }
  return {
    records: 'possible',
    because: 'an app was deployed and an owner invited, so somebody may have signed in and entered something',
  };
}
