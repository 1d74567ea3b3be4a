import { warningsOf } from '../../bin/warnings.ts';
import { readConfig } from '../../lib/config.ts';

const aws = {
  LUMENALITY_CLOUD: 'aws',
  AWS_REGION: 'us-east-1',
  LUMENALITY_DOMAIN: 'practices.example.com',
  LUMENALITY_HOSTED_ZONE_ID: 'Z0EXAMPLE',
  LUMENALITY_IMAGE_REGISTRY: '111122223333.dkr.ecr.us-east-1.amazonaws.com',
};
const mailServer = {
  LUMENALITY_SMTP_URL: 'smtps://mail.example.com',
  LUMENALITY_MAIL_FROM: 'Lumenality <help@example.com>',
};

test('on AWS mails that nobody gets are warned of, on the sandbox they are meant', () => {
  expect(warningsOf(readConfig(aws))).toEqual([
    expect.objectContaining({ part: 'mails', advice: expect.stringContaining('LUMENALITY_SMTP_URL') }),
  ]);
  expect(warningsOf(readConfig({ ...aws, ...mailServer }))).toEqual([]);
  expect(warningsOf(readConfig({}))).toEqual([]);
});

test('payments that nobody here hears of are warned of', () => {
  const key = { LUMENALITY_STRIPE_KEY: 'rk_test_abc123' };
  expect(warningsOf(readConfig(key))).toEqual([expect.objectContaining({ part: 'payments' })]);
  expect(warningsOf(readConfig({ ...key, LUMENALITY_STRIPE_WEBHOOK_SECRET: 'whsec_abc' }))).toEqual([]);
});
