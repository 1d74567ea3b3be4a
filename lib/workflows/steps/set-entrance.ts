import { z } from 'zod';
import type { Access } from '../../domain/stack-plan.ts';
import type { Kept, RunContext, StepDefinition } from '../../runs/workflow.ts';
import { bringEntranceTo } from '../entrance.ts';
import { type LifeCycleParts, removalOf } from '../life-cycle-parts.ts';
import { requireOwnSilo } from '../own-silo.ts';
import { recordSeen } from '../recorded-stacks.ts';
import { removeComponent } from '../remove-component.ts';
import { cameFrom } from './offboarding-input.ts';

const closed = {
  name: 'close-entrance',
  output: z.object({
    /** How the service stack stands; null when there is none. */
    status: z.string().nullable(),
    /** False when it was closed already. */
    changed: z.boolean(),
  }),
};

/**
 * Closes the entrance. Of a practice whose provisioning failed the service goes altogether: it holds nothing, and may be in no state in
 * which it could be changed.
 */
export function closeEntrance(parts: LifeCycleParts): StepDefinition<z.infer<typeof closed.output>> {
  return {
    ...closed,
    run: async (context) => {
      if (cameFrom(context.run) !== 'provisioning_failed')
        return setEntrance(parts, context, 'closed', context.step);
      const removal = removalOf(parts, context, context.step);
      await requireOwnSilo(removal);
      await removeComponent(removal, 'service');
      return { status: null, changed: true };
    },
  };
}

/** Brings the entrance to what it is to be and records the service stack as it was seen afterwards. */
export async function setEntrance(
  parts: LifeCycleParts,
  context: RunContext,
  access: Access,
  step: string,
): Promise<z.infer<typeof closed.output>> {
  const { stack, changed } = await bringEntranceTo(removalOf(parts, context, step), access);
  await recordSeen(context, 'service', stack);
  return { status: stack.status, changed };
}

/** For the cancellation of a closing: what it has closed is opened again. */
export async function reopenEntrance(parts: LifeCycleParts, context: RunContext): Promise<Kept> {
  const { changed } = await setEntrance(parts, context, 'open', 'cancel');
  return changed ? ['The entrance was opened again.'] : ['The entrance is open.'];
}
