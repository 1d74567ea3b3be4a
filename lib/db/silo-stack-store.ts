import { type Selectable, sql } from 'kysely';
import type { Component } from '../domain/release.ts';
import { type Connection, toJson } from './database.ts';
import type { SiloStackTable } from './practice-tables.ts';

/** A stack as the cloud last showed it. */
export interface SiloStack {
  readonly practiceId: string;
  readonly component: Component;
  readonly stackName: string;
  readonly stackId: string | null;
  /** CloudFormation's stack status. */
  readonly status: string;
  /** Of the template that the stack was deployed from; null while no deployment of it has succeeded. */
  readonly templateSha256: string | null;
  readonly outputs: Readonly<Record<string, string>>;
  readonly observedAt: Date;
}

/** Keeps what was observed of a stack, in place of what was known before; the template's hash stays unless it is given. */
export async function recordSiloStack(
  connection: Connection,
  stack: Omit<SiloStack, 'templateSha256'> & { readonly templateSha256?: string },
): Promise<void> {
  const observed = {
    stack_name: stack.stackName,
    stack_id: stack.stackId,
    status: stack.status,
    ...(stack.templateSha256 === undefined ? {} : { template_sha256: stack.templateSha256 }),
    outputs: toJson(stack.outputs),
    observed_at: stack.observedAt,
  };
  await connection
    .insertInto('silo_stack')
    .values({ practice_id: stack.practiceId, component: stack.component, ...observed })
    .onConflict((conflict) => conflict.columns(['practice_id', 'component']).doUpdateSet(observed))
    .execute();
}

/** The stacks of these practices, in no particular order of practices, each practice's in order of deployment. */
export async function listSiloStacks(
  connection: Connection,
  practiceIds: readonly string[],
): Promise<SiloStack[]> {
  if (practiceIds.length === 0) return [];
  const rows = await connection
    .selectFrom('silo_stack')
    .selectAll()
    .where('practice_id', 'in', practiceIds)
    .orderBy('practice_id')
    .orderBy(sql`array_position(array['foundation', 'data', 'service'], component)`)
    .execute();
  return rows.map(toSiloStack);
}

/** Ids of other practices whose recorded stacks show `value` as their output `output`: none in a fleet of true silos. */
export async function practicesSharingOutput(
  connection: Connection,
  practiceId: string,
  output: string,
  value: string,
): Promise<string[]> {
  const rows = await connection
    .selectFrom('silo_stack')
    .select('practice_id')
    .distinct()
    .where('practice_id', '<>', practiceId)
    .where(sql<string>`outputs ->> ${output}`, '=', value)
    .orderBy('practice_id')
    .execute();
  return rows.map((row) => row.practice_id);
}

function toSiloStack(row: Selectable<SiloStackTable>): SiloStack {
  return {
    practiceId: row.practice_id,
    component: row.component,
    stackName: row.stack_name,
    stackId: row.stack_id,
    status: row.status,
    templateSha256: row.template_sha256,
    outputs: row.outputs,
    observedAt: row.observed_at,
  };
}
