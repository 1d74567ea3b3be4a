import { randomUUID } from 'node:crypto';
import { forgetIdTokens } from '../../lib/db/ci-exchange-store.ts';
import { parseCiTrust } from '../../lib/domain/ci-trust.ts';
import { remoteIdTokens } from '../../lib/oidc/id-tokens.ts';
import type { CiAccess } from '../../lib/use-cases/ci-token.ts';
import { startTestApi, type TestApi } from '../builders/api.ts';
import { type OidcIssuer, startOidcIssuer } from '../builders/oidc-issuer.ts';

const audience = 'https://control.lumenality.test';
const github = {
  sub: 'repo:lumenality/control-plane:ref:refs/heads/main',
  repository: 'lumenality/control-plane',
  ref: 'refs/heads/main',
  job_workflow_ref: 'lumenality/control-plane/.github/workflows/release.yml@refs/heads/main',
  run_id: '4711',
  actor: 'dana',
};
const gitlab = {
  sub: 'project_path:lumenality/control-plane:ref_type:branch:ref:main',
  project_path: 'lumenality/control-plane',
  ref: 'main',
  ref_protected: 'true',
  pipeline_id: '815',
};

let api: TestApi;
let issuer: OidcIssuer;
let stranger: OidcIssuer;

const trustOf = (url: string) =>
  parseCiTrust(
    JSON.stringify({
      trusted: [
        {
          name: 'github',
          issuer: url,
          audience,
          claims: {
            repository: github.repository,
            ref: ['refs/heads/main', 'refs/tags/v*'],
            job_workflow_ref: 'lumenality/control-plane/.github/workflows/release.yml@refs/*/*',
          },
        },
        {
          name: 'gitlab',
          issuer: url,
          audience,
          claims: { project_path: gitlab.project_path, ref: 'main', ref_protected: 'true' },
        },
      ],
    }),
    'test',
  );
const accessTo = (url: string): CiAccess => ({
  trust: trustOf(url),
  idTokens: remoteIdTokens(new Map([[url, [audience]]]), {
    answerMs: 5_000,
    cooldownMs: 0,
    keptMs: 600_000,
  }),
});

beforeAll(async () => {
  [issuer, stranger] = await Promise.all([
    startOidcIssuer([audience, 'https://somebody.else.test']),
    startOidcIssuer([audience]),
  ]);
  api = await startTestApi({ ci: accessTo(issuer.url) });
});
// The issuer goes by the time of day.
beforeEach(() => {
  api.clock.at = new Date();
});
afterAll(async () => {
  await api.close();
  await Promise.all([issuer.stop(), stranger.stop()]);
});

const exchange = (token: string, at = api) =>
  at.app.inject({ method: 'POST', url: '/v1/ci/token', payload: { token } });
const job = (changes: object = {}, of: object = github) =>
  issuer.idToken({ ...of, jti: randomUUID(), ...changes });
const me = (token: string) =>
  api.app.inject({ url: '/v1/me', headers: { authorization: `Bearer ${token}` } });
const auditOf = async (query: string) => (await api.call({ url: `/v1/audit?${query}` })).json().items;

