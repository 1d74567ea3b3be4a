import type { PoolClient } from 'pg';
import { eventually } from '../builders/process.ts';
import {
  accept,
  Browser,
  becomeOwner,
  codeOf,
  hire,
  ownerInvitation,
  PASSWORD,
  type Person,
  type Practice,
  type Practices,
  signIn,
  startPractices,
} from './practice.ts';

let practices: Practices;
beforeAll(async () => {
  practices = await startPractices();
});
afterAll(() => practices.stop());

const later = (practice: Practice, ms: number) => {
  practice.clock.now = new Date(practice.clock.now.getTime() + ms);
};
const MINUTE = 60_000;

async function eventsOf(practice: Practice, action: string) {
  const { rows } = await practice.master.query('SELECT * FROM audit_event WHERE action = $1 ORDER BY id', [
    action,
  ]);
  return rows;
}

describe('the first owner', () => {
  test('takes the link, chooses a password, enrols an authenticator, gets backup codes once, and is signed in', async () => {
    const practice = await practices.open();
    const owner = await becomeOwner(practice);
    expect(owner.backupCodes).toHaveLength(10);
    expect((await owner.browser.get('/')).headers.location).toBe('/clients');
    expect((await owner.browser.api('GET', '/api/me')).json()).toMatchObject({
      email: 'owner@sunrise.example',
      role: 'owner',
    });
    expect(await eventsOf(practice, 'owner.claimed')).toMatchObject([{ address: '203.0.113.7' }]);
    expect(await eventsOf(practice, 'staff.enrolled')).toHaveLength(1);
    // Neither the password, nor the key of the authenticator, nor a backup code is readable in the database.
    const stored = await practice.master.query(
      'SELECT s::text, b::text, p::text FROM staff s LEFT JOIN backup_code b ON true LEFT JOIN pending_sign_in p ON true',
    );
    const text = JSON.stringify(stored.rows);
    for (const secret of [
      PASSWORD,
      owner.secret,
      Buffer.from(owner.secret).toString('hex'),
      owner.backupCodes[0],
    ]) {
      expect(text).not.toContain(secret);
    }
    expect(practice.logged.join('')).not.toContain(PASSWORD);
  });

  test('takes the link once, and before it expires', async () => {
    const form = { token: 'owner-token', name: 'Somebody', password: PASSWORD, repeated: PASSWORD };
    const claim = async (practice: Practice, token = form.token) =>
      new Browser(practice).post('/invitation', { ...form, token });

    const owned = await practices.open();
    const answers = await Promise.all([claim(owned), claim(owned), claim(owned)]);
    expect(answers.map(({ statusCode }) => statusCode).sort((a, b) => a - b)).toEqual([303, 400, 400]);
    expect((await claim(owned)).body).toContain('used before, has expired, or is not complete');

    const late = await practices.open();
    expect((await claim(late, 'another-token')).statusCode).toBe(400);
    late.clock.now = new Date('2026-11-21T09:00:00Z');
    expect((await claim(late)).statusCode).toBe(400);

    const uninvited = await practices.open({ ownerInvitation: undefined });
    expect((await claim(uninvited)).statusCode).toBe(400);
    const { rows } = await uninvited.master.query('SELECT count(*)::int FROM staff');
    expect(rows).toEqual([{ count: 0 }]);
  });

  test.each([
    ['short', 'is too short'],
    ['aaaaaaaaaaaaaaaaaaaa', 'repeats few characters'],
    ['the owner of all this', 'holds the e-mail address'],
  ])('does not get the password "%s"', async (password, why) => {
    const practice = await practices.open();
    const answer = await new Browser(practice).post('/invitation', {
      token: 'owner-token',
      name: 'Somebody',
      password,
      repeated: password,
    });
    expect([answer.statusCode, answer.body]).toEqual([400, expect.stringContaining(why)]);
  });
});

