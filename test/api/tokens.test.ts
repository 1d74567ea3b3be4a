import type { Role } from '../../lib/domain/access.ts';
import { ensureFirstToken } from '../../lib/use-cases/tokens.ts';
import { freshKey, startTestApi, type TestApi } from '../builders/api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

test('a token is shown once, works until it is revoked, and is kept only as a hash', async () => {
  const { id, token } = await api.tokenWith(['viewer']);
  const me = () => api.app.inject({ url: '/v1/me', headers: { authorization: `Bearer ${token}` } });
  expect((await me()).json()).toEqual({ id: `token:${id}`, name: 'test viewer', roles: ['viewer'] });

  const everywhere = JSON.stringify([
    await api.database.db.selectFrom('api_token').selectAll().execute(),
    await api.database.db.selectFrom('idempotency').selectAll().execute(),
    await api.database.db.selectFrom('audit').selectAll().execute(),
    (await api.call({ url: '/v1/tokens' })).json(),
    api.log,
  ]);
  expect(everywhere).toContain(id);
  expect(everywhere).not.toContain(token.split('_').slice(2).join('_'));

  expect((await api.call({ method: 'DELETE', url: `/v1/tokens/${id}` })).statusCode).toBe(204);
  const after = await me();
  expect(after.statusCode).toBe(401);
  expect(after.json().detail).toContain('revoked');
  expect((await api.call({ method: 'DELETE', url: `/v1/tokens/${id}` })).statusCode).toBe(204);
  const trail = (await api.call({ url: `/v1/audit?subjectType=token&subjectId=${id}` })).json().items;
  expect(trail.map((row: { action: string }) => row.action)).toEqual([
    'token.refused',
    'token.revoked',
    'token.created',
  ]);
});

test('a repeated creation names the token instead of making or showing another', async () => {
  const create = (key: string) =>
    api.call({
      method: 'POST',
      url: '/v1/tokens',
      headers: { 'idempotency-key': key },
      payload: { name: 'pipeline', roles: ['ci'] },
    });
  const key = freshKey();
  const first = await create(key);
  expect(first.statusCode).toBe(201);
  const again = await create(key);
  expect(again.statusCode).toBe(409);
  expect(again.json().detail).toContain(first.json().id);
  expect(again.body).not.toContain('lum_');
});

test('the last use is noted, at most once a minute', async () => {
  const { id, token } = await api.tokenWith(['viewer']);
  const use = async (secondsLater: number) => {
    api.clock.at = new Date(api.clock.at.getTime() + secondsLater * 1000);
    await api.app.inject({ url: '/v1/me', headers: { authorization: `Bearer ${token}` } });
    const row = await api.database.db
      .selectFrom('api_token')
      .select('last_used_at')
      .where('id', '=', id)
      .executeTakeFirst();
    return row?.last_used_at;
  };
  const first = await use(0);
  expect(first).toEqual(api.clock.at);
  expect(await use(59)).toEqual(first);
  expect(await use(1)).toEqual(api.clock.at);
});

test('a first token is made only while nobody can manage tokens, and only if it can be saved', async () => {
  const saved: string[] = [];
  const save = async (token: string) => void saved.push(token);
  expect(await ensureFirstToken(api.core, save)).toBe(false);

  await api.database.db.updateTable('api_token').set({ expires_at: api.clock.at }).execute();
  const full = () => Promise.reject(new Error('the disk is full'));
  await expect(ensureFirstToken(api.core, full)).rejects.toThrow('the disk is full');
  expect(await Promise.all([ensureFirstToken(api.core, save), ensureFirstToken(api.core, save)])).toEqual(
    expect.arrayContaining([true, false]),
  );
  expect(saved).toHaveLength(1);
  const answer = await api.app.inject({
    url: '/v1/tokens',
    headers: { authorization: `Bearer ${saved[0]}` },
  });
  expect(answer.statusCode).toBe(200);
  await api.database.db.updateTable('api_token').set({ expires_at: null }).execute();
});

test('nobody gives a role that they lack, and the last administrator stays', async () => {
  const officer = await api.tokenWith(['security_admin']);
  const create = (roles: readonly Role[]) =>
    api.app.inject({
      method: 'POST',
      url: '/v1/tokens',
      headers: { authorization: `Bearer ${officer.token}`, 'idempotency-key': freshKey() },
      payload: { name: 'helper', roles },
    });
  const refused = await create(['security_admin', 'operator']);
  expect(refused.statusCode).toBe(403);
  expect(refused.json().detail).toContain('lacks operator');
  expect((await create(['security_admin'])).statusCode).toBe(201);

  const live = async () => {
    const { items } = (await api.call({ url: '/v1/tokens?limit=200' })).json();
    return items.filter(
      (item: { roles: Role[]; revokedAt: string | null }) =>
        item.revokedAt === null && item.roles.includes('security_admin'),
    );
  };
  const own = api.administrator.split('_')[1];
  for (const token of await live()) {
    if (token.id !== own) await api.call({ method: 'DELETE', url: `/v1/tokens/${token.id}` });
  }
  const last = await api.call({ method: 'DELETE', url: `/v1/tokens/${own}` });
  expect(last.statusCode).toBe(409);
  expect(await live()).toHaveLength(1);
});
