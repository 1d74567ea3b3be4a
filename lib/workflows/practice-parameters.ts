import type { Connection } from '../db/database.ts';
import { findOwnerInvitation } from '../db/owner-invitation-store.ts';
import type { PracticeRow } from '../db/practice-store.ts';
import { invitationParameters } from '../domain/owner-invitation.ts';
import type { PracticeState } from '../domain/practice.ts';
import { accessParameters, type Parameters } from '../domain/stack-plan.ts';
import type { Shapes } from '../ports/shapes.ts';

/**
 * Every stack parameter that a practice itself decides: its plan's shape, what it has set, and whatever else is kept on its
 * record. The one place that knows, for each workflow that deploys.
 */
export async function practiceParameters(
  db: Connection,
  shapes: Shapes,
  practice: Pick<PracticeRow, 'id' | 'shape' | 'settings' | 'state'>,
): Promise<Parameters> {
  return {
    ...shapes.parametersForShape(practice.shape, practice.settings),
    ...invitationParameters(await findOwnerInvitation(db, practice.id)),
    ...accessParameters(closedStates.has(practice.state) ? 'closed' : 'open'),
  };
}

/** States in which nobody is to get in. */
const closedStates: ReadonlySet<PracticeState> = new Set(['suspended', 'offboarding']);
