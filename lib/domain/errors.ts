/** Every way in which the control plane says no. HTTP statuses and exit codes are each mapped from these in one file. */
export type ErrorCode =
  | 'invalid_input'
  | 'not_found'
  | 'wrong_state'
  | 'conflict'
  | 'plan_full'
  | 'idempotency_mismatch'
  | 'idempotency_in_progress'
  | 'precondition_failed'
  | 'precondition_required'
  | 'unauthenticated'
  | 'forbidden'
  | 'too_large'
  | 'rate_limited'
  | 'not_acceptable'
  | 'cloud_failure'
  | 'deployment_failed'
  | 'change_refused'
  | 'verification_failed'
  | 'configuration'
  | 'unavailable';

/** One field of the input that is wrong: a JSON pointer (RFC 6901) and what is wrong with it. */
export interface FieldError {
  readonly pointer: string;
  readonly message: string;
}

export interface DomainErrorOptions {
  /** Facts for the log and, where the mapping allows them, for the answer: never a secret. */
  readonly context?: Readonly<Record<string, unknown>>;
  readonly fields?: readonly FieldError[];
  readonly cause?: unknown;
  /** Whether the same call may succeed later without any change. */
  readonly retryable?: boolean;
}

/** The one error type of the core; it knows nothing of HTTP. `publicMessage` says what is wrong and what to do. */
export class DomainError extends Error {
  readonly code: ErrorCode;
  readonly publicMessage: string;
  readonly context: Readonly<Record<string, unknown>>;
  readonly fields: readonly FieldError[];
  readonly retryable: boolean;

  constructor(code: ErrorCode, publicMessage: string, options: DomainErrorOptions = {}) {
    super(publicMessage, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'DomainError';
    this.code = code;
    this.publicMessage = publicMessage;
    this.context = options.context ?? {};
    this.fields = options.fields ?? [];
    this.retryable = options.retryable ?? false;
  }
}

/** Whether a call failed because what it asked about is not there: gone, or so new that it cannot be read yet. */
export function isMissing(error: unknown): boolean {
  return error instanceof DomainError && error.context['missing'] === true;
}
