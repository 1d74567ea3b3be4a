import { configurationOf } from '../../bin/demo-rollout-control-plane.ts';
import { nextMoment } from '../../bin/demo-rollout-follow.ts';
import type { RolloutTarget } from '../../control-api/contracts/rollouts.ts';
import { readConfig } from '../../lib/config.ts';

// The demo itself takes minutes: CI runs it (.github/workflows/ci.yml). Here is what it must not touch, and the one rule by which it could skip what it is to show.

const now = new Date('2027-01-10T08:00:00Z');
const at = (hour: number, minute = 0) => new Date(Date.UTC(2027, 0, 10, hour, minute));

const target = (given: Partial<RolloutTarget>): RolloutTarget => ({
  practiceId: 'sunrise-aba',
  timeZone: 'America/Chicago',
  wave: 1,
  state: 'pending',
  startsAt: at(9).toISOString(),
  latestStartAt: at(12).toISOString(),
  runId: null,
  rollBackRunId: null,
  previousReleaseId: null,
  bakedUntil: null,
  note: null,
  updatedAt: now.toISOString(),
  ...given,
});
const baking = target({ state: 'baking', bakedUntil: at(11).toISOString() });

test('whatever the environment says, nothing of a demonstration leaves its directory, and its keys are its own', async () => {
  const config = readConfig({
    LUMENALITY_BILLING_DIR: '/books',
    LUMENALITY_MAIL_FROM: 'notices@lumenality.example',
    LUMENALITY_RELEASE_KEYS: '/keys/release.pem',
    LUMENALITY_SMTP_URL: 'smtps://mail.lumenality.example',
    LUMENALITY_STRIPE_KEY: 'rk_test_1',
    LUMENALITY_STRIPE_WEBHOOK_SECRET: 'whsec_1',
    LUMENALITY_TERMS_KEY: '/keys/terms.pem',
  });
  expect(await configurationOf(config, '/demo')).toMatchObject({
    billingDirectory: '/demo/billing',
    mail: { server: undefined },
    releaseKeysFile: undefined,
    stripe: undefined,
    stripeWebhookSecret: undefined,
    termsKeyFile: undefined,
  });
});

test('time jumps to the next start or to when the figures of a bake are there, whichever comes first', () => {
  expect(nextMoment([target({}), baking], now)).toEqual(at(9));
  expect(nextMoment([target({ startsAt: at(12).toISOString() }), baking], now)).toEqual(at(11, 5));
});

test('a later wave does not hold time up, nor is its start waited for while its turn has not come', () => {
  expect(nextMoment([baking, target({ wave: 2, startsAt: at(7).toISOString() })], now)).toEqual(at(11, 5));
});

test.each([
  ['an update is under way', target({ state: 'updating' })],
  [
    'a practice goes back',
    target({ state: 'baking', bakedUntil: at(11).toISOString(), rollBackRunId: 'run' }),
  ],
  ['a start is due', target({ startsAt: at(7).toISOString() })],
  ['a bake is over', target({ state: 'baking', bakedUntil: at(7).toISOString() })],
])('time does not jump while %s', (_case, busy) => {
  expect(nextMoment([target({}), busy], now)).toBeUndefined();
});

test('time does not jump when all practices are done', () => {
  expect(nextMoment([target({ state: 'succeeded' }), target({ state: 'rolled_back' })], now)).toBeUndefined();
});
