import { mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { noticePorts } from '../../bin/notice-ports.ts';
import { readConfig } from '../../lib/config.ts';
import { type NoticeData, practiceNoticeKinds } from '../../lib/domain/notice.ts';
import { nextTryAt } from '../../lib/domain/notice-delivery.ts';
import { type NoticeToRead, noticeMail } from '../../lib/domain/notice-mail.ts';
import { type PlanNoticeKind, planNoticeKinds } from '../../lib/domain/plan/notices.ts';
import { shared } from '../builders/run-directory.ts';

const start = new Date('2026-11-28T12:00:00Z');
const day = 86_400_000;

test('waits grow, differ, and never pass the end of patience', () => {
  const giveUpAt = new Date(start.getTime() + 3 * day);
  const attempts = fc.integer({ min: 1, max: 60 });
  const chances = fc.double({ min: 0, max: 1, noNaN: true });
  const elapsed = fc.integer({ min: 0, max: 3 * day - 1 });
  fc.assert(
    fc.property(attempts, chances, elapsed, (attempt, chance, passed) => {
      const now = new Date(start.getTime() + passed);
      const next = nextTryAt(attempt, now, giveUpAt, chance);
      const wait = (next?.getTime() ?? 0) - now.getTime();
      expect(wait).toBeGreaterThan(0);
      expect(wait).toBeLessThanOrEqual(5 * 3_600_000);
      expect(next?.getTime()).toBeLessThanOrEqual(giveUpAt.getTime());
    }),
  );
  const early = nextTryAt(2, start, giveUpAt, 0)?.getTime();
  expect(nextTryAt(2, start, giveUpAt, 1)?.getTime()).toBeGreaterThan(early ?? 0);
  expect(nextTryAt(3, start, giveUpAt, 0)?.getTime()).toBeGreaterThan(early ?? 0);
  expect(nextTryAt(9, giveUpAt, giveUpAt, 0.5)).toBeNull();
});

/** Every field of every kind; each wording takes its own. */
const data = {
  rolloutId: 'rollout-1',
  releaseId: 'r-0123456789ab',
  runId: 'run-1',
  reason: 'readiness failed',
  rolledBackTo: 'r-abcdefabcdef',
  startsAt: '2026-11-29T08:00:00.000Z',
  latestStartAt: '2026-11-29T11:30:00.000Z',
  deadline: '2026-12-01T00:00:00.000Z',
  yielded: ['pin', 'freeze'],
  until: '2026-12-20T08:00:00.000Z',
} as unknown as NoticeData;
const toRead = (kind: NoticeToRead['kind'], changes: object = {}): NoticeToRead => ({
  kind,
  data: { ...data, ...changes },
  createdAt: new Date('2026-03-08T08:30:00Z'),
  practice: { id: 'sunrise-aba', displayName: 'Sunrise ABA', timeZone: 'Asia/Kolkata' },
});

const updateKinds = practiceNoticeKinds.filter((kind) => !planNoticeKinds.includes(kind as PlanNoticeKind));

test.each(updateKinds)('a mail about %s has local times, a reference and whom to ask', (kind) => {
  const { subject, text } = noticeMail(toRead(kind), 'help@lumenality.test');
  expect(subject).toMatch(/^Sunrise ABA: /);
  expect(subject).not.toMatch(/[\r\n]/);
  // Half an hour beside the full one, and no daylight saving.
  expect(text).toMatch(/\w+day, \w+ \d+, 2026 at (1:30|2:00) PM GMT\+5:30/);
  expect(text).toContain('write to help@lumenality.test');
  expect(text).toContain('Our reference: sunrise-aba, release r-0123456789ab');
  expect(text).not.toMatch(/undefined|readiness failed|Z\b/);
});

test('a mail about a failure says whether the practice is back on its release of before', () => {
  const text = (rolledBackTo: string | null) =>
    noticeMail(toRead('update_failed', { rolledBackTo }), 'help@lumenality.test').text;
  expect(text('r-abcdefabcdef')).toContain('in the version of before again');
  expect(text(null)).toContain('If the app does not work for you, tell us.');
});

test('a mail about an override says what yields', () => {
  const { text } = noticeMail(toRead('security_override'), 'help@lumenality.test');
  expect(text).toContain(
    'although the release that you asked to stay on and a freeze would have kept it away',
  );
});

describe('the key of the secrets', () => {
  const directory = () => mkdtempSync(shared('notices-'));

  test('is made once beside the embedded database, for its owner alone', () => {
    const config = readConfig({ LUMENALITY_DATA_DIR: directory() });
    const sealed = noticePorts(config).secrets.seal('whsec_x', 'endpoint-1');
    expect(sealed).not.toContain('whsec');
    // As after a restart.
    const { secrets } = noticePorts(config);
    expect(secrets.open(sealed, 'endpoint-1')).toBe('whsec_x');
    expect(() => secrets.open(sealed, 'endpoint-2')).toThrow('sealed with another key');
    expect(() => secrets.open('', 'endpoint-1')).toThrow('sealed with another key');
    const file = join(config.dataDirectory, 'notice.key');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, 'utf8')).toMatch(/^[A-Za-z0-9+/]{43}=\n$/);
    writeFileSync(file, 'short');
    expect(() => noticePorts(config)).toThrow(/notice\.key does not hold a key/);
  });

  test('has to be told where replicas share a database', () => {
    const shared = { LUMENALITY_DATA_DIR: directory(), DATABASE_URL: 'postgres://localhost/x' };
    expect(() => noticePorts(readConfig(shared)).secrets.seal('x', 'y')).toThrow('LUMENALITY_NOTICE_KEY');
    const key = Buffer.alloc(32, 1).toString('base64');
    const { secrets } = noticePorts(readConfig({ ...shared, LUMENALITY_NOTICE_KEY: key }));
    expect(secrets.open(secrets.seal('x', 'y'), 'y')).toBe('x');
    expect(() => readConfig({ LUMENALITY_NOTICE_KEY: 'c2hvcnQ=' })).toThrow(
      'must be 32 random bytes in base64',
    );
  });
});

test('a mail server is named with who writes, and no refusal repeats its password', () => {
  const from = 'Lumenality <help@lumenality.test>';
  const server = 'smtps://user:pass%20word@mail.example.com';
  expect(readConfig({ LUMENALITY_SMTP_URL: server, LUMENALITY_MAIL_FROM: from }).mail.from).toBe(from);
  expect(() => readConfig({ LUMENALITY_SMTP_URL: server })).toThrow('LUMENALITY_MAIL_FROM must be set');
  const wrong = [
    { LUMENALITY_SMTP_URL: 'https://user:hunter2@mail.example.com', LUMENALITY_MAIL_FROM: from },
    { LUMENALITY_SMTP_URL: 'smtp://user:hunter2%zz@mail.example.com', LUMENALITY_MAIL_FROM: from },
    { LUMENALITY_SMTP_URL: server, LUMENALITY_MAIL_FROM: 'help' },
    { LUMENALITY_SMTP_URL: server, LUMENALITY_MAIL_FROM: 'Lumenality\r\nBcc: x@example.com <a@b>' },
  ];
  for (const environment of wrong) {
    expect(() => readConfig(environment)).toThrow(/LUMENALITY_(SMTP_URL|MAIL_FROM) must/);
    expect(() => readConfig(environment)).not.toThrow('hunter2');
  }
});