describe('an owner who lost the authenticator and all backup codes', () => {
  const take = (practice: Practice, token: string) =>
    new Browser(practice).post('/invitation', {
      token,
      name: 'Whoever has the link',
      password: 'another long password',
      repeated: 'another long password',
    });

  test('gets in again by a new invitation, and nothing of before lets anybody in any more', async () => {
    const practice = await practices.open();
    const owner = await becomeOwner(practice);
    const { id, name } = (await owner.browser.api('GET', '/api/me')).json<{ id: string; name: string }>();
    const invited = await owner.browser.api('POST', '/api/staff', { email: 'new@x.example', role: 'owner' });
    const thief = new Browser(practice);
    await thief.post('/sign-in', { email: owner.email, password: PASSWORD });

    const restored = await practice.again({ ownerInvitation: ownerInvitation('second-token') });
    const back = await accept(restored, 'second-token', owner.email);
    expect((await back.browser.api('GET', '/api/me')).json()).toMatchObject({ id, name, role: 'owner' });
    expect(back.secret).not.toBe(owner.secret);
    expect((await owner.browser.api('GET', '/api/me')).statusCode).toBe(401);
    expect((await thief.get('/sign-in/code')).headers.location).toBe('/sign-in');
    expect((await thief.get('/enrolment')).headers.location).toBe('/sign-in');
    expect((await signIn(practice, owner)).answer.statusCode).toBe(400);
    const old = new Browser(practice);
    await old.post('/sign-in', { email: owner.email, password: PASSWORD });
    const code = await old.post('/sign-in/code', { code: owner.backupCodes[0] as string });
    expect(code.statusCode).toBe(400);
    expect((await take(practice, invited.json<{ token: string }>().token)).statusCode).toBe(400);
    expect((await signIn(practice, back)).answer.statusCode).toBe(303);
    expect(await eventsOf(practice, 'owner.access-restored')).toMatchObject([
      { actor: id, record_id: id, address: '203.0.113.7' },
    ]);
    const owners = await practice.master.query(
      "SELECT email FROM staff WHERE role = 'owner' AND status = 'active'",
    );
    expect(owners.rows).toEqual([{ email: owner.email }]);
  });

  test('can use each link once, whatever was taken in between, and before it expires', async () => {
    const practice = await practices.open();
    await becomeOwner(practice);
    const second = await practice.again({ ownerInvitation: ownerInvitation('second-token') });
    const answers = await Promise.all([1, 2, 3].map(() => take(second, 'second-token')));
    expect(answers.map(({ statusCode }) => statusCode).sort((a, b) => a - b)).toEqual([303, 400, 400]);
    expect((await take(second, 'second-token')).statusCode).toBe(400);
    // A task definition of before, still or once more.
    expect((await take(practice, 'owner-token')).statusCode).toBe(400);
    const third = await practice.again({
      ownerInvitation: ownerInvitation('third-token', { expiresAt: practice.clock.now }),
    });
    expect((await take(third, 'third-token')).statusCode).toBe(400);
    expect(await eventsOf(practice, 'owner.access-restored')).toHaveLength(1);
  });

  test('is let in again only as who the owner is: not another address, another role, or a disabled owner', async () => {
    const practice = await practices.open();
    const owner = await becomeOwner(practice);
    const therapist = await hire(practice, owner, 'therapist');
    const second = await hire(practice, owner, 'owner', 'second@sunrise.example');
    const invite = async (token: string, email: string) =>
      take(await practice.again({ ownerInvitation: ownerInvitation(token, { email }) }), token);
    expect((await invite('t-1', 'operator@lumenality.example')).statusCode).toBe(400);
    expect((await invite('t-2', therapist.email)).statusCode).toBe(400);
    await owner.browser.api('POST', `/api/staff/${second.id}/disable`);
    expect((await invite('t-3', second.email)).statusCode).toBe(400);
    expect(await eventsOf(practice, 'owner.access-restored')).toEqual([]);
  });

  test('is not let in by a link that a release took without writing it down', async () => {
    const practice = await practices.open();
    await becomeOwner(practice);
    await practice.master.query('ALTER TABLE owner_link DISABLE TRIGGER ALL; DELETE FROM owner_link');
    expect((await take(practice, 'owner-token')).statusCode).toBe(400);
  });
});

