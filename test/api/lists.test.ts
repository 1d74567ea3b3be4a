import { randomUUID } from 'node:crypto';
import * as fc from 'fast-check';
import { sql } from 'kysely';
import { z } from 'zod';
import { responseExamples } from '../../control-api/response-examples.ts';
import { toJson } from '../../lib/db/database.ts';
import { insertSignUp } from '../../lib/db/sign-up-store.ts';
import { startTestApi, type TestApi } from '../builders/api.ts';
import { signUpRequest } from '../builders/sign-up.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

async function addSignUp(createdAt: Date): Promise<string> {
  const request = signUpRequest();
  const id = randomUUID();
  await api.database.db.transaction().execute((trx) =>
    insertSignUp(trx, {
      id,
      state: 'requested',
      legal_name: request.legalName,
      display_name: request.displayName,
      disciplines: toJson(request.disciplines),
      npi: request.npi,
      contact: toJson(request.contact),
      us_state: request.usState,
      time_zone: request.timeZone,
      clinician_count: request.clinicianCount,
      plan_id: request.plan,
      practice_id: null,
      decided_by: null,
      decision_reason: null,
      revision: 1,
      created_at: createdAt,
      updated_at: createdAt,
    }),
  );
  return id;
}

/** Reads a whole list page by page; `between` runs after each page. */
async function readAll(path: string, limit: number, between: () => Promise<void> = async () => undefined) {
  const items: Record<string, unknown>[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const answer = await api.call({
      url: `${path}?limit=${limit}${cursor === '' ? '' : `&cursor=${cursor}`}`,
    });
    expect(answer.statusCode).toBe(200);
    const page: { items: Record<string, unknown>[]; nextCursor: string | null } = answer.json();
    expect(page.items.length).toBeLessThanOrEqual(limit);
    items.push(...page.items);
    cursor = page.nextCursor;
    await between();
  }
  return items;
}

test('paging loses no row and doubles none, also of one moment, also while rows are added', async () => {
  const start = Date.parse('2026-01-01T00:00:00Z');
  const sizes = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(sizes, fc.integer({ min: 1, max: 5 }), async (seconds, limit) => {
      await api.database.db.deleteFrom('sign_up').execute();
      const ids: string[] = [];
      // Few distinct times, so that many rows share one and the id has to decide.
      for (const second of seconds) ids.push(await addSignUp(new Date(start + second * 1000)));
      let later = 60;
      const items = await readAll('/v1/signups', limit, async () => {
        later += 1;
        await addSignUp(new Date(start + later * 1000));
      });
      expect(items).toHaveLength(ids.length);
      expect(new Set(items.map((item) => item['id']))).toEqual(new Set(ids));
      const times = items.map((item) => String(item['createdAt']));
      expect(times).toEqual([...times].sort().reverse());
    }),
    { numRuns: 15 },
  );
});

test.each([
  '/v1/signups',
  '/v1/practices',
  '/v1/runs',
  '/v1/releases',
  '/v1/tokens',
  '/v1/audit',
  '/v1/plans',
])('%s can be read to its end, and refuses a cursor that is not its own', async (path) => {
  for (let count = 0; count < 3; count += 1) await api.tokenWith(['viewer']);
  const items = await readAll(path, 2);
  expect(new Set(items.map((item) => item['id'] ?? item['seq'])).size).toBe(items.length);
  const made = (text: string) => Buffer.from(text).toString('base64url');
  const wrong = [
    'x',
    made('2026-01-01T00:00:00.000Z'),
    made("2026-01-01T00:00:00.000Z '; drop table audit"),
    made('never 1'),
  ];
  for (const cursor of wrong) {
    const answer = await api.call({ url: `${path}?cursor=${cursor}` });
    expect([answer.statusCode, answer.json().errors[0].pointer]).toEqual([400, '/cursor']);
  }
});

test('a list shows only the state asked for', async () => {
  await addSignUp(new Date('2026-02-01T00:00:00Z'));
  expect((await api.call({ url: '/v1/signups?state=requested' })).json().items.length).toBeGreaterThan(0);
  expect((await api.call({ url: '/v1/signups?state=rejected' })).json().items).toEqual([]);
});

test.each(['update audit set actor_name = $$nobody$$', 'delete from audit', 'truncate audit'])(
  'the audit trail refuses "%s", whoever asks the database',
  async (statement) => {
    const before = await readAll('/v1/audit', 200);
    await expect(sql.raw(statement).execute(api.database.db)).rejects.toThrow('append-only');
    expect(await readAll('/v1/audit', 200)).toEqual(before);
  },
);

test('the OpenAPI document describes every operation, its callers and its refusals', async () => {
  const document = (await api.app.inject('/openapi.json')).json();
  expect(document.openapi).toBe('3.1.0');
  for (const [path, operations] of Object.entries<Record<string, Operation>>(document.paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      const name = `${method} ${path}`;
      expect([name, operation.summary]).toEqual([name, expect.stringMatching(/\w{2,}/)]);
      expect([name, operation.tags?.length]).not.toEqual([name, 0]);
      expect([name, operation.responses['default']?.content]).toEqual([
        name,
        { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      ]);
      expect([name, Object.keys(operation.responses).some((status) => status.startsWith('2'))]).toEqual([
        name,
        true,
      ]);
      for (const [status, { content }] of Object.entries(operation.responses)) {
        const json = status.startsWith('2') ? content?.['application/json'] : undefined;
        if (json === undefined || isNothing(json.schema)) continue;
        expect([name, status, json.example]).toEqual([name, status, expect.any(Object)]);
        expect(JSON.stringify(json.example)).not.toContain('[null]');
      }
      const parameters = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
      const described = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path');
      expect([name, described.map((parameter) => parameter.name)]).toEqual([name, parameters]);
    }
  }
  // Every example is what its schema says.
  for (const [name, example] of Object.entries(responseExamples)) {
    const schema = z.globalRegistry._idmap.get(name) as z.ZodType | undefined;
    expect([name, schema?.safeParse(example)]).toEqual([name, { success: true, data: example }]);
  }
  // Every reference leads somewhere.
  for (const [, name] of JSON.stringify(document).matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
    expect(Object.keys(document.components.schemas)).toContain(name);
  }
  const signUp = document.paths['/v1/signups'].post;
  expect(signUp.security).toEqual([]);
  expect(signUp.requestBody.content['application/json'].schema.additionalProperties).toBe(false);
  expect(JSON.stringify(signUp.requestBody)).toContain('Sunrise ABA');
});

interface Operation {
  summary?: string;
  tags?: string[];
  parameters?: { in: string; name: string }[];
  responses: Record<string, { content?: Record<string, { schema: { type?: string }; example?: unknown }> }>;
}

/** What a 204 answers with. */
const isNothing = ({ type }: { type?: string }): boolean => type === 'null';
