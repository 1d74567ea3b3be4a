/** What people read of a failure. */
import { randomUUID } from 'node:crypto';
import { AwsError } from '../model.ts';
import { quotaCodes } from '../quotas.ts';
import { isThrottling } from '../throttling.ts';

export const describeError = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

const deniedCodes = /^(AccessDenied|UnauthorizedOperation|NotAuthorized|AuthorizationError)/;

/**
 * Why a resource failed, as its event says it. What its service refused for a quota, for permissions or because it was
 * asked too often carries the code by which CloudFormation's handlers tell those apart ("HandlerErrorCode").
 */
export function reasonOf(error: unknown): string {
  const message = describeError(error);
  if (!(error instanceof AwsError)) return message;
  const handlerErrorCode = quotaCodes.has(error.code)
    ? 'ServiceLimitExceeded'
    : deniedCodes.test(error.code)
      ? 'AccessDenied'
      : isThrottling(error.code)
        ? 'Throttling'
        : undefined;
  if (handlerErrorCode === undefined) return message;
  return `Resource handler returned message: "${message}" (RequestToken: ${randomUUID()}, HandlerErrorCode: ${handlerErrorCode})`;
}