describe('signing in', () => {
  let practice: Practice;
  let owner: Person;
  beforeAll(async () => {
    practice = await practices.open();
    owner = await becomeOwner(practice);
  });
  const password = (browser: Browser, typed: string, email = owner.email) =>
    browser.post('/sign-in', { email, password: typed });

  test('takes the password and then a code, and gives a cookie that only this host gets back', async () => {
    const browser = new Browser(practice);
    expect((await password(browser, PASSWORD)).headers.location).toBe('/sign-in/code');
    // The password alone opens nothing.
    expect((await browser.get('/clients')).headers.location).toBe('/sign-in');
    expect((await browser.api('GET', '/api/clients')).statusCode).toBe(401);
    later(practice, 30_000);
    const answer = await browser.post('/sign-in/code', { code: codeOf(owner.secret, practice.clock.now) });
    expect(answer.headers.location).toBe('/');
    expect(answer.cookies.find(({ name }) => name === '__Host-session')).toMatchObject({
      secure: true,
      httpOnly: true,
      sameSite: 'Strict',
      path: '/',
    });
    expect((await browser.get('/clients')).statusCode).toBe(200);
    expect((await eventsOf(practice, 'sign-in.completed')).at(-1)).toMatchObject({
      details: { factor: 'totp' },
      address: '203.0.113.7',
    });
  });

  test('answers an unknown address, a wrong password and a disabled member alike', async () => {
    const gone = await hire(practice, owner, 'billing');
    await owner.browser.api('POST', `/api/staff/${gone.id}/disable`);
    const answers = [
      await password(new Browser(practice), 'not the password at all'),
      await password(new Browser(practice), PASSWORD, 'nobody@sunrise.example'),
      await password(new Browser(practice), PASSWORD, gone.email),
    ];
    expect(new Set(answers.map(({ statusCode, body }) => `${statusCode} ${body}`)).size).toBe(1);
    expect(answers[0]?.statusCode).toBe(401);
    expect((await eventsOf(practice, 'sign-in.refused')).length).toBeGreaterThanOrEqual(3);
  });

  test('refuses a code that was used before, also by somebody who has the password', async () => {
    const { answer, browser } = await signIn(practice, owner);
    expect(answer.statusCode).toBe(303);
    const used = codeOf(owner.secret, practice.clock.now);
    const thief = new Browser(practice);
    await password(thief, PASSWORD);
    expect((await thief.post('/sign-in/code', { code: used })).statusCode).toBe(400);
    expect((await browser.get('/clients')).statusCode).toBe(200);
  });

  test('lets one code in once when two requests bring it at the same moment', async () => {
    later(practice, 30_000);
    const browsers = [new Browser(practice), new Browser(practice)];
    for (const browser of browsers) await password(browser, PASSWORD);
    const code = codeOf(owner.secret, practice.clock.now);
    const answers = await Promise.all(browsers.map((browser) => browser.post('/sign-in/code', { code })));
    expect(answers.map(({ statusCode }) => statusCode).sort((a, b) => a - b)).toEqual([303, 400]);
  });

  test('takes a backup code instead, once, however it is typed', async () => {
    const [code = ''] = owner.backupCodes;
    const typed = code.toUpperCase().replaceAll('-', ' ');
    const browser = new Browser(practice);
    await password(browser, PASSWORD);
    expect((await browser.post('/sign-in/code', { code: typed })).statusCode).toBe(303);
    await password(browser, PASSWORD);
    expect((await browser.post('/sign-in/code', { code: typed })).statusCode).toBe(400);
    expect((await eventsOf(practice, 'sign-in.completed')).at(-1)).toMatchObject({
      details: { factor: 'backup-code' },
    });
  });

  test('gives up on a sign-in that is not finished in ten minutes', async () => {
    const browser = new Browser(practice);
    await password(browser, PASSWORD);
    later(practice, 10 * MINUTE + 1);
    const code = codeOf(owner.secret, practice.clock.now);
    expect((await browser.post('/sign-in/code', { code })).statusCode).toBe(401);
  });
});