describe('a job that the allow-list takes', () => {
  test('gets a token of role ci for 15 minutes, and the trail says for what', async () => {
    const idToken = await job();
    const answer = await exchange(idToken);
    expect(answer.statusCode).toBe(201);
    expect(answer.headers['cache-control']).toBe('no-store');
    const created = answer.json();
    expect(created).toMatchObject({ name: 'github: lumenality/control-plane', roles: ['ci'] });
    expect(Date.parse(created.expiresAt) - api.clock.at.getTime()).toBe(15 * 60_000);
    expect((await me(created.token)).json()).toMatchObject({ id: `token:${created.id}`, roles: ['ci'] });

    const [row] = await auditOf(`subjectType=token&subjectId=${created.id}`);
    expect(row).toMatchObject({
      action: 'token.created',
      details: {
        trust: 'github',
        issuer: issuer.url,
        subject: github.sub,
        repository: github.repository,
        ref: github.ref,
        workflow: github.job_workflow_ref,
        runId: '4711',
        startedBy: 'dana',
      },
    });
    const kept = JSON.stringify([row, api.log]);
    expect(kept).not.toContain(idToken.split('.')[2]);
    expect(kept).not.toContain(created.token.split('_').slice(2).join('_'));

    api.clock.at = new Date(api.clock.at.getTime() + 15 * 60_000);
    expect((await me(created.token)).statusCode).toBe(401);
  });

  test('may be of GitLab, with its own names for the same', async () => {
    const answer = await exchange(await job({}, gitlab));
    expect(answer.statusCode).toBe(201);
    const [row] = await auditOf(`subjectType=token&subjectId=${answer.json().id}`);
    expect(row.details).toMatchObject({
      trust: 'gitlab',
      repository: gitlab.project_path,
      ref: 'main',
      runId: '815',
    });
  });

  test('may be of a tag that the pattern fits, but a pattern ends at a slash', async () => {
    expect((await exchange(await job({ ref: 'refs/tags/v2.0.1' }))).statusCode).toBe(201);
    expect((await exchange(await job({ ref: 'refs/tags/v2/evil' }))).statusCode).toBe(403);
  });
});

describe('each ID token is good for one', () => {
  test('of ten at once one gets a token, and the trail tells that there were others', async () => {
    const idToken = await job();
    const answers = await Promise.all(Array.from({ length: 10 }, () => exchange(idToken)));
    const statuses = answers.map(({ statusCode }) => statusCode).sort((a, b) => a - b);
    expect(statuses).toEqual([201, ...Array(9).fill(409)]);
    const refused = answers.find(({ statusCode }) => statusCode === 409)?.json();
    expect(refused.detail).toContain('was exchanged before');
    expect((await exchange(idToken)).statusCode).toBe(409);
    const rows = await auditOf('action=ci_token.refused&subjectId=github');
    const replays = rows.filter((row: { details: { reason: string } }) =>
      row.details.reason.includes('before'),
    );
    expect(replays.length).toBeGreaterThan(0);
  });

  test('without an id of its own, and in another form of the same signature', async () => {
    const idToken = await issuer.idToken(github);
    expect((await exchange(idToken)).statusCode).toBe(201);
    expect((await exchange(idToken)).statusCode).toBe(409);
    // The last character of an RSA signature has four bits to spare.
    const respelled = idToken.slice(0, -1) + String.fromCharCode(idToken.charCodeAt(idToken.length - 1) + 1);
    expect([401, 409]).toContain((await exchange(respelled)).statusCode);
  });

  test('it is forgotten once it has expired, and then refused for that', async () => {
    const idToken = await job();
    expect((await exchange(idToken)).statusCode).toBe(201);
    const { db } = api.database;
    const before = api.clock.at;
    expect(await forgetIdTokens(db, before)).toBe(0);
    api.clock.at = new Date(before.getTime() + 30 * 60_000);
    expect(await forgetIdTokens(db, api.clock.at)).toBeGreaterThan(0);
    const again = await exchange(idToken);
    expect([again.statusCode, again.json().detail]).toEqual([
      401,
      'The ID token is refused: it has expired.',
    ]);
  });
});

