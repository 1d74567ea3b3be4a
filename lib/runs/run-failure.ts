import { DomainError } from '../domain/errors.ts';
import type { RunError } from '../domain/run.ts';

/**
 * What an operator reads of a failure. A `DomainError` speaks for itself (`context.resource` and `context.nextAction`
 * travel on); of any other error only that it happened, because its message may hold anything: it is in the log.
 */
export function runErrorFrom(
  error: unknown,
  at: { readonly runId: string; readonly step: string },
): RunError {
  if (!(error instanceof DomainError)) {
    return {
      code: 'internal',
      message: `An unexpected error stopped the step ${at.step}.`,
      step: at.step,
      retryable: true,
      nextAction: `Look for run ${at.runId} in the control plane's log. Retry the run once; if it fails again, report it.`,
    };
  }
  const resource = error.context['resource'];
  const nextAction = error.context['nextAction'];
  return {
    code: error.code,
    message: error.publicMessage,
    step: at.step,
    ...(isFailedResource(resource) ? { resource } : {}),
    retryable: error.retryable,
    nextAction: typeof nextAction === 'string' ? nextAction : standardAction(error),
  };
}

function standardAction(error: DomainError): string {
  if (error.retryable) return 'This may pass by itself: retry the run.';
  return 'Correct the cause named above, then retry the run; or cancel it.';
}

function isFailedResource(value: unknown): value is NonNullable<RunError['resource']> {
  if (typeof value !== 'object' || value === null) return false;
  return ['stackName', 'logicalId', 'type', 'reason'].every(
    (name) => typeof (value as Record<string, unknown>)[name] === 'string',
  );
}
