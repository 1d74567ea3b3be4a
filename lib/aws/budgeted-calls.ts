import { setTimeout as delay } from 'node:timers/promises';
import type { CallKind } from '../domain/call-budget.ts';
import { DomainError } from '../domain/errors.ts';
import type { CallBudget } from '../ports/call-budget.ts';
import { call } from './clients.ts';
import { awsCodeOf, isThrottling } from './errors.ts';

/** Makes one call to CloudFormation; errors are as of `call`. */
export type CloudFormationCall = <T>(
  operation: string,
  signal: AbortSignal | undefined,
  send: (options: { abortSignal?: AbortSignal }) => Promise<T>,
) => Promise<T>;

/** All tries of one call; the client makes none by itself, so that no throttling goes unseen. */
const triesOfOneCall = 5;

/** Before the second try, at most; doubles with each one, and a random part of it is taken off ("Retry behavior", AWS SDKs Reference Guide). */
const firstDelayMs = { throttled: 500, other: 100 };

/** Calls to one cell's CloudFormation: each try takes from the budget that all replicas share, and each throttling is told to it. */
export function budgetedCalls(budget: CallBudget, cellId: string): CloudFormationCall {
  return async (operation, signal, send) => {
    const kind = kindOf(operation);
    for (let tries = 1; ; tries += 1) {
      await budget.take(cellId, kind, signal);
      try {
        return await call('cloudformation', operation, signal, send);
      } catch (error) {
        if (!(error instanceof DomainError)) throw error;
        const throttled = isThrottling(awsCodeOf(error));
        if (throttled) await budget.throttled(cellId, kind);
        if (!error.retryable || tries >= triesOfOneCall) throw error;
        const most = (throttled ? firstDelayMs.throttled : firstDelayMs.other) * 2 ** (tries - 1);
        await delay(most * Math.random(), undefined, signal === undefined ? {} : { signal });
      }
    }
  };
}

function kindOf(operation: string): CallKind {
  if (operation === 'DescribeStacks') return 'describe-stacks';
  return /^(Describe|Get|List)/.test(operation) ? 'read' : 'write';
}