describe('a job that takes longer', () => {
  const renew = (token: string) =>
    api.app.inject({
      method: 'POST',
      url: '/v1/ci/token/renew',
      headers: { authorization: `Bearer ${token}` },
    });
  const later = (minutes: number) => {
    api.clock.at = new Date(api.clock.at.getTime() + minutes * 60_000);
  };

  test('renews its newest token as long as its ID token would be valid', async () => {
    const first = (await exchange(await job())).json();
    later(10);
    const second = await renew(first.token);
    expect(second.statusCode).toBe(201);
    expect(second.json()).toMatchObject({ name: first.name, roles: ['ci'] });
    expect(Date.parse(second.json().expiresAt) - api.clock.at.getTime()).toBe(15 * 60_000);
    const [row] = await auditOf(`subjectType=token&subjectId=${second.json().id}`);
    expect(row).toMatchObject({
      action: 'token.created',
      actor: { id: `token:${first.id}` },
      details: { renewalOf: first.id },
    });

    const again = await renew(first.token);
    expect(again.statusCode).toBe(404);
    later(11);
    const late = await renew(second.json().token);
    expect([late.statusCode, late.json().state]).toEqual([409, 'expired']);
  });

  test('cannot renew a token that came of none, or of an entry that is gone', async () => {
    const { token } = await api.tokenWith(['ci']);
    expect((await renew(token)).statusCode).toBe(404);
    const other = await startTestApi(
      { ci: { ...accessTo(issuer.url), trust: trustOf(issuer.url).slice(1) } },
      undefined,
      api.database,
    );
    other.clock.at = api.clock.at;
    const mine = (await exchange(await job())).json();
    const headers = { authorization: `Bearer ${mine.token}` };
    const answer = await other.app.inject({ method: 'POST', url: '/v1/ci/token/renew', headers });
    expect([answer.statusCode, answer.json().state]).toEqual([409, 'not_trusted']);
    await other.app.close();
  });
});

describe('refused with the reason', () => {
  test.each([
    ['another branch', { ref: 'refs/heads/feature' }, 'claim ref ("refs/heads/feature")'],
    ['a pull request', { ref: 'refs/pull/7/merge' }, 'claim ref'],
    [
      'another workflow',
      { job_workflow_ref: 'lumenality/control-plane/.github/workflows/other.yml@refs/heads/main' },
      'claim job_workflow_ref',
    ],
    ['a claim that is missing', { ref: undefined }, 'claim ref, which is missing'],
    ['a claim that is a list', { ref: ['refs/heads/main'] }, 'claim ref'],
  ])('%s', async (_case, changes, words) => {
    const answer = await exchange(await job(changes));
    expect([answer.statusCode, answer.json().code]).toEqual([403, 'forbidden']);
    expect(answer.json().detail).toContain(words);
  });

  test.each([
    ['another repository', { repository: 'mallory/control-plane' }],
    ['a repository whose name goes on', { repository: 'lumenality/control-plane-fork' }],
    ['an owner in other letters', { repository: 'Lumenality/control-plane' }],
  ])('%s, which learns nothing of the list', async (_case, changes) => {
    const answer = await exchange(await job(changes));
    expect(answer.statusCode).toBe(403);
    expect(answer.json().detail).toContain('its project is not on the allow-list');
    expect(answer.body).not.toContain('lumenality/');
  });

  test('another audience', async () => {
    const idToken = await issuer.idToken({ ...github, jti: randomUUID() }, 'https://somebody.else.test');
    const answer = await exchange(idToken);
    expect([answer.statusCode, answer.json().detail]).toEqual([
      401,
      'The ID token is refused: it is meant for another audience.',
    ]);
  });

  test('another issuer, though it says all the same', async () => {
    const answer = await exchange(await stranger.idToken({ ...github, jti: randomUUID() }));
    expect(answer.statusCode).toBe(401);
    expect(answer.json().detail).toContain('its issuer');
  });

  test('another issuer that says it is the trusted one', async () => {
    const answer = await exchange(await stranger.idToken({ ...github, iss: issuer.url, jti: randomUUID() }));
    expect(answer.statusCode).toBe(401);
  });

  test('too old and not yet, beyond half a minute that clocks may differ', async () => {
    const [old, early] = await Promise.all([job(), job({ nbf: Math.floor(Date.now() / 1000) + 120 })]);
    const before = api.clock.at;
    api.clock.at = new Date(before.getTime() + 1_300_000);
    expect((await exchange(old)).json().detail).toContain('expired');
    api.clock.at = before;
    expect((await exchange(early)).json().detail).toContain('not valid yet');
    const soon = await job({ nbf: Math.floor(before.getTime() / 1000) + 15 });
    expect((await exchange(soon)).statusCode).toBe(201);
  });

  test('no signature, a secret one, a changed claim', async () => {
    const idToken = await job();
    const [head = '', body = '', signature = ''] = idToken.split('.');
    const recoded = (text: string, changes: object) =>
      Buffer.from(
        JSON.stringify({ ...JSON.parse(Buffer.from(text, 'base64url').toString()), ...changes }),
      ).toString('base64url');
    const forged = [
      `${recoded(head, { alg: 'none' })}.${body}.`,
      `${recoded(head, { alg: 'none' })}.${body}.${signature}`,
      `${recoded(head, { alg: 'HS256' })}.${body}.${signature}`,
      `${head}.${recoded(body, { ref: 'refs/tags/v9' })}.${signature}`,
      `${recoded(head, { jwk: { kty: 'oct', k: 'AAAA' }, kid: 'mine' })}.${body}.${signature}`,
      'a.b.c',
    ];
    const statuses = [];
    for (const each of forged) statuses.push((await exchange(each)).statusCode);
    expect(statuses).toEqual(forged.map(() => 401));
    // It was not used up by these.
    expect((await exchange(idToken)).statusCode).toBe(201);
  });

  test('text that is no token, and fields that there are none of', async () => {
    for (const payload of [{ token: 'nonsense' }, {}, { token: 'a.b.c', role: 'security_admin' }]) {
      const answer = await api.app.inject({ method: 'POST', url: '/v1/ci/token', payload });
      expect(answer.statusCode).toBe(400);
    }
  });
});

