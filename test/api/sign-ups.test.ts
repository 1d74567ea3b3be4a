import { approvalSchema } from '../../control-api/contracts/sign-ups.ts';
import { toJson } from '../../lib/db/database.ts';
import type { SignUpRequest } from '../../lib/domain/sign-up.ts';
import { forgetOldRecords } from '../../lib/reconcilers/forget-old-records.ts';
import { freshKey, startTestApi, type TestApi } from '../builders/api.ts';
import { publishTestRelease } from '../builders/database.ts';
import { eventually, silent } from '../builders/runs.ts';
import { signUpRequest } from '../builders/sign-up.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
  await publishTestRelease(api.database, 'b', api.clock.at);
});
afterAll(() => api.close());

function submit(payload: unknown, key = freshKey()) {
  const headers = { 'idempotency-key': key };
  return api.app.inject({ method: 'POST', url: '/v1/signups', headers, payload: payload as object });
}

async function submitted(changes: Partial<SignUpRequest> = {}): Promise<string> {
  return (await submit(signUpRequest(changes))).json().id;
}

function decide(id: string, verb: 'approve' | 'reject', headers: Record<string, string> = {}) {
  return api.call({
    method: 'POST',
    url: `/v1/signups/${id}/${verb}`,
    headers,
    payload: { reason: 'checked' },
  });
}

const { agreement: _, ...withoutAgreement } = signUpRequest();

test.each<[string, unknown, string]>([
  ['no legal name', { ...signUpRequest(), legalName: '  ' }, '/legalName'],
  ['a name with a line break', { ...signUpRequest(), legalName: 'A\nB' }, '/legalName'],
  ['a direction override', { ...signUpRequest(), displayName: 'A\u202eB' }, '/displayName'],
  ['no discipline', { ...signUpRequest(), disciplines: [] }, '/disciplines'],
  ['an unknown discipline', { ...signUpRequest(), disciplines: ['music'] }, '/disciplines/0'],
  ['an NPI with a wrong check digit', { ...signUpRequest(), npi: '1234567890' }, '/npi'],
  ['an NPI of nine digits', { ...signUpRequest(), npi: '123456789' }, '/npi'],
  ['no e-mail', { ...signUpRequest(), contact: { name: 'A', phone: '+12065550123' } }, '/contact/email'],
  [
    'a local phone number',
    { ...signUpRequest(), contact: { name: 'A', email: 'a@b.example', phone: '5550123' } },
    '/contact/phone',
  ],
  ['an unknown state', { ...signUpRequest(), usState: 'ZZ' }, '/usState'],
  ['an offset for a time zone', { ...signUpRequest(), timeZone: '+05:00' }, '/timeZone'],
  ['half a clinician', { ...signUpRequest(), clinicianCount: 1.5 }, '/clinicianCount'],
  ['an unknown plan', { ...signUpRequest(), plan: 'gold' }, '/plan'],
  [
    'an agreement accepted tomorrow',
    { ...signUpRequest(), agreement: { acceptedBy: 'A', acceptedAt: '2026-11-21T12:00:00Z', version: '1' } },
    '/agreement/acceptedAt',
  ],
  ['another field', { ...signUpRequest(), role: 'admin' }, '/role'],
  [
    'a field within a field',
    { ...signUpRequest(), contact: { ...signUpRequest().contact, fax: '1' } },
    '/contact/fax',
  ],
  ['text for an object', '"text"', ''],
])('a sign-up with %s is refused at that field', async (_name, payload, pointer) => {
  const answer =
    typeof payload === 'string'
      ? await api.app.inject({
          method: 'POST',
          url: '/v1/signups',
          headers: { 'idempotency-key': freshKey(), 'content-type': 'application/json' },
          payload,
        })
      : await submit(payload);
  expect(answer.statusCode).toBe(400);
  const { errors } = answer.json();
  expect(errors.map((error: { pointer: string }) => error.pointer)).toEqual([pointer]);
  expect(errors[0].message).toMatch(/\w/);
});

test('every wrong field is named at once, and no value is sent back', async () => {
  const answer = await submit({
    ...signUpRequest(),
    npi: 'secret-npi',
    usState: 'secret-state',
    clinicianCount: -987_654_321,
  });
  expect(
    answer
      .json()
      .errors.map((error: { pointer: string }) => error.pointer)
      .sort(),
  ).toEqual(['/clinicianCount', '/npi', '/usState']);
  expect(answer.body).not.toMatch(/secret|987654321/);
});