describe('guessing', () => {
  test('is stopped after ten steps, and those who guess far away do not lock the practice out', async () => {
    const practice = await practices.open();
    const owner = await becomeOwner(practice);
    const wrong = (browser: Browser) =>
      browser.post('/sign-in', { email: owner.email, password: 'a guess as good as any' });
    const guesser = new Browser(practice, '192.0.2.1');
    const answers = await Promise.all(Array.from({ length: 12 }, () => wrong(guesser)));
    expect(answers.filter(({ statusCode }) => statusCode === 401)).toHaveLength(10);
    const limited = answers.find(({ statusCode }) => statusCode === 429);
    expect(limited?.headers['retry-after']).toBe('900');
    // The right password does not help him either, until the wait is over.
    const right = () => guesser.post('/sign-in', { email: owner.email, password: PASSWORD });
    expect((await right()).statusCode).toBe(429);
    // A whole network of guessers uses the account's own limit up …
    await practice.master.query(
      `INSERT INTO sign_in_attempt (account, address, at)
       SELECT account, '192.0.2.' || n, at FROM sign_in_attempt, generate_series(10, 40) n LIMIT 40`,
    );
    const stranger = new Browser(practice, '192.0.2.250');
    const attempt = await stranger.post('/sign-in', { email: owner.email, password: PASSWORD });
    expect([attempt.statusCode, attempt.headers['retry-after']]).toEqual([429, '3600']);
    // … and the owner signs in from where the owner is known.
    expect((await signIn(practice, owner)).answer.statusCode).toBe(303);
    later(practice, 15 * MINUTE);
    later(practice, 60 * MINUTE);
    expect((await right()).statusCode).toBe(303);
    // The trail says that it happened, and is not filled by those who are kept out.
    expect(await eventsOf(practice, 'sign-in.limit-reached')).toMatchObject([{ address: '192.0.2.1' }]);
  });

  test('of codes is stopped for a day by somebody who has the password, from wherever, until a new link is given', async () => {
    const practice = await practices.open();
    const owner = await becomeOwner(practice);
    const manager = await hire(practice, owner, 'practice_manager');
    // From the office itself, patiently: neither the address nor the quarter of an hour is what stops it.
    const colleague = new Browser(practice);
    const statuses: number[] = [];
    for (let guess = 0; guess < 22; guess += 1) {
      if (guess % 4 === 0) {
        later(practice, 16 * MINUTE);
        await colleague.post('/sign-in', { email: manager.email, password: PASSWORD });
      }
      const answer = await colleague.post('/sign-in/code', { code: String(100_000 + guess) });
      statuses.push(answer.statusCode);
    }
    expect(statuses).toEqual([...Array.from({ length: 20 }, () => 400), 429, 429]);
    const kept = await signIn(practice, manager);
    expect([kept.answer.statusCode, kept.answer.headers['retry-after']]).toEqual([429, '86400']);
    expect(kept.answer.body).toContain('Wait a day');
    const { browser } = await signIn(practice, owner);
    const reset = await browser.api('POST', `/api/staff/${manager.id}/reset`);
    const back = await accept(practice, reset.json<{ token: string }>().token, manager.email);
    expect((await signIn(practice, back)).answer.statusCode).toBe(303);
  });

  test('of codes is stopped as well, by somebody who has the password', async () => {
    const practice = await practices.open();
    const owner = await becomeOwner(practice);
    const thief = new Browser(practice, '192.0.2.1');
    const statuses: number[] = [];
    for (let guess = 0; guess < 12; guess += 1) {
      if (guess % 3 === 0) await thief.post('/sign-in', { email: owner.email, password: PASSWORD });
      statuses.push((await thief.post('/sign-in/code', { code: String(100_000 + guess) })).statusCode);
    }
    expect(statuses).not.toContain(303);
    expect(statuses.slice(-3)).toEqual([429, 429, 429]);
  });
});