describe("the issuer's keys", () => {
  test('may change: the new one is fetched, and what the old one signed is refused from then on', async () => {
    const old = await job();
    const spare = await job();
    expect((await exchange(old)).statusCode).toBe(201);
    await issuer.changeKey('second', 'ES256');
    expect((await exchange(await job())).statusCode).toBe(201);
    const answer = await exchange(spare);
    expect([answer.statusCode, answer.json().detail]).toEqual([
      401,
      'The ID token is refused: its issuer has no key of that id.',
    ]);
  });

  test('of other algorithms are not taken', async () => {
    await issuer.changeKey('third', 'PS256');
    const answer = await exchange(await job());
    expect([answer.statusCode, answer.json().detail]).toEqual([
      401,
      'The ID token is refused: it must be signed with RS256 or ES256.',
    ]);
    await issuer.changeKey('fourth');
  });

  test('that cannot be fetched are 503, which says whose, and the next token tries again', async () => {
    const gone = await startOidcIssuer([audience]);
    const idToken = await gone.idToken({ ...github, jti: randomUUID() });
    await gone.stop();
    const other = await startTestApi({ ci: accessTo(gone.url) }, undefined, api.database);
    other.clock.at = new Date();
    const answer = await exchange(idToken, other);
    expect([answer.statusCode, answer.json().code]).toEqual([503, 'unavailable']);
    expect(answer.json().detail).toContain(`${gone.url} cannot be asked for its keys (connect ECONNREFUSED`);
    await other.app.close();
  });
});

test('an address that sends too many is told to wait, as with sign-ups', async () => {
  const limited = await startTestApi(
    { ci: accessTo(issuer.url), limits: { signUpsPerMinute: 2 } },
    undefined,
    api.database,
  );
  const statuses = [];
  for (let count = 0; count < 3; count += 1) statuses.push((await exchange('a.b.c', limited)).statusCode);
  expect(statuses).toEqual([401, 401, 429]);
  await limited.app.close();
});

test('without an allow-list nobody gets in, and the answer says what to do', async () => {
  const closed = await startTestApi({}, undefined, api.database);
  const answer = await exchange(await job(), closed);
  expect(answer.statusCode).toBe(404);
  expect(answer.json().detail).toContain('LUMENALITY_CI_TRUST');
  await closed.app.close();
});
