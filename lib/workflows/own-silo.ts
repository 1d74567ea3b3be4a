import type { Connection } from '../db/database.ts';
import { findOwnerInvitation } from '../db/owner-invitation-store.ts';
import { findPractice } from '../db/practice-store.ts';
import { wasStepTried } from '../db/run-history.ts';
import { DomainError } from '../domain/errors.ts';
import { components } from '../domain/release.ts';
import { stackNameFor } from '../domain/stack-plan.ts';
import type { StackView } from '../ports/stack-deployments.ts';
import type { Watch } from './stack-progress.ts';

/** How far the clocks of AWS and of the control plane may be apart. */
const clockSlackMs = 300_000;

/**
 * A stack of this name that was there before its practice was approved belongs to somebody else: to a practice of the same id that this record does not
 * know (any more), because it was restored from an older backup. It is neither adopted nor changed.
 * @throws DomainError `change_refused`
 */
export async function requireOwnStack(db: Connection, practiceId: string, stack: StackView): Promise<void> {
  const practice = await findPractice(db, practiceId);
  if (practice === undefined) throw new DomainError('not_found', `There is no practice ${practiceId}.`);
  if (stack.createdAt.getTime() >= practice.created_at.getTime() - clockSlackMs) return;
  throw foreign(
    `Stack ${stack.name} was made at ${stack.createdAt.toISOString()}, before practice ${practiceId} was approved at ${practice.created_at.toISOString()}`,
  );
}

/**
 * Before a silo is taken apart: everything that stands there has to be what this record knows of. A record that was restored from a backup may be
 * older than the silo, which may be in use by now.
 * @throws DomainError `change_refused`; nothing was changed.
 */
export async function requireOwnSilo({ context, stacks }: Watch): Promise<void> {
  const { db, run, signal } = context;
  for (const component of components) {
    const stack = await stacks.describe(stackNameFor(run.practiceId, component), signal);
    if (stack === undefined) continue;
    await requireOwnStack(db, run.practiceId, stack);
    if (component !== 'service') continue;
    if (!(await wasStepTried(db, run.practiceId, 'deploy-service'))) {
      throw foreign(`Stack ${stack.name} is there, and no run on record has deployed it`);
    }
    const invited = (stack.parameters['OwnerInvitationSha256'] ?? '') !== '';
    if (invited && (await findOwnerInvitation(db, run.practiceId)) === undefined) {
      throw foreign(`Stack ${stack.name} invites an owner whom nobody on record has invited`);
    }
  }
}

function foreign(what: string): DomainError {
  return new DomainError(
    'change_refused',
    `${what}: this record does not know what the silo holds. Nothing was changed.`,
    {
      context: {
        nextAction:
          'Find out whose silo it is (lumenality orphans; docs/runbooks/restore-control-plane.md). Where this database was restored from a backup, a newer backup may know.',
      },
    },
  );
}
