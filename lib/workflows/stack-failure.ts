import { remedyFor } from '../domain/cloud-refusals.ts';
import { DomainError } from '../domain/errors.ts';
import type { StackEvent, StackView } from '../ports/stack-deployments.ts';
import { inProgress, isOfStack, type Watch } from './stack-progress.ts';

/** How CloudFormation calls a resource that it gave up on only because another one had failed. */
const cancelledReason = /^Resource (creation|update) cancelled/i;

const beginnings: ReadonlySet<string> = new Set([
  'CREATE_IN_PROGRESS',
  'UPDATE_IN_PROGRESS',
  'DELETE_IN_PROGRESS',
]);
const turns: ReadonlySet<string> = new Set(['ROLLBACK_IN_PROGRESS', 'UPDATE_ROLLBACK_IN_PROGRESS']);

/** Why the latest operation of a stack failed, by its own events: whoever began it, and whoever watched. */
interface OperationFailure {
  /** The resource that failed first; undefined when none did. */
  readonly cause: StackEvent | undefined;
  /** The resource that keeps the operation from being rolled back. */
  readonly blocking: StackEvent | undefined;
  /** What CloudFormation said of the stack itself when it gave up, for example "User Initiated". */
  readonly said: string | null;
}

/** @param events the whole history of the stack, oldest first. */
function operationFailure(events: readonly StackEvent[]): OperationFailure {
  const begun = events.findLastIndex((event) => isOfStack(event) && beginnings.has(event.status));
  const operation = events.slice(Math.max(begun, 0));
  const turned = operation.findLastIndex((event) => isOfStack(event) && turns.has(event.status));
  const givenUp = operation.find(
    (event) => isOfStack(event) && event.reason !== null && !beginnings.has(event.status),
  );
  return {
    cause: operation.find(hasFailed),
    blocking: turned === -1 ? undefined : operation.slice(turned).find(hasFailed),
    said: givenUp?.reason ?? null,
  };
}

function hasFailed(event: StackEvent): boolean {
  return !isOfStack(event) && event.status.endsWith('_FAILED') && !cancelledReason.test(event.reason ?? '');
}

/**
 * The error for a stack that an operation left in a bad status: root cause first, what is left, what to do.
 * @param history all events of the stack, oldest first, where they are at hand.
 */
export async function stackFailure(
  watch: Watch,
  stack: StackView,
  history?: readonly StackEvent[],
): Promise<DomainError> {
  const events =
    history ?? (await watch.stacks.eventsSince(stack.stackId, () => false, watch.context.signal));
  const failure = operationFailure(events);
  const { cause } = failure;
  if (cause === undefined) {
    const standing = inProgress(stack.status) ? 'still in progress' : 'no reason given';
    const reason = stack.statusReason ?? failure.said ?? standing;
    return new DomainError('deployment_failed', `Stack ${stack.name} is ${stack.status}: ${reason}`, {
      context: { stackStatus: stack.status, nextAction: nextAction(stack, failure, reason) },
    });
  }
  const reason = cause.reason ?? 'no reason given';
  return new DomainError(
    'deployment_failed',
    [
      `${cause.logicalId} (${cause.resourceType}) in stack ${stack.name} failed: ${reason}`,
      ...whatIsLeft(stack, failure),
    ].join(' '),
    {
      context: {
        resource: { stackName: stack.name, logicalId: cause.logicalId, type: cause.resourceType, reason },
        stackStatus: stack.status,
        nextAction: nextAction(stack, failure, reason),
      },
    },
  );
}

/** What CloudFormation kept, by how it left the stack ("Stack status codes"). */
const left: Readonly<Record<string, string>> = {
  ROLLBACK_COMPLETE: 'CloudFormation removed what it had made of this stack; nothing of it is left.',
  UPDATE_ROLLBACK_COMPLETE: 'The stack is as it was before this change.',
  ROLLBACK_FAILED: 'Not everything that was made could be removed yet.',
  UPDATE_ROLLBACK_FAILED: 'The stack could not be taken back to what it was.',
  DELETE_FAILED: 'What could not be deleted is still there.',
};

function whatIsLeft(stack: StackView, { cause, blocking }: OperationFailure): string[] {
  const said = left[stack.status];
  const stuck =
    blocking === undefined || blocking.id === cause?.id
      ? []
      : [
          `Its roll-back stopped at ${blocking.logicalId} (${blocking.resourceType}): ${blocking.reason ?? 'no reason given'}`,
        ];
  return [...(said === undefined ? [] : [said]), ...stuck];
}

function nextAction(stack: StackView, { blocking }: OperationFailure, reason: string): string {
  const remedy =
    remedyFor(reason) ??
    'Remove the cause that CloudFormation names, then retry the run: it goes on from this step. Or cancel it.';
  if (stack.status !== 'UPDATE_ROLLBACK_FAILED') return remedy;
  const resource = blocking === undefined ? 'the resource named above' : blocking.logicalId;
  return (
    `The roll-back of stack ${stack.name} was continued once and failed again. Mend what keeps ${resource} from rolling back, then retry the run: it ` +
    `continues the roll-back first. Only a person may give ${resource} up: aws cloudformation continue-update-rollback --stack-name ${stack.name} ` +
    `--resources-to-skip ${blocking?.logicalId ?? '<logical id>'}. ${remedy}`
  );
}
