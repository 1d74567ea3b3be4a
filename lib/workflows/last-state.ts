import { findPractice } from '../db/practice-store.ts';
import { DomainError } from '../domain/errors.ts';
import { accessIn, stackNameFor } from '../domain/stack-plan.ts';
import { requireOwnSilo, unknownSilo } from './own-silo.ts';
import type { Watch } from './stack-progress.ts';

/**
 * Before the last snapshot: it has to be of the database that the practice worked with, and nobody may enter anything after it. What stands there is read,
 * because this record may be older than it: one that was restored from a backup of a grace period does not know that the exit was taken back since.
 * @param database the instance that is to be copied; undefined when none was found
 * @throws DomainError `change_refused`; nothing was changed.
 */
export async function requireLastState(watch: Watch, database: string | undefined): Promise<void> {
  const {
    context: { run, signal },
    stacks,
  } = watch;
  await requireOwnSilo(watch);
  const service = await stacks.describe(stackNameFor(run.practiceId, 'service'), signal);
  if (service !== undefined && accessIn(service.parameters) !== 'closed') {
    throw unknownSilo(
      `The entrance of ${run.practiceId} is on record as closed, and stack ${service.name} has it open`,
    );
  }
  const inUse = service?.parameters['DatabaseInstanceId'] ?? '';
  if (inUse !== '' && inUse !== database) throw anotherDatabase(service?.name ?? '', inUse, database);
  if (database === undefined && (await wasActive(watch))) throw noDatabase(run.practiceId);
}

async function wasActive({ context: { db, run } }: Watch): Promise<boolean> {
  return (await findPractice(db, run.practiceId))?.activated_at !== null;
}

/** The runbook restores into a second data stack, and hands its database to the app. */
function anotherDatabase(serviceStack: string, inUse: string, found: string | undefined): DomainError {
  return new DomainError(
    'change_refused',
    `Stack ${serviceStack} works with database instance ${inUse}, and the data stack has ${found ?? 'none'}: a final snapshot of that would not be of what the practice has entered. Nothing was changed.`,
    {
      context: {
        nextAction:
          'Two people keep a snapshot of the database in use and remove what works with it by hand (docs/runbooks/offboarding.md, "The app works with a restored database"), then retry the run.',
      },
    },
  );
}

function noDatabase(practiceId: string): DomainError {
  return new DomainError(
    'change_refused',
    `Practice ${practiceId} was active, and its database is not there: there is nothing to take a final snapshot of. Nothing was changed.`,
    {
      context: {
        nextAction:
          'Find out in CloudTrail who removed the database, and whether this is the right account and Region. Restore it into the data stack (docs/runbooks/restore-database.md), then retry the run.',
      },
    },
  );
}
