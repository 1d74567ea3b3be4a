import type { Connection } from '../db/database.ts';
import { findOwnerInvitation } from '../db/owner-invitation-store.ts';
import { findPractice } from '../db/practice-store.ts';
import { wasStepTried } from '../db/run-history.ts';
import { DomainError } from '../domain/errors.ts';
import { type Component, components } from '../domain/release.ts';
import { stackNameFor } from '../domain/stack-plan.ts';
import type { StackView } from '../ports/stack-deployments.ts';
import type { Watch } from './stack-progress.ts';

/** How far the clocks of AWS and of the control plane may be apart. */
const clockSlackMs = 300_000;

/**
 * A stack of this name that was there before its practice was approved belongs to somebody else: to a practice of the same id that this record does not
 * know (any more), because it was restored from an older backup. It is neither adopted nor changed nor removed.
 * @throws DomainError `change_refused`
 */
export async function requireOwnStack(db: Connection, practiceId: string, stack: StackView): Promise<void> {
  const foreign = await whyForeign(db, practiceId, stack);
  if (foreign !== undefined) throw unknownSilo(foreign);
}

/** Why a stack of a practice's name is another one's, in words; undefined for its own. */
export async function whyForeign(
  db: Connection,
  practiceId: string,
  { name, createdAt }: StackView,
): Promise<string | undefined> {
  const practice = await findPractice(db, practiceId);
  if (practice === undefined) throw new DomainError('not_found', `There is no practice ${practiceId}.`);
  if (createdAt.getTime() >= practice.created_at.getTime() - clockSlackMs) return undefined;
  return `Stack ${name} was made at ${createdAt.toISOString()}, before practice ${practiceId} was approved at ${practice.created_at.toISOString()}`;
}

/**
 * Before a silo is taken apart: everything that stands there has to be what this record knows of. A record that was restored from a backup may be
 * older than the silo, which may be in use by now.
 * @throws DomainError `change_refused`; nothing was changed.
 */
export async function requireOwnSilo(watch: Watch): Promise<void> {
  const [foreign] = (await foreignStacks(watch)).values();
  if (foreign !== undefined) throw unknownSilo(foreign);
}

/**
 * The stacks of this practice's names that are older than its approval, and why that is known. All others are its own, as far as this record goes.
 * @throws DomainError `change_refused` when one of its own tells of a life that this record does not know.
 */
export async function foreignStacks({ context, stacks }: Watch): Promise<ReadonlyMap<Component, string>> {
  const { db, run, signal } = context;
  const foreign = new Map<Component, string>();
  for (const component of components) {
    const stack = await stacks.describe(stackNameFor(run.practiceId, component), signal);
    if (stack === undefined) continue;
    const why = await whyForeign(db, run.practiceId, stack);
    if (why !== undefined) foreign.set(component, why);
    else if (component === 'service') await requireKnownService(db, run.practiceId, stack);
  }
  return foreign;
}

async function requireKnownService(db: Connection, practiceId: string, stack: StackView): Promise<void> {
  if (!(await wasStepTried(db, practiceId, 'deploy-service'))) {
    throw unknownSilo(`Stack ${stack.name} is there, and no run on record has deployed it`);
  }
  const invited = (stack.parameters['OwnerInvitationSha256'] ?? '') !== '';
  if (invited && (await findOwnerInvitation(db, practiceId)) === undefined) {
    throw unknownSilo(`Stack ${stack.name} invites an owner whom nobody on record has invited`);
  }
}

/** What to do about a silo that this record does not know. */
export const findItsRecord =
  'Find out whose silo it is (lumenality orphans; docs/runbooks/restore-control-plane.md). Where this database was restored from a backup, a newer backup may know.';

/** The error for a silo that is not as this record would have it, where going on could lose what it holds. */
export function unknownSilo(what: string): DomainError {
  return new DomainError(
    'change_refused',
    `${what}: this record does not know what the silo holds. Nothing was changed.`,
    { context: { nextAction: findItsRecord } },
  );
}
