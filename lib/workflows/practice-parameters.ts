import type { Connection } from '../db/database.ts';
import { findOwnerInvitation } from '../db/owner-invitation-store.ts';
import { hostNameOf, type PracticeRow } from '../db/practice-store.ts';
import { invitationParameters } from '../domain/owner-invitation.ts';
import type { PracticeState } from '../domain/practice.ts';
import {
  type Access,
  accessParameters,
  type ParameterSources,
  type Parameters,
  standingParameters,
} from '../domain/stack-plan.ts';
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
    ...siloParameters(shapes, practice),
    ...invitationParameters(await findOwnerInvitation(db, practice.id)),
  };
}

/** Those that say how its silo is made: all but who is invited into it. */
export function siloParameters(
  shapes: Shapes,
  practice: Pick<PracticeRow, 'shape' | 'settings' | 'state'>,
): Parameters {
  return {
    ...shapes.parametersForShape(practice.shape, practice.settings),
    ...accessParameters(closedStates.has(practice.state) ? 'closed' : 'open'),
  };
}

/** What the parameters of a practice's stacks come from, beside its record and its release. */
export interface StandingSources {
  readonly cell: ParameterSources['cell'];
  readonly shapes: Shapes;
  /** What the practice's access is to be; absent: it stays as it is on record. */
  readonly access?: Access;
}

/** Values of a practice's stack parameters that are known before anything is deployed. */
export async function standingOf(
  db: Connection,
  { cell, shapes, access }: StandingSources,
  practice: PracticeRow,
  release: ParameterSources['release'],
): Promise<Parameters> {
  const chosen = await practiceParameters(db, shapes, practice);
  return standingParameters({
    practice: { id: practice.id, hostName: hostNameOf(practice) },
    chosen: { ...chosen, ...(access === undefined ? {} : accessParameters(access)) },
    release,
    cell,
  });
}

/** States in which nobody is to get in. */
const closedStates: ReadonlySet<PracticeState> = new Set(['suspended', 'offboarding']);
