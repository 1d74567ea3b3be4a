import { freshKey, startTestApi, type TestApi } from '../builders/api.ts';
import { billedPractice } from '../builders/billed-practice.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
  await billedPractice(api.database, 'oak-aba', { on: '2026-11-01' });
});
afterAll(() => api.close());

const credit = (reason: string) =>
  api.call({
    method: 'POST',
    url: '/v1/practices/oak-aba/ledger/credits',
    payload: { amountCents: 100, reason },
    headers: { 'idempotency-key': freshKey() },
  });

test('text that the database cannot keep is refused where it stands, in bodies and in queries', async () => {
  for (const reason of ['as\u0000agreed', 'as agreed \ud83d', '\ude00 as agreed']) {
    const answer = await credit(reason);
    expect([answer.statusCode, answer.json().errors?.[0]?.pointer]).toEqual([400, '/reason']);
  }
  const nested = await api.app.inject({
    method: 'POST',
    url: '/v1/practices/oak-aba/ledger/credits',
    payload: `{"reason":${'['.repeat(200_000)}"\\u0000"${']'.repeat(200_000)}}`,
    headers: {
      authorization: `Bearer ${api.administrator}`,
      'content-type': 'application/json',
      'idempotency-key': freshKey(),
    },
  });
  expect(nested.statusCode).toBe(400);
  const listed = await api.call({ method: 'GET', url: '/v1/charge-exports?practiceId=%00' });
  expect([listed.statusCode, listed.json().errors?.[0]?.pointer]).toEqual([400, '/practiceId']);
  expect((await credit('as agreed \u{1f600}\n診療所')).statusCode).toBe(201);
});

test('a cursor with a time that no list has is refused', async () => {
  for (const time of [
    '+026059-12-31T00:00:00.000Z',
    '-001199-02-15T14:13:20.000Z',
    '0000-01-01T00:00:00.000Z',
  ]) {
    const cursor = Buffer.from(`${time} 3`).toString('base64url');
    const charges = `/v1/charges?from=2026-01-01&until=2026-12-31&cursor=${cursor}`;
    for (const url of [charges, `/v1/charge-exports?cursor=${cursor}`]) {
      const answer = await api.call({ method: 'GET', url });
      expect([answer.statusCode, answer.json().errors?.[0]?.pointer]).toEqual([400, '/cursor']);
    }
  }
});
