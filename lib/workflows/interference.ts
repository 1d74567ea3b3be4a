import { DomainError } from '../domain/errors.ts';

/** "Common error types" of CloudFormation: another operation is under way, or the change set is not what it was. */
const movedOn: ReadonlySet<string> = new Set([
  'OperationInProgressException',
  'OperationInProgress',
  'InvalidChangeSetStatus',
  'InvalidChangeSetStatusException',
]);

/** How CloudFormation words the same as a `ValidationError`: for most of it there is no code. */
const words =
  /is in \w+ state and can ?not be updated|cannot be \w+ while in status|cannot be created again|does not exist/;

/** Whether a call was refused because somebody else has changed the stack, or is changing it, since it was read. */
export function hasMovedOn(error: unknown): boolean {
  if (!(error instanceof DomainError)) return false;
  const code = String(error.context['awsCode']);
  return movedOn.has(code) || (code === 'ValidationError' && words.test(error.publicMessage));
}

/** The error for a stack that did not stand still however often it was read again. */
export function keepsChanging(stackName: string, last: unknown): DomainError {
  return new DomainError(
    'deployment_failed',
    `Somebody else keeps changing stack ${stackName}: ${last instanceof Error ? last.message : String(last)}`,
    {
      cause: last,
      context: {
        nextAction: `Find out in CloudTrail who works on stack ${stackName}, wait until that is done, then retry the run.`,
      },
    },
  );
}
