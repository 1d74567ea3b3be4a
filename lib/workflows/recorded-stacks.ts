import type { Db } from '../db/database.ts';
import { listSiloStacks, recordSiloStack, type SiloStack } from '../db/silo-stack-store.ts';
import type { Component } from '../domain/release.ts';
import type { Parameters } from '../domain/stack-plan.ts';
import type { StackView } from '../ports/stack-deployments.ts';
import type { RunContext } from '../runs/workflow.ts';

/** The stack of a component as it was last seen, if it ever was. */
export async function recordedStack(
  { db, run }: RunContext,
  component: Component,
): Promise<SiloStack | undefined> {
  return (await listSiloStacks(db, [run.practiceId])).find((stack) => stack.component === component);
}

/** What each stack of a practice gave out when it was last seen. */
export async function recordedOutputs(
  db: Db,
  practiceId: string,
): Promise<ReadonlyMap<Component, Parameters>> {
  const stacks = await listSiloStacks(db, [practiceId]);
  return new Map(stacks.map(({ component, outputs }) => [component, outputs]));
}

/** Writes down how a stack of the run's practice was seen, in place of what was known of it. */
export function recordSeen(
  context: RunContext,
  component: Component,
  { name, stackId, status, outputs }: Pick<StackView, 'name' | 'stackId' | 'status' | 'outputs'>,
): Promise<void> {
  return context.write((trx) =>
    recordSiloStack(trx, {
      practiceId: context.run.practiceId,
      component,
      stackName: name,
      stackId,
      status,
      outputs,
      observedAt: context.now(),
    }),
  );
}
