import { readConfig } from '../../tenant-template/app/config.ts';
import { checkPassword, PasswordHashing, SCRYPT_COST } from '../../tenant-template/app/staff/passwords.ts';
import { networkOf } from '../../tenant-template/app/staff/sign-in-limits.ts';
import { html } from '../../tenant-template/app/web/html.ts';

describe('passwords', () => {
  test('are hashed with the parameters of OWASP, a salt of their own, and read on whatever keyboard typed them', async () => {
    const hashing = new PasswordHashing(SCRYPT_COST);
    const [first, second] = await Promise.all([
      hashing.hash('Crème brûlée at nine'),
      hashing.hash('Crème brûlée at nine'),
    ]);
    expect(first).toMatch(/^scrypt\$32768\$8\$3\$/);
    expect(first).not.toBe(second);
    expect(await hashing.verify('Crème brûlée at nine'.normalize('NFD'), first)).toBe(true);
    expect(await hashing.verify('creme brulee at nine', first)).toBe(false);
    expect(await hashing.verify('', undefined)).toBe(false);
  });

  test('are hashed two at a time, and a crowd is asked to come back', async () => {
    const hashing = new PasswordHashing({ N: 2 ** 8, r: 8, p: 1 });
    const answers = await Promise.allSettled(
      Array.from({ length: 40 }, () => hashing.hash('a long password')),
    );
    const refused = answers.filter(({ status }) => status === 'rejected');
    expect(refused).toHaveLength(8);
    expect(refused[0]).toMatchObject({ reason: { kind: 'busy', retryAfterSeconds: 5 } });
    await expect(hashing.hash('a long password')).resolves.toMatch(/^scrypt/);
  });

  test('may be long, and in any script', () => {
    expect(() => checkPassword('четыре тихих слова', 'ana@x.example')).not.toThrow();
    expect(() => checkPassword('👩🏽‍🔬'.repeat(129), 'ana@x.example')).toThrow(/too long/);
  });
});

test.each([
  ['203.0.113.7', '203.0.113.7'],
  ['::ffff:203.0.113.7', '203.0.113.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:0DB8:1:2::99', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
])('who guesses from %s is counted as %s', (address, network) => {
  expect(networkOf(address)).toBe(network);
});

test('what is put into a page is text, in elements and in attributes', () => {
  const typed = `"><img src=x onerror='alert(1)'>&`;
  expect(
    html`<p title="${typed}">${typed}${html`<b>${1}</b>`}${[html`<i></i>`, html`<u></u>`]}${false}${undefined}</p>`
      .text,
  ).toBe(
    '<p title="&quot;&gt;&lt;img src=x onerror=&#39;alert(1)&#39;&gt;&amp;">&quot;&gt;&lt;img src=x onerror=&#39;alert(1)&#39;&gt;&amp;<b>1</b><i></i><u></u></p>',
  );
});

describe('the environment', () => {
  const complete = {
    PRACTICE_ID: 'sunrise-speech',
    RELEASE_ID: 'r-1',
    KEY_ARN: 'arn:aws:kms:us-east-1:111122223333:key/1',
    DATABASE_HOST: 'db.example',
    DATABASE_PORT: '5432',
    DATABASE_NAME: 'practice',
    DATABASE_SECRET_ARN: 'arn:aws:secretsmanager:us-east-1:111122223333:secret:rds!1',
    PORT: '8080',
    SESSION_TIMEOUT_MINUTES: '15',
  };
  const invitation = {
    OWNER_EMAIL: 'Ana@Sunrise.example',
    OWNER_INVITATION_SHA256: 'ab'.repeat(32),
    OWNER_INVITATION_EXPIRES_AT: '2026-11-30T12:00:00.5+01:00',
  };

  test('invites nobody when it says nothing, and the first owner when it says all', () => {
    const nobody = { OWNER_EMAIL: '', OWNER_INVITATION_SHA256: '', OWNER_INVITATION_EXPIRES_AT: '' };
    expect(readConfig(complete).ownerInvitation).toBeUndefined();
    expect(readConfig({ ...complete, ...nobody })).toMatchObject({
      sessionTimeoutMinutes: 15,
      ownerInvitation: undefined,
    });
    expect(readConfig({ ...complete, ...invitation }).ownerInvitation).toEqual({
      email: 'ana@sunrise.example',
      tokenHash: Buffer.from('ab'.repeat(32), 'hex'),
      expiresAt: new Date('2026-11-30T11:00:00.500Z'),
    });
  });

  test.each([
    ['OWNER_EMAIL', '', /OWNER_EMAIL must not be empty/],
    ['OWNER_EMAIL', 'ana', /OWNER_EMAIL must be an e-mail address/],
    ['OWNER_INVITATION_SHA256', 'abc', /64 lower-case hexadecimal digits/],
    ['OWNER_INVITATION_EXPIRES_AT', 'tomorrow', /must be a time like 2026-11-30T12:00:00Z/],
    ['SESSION_TIMEOUT_MINUTES', '0', /must be a number of minutes/],
    ['SESSION_TIMEOUT_MINUTES', undefined, /SESSION_TIMEOUT_MINUTES is missing/],
  ])('refuses the start with %s=%s', (name, value, message) => {
    expect(() => readConfig({ ...complete, ...invitation, [name]: value })).toThrow(message);
  });
});
