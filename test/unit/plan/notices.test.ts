import { checkNoticeData, type NoticeData } from '../../../lib/domain/notice.ts';
import { noticeMail } from '../../../lib/domain/notice-mail.ts';
import { type PlanNoticeKind, planNoticeKinds } from '../../../lib/domain/plan/notices.ts';

const rates = { base: 14_900, perClinician: 2_900, perLocation: 1_900 };
const data: Readonly<Record<PlanNoticeKind, NoticeData>> = {
  trial_ending: { until: '2027-02-20', daysLeft: 30 },
  lock_ending: { until: '2029-02-20', daysLeft: 1 },
  price_change: {
    from: '2029-02-20',
    planId: 'founding',
    planVersion: 2,
    currency: 'USD',
    before: rates,
    after: { ...rates, base: 115_900 },
  },
  subscription_changed: {
    change: 'quantities',
    from: '2027-03-01',
    planId: 'founding',
    planVersion: 1,
    clinicians: 7,
    locations: 1,
    chargedFrom: '2027-02-20',
    lockedUntil: '2029-02-20',
  },
  payment_overdue: { since: '2027-03-01' },
  subscription_suspended: { from: '2027-04-01' },
  subscription_cancelled: { until: '2027-05-01' },
  statement_ready: { from: '2027-02-20', until: '2027-03-20', totalCents: 36_100, currency: 'USD' },
};
const mail = (kind: PlanNoticeKind, changes: object = {}) =>
  noticeMail(
    {
      kind,
      data: checkNoticeData({ kind, data: { ...data[kind], ...changes } }),
      createdAt: new Date('2027-01-21T06:00:00Z'),
      practice: { id: 'sunrise-aba', displayName: 'Sunrise ABA', timeZone: 'America/Chicago' },
    },
    'help@lumenality.test',
  );

test.each(planNoticeKinds)('a mail about %s says which practice, in whole words', (kind) => {
  const { subject, text } = mail(kind);
  expect(subject).toMatch(/^Sunrise ABA: /);
  expect(text).toContain('Our reference: sunrise-aba');
  expect(text).not.toMatch(/undefined|null|NaN|Invalid/);
});

test('a span that ends is told by its last day', () => {
  expect(mail('trial_ending').text).toContain('Friday, February 19, 2027 is the last free day');
  expect(mail('trial_ending').text).toContain('From Saturday, February 20, 2027 on');
  expect(mail('lock_ending').subject).toContain('ends in 1 day');
  expect(mail('lock_ending').text).toContain('up to and including Monday, February 19, 2029.');
  expect(mail('subscription_cancelled').text).toContain('Friday, April 30, 2027 is the last day');
});

test('a lock that has not begun is not told as none', () => {
  const pending = mail('subscription_changed', { chargedFrom: null, lockedUntil: null }).text;
  expect(pending).toContain('Rate locked: by your terms');
  const unlocked = mail('subscription_changed', { lockedUntil: null }).text;
  expect(unlocked).toContain('Rate locked: no');
});

test('a new rate stands beside the one that it follows', () => {
  expect(mail('price_change').text).toContain('Base: $1,159.00 (now $149.00)');
});

test('what a kind does not have is refused', () => {
  expect(() => mail('payment_overdue', { contact: 'Dana Reyes' })).toThrow('contact');
});
