import { AwsError } from './model.ts';

/** The services whose refusal is not their protocol's usual one. */
const ofService: Readonly<Record<string, () => AwsError>> = {
  ec2: () => new AwsError('RequestLimitExceeded', 'Request limit exceeded.', 503),
  s3: () => new AwsError('SlowDown', 'Please reduce your request rate.', 503),
};

/** The query and REST-XML services among those emulated; the others speak JSON. */
const saysThrottling = new Set([
  'autoscaling',
  'cloudformation',
  'elasticloadbalancing',
  'iam',
  'monitoring',
  'rds',
  'route53',
  'sns',
  'sts',
]);

/**
 * How a service refuses a caller who asks too often ("Common Errors" of each API reference; the SDKs' retry modes know
 * each of these codes).
 */
export function throttlingError(signingName: string): AwsError {
  return (
    ofService[signingName]?.() ??
    new AwsError(saysThrottling.has(signingName) ? 'Throttling' : 'ThrottlingException', 'Rate exceeded')
  );
}

/** Whether a code is one of those, of any service. */
export const isThrottling = (code: string): boolean =>
  ['Throttling', 'ThrottlingException', 'RequestLimitExceeded', 'SlowDown'].includes(code);
