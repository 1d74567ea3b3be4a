import type { Cloud } from '../model.ts';
import { type Engine } from './deployment.ts';
import { enterStatus } from './events.ts';
import { describeError } from './failures.ts';
import { requireStack, stackKey, tables } from './records.ts';
import { carryOn, type RunControl } from './stack-operation.ts';

/** The stack operations that are under way in this process, one a stack. */
export interface Runner {
  /** Carries on what the stack's record says is to be done. */
  start(cloud: Cloud, stackId: string): void;
  /** Interrupts the work of a stack; its record says what is to follow. */
  interrupt(stackId: string): void;
  resume(cloud: Cloud): void;
  /** Lets go of every operation; each goes on at the next start. */
  stop(): Promise<void>;
}

export function createRunner(engine: Engine): Runner {
  const stopping = new AbortController();
  const running = new Map<string, { readonly control: RunControl; readonly ended: Promise<void> }>();

  const start = (cloud: Cloud, stackId: string) => {
    const key = stackKey(stackId);
    if (running.has(key) || stopping.signal.aborted) return;
    const control: RunControl = { cancel: () => undefined };
    // In a turn of its own: the request that begins an operation answers first.
    const ended = Promise.resolve()
      .then(() => carryOn(engine, cloud, stackId, stopping.signal, control))
      .catch((error: unknown) => endInFailure(cloud, stackId, error))
      .finally(() => running.delete(key));
    running.set(key, { control, ended });
  };

  return {
    start,
    interrupt: (stackId) => running.get(stackKey(stackId))?.control.cancel(),
    resume(cloud) {
      for (const { operation, stackId } of tables(cloud.state).stacks.list())
        if (operation) start(cloud, stackId);
    },
    async stop() {
      stopping.abort();
      for (const { control } of running.values()) control.cancel();
      await Promise.all([...running.values()].map(({ ended }) => ended));
    },
  };
}

/** A defect of the engine must not look like an operation that takes for ever. */
function endInFailure(cloud: Cloud, stackId: string, error: unknown): void {
  const { status } = requireStack(cloud, stackId);
  enterStatus(
    cloud,
    stackId,
    status.replace(/(COMPLETE_CLEANUP_)?IN_PROGRESS$/, 'FAILED'),
    `The sandbox failed: ${describeError(error)}`,
    {
      operation: undefined,
    },
  );
}
