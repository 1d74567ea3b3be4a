import { DomainError } from '../domain/errors.ts';

/** What every error of an AWS SDK client may carry (`ServiceException` in @smithy/core). */
interface SdkError extends Error {
  readonly $metadata?: { readonly httpStatusCode?: number; readonly requestId?: string };
  readonly $retryable?: { readonly throttling?: boolean };
  readonly $fault?: 'client' | 'server';
  readonly code?: string;
}

/** Codes that AWS answers when it has too much to do ("Error handling" of the services; SDK throttling classification). */
const throttling = new Set([
  'Throttling',
  'ThrottlingException',
  'ThrottledException',
  'RequestLimitExceeded',
  'RequestThrottled',
  'RequestThrottledException',
  'TooManyRequestsException',
  'SlowDown',
  'PriorRequestNotComplete',
  'BandwidthLimitExceeded',
]);

/** Errors of the connection, not of AWS: Node's codes and the SDK's own names. */
const connection = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'TimeoutError',
]);

/**
 * The one place that turns an error of the AWS SDK into the core's: `cloud_failure` that names service, operation,
 * AWS's code, its message and the request id that AWS support asks for.
 */
export function cloudFailure(error: unknown, service: string, operation: string): DomainError {
  const { name, message, $metadata, $fault, $retryable, code } = error as SdkError;
  const unreachable = connection.has(code ?? '') || connection.has(name);
  const retryable =
    unreachable ||
    throttling.has(name) ||
    $retryable !== undefined ||
    $fault === 'server' ||
    ($metadata?.httpStatusCode ?? 0) >= 500;
  const said = unreachable ? `cannot be reached (${code ?? name})` : `answered ${name}: ${message}`;
  return new DomainError('cloud_failure', `AWS ${service}:${operation} ${said}`, {
    cause: error,
    retryable,
    context: {
      service,
      operation,
      awsCode: unreachable ? (code ?? name) : name,
      requestId: $metadata?.requestId ?? null,
    },
  });
}

/** AWS's error code of a `cloud_failure`; undefined for any other error. */
export function awsCodeOf(error: unknown): string | undefined {
  const code = error instanceof DomainError ? error.context['awsCode'] : undefined;
  return typeof code === 'string' ? code : undefined;
}
