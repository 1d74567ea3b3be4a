import { appendAudit } from '../db/audit-store.ts';
import {
  isGuardRelaxed,
  recordGuardRestored,
  takeOverrides,
  usableOverrides,
} from '../db/change-override-store.ts';
import { systemActor } from '../domain/access.ts';
import type { ChangeOverride } from '../domain/change-review.ts';
import { protectStatefulResources, relaxedStackPolicy } from '../domain/change-review-policy.ts';
import { isStateful } from '../domain/change-review-resources.ts';
import { DomainError } from '../domain/errors.ts';
import type { Component } from '../domain/release.ts';
import type { StackView } from '../ports/stack-deployments.ts';
import type { Watch } from './stack-progress.ts';

/** What somebody has allowed this run to do to one of its practice's stacks. */
export function overridesFor({ context }: Watch, component: Component): Promise<ChangeOverride[]> {
  return usableOverrides(context.db, useOf(context, component));
}

/**
 * Executes a change with the stack's policy relaxed for exactly what the overrides allow, and makes the policy whole again, whatever
 * came of the change. That it is relaxed stands on record before it is: after a crash the repeated step, the cancellation or the
 * practice's next deployment restores it first.
 */
export async function withGuardRelaxed(
  watch: Watch,
  component: Component,
  stack: StackView,
  overrides: readonly ChangeOverride[],
  change: () => Promise<void>,
): Promise<void> {
  if (overrides.length === 0) return change();
  try {
    await relaxGuard(watch, component, stack, overrides);
    await change();
  } catch (error) {
    // Why the change failed must be told; that the policy is still relaxed stays on record and is seen to next time.
    await restoreGuard(watch, component, stack).catch((unrestored: unknown) =>
      watch.context.log.warn({ err: unrestored, stack: stack.name }, 'the stack policy is not restored yet'),
    );
    throw error;
  }
  await restoreGuard(watch, component, stack);
}

async function relaxGuard(
  { context, stacks }: Watch,
  component: Component,
  stack: StackView,
  overrides: readonly ChangeOverride[],
): Promise<void> {
  const ids = overrides.map(({ id }) => id);
  await context.write(async (trx) => {
    const use = useOf(context, component);
    const taken = await takeOverrides(trx, ids, use);
    if (taken === undefined) throw notUsable();
    for (const row of taken) {
      await appendAudit(trx, {
        actor: systemActor,
        action: 'change_override.used',
        subject: { type: 'practice', id: use.practiceId },
        details: {
          overrideId: row.id,
          runId: use.runId,
          stackName: stack.name,
          logicalId: row.logical_id,
          effect: row.effect,
          reason: row.reason,
          allowedBy: row.created_by,
        },
        at: use.now,
      });
    }
  });
  const resources = await stacks.resources(stack.stackId, context.signal);
  const stateful = resources.filter(({ type }) => isStateful(type)).map(({ logicalId }) => logicalId);
  await context.checkpoint();
  await stacks.setStackPolicy(stack.name, relaxedStackPolicy(stateful, overrides), context.signal);
}

/** Makes a stack's policy whole again if anything had it relaxed, this run or an earlier one. */
export async function restoreGuard(
  { context, stacks }: Watch,
  component: Component,
  stack: StackView,
): Promise<void> {
  const { practiceId } = context.run;
  if (!(await isGuardRelaxed(context.db, { practiceId, component }))) return;
  await context.checkpoint();
  await stacks.setStackPolicy(stack.name, protectStatefulResources, context.signal);
  await context.write(async (trx) => {
    const at = context.now();
    for (const row of await recordGuardRestored(trx, { practiceId, component, now: at })) {
      await appendAudit(trx, {
        actor: systemActor,
        action: 'change_override.guard_restored',
        subject: { type: 'practice', id: practiceId },
        details: { overrideId: row.id, runId: context.run.id, stackName: stack.name },
        at,
      });
    }
  });
}

function useOf(context: Watch['context'], component: Component) {
  return { practiceId: context.run.practiceId, component, runId: context.run.id, now: context.now() };
}

function notUsable(): DomainError {
  return new DomainError(
    'change_refused',
    'An override that this change needs was revoked or has expired meanwhile. Nothing was changed.',
    { context: { nextAction: 'Ask a security administrator for a new override, then retry the run.' } },
  );
}
