import { z } from 'zod';
import { changeOffboarding, lockOffboarding } from '../../db/offboarding-store.ts';
import { DomainError } from '../../domain/errors.ts';
import type { Component } from '../../domain/release.ts';
import type { StepContext, StepDefinition } from '../../runs/workflow.ts';
import {
  auditPractice,
  type LifeCycleParts,
  removalOf,
  standardSettledWithinMs,
} from '../life-cycle-parts.ts';
import { type Retained, removeComponent } from '../remove-component.ts';
import { databaseGone, databaseLogGroups, databaseType } from '../silo-database.ts';
import { snapshotTaken } from './final-snapshot.ts';

const keptSchema = z.array(z.object({ type: z.string(), id: z.string() }));

/** What the removal of a component left standing, in the journal. */
export const removed = (component: Component) => ({
  name: `remove-${component}`,
  output: z.object({ kept: keptSchema }),
});

type Removed = z.infer<ReturnType<typeof removed>['output']>;

/** Removes the service. That the removal begins stands on record before: from then on it cannot be taken back. */
export function removeService(parts: LifeCycleParts): StepDefinition<Removed> {
  return {
    ...removed('service'),
    run: async (context) => {
      await context.write(async (trx) => {
        const { practiceId } = context.run;
        const offboarding = await lockOffboarding(trx, practiceId);
        if (offboarding?.stage !== 'deprovisioning') {
          throw new DomainError('wrong_state', `Practice ${practiceId} is not being deprovisioned any more.`);
        }
        if (offboarding.removalBeganAt !== null) return;
        await changeOffboarding(trx, practiceId, { removalBeganAt: context.now() });
        await auditPractice(trx, context.run, 'practice.removal_began', {}, context.now());
      });
      return { kept: keptOf(await removeComponent(removalOf(parts, context, context.step), 'service')) };
    },
  };
}

/**
 * Removes the data stack and then the database, which its stack leaves standing, with the groups that it needed. The database goes only
 * against the final snapshot, which is read once more.
 */
export function removeData(parts: LifeCycleParts): StepDefinition<Removed> {
  return {
    ...removed('data'),
    run: async (context) => {
      const retained = await removeComponent(removalOf(parts, context, context.step), 'data');
      const removal = parts.ports.removal(context.run.practiceId);
      const idsOf = (type: string) =>
        retained.filter((each) => each.type === type).map(({ physicalId }) => physicalId);
      const logs: { readonly type: string; readonly id: string }[] = [];
      for (const id of idsOf(databaseType)) {
        await removeDatabase(parts, context, id);
        for (const name of await databaseLogGroups(parts.ports.silo, id, context.signal))
          logs.push({ type: 'AWS::Logs::LogGroup', id: name });
      }
      for (const name of idsOf('AWS::RDS::DBSubnetGroup')) {
        await context.checkpoint();
        await removal.removeDatabaseSubnetGroup(name, context.signal);
      }
      for (const name of idsOf('AWS::RDS::DBParameterGroup')) {
        await context.checkpoint();
        await removal.removeDatabaseParameterGroup(name, context.signal);
      }
      const others = retained.filter(({ type }) => !type.startsWith('AWS::RDS::'));
      return { kept: [...keptOf(others), ...logs] };
    },
  };
}

/** Removes the network and all that the foundation made but what is kept on purpose. */
export function removeFoundation(parts: LifeCycleParts): StepDefinition<Removed> {
  return {
    ...removed('foundation'),
    run: async (context) => ({
      kept: keptOf(await removeComponent(removalOf(parts, context, context.step), 'foundation')),
    }),
  };
}

/** What goes with another resource is not kept apart from it. */
const partOfAnother: ReadonlySet<string> = new Set(['AWS::S3::BucketPolicy']);

const keptOf = (retained: readonly Retained[]) =>
  retained.flatMap(({ type, physicalId }) => (partOfAnother.has(type) ? [] : [{ type, id: physicalId }]));

async function removeDatabase(parts: LifeCycleParts, context: StepContext, id: string): Promise<void> {
  const { removal: removals, silo } = parts.ports;
  const { database, keyArn } = context.outputOf(snapshotTaken);
  if (!(await silo.databaseExists(id, context.signal))) return;
  if (database === null || database.instanceId !== id || keyArn === null) {
    throw new DomainError(
      'conflict',
      `Database instance ${id} is there and has no final snapshot: it is not removed.`,
      {
        context: {
          nextAction:
            'Somebody made it after the final snapshot was taken. Find out who and why; nothing of it was touched.',
        },
      },
    );
  }
  await context.checkpoint();
  const farewell = { finalSnapshotId: database.snapshot.id, keyArn };
  await removals(context.run.practiceId).removeDatabase(id, farewell, context.signal);
  const waiting = { context, intervalMs: parts.pollIntervalMs };
  if (await databaseGone(waiting, silo, id, parts.settledWithinMs ?? standardSettledWithinMs)) return;
  throw new DomainError('deployment_failed', `Database instance ${id} was asked to go and is still there.`, {
    context: { nextAction: 'Look at its events in RDS, remove the cause, then retry the run: it goes on.' },
  });
}