describe('idempotency', () => {
  test('a creation without a key, or with a poor one, is refused', async () => {
    for (const headers of [{}, { 'idempotency-key': 'short' }, { 'idempotency-key': 'with a space' }]) {
      const answer = await api.app.inject({
        method: 'POST',
        url: '/v1/signups',
        headers,
        payload: signUpRequest(),
      });
      expect(answer.statusCode).toBe(400);
      expect(answer.json().errors[0].pointer).toBe('/headers/idempotency-key');
    }
  });

  test('a repeat gets the first answer, whatever the order of its fields, and creates nothing', async () => {
    const key = freshKey();
    const request = signUpRequest();
    const first = await submit(request, key);
    const reversed = Object.fromEntries(Object.entries(request).reverse());
    const again = await submit(reversed, key);
    expect(first.headers['idempotency-replayed']).toBeUndefined();
    expect(again.headers['idempotency-replayed']).toBe('true');
    expect([again.statusCode, again.body, again.headers.location]).toEqual([
      first.statusCode,
      first.body,
      first.headers.location,
    ]);
    expect(await signUpsWith(request.npi)).toBe(1);
  });

  test('the same key with another request is a 422', async () => {
    const key = freshKey();
    await submit(signUpRequest(), key);
    const other = await submit(signUpRequest(), key);
    expect([other.statusCode, other.json().code]).toEqual([422, 'idempotency_mismatch']);
  });

  test('a key is free again after seven days, and not a moment before', async () => {
    const [old, young] = [freshKey(), freshKey()];
    const days = 24 * 60 * 60 * 1000;
    await submit(signUpRequest(), old);
    await api.database.db
      .updateTable('idempotency')
      .set({ created_at: new Date(api.clock.at.getTime() - 7 * days - 1) })
      .where('key', '=', old)
      .execute();
    await submit(signUpRequest(), young);
    const reconciler = forgetOldRecords({ ...api.core, log: silent });
    await eventually('the old key to be free', async () =>
      (await submit(signUpRequest(), old)).statusCode === 201 ? true : undefined,
    );
    await reconciler.stop();
    expect((await submit(signUpRequest(), young)).statusCode).toBe(422);
  });

  test('many at once with one key make one sign-up', async () => {
    const key = freshKey();
    const request = signUpRequest();
    const answers = await Promise.all(Array.from({ length: 8 }, () => submit(request, key)));
    expect(new Set(answers.map((answer) => `${answer.statusCode} ${answer.body}`)).size).toBe(1);
    expect(answers.filter((answer) => answer.headers['idempotency-replayed'] === undefined)).toHaveLength(1);
    expect(await signUpsWith(request.npi)).toBe(1);
  });

  test('a refused call leaves its key free', async () => {
    const key = freshKey();
    expect((await submit({ ...signUpRequest(), plan: 'gold' }, key)).statusCode).toBe(400);
    expect((await submit(signUpRequest(), key)).statusCode).toBe(201);
  });
});

async function signUpsWith(npi: string): Promise<number> {
  return (await api.database.db.selectFrom('sign_up').select('id').where('npi', '=', npi).execute()).length;
}

test('an NPI in use is refused without telling whose, and is free again after a rejection', async () => {
  const request = signUpRequest({ displayName: 'Quiet Harbor' });
  const id = (await submit(request)).json().id;
  const rival = signUpRequest({ npi: request.npi, displayName: 'Loud Harbor' });
  const refused = await submit(rival);
  expect(refused.statusCode).toBe(409);
  expect(refused.body).not.toMatch(new RegExp(`${id}|${request.npi}|Quiet`));
  await decide(id, 'reject');
  expect((await submit(rival)).statusCode).toBe(201);
});

