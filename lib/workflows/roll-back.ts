import type { StackView } from '../ports/stack-deployments.ts';
import { followed, type Watch } from './stack-progress.ts';

/**
 * Continues the roll-back of a stack that is `UPDATE_ROLLBACK_FAILED`, once in a generation of the run: what kept it from rolling back may have
 * passed, and a person who mended it retries. No resource is ever skipped. Answers the stack as it stands then, any other stack as it is;
 * undefined when it is gone meanwhile.
 */
export async function withRollBackContinued(watch: Watch, stack: StackView): Promise<StackView | undefined> {
  if (stack.status !== 'UPDATE_ROLLBACK_FAILED') return stack;
  const { context, stacks } = watch;
  const token = context.token(`continue-roll-back:${context.run.generation}:${stack.stackId}`);
  const history = await stacks.eventsSince(stack.stackId, () => false, context.signal);
  if (history.some((event) => event.token === token)) return stack;
  await context.checkpoint();
  await stacks.continueUpdateRollback(stack.stackId, token, context.signal);
  return followed(watch, stack.stackId, false);
}
