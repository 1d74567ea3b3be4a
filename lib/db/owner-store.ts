import type { Owner } from '../domain/orphans.ts';
import type { Connection } from './database.ts';
import { openRunStates } from './run-store.ts';

/** What is on record of these practices as owners of resources; an id that no practice has is left out. */
export async function readOwners(
  connection: Connection,
  practiceIds: readonly string[],
): Promise<Map<string, Owner>> {
  if (practiceIds.length === 0) return new Map();
  const ids = [...practiceIds];
  const practices = await connection
    .selectFrom('practice')
    .select(['id', 'state', 'cell_id'])
    .where('id', 'in', ids)
    .execute();
  const runs = await connection
    .selectFrom('run')
    .select(['id', 'practice_id', 'state', 'kept'])
    .where('practice_id', 'in', ids)
    .where('state', 'in', [...openRunStates, 'cancelled'])
    .execute();
  const offboardings = await connection
    .selectFrom('offboarding')
    .select(['practice_id', 'stage', 'key_arn', 'final_snapshot', 'kept'])
    .where('practice_id', 'in', ids)
    .where('stage', '<>', 'cancelled')
    .execute();
  return new Map(
    practices.map(({ id, state, cell_id }) => {
      const own = runs.filter((run) => run.practice_id === id);
      const offboarding = offboardings.find((row) => row.practice_id === id);
      return [
        id,
        {
          id,
          state,
          cellId: cell_id,
          openRunId: own.find((run) => run.state !== 'cancelled')?.id ?? null,
          kept: [
            ...own.flatMap((run) => run.kept),
            ...(offboarding === undefined ? [] : keptBy(offboarding)),
          ],
        },
      ];
    }),
  );
}

/** What an offboarding keeps, in words that name each thing. */
function keptBy(offboarding: {
  readonly stage: string;
  readonly key_arn: string | null;
  readonly final_snapshot: { readonly id: string } | null;
  readonly kept: readonly { readonly type: string; readonly id: string }[];
}): string[] {
  const until = `its practice's offboarding keeps it (stage ${offboarding.stage})`;
  return [
    ...(offboarding.final_snapshot === null
      ? []
      : [`Final snapshot ${offboarding.final_snapshot.id}: ${until}.`]),
    ...(offboarding.key_arn === null ? [] : [`KMS key ${offboarding.key_arn}: ${until}.`]),
    ...offboarding.kept.map(({ type, id }) => `${type} ${id}: ${until}.`),
  ];
}
