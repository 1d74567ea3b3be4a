import { allowsService, isPublic, statementsOf } from '../../lib/sandbox/services/policies.ts';

const request = {
  principal: 'logdelivery.elasticloadbalancing.amazonaws.com',
  action: 's3:PutObject',
  resource: 'arn:aws:s3:::logs/maple/AWSLogs/111122223333/file',
  source: {
    arn: 'arn:aws:elasticloadbalancing:us-east-1:111122223333:loadbalancer/app/maple/1',
    accountId: '111122223333',
  },
  context: { 's3:x-amz-acl': 'bucket-owner-full-control' },
};
const allow = {
  Effect: 'Allow',
  Principal: { Service: request.principal },
  Action: 's3:PutObject',
  Resource: 'arn:aws:s3:::logs/*',
};
const deny = { ...allow, Effect: 'Deny', Principal: '*' };
const judge = (...statements: object[]) =>
  allowsService(statementsOf(JSON.stringify({ Statement: statements }), 'MalformedPolicy'), request);

describe('a resource policy that a service asks', () => {
  test.each<[string, boolean, object[]]>([
    ['one that allows it', true, [allow]],
    ['one that allows everybody', true, [{ ...allow, Principal: { AWS: '*' } }]],
    ['actions in another case', true, [{ ...allow, Action: ['s3:GetObject', 'S3:putobject'] }]],
    ['another service', false, [{ ...allow, Principal: { Service: 'logging.s3.amazonaws.com' } }]],
    ['another action', false, [{ ...allow, Action: 's3:GetObject' }]],
    ['another resource', false, [{ ...allow, Resource: 'arn:aws:s3:::Logs/*' }]],
    [
      'NotAction and NotResource',
      true,
      [
        {
          ...allow,
          Action: undefined,
          NotAction: 's3:Delete*',
          Resource: undefined,
          NotResource: 'arn:aws:s3:::other/*',
        },
      ],
    ],
    ['NotAction that names it', false, [{ ...allow, Action: undefined, NotAction: 's3:Put*' }]],
    ['a denial beside it', false, [allow, deny]],
    ['a denial of something else', true, [allow, { ...deny, Action: 's3:GetObject' }]],
    [
      'a denial without TLS',
      true,
      [allow, { ...deny, Condition: { Bool: { 'aws:SecureTransport': 'false' } } }],
    ],
    [
      'a denial of other accounts that leaves services out',
      true,
      [
        allow,
        {
          ...deny,
          Condition: {
            StringNotEquals: { 'aws:PrincipalAccount': '111122223333' },
            Bool: { 'aws:PrincipalIsAWSService': 'false' },
          },
        },
      ],
    ],
    [
      'a denial of other accounts that forgets services',
      false,
      [allow, { ...deny, Condition: { StringNotEquals: { 'aws:PrincipalAccount': '111122223333' } } }],
    ],
    [
      'its own account',
      true,
      [{ ...allow, Condition: { StringEquals: { 'AWS:SourceAccount': ['0', '111122223333'] } } }],
    ],
    [
      'another account',
      false,
      [{ ...allow, Condition: { StringEquals: { 'aws:SourceAccount': '444455556666' } } }],
    ],
    [
      'its source by pattern',
      true,
      [
        {
          ...allow,
          Condition: { ArnLike: { 'aws:SourceArn': 'arn:aws:elasticloadbalancing:*:111122223333:*' } },
        },
      ],
    ],
    [
      'a key of its own',
      true,
      [{ ...allow, Condition: { StringLike: { 's3:x-amz-acl': 'bucket-owner-*' } } }],
    ],
    [
      'a key that the call lacks',
      false,
      [{ ...allow, Condition: { StringEquals: { 'aws:SourceVpc': 'vpc-1' } } }],
    ],
    [
      'a key that may be lacking',
      true,
      [{ ...allow, Condition: { StringEqualsIfExists: { 'aws:SourceVpc': 'vpc-1' } } }],
    ],
    ['a key that has to be lacking', true, [{ ...allow, Condition: { Null: { 'aws:SourceVpc': 'true' } } }]],
    ['a key that has to be there', false, [{ ...allow, Condition: { Null: { 'aws:SourceVpc': 'false' } } }]],
  ])('%s: %s', (_case, expected, statements) => {
    expect(judge(...statements)).toBe(expected);
  });

  test('an operator that it does not know is refused, not guessed', () => {
    const timed = { ...allow, Condition: { DateLessThan: { 'aws:SecureTransport': '2030-01-01' } } };
    expect(() => judge(timed)).toThrow('cannot judge the condition operator DateLessThan');
  });

  test.each([
    ['{', 'valid JSON'],
    ['{}', 'Statement'],
    ['{"Statement":[{"Effect":"Perhaps","Action":"*","Resource":"*"}]}', 'effect'],
    ['{"Statement":[{"Effect":"Allow","Resource":"*"}]}', 'Action'],
    ['{"Statement":[{"Effect":"Allow","Action":"*"}]}', 'Resource'],
  ])('what is no policy is refused: %s', (document, reason) => {
    expect(() => statementsOf(document, 'MalformedPolicy')).toThrow(reason);
  });

  test('open to everybody is what allows everybody without a condition', () => {
    expect([allow, deny, { ...deny, Effect: 'Allow' }].map(isPublic)).toEqual([false, false, true]);
    expect(
      isPublic({ ...deny, Effect: 'Allow', Condition: { Bool: { 'aws:SecureTransport': 'true' } } }),
    ).toBe(false);
  });
});
