import { readConfig } from '../../lib/config.ts';
import { callLimits } from '../../lib/domain/call-budget.ts';

const aws = {
  LUMENALITY_CLOUD: 'aws',
  AWS_REGION: 'us-east-1',
  LUMENALITY_DOMAIN: 'practices.example.com',
  LUMENALITY_HOSTED_ZONE_ID: 'Z123',
  LUMENALITY_IMAGE_REGISTRY: '123456789012.dkr.ecr.us-east-1.amazonaws.com',
};

test('nothing needs to be set for the embedded defaults', () => {
  expect(readConfig({})).toMatchObject({
    host: '127.0.0.1',
    port: 8080,
    databaseUrl: undefined,
    cloud: { kind: 'sandbox', port: 4566 },
  });
});

test('an empty variable counts as unset', () => {
  expect(readConfig({ PORT: '', DATABASE_URL: '' })).toMatchObject({ port: 8080, databaseUrl: undefined });
});

test('everything that is wrong is named at once', () => {
  expect(() => readConfig({ PORT: 'eighty', DATABASE_URL: 'mysql://x', LUMENALITY_DOMAIN: 'UPPER' })).toThrow(
    /PORT[^]*DATABASE_URL[^]*LUMENALITY_DOMAIN/,
  );
});

test.each(Object.keys(aws).filter((name) => name !== 'LUMENALITY_CLOUD'))('on AWS %s is required', (name) => {
  expect(() => readConfig({ ...aws, [name]: undefined })).toThrow(`${name} must be set`);
});

test('outside us-east-1 the prefix list of S3 must be told', () => {
  expect(() => readConfig({ ...aws, AWS_REGION: 'eu-west-1' })).toThrow(
    'LUMENALITY_S3_PREFIX_LIST_ID must be set',
  );
});

test('second copies of backups go to another Region', () => {
  expect(readConfig({}).cell.backupCopyRegion).toBe('us-west-2');
  expect(() => readConfig({ AWS_REGION: 'us-west-2' })).toThrow(
    /LUMENALITY_BACKUP_COPY_REGION must be another Region.*us-west-2/,
  );
});

test('limits of the cell are named one by one; the others are as AWS has them, and plenty on the sandbox', () => {
  const { limits, standardLimits } = readConfig({
    ...aws,
    LUMENALITY_CELL_LIMITS: 'vpcs=200, databases=100',
  }).cell;
  expect(limits).toEqual({ vpcs: 200, databases: 100 });
  expect(standardLimits).toMatchObject({ vpcs: 5, databases: 40 });
  expect(readConfig({}).cell.standardLimits.vpcs).toBeGreaterThan(1_000);
  for (const wrong of ['vpc=3', 'vpcs', 'vpcs=-1', 'vpcs=many']) {
    expect(() => readConfig({ LUMENALITY_CELL_LIMITS: wrong })).toThrow(
      /LUMENALITY_CELL_LIMITS.*(must be name=number|whole number)/,
    );
  }
});

test('on AWS no embedded endpoint is used', () => {
  expect(readConfig(aws).cloud).toEqual({ kind: 'aws', endpoint: undefined });
});

test('the rates of calls are those of the cloud in use, but for those that are named', () => {
  // With what a quiet bucket gathers, no second has more than five DescribeStacks.
  const { 'describe-stacks': bucket } = callLimits(readConfig(aws).callRates);
  expect(bucket.most + bucket.burst).toBeLessThanOrEqual(5);
  const named = readConfig({ ...aws, LUMENALITY_CALL_RATES: 'read=5, write=2.5' }).callRates;
  expect(named).toEqual({ 'describe-stacks': 3.5, read: 5, write: 2.5, events: 3 });
  for (const wrong of ['reads=5', 'read=0', 'read=fast', 'read']) {
    expect(() => readConfig({ LUMENALITY_CALL_RATES: wrong })).toThrow(
      `LUMENALITY_CALL_RATES has "${wrong}"`,
    );
  }
});

describe('where statements go', () => {
  const key = 'rk_test_abc123';

  test('into files of the data directory, unless told otherwise', () => {
    expect(readConfig({ LUMENALITY_DATA_DIR: '/data' })).toMatchObject({
      billingDirectory: '/data/billing',
      stripe: undefined,
      stripeWebhookSecret: undefined,
    });
    expect(readConfig({ LUMENALITY_BILLING_DIR: '/books' }).billingDirectory).toBe('/books');
  });

  test('a key that may do everything is refused, and never repeated', () => {
    const secret = { LUMENALITY_STRIPE_KEY: 'sk_live_abc123' };
    expect(() => readConfig(secret)).toThrow(/LUMENALITY_STRIPE_KEY must be a restricted key/);
    expect(() => readConfig(secret)).not.toThrow(/abc123/);
    expect(readConfig({ LUMENALITY_STRIPE_KEY: key }).stripe).toEqual({ key, address: undefined });
  });

  test.each(['https://api.example.com', 'http://10.0.0.1:12111'])(
    '%s is no stand-in for Stripe',
    (address) => {
      expect(() => readConfig({ LUMENALITY_STRIPE_KEY: key, LUMENALITY_STRIPE_URL: address })).toThrow(
        'LUMENALITY_STRIPE_URL must be http:// on this machine',
      );
    },
  );

  test('a key that moves money is for AWS only: practices of the sandbox are made up', () => {
    const live = { LUMENALITY_STRIPE_KEY: 'rk_live_abc123' };
    expect(() => readConfig(live)).toThrow('must begin with rk_test_ while LUMENALITY_CLOUD is sandbox');
    expect(readConfig({ ...aws, ...live }).stripe?.key).toBe('rk_live_abc123');
  });

  test('a stand-in gets no key that moves money', () => {
    const address = 'http://127.0.0.1:12111';
    const live = { LUMENALITY_STRIPE_KEY: 'rk_live_abc123', LUMENALITY_STRIPE_URL: address };
    expect(() => readConfig(live)).toThrow('begins with rk_test_');
    expect(readConfig({ ...live, LUMENALITY_STRIPE_KEY: key }).stripe?.address).toEqual(new URL(address));
  });
});
