import { cloudFailure } from '../../lib/aws/errors.ts';

/** An error as an AWS SDK client throws it. */
const sdkError = (name: string, facts: object = {}): Error =>
  Object.assign(new Error(`${name} was said`), { name, ...facts });

const failure = (error: Error) => cloudFailure(error, 'rds', 'DescribeDBInstances');
const answered = (name: string, httpStatusCode: number) =>
  sdkError(name, { $fault: httpStatusCode < 500 ? 'client' : 'server', $metadata: { httpStatusCode } });

test.each([
  ['throttling', answered('ThrottlingException', 400)],
  ['throttling by EC2', answered('RequestLimitExceeded', 503)],
  ['throttling that only its status tells', answered('Unheard', 429)],
  ['a fault of the service', answered('InternalFailure', 500)],
  ['a service that is not available', answered('ServiceUnavailable', 503)],
  ['a cut connection', sdkError('Error', { code: 'ECONNRESET' })],
  ['a name that does not resolve', sdkError('Error', { code: 'ENOTFOUND' })],
  ['no answer in time', sdkError('TimeoutError')],
  ['what the SDK itself would try again', sdkError('Odd', { $retryable: {} })],
])('%s may pass', (_, error) => {
  expect(failure(error)).toMatchObject({ code: 'cloud_failure', retryable: true });
});

test.each([
  ['a request that is wrong', answered('ValidationError', 400), undefined],
  ['a thing that does not exist', answered('DBInstanceNotFound', 404), undefined],
  ['access denied', answered('AccessDenied', 403), 'Allow rds:DescribeDBInstances'],
  ['access denied by KMS', answered('AccessDeniedException', 400), 'Allow rds:DescribeDBInstances'],
  ['access denied by EC2', answered('UnauthorizedOperation', 403), 'Allow rds:DescribeDBInstances'],
  ['a quota that is used up', answered('VpcLimitExceeded', 400), 'Raise the quota "VPCs per Region"'],
  ['expired credentials', answered('ExpiredToken', 403), 'valid AWS credentials'],
  ['credentials of nobody', answered('InvalidClientTokenId', 403), 'valid AWS credentials'],
  ['no credentials at all', sdkError('CredentialsProviderError'), 'valid AWS credentials'],
])('%s does not pass by itself', (_, error, nextAction) => {
  const { retryable, context } = failure(error);
  expect(retryable).toBe(false);
  expect(context['nextAction']).toEqual(
    nextAction === undefined ? undefined : expect.stringContaining(nextAction),
  );
});

test('an account without the stacks of a cell is told what to deploy', () => {
  const role = 'arn:aws:iam::111122223333:role/lumenality-cell/deploy';
  const said = (message: string) => failure(Object.assign(answered('ValidationError', 400), { message }));
  expect(said(`Role ${role} is invalid or cannot be assumed`).context['nextAction']).toMatch(
    /Deploy the stack lumenality-cell.*docs\/cell\.md/,
  );
  expect(
    said(`User: ${role} is not authorized to perform: iam:PassRole on resource: x`).context,
  ).toMatchObject({
    nextAction: expect.stringContaining(`Allow iam:PassRole to ${role}`),
  });
});

test('the error names the service, the operation, AWS’s code and the request', () => {
  const error = sdkError('AccessDenied', { $metadata: { httpStatusCode: 403, requestId: 'req-1' } });
  const { publicMessage, context } = failure(error);
  expect(publicMessage).toBe('AWS rds:DescribeDBInstances answered AccessDenied: AccessDenied was said');
  expect(context).toMatchObject({ awsCode: 'AccessDenied', requestId: 'req-1' });
});