describe('a session', () => {
  let practice: Practice;
  let owner: Person;
  beforeAll(async () => {
    practice = await practices.open();
    owner = await becomeOwner(practice);
  });
  const open = async (browser: Browser) => (await browser.api('GET', '/api/me')).statusCode;

  test('ends when nothing was asked for as long as the practice allows', async () => {
    const { browser } = await signIn(practice, owner);
    later(practice, 15 * MINUTE - 1);
    expect(await open(browser)).toBe(200);
    later(practice, 15 * MINUTE - 1);
    expect(await open(browser)).toBe(200);
    later(practice, 15 * MINUTE);
    expect(await open(browser)).toBe(401);
  });

  test('ends after twelve hours, however busy', async () => {
    const { browser } = await signIn(practice, owner);
    for (let quarter = 0; quarter < 12 * 4 + 3; quarter += 1) {
      later(practice, 14 * MINUTE);
      expect(await open(browser)).toBe(200);
    }
    later(practice, 6 * MINUTE);
    expect(await open(browser)).toBe(401);
  });

  test('ends by signing out, also for whoever kept the cookie', async () => {
    const { browser } = await signIn(practice, owner);
    const kept = new Browser(practice);
    kept.cookies.set('__Host-session', browser.cookies.get('__Host-session') as string);
    expect(await open(kept)).toBe(200);
    expect((await browser.post('/sign-out')).headers.location).toBe('/sign-in');
    expect(browser.cookies.has('__Host-session')).toBe(false);
    expect(await open(kept)).toBe(401);
  });

  test('ends at once when the member is disabled, and a new link starts from nothing', async () => {
    const { browser } = await signIn(practice, owner);
    const therapist = await hire(practice, { ...owner, browser }, 'therapist');
    expect(await open(therapist.browser)).toBe(200);
    expect((await browser.api('POST', `/api/staff/${therapist.id}/disable`)).statusCode).toBe(204);
    expect(await open(therapist.browser)).toBe(401);
    const reset = await browser.api('POST', `/api/staff/${therapist.id}/reset`);
    // The old password and authenticator are gone, and the old session stays ended.
    const again = await new Browser(practice).post('/sign-in', {
      email: therapist.email,
      password: PASSWORD,
    });
    expect(again.statusCode).toBe(401);
    const back = await accept(practice, reset.json<{ token: string }>().token, therapist.email);
    expect(back.secret).not.toBe(therapist.secret);
    expect(await open(therapist.browser)).toBe(401);
    expect(await open(back.browser)).toBe(200);
    const events = await eventsOf(practice, 'staff.access-reset');
    expect(events).toMatchObject([{ record_type: 'staff', record_id: therapist.id }]);
  });

  test('is no use to other sites: their requests are refused', async () => {
    const { browser } = await signIn(practice, owner);
    const fields = { name: 'Forged', dateOfBirth: '2019-04-30' };
    for (const origin of ['https://evil.example', 'null', 'http://sunrise-speech.example.evil.example']) {
      expect((await browser.post('/clients', fields, { origin })).statusCode).toBe(403);
    }
    const { rows } = await practice.master.query('SELECT count(*)::int FROM client');
    expect(rows).toEqual([{ count: 0 }]);
  });
});

