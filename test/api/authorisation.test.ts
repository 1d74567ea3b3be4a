import Fastify from 'fastify';
import { accessTable } from '../../control-api/access.ts';
import { defaultLimits } from '../../control-api/deps.ts';
import { requireAccess } from '../../control-api/plugins/app/auth.ts';
import { registerRateLimit } from '../../control-api/plugins/external/rate-limit.ts';
import { type Role, roles } from '../../lib/domain/access.ts';
import { startTestApi, type TestApi } from '../builders/api.ts';

let api: TestApi;
const tokens = new Map<Role, string>();

beforeAll(async () => {
  api = await startTestApi();
  for (const role of roles) tokens.set(role, (await api.tokenWith([role])).token);
});
afterAll(() => api.close());

/** Ids that exist nowhere: whoever may call the route gets past the door and then hears 404 or 400. */
const nowhere = '00000000-0000-4000-8000-000000000000';

function send(route: string, token: string | undefined) {
  const [method = '', path = ''] = route.split(' ');
  return api.app.inject({
    method: method as 'GET',
    url: path.replace(':id', nowhere),
    ...(token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }),
  });
}

const routes = Object.entries(accessTable);
const guarded = routes.flatMap(([route, access]) =>
  access === 'public' ? [] : [{ route, allowed: [...access] }],
);

test.each(guarded)('$route lets in exactly the roles of the table', async ({ route, allowed }) => {
  const letIn: Role[] = [];
  for (const role of roles) {
    const answer = await send(route, tokens.get(role));
    if (answer.statusCode === 403) {
      expect(answer.json().detail).toContain(allowed.join(', '));
    } else {
      expect([200, 400, 404]).toContain(answer.statusCode);
      letIn.push(role);
    }
  }
  expect(new Set(letIn)).toEqual(new Set(allowed));
});

test.each(guarded)('$route answers 401 without a token that works', async ({ route }) => {
  const none = await send(route, undefined);
  expect(none.statusCode).toBe(401);
  expect(none.headers['www-authenticate']).toBe('Bearer realm="lumenality"');
  const unknown = await send(route, `lum_${'a'.repeat(16)}_${'A'.repeat(43)}`);
  expect(unknown.statusCode).toBe(401);
  expect(unknown.headers['www-authenticate']).toContain('error="invalid_token"');
});

test.each(routes.filter(([, access]) => access === 'public'))('%s asks nobody', async (route) => {
  expect([200, 400, 404, 415]).toContain((await send(route, undefined)).statusCode);
});

test('revoked and expired tokens open nothing', async () => {
  const revoked = await api.tokenWith([...roles]);
  const expired = await api.tokenWith([...roles], 1);
  expect((await api.call({ method: 'DELETE', url: `/v1/tokens/${revoked.id}` })).statusCode).toBe(204);
  const before = api.clock.at;
  api.clock.at = new Date(before.getTime() + 86_400_000);
  try {
    for (const { route } of guarded) {
      expect((await send(route, revoked.token)).statusCode).toBe(401);
      expect((await send(route, expired.token)).statusCode).toBe(401);
    }
  } finally {
    api.clock.at = before;
  }
});

test('the table is the routes, no more and no fewer', async () => {
  const document = (await api.app.inject('/openapi.json')).json();
  const described = Object.entries<Record<string, object>>(document.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map(
      (method) => `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`,
    ),
  );
  expect(described.toSorted()).toEqual(Object.keys(accessTable).toSorted());
});

test('a route that the table lacks cannot be registered', async () => {
  const app = Fastify();
  await registerRateLimit(app, defaultLimits);
  requireAccess(app, api.core, 1);
  expect(() => app.get('/v1/back-door', async () => 'open')).toThrow(
    'GET /v1/back-door has no row in control-api/access.ts',
  );
  // Nor does an application start that lacks routes of the table.
  await expect(app.ready()).rejects.toThrow('names no route: POST /v1/signups');
});

test('the audit trail cannot be filled with refusals', async () => {
  const { id, token } = await api.tokenWith(['viewer']);
  for (let call = 0; call < 5; call += 1) {
    await send('GET /v1/tokens', token);
    await send('GET /v1/plans', `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`);
  }
  const trail = await api.call({ url: `/v1/audit?subjectType=token&subjectId=${id}&action=token.refused` });
  const reasons = trail.json().items.map((row: { details: { reason: string } }) => row.details.reason);
  expect(reasons.sort()).toEqual(['missing_role', 'wrong_secret']);
});
