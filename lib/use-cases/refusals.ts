import { DomainError } from '../domain/errors.ts';

export function notFound(
  kind:
    | 'sign-up'
    | 'practice'
    | 'run'
    | 'release'
    | 'rollout'
    | 'token'
    | 'cell'
    | 'notice'
    | 'notice endpoint'
    | 'ledger transaction'
    | 'request for approval'
    | 'plan',
): DomainError {
  return new DomainError('not_found', `There is no such ${kind}. List them to find the id.`);
}

/** A refusal because of the state that the resource is in; the answer names that state. */
export function wrongState(state: string, message: string): DomainError {
  return new DomainError('wrong_state', message, { context: { state } });
}

/**
 * Holds a change to the revision that its author saw (If-Match). Without one, the change goes on what is there now.
 * @throws DomainError `precondition_failed`
 */
export function requireRevision(actual: number, expected: readonly number[] | undefined): void {
  if (expected === undefined || expected.includes(actual)) return;
  throw new DomainError(
    'precondition_failed',
    'It was changed since you read it. Read it again, and repeat the change with its new ETag in If-Match.',
  );
}