describe("a member's own account", () => {
  test('takes another authenticator, and the old one goes with its backup codes and sessions', async () => {
    const practice = await practices.open();
    const owner = await becomeOwner(practice);
    const desk = (await signIn(practice, owner)).browser;
    const { browser } = owner;
    // A session left open is not enough.
    const without = await browser.post('/account/authenticator', { current: 'not the password' });
    expect([without.statusCode, without.body]).toEqual([400, expect.stringContaining('password is wrong')]);
    await browser.post('/account/authenticator', { current: PASSWORD });
    const page = (await browser.get('/enrolment')).body;
    const secret = /Key: <code>([A-Z2-7 ]+)</.exec(page)?.[1]?.replaceAll(' ', '') ?? '';
    expect((await browser.post('/enrolment', { code: '000000' })).statusCode).toBe(400);
    // Until the new one is confirmed the old one is the one.
    expect((await signIn(practice, owner)).answer.statusCode).toBe(303);
    const renewed = await browser.post('/enrolment', { code: codeOf(secret, practice.clock.now) });
    expect([renewed.statusCode, renewed.body.match(/<code>/g)?.length]).toEqual([200, 10]);
    expect((await browser.get('/clients')).statusCode).toBe(200);
    expect((await desk.get('/clients')).headers.location).toBe('/sign-in');
    expect((await signIn(practice, owner)).answer.statusCode).toBe(400);
    const thief = new Browser(practice);
    await thief.post('/sign-in', { email: owner.email, password: PASSWORD });
    const old = await thief.post('/sign-in/code', { code: owner.backupCodes[0] as string });
    expect(old.statusCode).toBe(400);
    expect((await signIn(practice, { ...owner, secret })).answer.statusCode).toBe(303);
  });

  test('takes another password, and the other sessions end', async () => {
    const practice = await practices.open();
    const owner = await becomeOwner(practice);
    const desk = (await signIn(practice, owner)).browser;
    const change = (current: string, password: string, repeated = password) =>
      owner.browser.post('/account/password', { current, password, repeated });
    expect((await change('not the password', 'another long password')).statusCode).toBe(400);
    expect((await change(PASSWORD, 'short')).body).toContain('too short');
    expect((await change(PASSWORD, 'another long password', 'another one')).body).toContain('not the same');
    expect((await change(PASSWORD, 'another long password')).statusCode).toBe(303);
    expect((await owner.browser.get('/account')).statusCode).toBe(200);
    expect((await desk.get('/account')).headers.location).toBe('/sign-in');
    const enter = (password: string) =>
      new Browser(practice).post('/sign-in', { email: owner.email, password });
    expect((await enter(PASSWORD)).statusCode).toBe(401);
    expect((await enter('another long password')).statusCode).toBe(303);
    expect(await eventsOf(practice, 'staff.password-changed')).toHaveLength(1);
  });
});

test('a sign-in begun with the old password cannot be finished after a new link was given', async () => {
  const practice = await practices.open();
  const owner = await becomeOwner(practice);
  const therapist = await hire(practice, owner, 'therapist');
  const thief = new Browser(practice);
  await thief.post('/sign-in', { email: therapist.email, password: PASSWORD });
  const reset = await owner.browser.api('POST', `/api/staff/${therapist.id}/reset`);
  const { token } = reset.json<{ token: string }>();
  const back = new Browser(practice);
  await back.post('/invitation', {
    token,
    name: 'Back',
    password: 'another long password',
    repeated: 'another long password',
  });
  // In this moment the account has a password and no authenticator.
  expect((await thief.get('/enrolment')).headers.location).toBe('/sign-in');
  expect((await back.get('/enrolment')).statusCode).toBe(200);
});

/** Until the app waits for a lock that this connection holds. */
const signInWaitsFor = (master: PoolClient) =>
  eventually(
    async () =>
      (
        await master.query(
          "SELECT FROM pg_stat_activity WHERE usename = 'practice_app' AND wait_event_type = 'Lock'",
        )
      ).rowCount === 1 || undefined,
    () => 'The sign-in does not wait.',
  );

test('a password that is being checked while the account gets another opens nothing', async () => {
  const practice = await practices.open();
  const owner = await becomeOwner(practice);
  const master = await practice.master.connect();
  await master.query('BEGIN; LOCK TABLE pending_sign_in IN SHARE ROW EXCLUSIVE MODE');
  const thief = new Browser(practice).post('/sign-in', { email: owner.email, password: PASSWORD });
  // The password was found right by now; then a new link is given and taken.
  await signInWaitsFor(master);
  await master.query("UPDATE staff SET password_hash = 'another', totp_secret = NULL; COMMIT");
  master.release();
  const answer = await thief;
  expect([answer.statusCode, answer.cookies]).toEqual([401, []]);
});

