import { problemSchema } from '../../control-api/contracts/common.ts';
import type { ReadinessCheck } from '../../lib/use-cases/check-readiness.ts';
import { freshKey, startTestApi, type TestApi } from '../builders/api.ts';
import { signUpRequest } from '../builders/sign-up.ts';

let api: TestApi;
let cloud: () => Promise<void> = async () => undefined;
const readiness: ReadinessCheck[] = [{ part: 'cloud', check: () => cloud() }];
beforeAll(async () => {
  api = await startTestApi({
    readiness,
    trustProxy: true,
    limits: { signUpsPerMinute: 3, failedSignInsPerMinute: 3 },
  });
});
afterAll(() => api.close());

let addresses = 0;
/** Requests from a client of their own, so that no test uses up another's limit. */
function fromNewClient(): { 'x-forwarded-for': string } {
  addresses += 1;
  return { 'x-forwarded-for': `192.0.2.${addresses}` };
}

const json = { 'content-type': 'application/json' };
const nowhere = '00000000-0000-4000-8000-000000000000';

test.each<[number, 'GET' | 'POST' | 'PATCH', string, Record<string, string>, string | undefined]>([
  [404, 'GET', '/v1/nothing', {}, undefined],
  [404, 'PATCH', '/v1/signups', json, '{}'],
  [404, 'GET', `/v1/signups/${nowhere}`, {}, undefined],
  [404, 'GET', '/v1/signups/not-a-uuid', {}, undefined],
  [404, 'GET', '/v1/practices/nobody', {}, undefined],
  [404, 'POST', `/v1/runs/${nowhere}/retry`, {}, undefined],
  [400, 'GET', '/v1/signups/%zz', {}, undefined],
  [400, 'GET', '/v1/signups?limit=0', {}, undefined],
  [400, 'GET', '/v1/signups?order=oldest', {}, undefined],
  [400, 'GET', '/v1/practices?state=lost', {}, undefined],
  [400, 'POST', '/v1/signups', json, '{"legalName":'],
  [400, 'POST', '/v1/signups', json, ''],
  [400, 'POST', '/v1/signups', json, '{"__proto__":{"polluted":true}}'],
  [413, 'POST', '/v1/signups', json, JSON.stringify({ legalName: 'x'.repeat(17_000) })],
  [415, 'POST', '/v1/signups', { 'content-type': 'text/plain' }, 'hello'],
  [415, 'POST', '/v1/signups', { 'content-type': 'application/x-www-form-urlencoded' }, 'a=1'],
])('%i for %s %s', async (status, method, url, headers, payload) => {
  const answer = await api.call({
    method,
    url,
    headers: { 'idempotency-key': freshKey(), ...fromNewClient(), ...headers },
    ...(payload === undefined ? {} : { payload }),
  });
  expect(answer.statusCode).toBe(status);
  expect(answer.headers['content-type']).toContain('application/problem+json');
  const problem = problemSchema.strict().parse(answer.json());
  expect(problem.status).toBe(status);
  expect(problem.type).toBe(`urn:lumenality:problem:${problem.code}`);
  expect(problem.instance).toBe(`urn:lumenality:request:${String(answer.headers['x-request-id'])}`);
});

test('a client that signs up too often is told when to try again; another is not', async () => {
  const client = fromNewClient();
  const submit = (headers: Record<string, string>) =>
    api.app.inject({
      method: 'POST',
      url: '/v1/signups',
      headers: { 'idempotency-key': freshKey(), ...headers },
      payload: signUpRequest(),
    });
  for (let call = 0; call < 3; call += 1) expect((await submit(client)).statusCode).toBe(201);
  const refused = await submit(client);
  expect(refused.statusCode).toBe(429);
  expect(problemSchema.parse(refused.json()).code).toBe('rate_limited');
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
  expect((await submit(fromNewClient())).statusCode).toBe(201);
});

test('a client that keeps failing to sign in is refused before its token is looked at', async () => {
  const client = fromNewClient();
  const me = (token: string) =>
    api.app.inject({ url: '/v1/me', headers: { ...client, authorization: `Bearer ${token}` } });
  for (let call = 0; call < 3; call += 1) expect((await me('wrong')).statusCode).toBe(401);
  const refused = await me('wrong');
  expect(refused.statusCode).toBe(429);
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
  expect((await me(api.administrator)).statusCode).toBe(429);
  expect((await api.call({ url: '/v1/me', headers: fromNewClient() })).statusCode).toBe(200);
});

test('a request keeps the id that it came with, unless that is no plain one', async () => {
  const ask = async (id: string) =>
    (await api.app.inject({ url: '/healthz', headers: { 'x-request-id': id } })).headers['x-request-id'];
  expect(await ask('trace-0123456789')).toBe('trace-0123456789');
  expect(await ask('{"evil": 1}')).not.toBe('{"evil": 1}');
});

test('not ready says which part, and nothing of why', async () => {
  expect((await api.app.inject('/readyz')).json()).toEqual({
    status: 'ready',
    parts: [
      { part: 'database', ready: true },
      { part: 'cloud', ready: true },
    ],
    warnings: [],
  });
  cloud = () => Promise.reject(new Error('AKIAEXAMPLE was refused'));
  const answer = await api.app.inject('/readyz');
  expect(answer.statusCode).toBe(503);
  expect(answer.json().parts).toContainEqual({ part: 'cloud', ready: false });
  expect(answer.body).not.toContain('AKIA');
});

test('what is unexpected shows a request id and nothing else, and the log never holds a secret', async () => {
  const { token } = await api.tokenWith(['viewer']);
  const secret = token.split('_').slice(2).join('_');
  const request = signUpRequest({
    contact: { name: 'Pat Doe', email: 'pat.doe@example.com', phone: '+12065550199' },
  });
  const headers = { 'idempotency-key': freshKey(), ...fromNewClient() };
  await api.app.inject({ method: 'POST', url: '/v1/signups', headers, payload: request });
  const me = { authorization: `Bearer ${token}` };
  await api.app.inject({ url: `/v1/me?token=${token}`, headers: me });

  api.clock.fault = new Error(`clock broke for ${token}`, {
    cause: new Error('of the log alone'),
  });
  try {
    const answer = await api.app.inject({ url: '/v1/me', headers: me });
    expect(answer.statusCode).toBe(500);
    expect(answer.json()).toEqual({
      type: 'urn:lumenality:problem:internal',
      title: 'The control plane failed',
      status: 500,
      detail: `Something unexpected happened. It is in the log under request ${String(answer.headers['x-request-id'])}.`,
      code: 'internal',
      instance: `urn:lumenality:request:${String(answer.headers['x-request-id'])}`,
    });
    const entry = api.log.find(
      (line) => line.includes(String(answer.headers['x-request-id'])) && line.includes('clock broke'),
    );
    expect(entry).toContain('lum_');
  } finally {
    delete api.clock.fault;
  }
  const log = api.log.join('');
  expect(log).toContain('/v1/me');
  expect(log).not.toContain(secret);
  expect(log).not.toContain(api.administrator);
  expect(log).not.toMatch(/pat\.doe|5550199|Authorization/i);
});

test('metrics count answers by route and practices by state, for those who may look', async () => {
  expect((await api.app.inject('/metrics')).statusCode).toBe(401);
  await api.call({ url: `/v1/practices/nobody` });
  const text = (await api.call({ url: '/metrics' })).body;
  expect(text).toMatch(
    /http_request_duration_seconds_count\{method="GET",route="\/v1\/practices\/:id",status="404"\} \d/,
  );
  expect(text).toContain('lumenality_runs');
  expect(text).toContain('process_resident_memory_bytes');
});