describe('decisions', () => {
  test('approval waits for the agreement', async () => {
    const id = (await submit({ ...withoutAgreement })).json().id;
    const early = await decide(id, 'approve');
    expect(early.statusCode).toBe(409);
    expect(early.json()).toEqual(expect.objectContaining({ code: 'wrong_state', state: 'requested' }));
    expect(early.json().detail).toContain('agreement');

    const record = (acceptedAt: string) =>
      api.call({
        method: 'PUT',
        url: `/v1/signups/${id}/agreement`,
        payload: { acceptedBy: 'Robin Vale', acceptedAt, version: '2026-01' },
      });
    expect((await record('2027-01-01T00:00:00Z')).json().errors[0].pointer).toBe('/acceptedAt');
    expect((await record('2026-11-19T09:00:00-08:00')).statusCode).toBe(200);
    expect((await decide(id, 'approve')).statusCode).toBe(202);
    expect((await record('2026-11-19T09:00:00-08:00')).json()).toEqual(
      expect.objectContaining({ status: 409, state: 'approved' }),
    );
  });

  test.each([
    ['approve', 'approve', 'approved'],
    ['approve', 'reject', 'approved'],
    ['reject', 'approve', 'rejected'],
    ['reject', 'reject', 'rejected'],
  ] as const)('after %s, %s is refused with the state', async (first, second, state) => {
    const id = await submitted();
    expect((await decide(id, first)).statusCode).toBeLessThan(300);
    const refused = await decide(id, second);
    expect(refused.json()).toEqual(expect.objectContaining({ status: 409, code: 'wrong_state', state }));
  });

  test('of an approval and a rejection at once, exactly one wins', async () => {
    const id = await submitted();
    const answers = await Promise.all([decide(id, 'approve'), decide(id, 'reject'), decide(id, 'approve')]);
    const won = answers.filter((answer) => answer.statusCode < 300);
    expect(won).toHaveLength(1);
    const runs = await api.database.db
      .selectFrom('run')
      .innerJoin('practice', 'practice.id', 'run.practice_id')
      .select('run.id')
      .where('practice.sign_up_id', '=', id)
      .execute();
    expect(runs).toHaveLength(won[0]?.statusCode === 202 ? 1 : 0);
  });

  test('practices of one name get ids of their own, and no id is given twice', async () => {
    const ids = [
      await submitted({ displayName: 'Elm Street' }),
      await submitted({ displayName: 'Elm-Street!' }),
    ];
    const practices: string[] = [];
    for (const id of ids)
      practices.push(approvalSchema.parse((await decide(id, 'approve')).json()).practiceId);
    expect(practices).toEqual(['elm-street', 'elm-street-2']);
    await api.database.db
      .updateTable('practice')
      .set({ state: 'deprovisioned' })
      .where('id', '=', 'elm-street')
      .execute();
    const third = await decide(await submitted({ displayName: 'Elm Street' }), 'approve');
    expect(third.json().practiceId).toBe('elm-street-3');
  });

  test('a change meant for another revision is refused', async () => {
    const id = await submitted();
    const read = await api.call({ url: `/v1/signups/${id}` });
    expect(read.headers.etag).toBe('"1"');
    expect((await decide(id, 'reject', { 'if-match': '"7"' })).statusCode).toBe(412);
    expect((await decide(id, 'reject', { 'if-match': '1' })).statusCode).toBe(400);
    const changed = await decide(id, 'reject', { 'if-match': '"7", "1"' });
    expect([changed.statusCode, changed.headers.etag]).toEqual([200, '"2"']);
  });

  test('each change has its audit row, with who and why', async () => {
    const id = await submitted();
    await decide(id, 'reject');
    const rows = (await api.call({ url: `/v1/audit?subjectType=sign_up&subjectId=${id}` })).json().items;
    expect(
      rows.map((row: { action: string; actor: { name: string } }) => [row.action, row.actor.name]),
    ).toEqual([
      ['sign_up.rejected', 'first administrator'],
      ['sign_up.submitted', 'public'],
    ]);
    expect(rows[0].details).toEqual({ reason: 'checked' });
  });

  test('an approval that cannot be queued leaves nothing behind', async () => {
    const id = await submitted({ displayName: 'Half Done' });
    api.queue.fault = new Error('the queue is gone');
    try {
      expect((await decide(id, 'approve')).statusCode).toBe(500);
    } finally {
      delete api.queue.fault;
    }
    expect((await api.call({ url: `/v1/signups/${id}` })).json().state).toBe('requested');
    expect((await api.call({ url: '/v1/practices/half-done' })).statusCode).toBe(404);
  });
});

test('the terms of a plan begin on the practice’s own day', async () => {
  // 09:00 UTC on the first is still the last day of the month before in Honolulu.
  const before = api.clock.at;
  api.clock.at = new Date('2026-12-01T09:00:00Z');
  const { terms } = (await api.call({ url: '/v1/plans/standard' })).json().versions[0];
  await api.database.db
    .insertInto('plan_version')
    .values({ plan_id: 'standard', version: 2, effective_from: '2026-12-01', terms: toJson(terms) })
    .execute();
  const versionFor = async (timeZone: string) => {
    const approval = (await decide(await submitted({ plan: 'standard', timeZone }), 'approve')).json();
    return (await api.call({ url: `/v1/practices/${approval.practiceId}` })).json().plan.version;
  };
  try {
    expect(await versionFor('Pacific/Honolulu')).toBe(1);
    expect(await versionFor('America/New_York')).toBe(2);
  } finally {
    api.clock.at = before;
  }
});
