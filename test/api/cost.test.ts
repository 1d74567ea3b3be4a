import { costSchema, practiceCostSchema } from '../../control-api/contracts/cost.ts';
import { startTestApi, type TestApi } from '../builders/api.ts';
import { publishTestRelease } from '../builders/database.ts';
import { insertPracticeRun } from '../builders/runs.ts';
import { shippedTemplates } from '../builders/templates.ts';

let api: TestApi;
let newest: string;
beforeAll(async () => {
  api = await startTestApi();
  await publishTestRelease(api.database, 'a', new Date('2026-11-01T00:00:00Z'), {
    ...shippedTemplates(),
    data: JSON.stringify({ Resources: { Stream: { Type: 'AWS::Kinesis::Stream' } } }),
  });
  newest = await publishTestRelease(api.database, 'b', new Date('2026-11-02T00:00:00Z'), shippedTemplates());
});
afterAll(() => api.close());

const get = (url: string) => api.call({ method: 'GET', url });

test.each(['solo', 'group', 'enterprise'])(
  'a %s silo is priced in the newest release, line by line',
  async (shape) => {
    const answer = await get(`/v1/cost?shape=${shape}`);
    expect(answer.statusCode).toBe(200);
    const cost = costSchema.parse(answer.json());
    expect(cost).toMatchObject({ shape, releaseId: newest, region: 'us-east-1', currency: 'USD' });
    expect(cost.lines.reduce((sum, line) => sum + line.monthlyNanoUsd, 0)).toBe(cost.monthlyNanoUsd);
  },
);

test('a practice is priced with what it has set for itself', async () => {
  await insertPracticeRun(
    api.database.db,
    { practiceId: 'priced', steps: ['prepare'] },
    async () => undefined,
  );
  const standing = practiceCostSchema.parse((await get('/v1/practices/priced/cost')).json());
  expect(standing).toMatchObject({ practiceId: 'priced', shape: 'solo', releaseId: newest });
  await api.database.db
    .updateTable('practice')
    .set({ settings: JSON.stringify({ instanceClass: 'db.t4g.large' }) })
    .where('id', '=', 'priced')
    .execute();
  const larger = practiceCostSchema.parse((await get('/v1/practices/priced/cost')).json());
  expect(larger.monthlyNanoUsd).toBeGreaterThan(standing.monthlyNanoUsd);
  expect(larger.lines.map(({ item }) => item)).toContain('Database db.t4g.large');
});

test('a practice whose silo is gone has no cost to show', async () => {
  await insertPracticeRun(api.database.db, { practiceId: 'gone', steps: ['prepare'] }, async () => undefined);
  await api.database.db
    .updateTable('practice')
    .set({ state: 'provisioning_cancelled' })
    .where('id', '=', 'gone')
    .execute();
  const answer = await get('/v1/practices/gone/cost');
  expect(answer.statusCode).toBe(409);
  expect(answer.json()).toMatchObject({ code: 'wrong_state', state: 'provisioning_cancelled' });
});

test('a release with a resource that has no price is refused by name, not priced without it', async () => {
  const answer = await get('/v1/cost?shape=solo&releaseId=r-aaaaaaaaaaaa');
  expect(answer.statusCode).toBe(500);
  expect(answer.json()).toMatchObject({ code: 'configuration' });
  expect(answer.json().detail).toContain('data/Stream (AWS::Kinesis::Stream) has no price');
});

test.each([
  ['/v1/cost', 400],
  ['/v1/cost?shape=huge', 400],
  ['/v1/cost?shape=solo&releaseId=r-000000000000', 404],
  ['/v1/practices/nobody/cost', 404],
])('%s is answered with %i', async (url, status) => {
  expect((await get(url)).statusCode).toBe(status);
});
