/**
 * Where a load balancer may log to. It tries the bucket when logging is turned on ("Enable access logs for your Application
 * Load Balancer"); no log is ever written here.
 */
import { AwsError, type Call } from '../../model.ts';
import { allowsService, statementsOf } from '../policies.ts';
import { type BucketRecord, bucketArn, bucketTable } from '../s3/records.ts';

const principal = 'logdelivery.elasticloadbalancing.amazonaws.com';

/** @throws AwsError InvalidConfigurationRequest when access or connection logs cannot be delivered to their bucket. */
export function checkLogBuckets(
  loadBalancerArn: string,
  attributes: Readonly<Record<string, string>>,
  call: Call,
): void {
  for (const [kind, testFile] of [
    ['access_logs.s3', 'ELBAccessLogTestFile'],
    ['connection_logs.s3', 'ELBConnectionLogTestFile'],
  ]) {
    if (attributes[`${kind}.enabled`] !== 'true') continue;
    const name = attributes[`${kind}.bucket`] ?? '';
    if (name === '')
      throw refusal(`The value of '${kind}.bucket' cannot be empty while '${kind}.enabled' is true`);
    const prefix = attributes[`${kind}.prefix`] ?? '';
    const key = `${prefix === '' ? '' : `${prefix}/`}AWSLogs/${call.accountId}/${testFile}`;
    const reason = obstacle(bucketTable(call).get(name), key, loadBalancerArn, call);
    if (reason !== undefined)
      throw refusal(`Access Denied for bucket: ${name}. Please check S3bucket permission (${reason})`);
  }
}

const refusal = (message: string) => new AwsError('InvalidConfigurationRequest', message);

/** Why the test file cannot be written, if it cannot. */
function obstacle(
  bucket: BucketRecord | undefined,
  key: string,
  loadBalancerArn: string,
  call: Call,
): string | undefined {
  if (bucket === undefined) return 'the bucket does not exist';
  if (bucket.region !== call.region) return `the bucket is in another Region, ${bucket.region}`;
  if (bucket.encryption.algorithm !== 'AES256')
    return 'the bucket is encrypted with a KMS key, and load balancers write with SSE-S3 only';
  const request = {
    principal,
    action: 's3:PutObject',
    resource: `${bucketArn(bucket.name)}/${key}`,
    source: { arn: loadBalancerArn, accountId: call.accountId },
  };
  const statements = bucket.policy === undefined ? [] : statementsOf(bucket.policy, 'MalformedPolicy');
  return allowsService(statements, request)
    ? undefined
    : `its policy does not let ${principal} put ${request.resource}`;
}
