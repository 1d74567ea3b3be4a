import { remedyFor } from '../domain/cloud-refusals.ts';
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
  'ENOTFOUND',
  'ECONNABORTED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'TimeoutError',
]);

/** The caller is not known (any more): expired, revoked or missing credentials ("Common error types" of the services). */
const credentials = new Set([
  'ExpiredToken',
  'ExpiredTokenException',
  'RequestExpired',
  'InvalidClientTokenId',
  'UnrecognizedClientException',
  'SignatureDoesNotMatch',
  'AuthFailure',
  'CredentialsProviderError',
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
    $metadata?.httpStatusCode === 429 ||
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
      ...(isUnknown(name, message) ? { missing: true } : {}),
      ...nextActionOn(name, `${service}:${operation}`, message),
    },
  });
}

/**
 * Codes by which AWS says that the thing asked about is not there, each service in its own way: `InvalidVpcID.NotFound`, `DBInstanceNotFound`,
 * `ResourceNotFoundException`, `NoSuchBucket`, `ChangeSetNotFound`, `WAFNonexistentItemException`. CloudFormation has none for a stack: "ValidationError: Stack … does not exist".
 */
function isUnknown(code: string, message: string): boolean {
  if (code === 'ValidationError') return /does not exist/.test(message);
  return /NotFound|NoSuch(?:Bucket|Entity|HostedZone)|Nonexistent/.test(code);
}

/** What an operator does about it; nothing for errors that speak for themselves. */
function nextActionOn(name: string, operation: string, message: string): { readonly nextAction?: string } {
  // CloudFormation does not find the role that silos are deployed with.
  if (/role\/lumenality-cell\/\S+ is invalid or cannot be assumed/.test(message)) {
    return {
      nextAction:
        'Deploy the stack lumenality-cell into this account and Region (docs/cell.md), then retry the run.',
    };
  }
  if (credentials.has(name)) {
    return { nextAction: "Give the control plane's workers valid AWS credentials, then retry the run." };
  }
  const remedy = remedyFor(`${name}: ${message}`, operation);
  if (remedy !== undefined) return { nextAction: remedy };
  return {};
}

/** AWS's error code of a `cloud_failure`; undefined for any other error. */
export function awsCodeOf(error: unknown): string | undefined {
  const code = error instanceof DomainError ? error.context['awsCode'] : undefined;
  return typeof code === 'string' ? code : undefined;
}

/** Whether AWS said that it has too much to do. */
export function isThrottling(code: string | undefined): boolean {
  return code !== undefined && throttling.has(code);
}