test('a backup code that is typed while access is taken away is refused, and neither waits for the other for ever', async () => {
  const practice = await practices.open();
  const owner = await becomeOwner(practice);
  const browser = new Browser(practice);
  await browser.post('/sign-in', { email: owner.email, password: PASSWORD });
  const master = await practice.master.connect();
  await master.query('BEGIN; SELECT FROM staff FOR UPDATE');
  const answer = browser.post('/sign-in/code', { code: owner.backupCodes[0] as string });
  await signInWaitsFor(master);
  await master.query('DELETE FROM backup_code; DELETE FROM pending_sign_in; COMMIT');
  master.release();
  expect((await answer).statusCode).toBe(400);
});

test.each([
  ['is disabled', 'POST', 'disable', undefined],
  ['gets another role', 'PUT', 'role', { role: 'billing' }],
  ['gets a new link', 'POST', 'reset', undefined],
] as const)('links that somebody made are void when the maker %s', async (_what, method, act, payload) => {
  const practice = await practices.open();
  const owner = await becomeOwner(practice);
  const administrator = await hire(practice, owner, 'it_administrator');
  const invited = await administrator.browser.api('POST', '/api/staff', {
    email: 'friend@x.example',
    role: 'therapist',
  });
  const { token } = invited.json<{ token: string }>();
  await owner.browser.api(method, `/api/staff/${administrator.id}/${act}`, payload);
  const taken = await new Browser(practice).post('/invitation', {
    token,
    name: 'A friend',
    password: PASSWORD,
    repeated: PASSWORD,
  });
  expect(taken.statusCode).toBe(400);
});

describe('the accounts', () => {
  test('of others can be changed, within what the role of the one who changes them allows', async () => {
    const practice = await practices.open();
    const owner = await becomeOwner(practice);
    const administrator = await hire(practice, owner, 'it_administrator');
    const therapist = await hire(practice, owner, 'therapist');
    const { id: ownerId } = (await owner.browser.api('GET', '/api/me')).json<{ id: string }>();
    const it = administrator.browser;

    const invited = await it.api('POST', '/api/staff', { email: 'Intake@Sunrise.example', role: 'intake' });
    expect(invited.statusCode).toBe(201);
    const twice = await it.api('POST', '/api/staff', { email: 'intake@sunrise.example', role: 'intake' });
    expect(twice.statusCode).toBe(409);
    // Not by way of an owner, and not his own account.
    expect((await it.api('POST', '/api/staff', { email: 'b@x.example', role: 'owner' })).statusCode).toBe(
      403,
    );
    expect((await it.api('PUT', `/api/staff/${therapist.id}/role`, { role: 'owner' })).statusCode).toBe(403);
    expect((await it.api('POST', `/api/staff/${ownerId}/reset`)).statusCode).toBe(403);
    expect((await it.api('POST', `/api/staff/${ownerId}/disable`)).statusCode).toBe(403);
    const own = await it.api('PUT', `/api/staff/${administrator.id}/role`, { role: 'therapist' });
    expect(own.json()).toMatchObject({ detail: expect.stringContaining('account of their own') });

    expect((await it.api('PUT', `/api/staff/${therapist.id}/role`, { role: 'intake' })).statusCode).toBe(204);
    expect((await therapist.browser.api('GET', '/api/me')).json()).toMatchObject({ role: 'intake' });
    expect(await eventsOf(practice, 'staff.role-changed')).toMatchObject([
      { actor: administrator.id, record_id: therapist.id, details: { from: 'therapist', to: 'intake' } },
    ]);
    const page = await it.get('/staff');
    expect(page.body).toContain('intake@sunrise.example');
  });
});
