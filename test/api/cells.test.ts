import type { LightMyRequestResponse } from 'fastify';
import { addedCellSchema, type Cell, cellPageSchema, cellSchema } from '../../control-api/contracts/cells.ts';
import { practiceSchema } from '../../control-api/contracts/practices.ts';
import { runEventPageSchema, runSchema } from '../../control-api/contracts/runs.ts';
import { approvalSchema } from '../../control-api/contracts/sign-ups.ts';
import { releaseCapacity, usedByCell } from '../../lib/db/capacity-store.ts';
import { generousLimits, type Quota } from '../../lib/domain/capacity.ts';
import { DomainError } from '../../lib/domain/errors.ts';
import { giveBackForRelease } from '../../lib/workflows/capacity-of-release.ts';
import { placeWaiting } from '../../lib/workflows/place-waiting.ts';
import { freshKey, startTestApi, type TestApi } from '../builders/api.ts';
import { openAccess, recordTestCell } from '../builders/cells.ts';
import { publishTestRelease } from '../builders/database.ts';
import { signUpRequest } from '../builders/sign-up.ts';

const refusal = new DomainError('wrong_state', 'The role can be assumed without the external id.');
const access: { letsIn: boolean; readonly asked: string[] } = { letsIn: true, asked: [] };
let api: TestApi;
let accounts = 0;

const withAddresses = (count: number) => {
  const addresses = Array.from({ length: count }, (_, place) => [`A${place}`, { Type: 'AWS::EC2::EIP' }]);
  const nothing = JSON.stringify({ Resources: {} });
  const foundation = JSON.stringify({ Resources: Object.fromEntries(addresses) });
  return { foundation, data: nothing, service: nothing };
};

let more: string;
let less: string;

beforeAll(async () => {
  api = await startTestApi(
    {},
    {
      ...openAccess,
      check: async ({ id, externalId }) => {
        access.asked.push(`${id} ${externalId === null ? 'without' : 'with'} an external id`);
        if (!access.letsIn) throw refusal;
      },
    },
  );
  // Before the one that approvals go on with, the newest.
  more = await publishTestRelease(api.database, 'e', api.clock.at, withAddresses(2));
  less = await publishTestRelease(api.database, 'f', api.clock.at, withAddresses(1));
  await publishTestRelease(api.database, 'c', api.clock.at);
});
afterAll(() => api.close());
afterEach(() => {
  access.letsIn = true;
});

type Answer = Promise<LightMyRequestResponse>;
const body = (id: string) => {
  accounts += 1;
  return {
    id,
    accountId: String(222_222_222_000 + accounts),
    region: 'us-west-2',
    domain: `${id}.practices.test`,
    hostedZoneId: 'Z0WEST',
  };
};
const add = (payload: object, headers: Record<string, string> = { 'idempotency-key': freshKey() }): Answer =>
  api.call({ method: 'POST', url: '/v1/cells', headers, payload });
const change = (id: string, verb: 'activate' | 'drain', headers: Record<string, string> = {}): Answer =>
  api.call({ method: 'POST', url: `/v1/cells/${id}/${verb}`, headers, payload: { reason: 'agreed' } });
const limits = (id: string, named: object, headers: Record<string, string> = {}): Answer =>
  api.call({ method: 'PUT', url: `/v1/cells/${id}/limits`, headers, payload: { limits: named } });
const read = async (id: string): Promise<Cell> =>
  cellSchema.parse((await api.call({ url: `/v1/cells/${id}` })).json());
const usedIn = (cell: Cell, quota: Cell['quotas'][number]['quota']) =>
  cell.quotas.find((row) => row.quota === quota)?.used;
const auditOf = async (type: string, id: string) =>
  (await api.call({ url: `/v1/audit?subjectType=${type}&subjectId=${id}` })).json().items as {
    action: string;
    details: Record<string, unknown>;
  }[];
async function approve(displayName: string, changes: Parameters<typeof signUpRequest>[0] = {}) {
  const headers = { 'idempotency-key': freshKey() };
  const payload = signUpRequest({ displayName, ...changes });
  const signUp = (await api.call({ method: 'POST', url: '/v1/signups', headers, payload })).json();
  api.clock.at = new Date(api.clock.at.getTime() + 1_000);
  const url = `/v1/signups/${signUp.id}/approve`;
  const answer = await api.call({ method: 'POST', url, payload: { reason: 'checked' } });
  return approvalSchema.parse(answer.json());
}
const practice = async (id: string) =>
  practiceSchema.parse((await api.call({ url: `/v1/practices/${id}` })).json());
const run = async (id: string) => runSchema.parse((await api.call({ url: `/v1/runs/${id}` })).json());

describe('a cell', () => {
  test('is added pending, with an external id of its own, once for a key', async () => {
    const [payload, headers] = [{ ...body('east'), limits: { vpcs: 7 } }, { 'idempotency-key': freshKey() }];
    const answer = await add(payload, headers);
    expect(answer.statusCode).toBe(201);
    const { cell, setUp } = addedCellSchema.parse(answer.json());
    expect(cell).toMatchObject({ state: 'pending', practices: 0, daysUntilFull: null });
    expect(cell.quotas.slice(0, 2).map(({ limit }) => limit)).toEqual([7, 2_000]);
    expect(setUp.externalId).toMatch(/^[\w-]{32}$/);
    expect(setUp.commands.join('\n')).toContain(`ExternalId=${setUp.externalId}`);
    const again = await add(payload, headers);
    expect([again.headers['idempotency-replayed'], again.json().setUp.externalId]).toEqual([
      'true',
      setUp.externalId,
    ]);
    // It is nobody's business but theirs who let the control plane in.
    const viewer = await api.tokenWith(['viewer']);
    const seen = await api.call({
      url: '/v1/cells/east',
      headers: { authorization: `Bearer ${viewer.token}` },
    });
    expect([seen.statusCode, seen.body.includes(setUp.externalId)]).toEqual([200, false]);
    expect((await auditOf('cell', 'east'))[0]?.details).not.toHaveProperty('externalId');
  });

  test('is refused in an account that has one, and where it is not described as it must be', async () => {
    const first = body('first');
    await add(first);
    const taken = await add({ ...body('second'), accountId: first.accountId });
    expect([taken.statusCode, taken.json().code]).toEqual([409, 'conflict']);
    expect(taken.json().detail).toContain('An account holds one cell');
    const wrong = await add({ ...body('Third'), accountId: '12', limits: { vpcs: -1 }, hostedZoneId: 'x' });
    expect(
      wrong
        .json()
        .errors.map(({ pointer }: { pointer: string }) => pointer)
        .sort(),
    ).toEqual(['/accountId', '/domain', '/hostedZoneId', '/id', '/limits/vpcs']);
    const unknown = await add({ ...body('third'), limits: { vpc: 1 } });
    expect(unknown.json().errors).toMatchObject([{ pointer: '/limits/vpc' }]);
  });

  test('is opened only when it lets the control plane in, and only with its external id', async () => {
    await add(body('guarded'));
    access.letsIn = false;
    const refused = await change('guarded', 'activate');
    expect([refused.statusCode, refused.json().detail]).toEqual([409, refusal.publicMessage]);
    expect((await read('guarded')).state).toBe('pending');
    access.letsIn = true;
    expect((await change('guarded', 'activate')).json()).toMatchObject({ state: 'active' });
    expect(access.asked.at(-1)).toBe('guarded with an external id');
    expect((await change('guarded', 'activate')).json()).toMatchObject({ status: 409, state: 'active' });
    expect((await change('guarded', 'drain')).json()).toMatchObject({ state: 'draining' });
    const actions = (await auditOf('cell', 'guarded')).map(({ action }) => action);
    expect(actions).toEqual(['cell.draining', 'cell.activated', 'cell.added']);
  });

  test('is changed by whoever has seen it last, and by nobody else', async () => {
    await add(body('watched'));
    const { headers } = await api.call({ url: '/v1/cells/watched' });
    const tag = { 'if-match': String(headers['etag']) };
    const changed = await limits('watched', { databases: 80 }, tag);
    expect(changed.statusCode).toBe(200);
    expect((await limits('watched', { databases: 90 }, tag)).statusCode).toBe(412);
    expect((await change('watched', 'activate', tag)).statusCode).toBe(412);
    const [row] = await auditOf('cell', 'watched');
    expect(row).toMatchObject({
      action: 'cell.limits_changed',
      details: { from: { databases: 40, vpcs: 5 }, to: { databases: 80, vpcs: 5 } },
    });
  });

  test('is forgotten only if it was never opened', async () => {
    await add(body('mistyped'));
    const remove = (id: string) => api.call({ method: 'DELETE', url: `/v1/cells/${id}` });
    expect((await remove('mistyped')).statusCode).toBe(204);
    expect((await remove('mistyped')).statusCode).toBe(404);
    expect((await remove('main')).json()).toMatchObject({ status: 409, state: 'active' });
  });
});

describe('practices that find no room', () => {
  /** Only `main` is open, with room for as many more practices as told; each uses three stacks. */
  async function roomFor(practices: number): Promise<void> {
    await api.database.db.updateTable('cell').set({ state: 'draining' }).where('id', '<>', 'main').execute();
    const used = usedIn(await read('main'), 'stacks') ?? 0;
    expect((await limits('main', { stacks: used + 3 * practices })).statusCode).toBe(200);
  }
  afterEach(async () => {
    await limits('main', { stacks: 100_000 });
  });

  test('wait visibly and go on by themselves, oldest first, as a limit is raised', async () => {
    await roomFor(1);
    const placed = await approve('Has Room');
    expect(placed).toMatchObject({ cellId: 'main', waitingFor: null });
    const first = await approve('Waits First');
    const second = await approve('Waits Second');
    expect(first).toMatchObject({
      cellId: null,
      waitingFor: expect.stringContaining('main has too little left of stacks'),
    });
    expect(await practice(first.practiceId)).toMatchObject({
      state: 'waiting',
      cell: null,
      hostName: null,
      url: null,
      waitingFor: first.waitingFor,
    });
    expect(await run(first.runId)).toMatchObject({ state: 'waiting', waitingFor: first.waitingFor });
    expect((await api.call({ url: '/metrics' })).body).toContain('lumenality_practices{state="waiting"} 2');
    expect(api.enqueued.map(({ id }) => id)).not.toContain(first.runId);

    await roomFor(1);
    expect(await practice(first.practiceId)).toMatchObject({
      state: 'provisioning',
      cell: 'main',
      hostName: 'waits-first.practices.test',
      waitingFor: null,
    });
    expect(await run(first.runId)).toMatchObject({ state: 'queued', waitingFor: null });
    expect(await practice(second.practiceId)).toMatchObject({ state: 'waiting' });
    expect(api.enqueued.at(-1)).toMatchObject({ id: first.runId, generation: 1 });
    const events = (await api.call({ url: `/v1/runs/${first.runId}/events` })).json();
    expect(runEventPageSchema.parse(events).items).toMatchObject([
      { kind: 'run', state: 'waiting' },
      { kind: 'run', state: 'queued', message: 'cell main has room' },
    ]);
    const [row] = await auditOf('practice', first.practiceId);
    expect(row).toMatchObject({ action: 'practice.placed', details: { cellId: 'main', runId: first.runId } });
  });

  test('are not overtaken by who is approved later', async () => {
    await roomFor(0);
    const before = await approve('Came Before');
    // Room appears behind the back of everybody who would place it at once.
    const { db } = api.database;
    const cell = await db
      .selectFrom('cell')
      .select('limits')
      .where('id', '=', 'main')
      .executeTakeFirstOrThrow();
    const wider = JSON.stringify({ ...cell.limits, stacks: cell.limits.stacks + 3 });
    await db.updateTable('cell').set({ limits: wider }).where('id', '=', 'main').execute();
    const after = await approve('Came After');
    expect(after.cellId).toBeNull();
    expect(await practice(before.practiceId)).toMatchObject({ cell: 'main' });
  });

  test('go to a cell that is opened, and answer in its domain', async () => {
    await roomFor(0);
    const { practiceId } = await approve('Goes South');
    await add(body('south'));
    expect(await practice(practiceId)).toMatchObject({ state: 'waiting' });
    await change('south', 'activate');
    expect(await practice(practiceId)).toMatchObject({
      cell: 'south',
      hostName: 'goes-south.south.practices.test',
    });
    expect(await read('south')).toMatchObject({ practices: 1 });
    const there = await api.call({ url: '/v1/practices?cell=south' });
    expect(there.json().items.map(({ id }: { id: string }) => id)).toEqual([practiceId]);
  });

  test('get what others give back, once', async () => {
    await roomFor(1);
    const leaving = await approve('Is Leaving');
    const waiting = await approve('Is Waiting');
    const giveBack = (except: readonly Quota[] = []) =>
      api.database.db.transaction().execute((trx) =>
        releaseCapacity(trx, leaving.practiceId, 'deprovisioned', {
          runId: leaving.runId,
          now: api.clock.at,
          except,
        }),
      );
    const before = usedIn(await read('main'), 'stacks') ?? 0;
    // What is kept goes on counting until it is gone too.
    await giveBack(['stacks']);
    expect(usedIn(await read('main'), 'stacks')).toBe(before);
    expect([await giveBack(), await giveBack()]).toEqual([true, false]);
    expect(usedIn(await read('main'), 'stacks')).toBe(before - 3);
    expect(await placeWaiting(api.core)).toMatchObject([{ practiceId: waiting.practiceId, cellId: 'main' }]);
    expect(usedIn(await read('main'), 'stacks')).toBe(before);
  });

  test('can be called off with nothing to remove, and their NPI may sign up again', async () => {
    await roomFor(0);
    const { npi } = signUpRequest();
    const { practiceId, runId, signUp } = await approve('Gives Up', { npi });
    const answer = await api.call({
      method: 'POST',
      url: `/v1/runs/${runId}/cancel`,
      payload: { reason: 'found another one' },
    });
    expect(answer.json()).toMatchObject({ state: 'cancelled', kept: [], waitingFor: null });
    expect(answer.json().steps.every(({ state }: { state: string }) => state === 'skipped')).toBe(true);
    expect(await practice(practiceId)).toMatchObject({ state: 'provisioning_cancelled', cell: null });
    const actions = async (type: string, id: string) => (await auditOf(type, id)).map(({ action }) => action);
    expect(await actions('practice', practiceId)).toEqual(['practice.provisioning_cancelled']);
    expect(await actions('sign_up', signUp.id)).toContain('sign_up.closed');
    await limits('main', { stacks: 100_000 });
    expect(await practice(practiceId)).toMatchObject({ state: 'provisioning_cancelled' });
    expect(await approve('Gives Up', { npi })).toMatchObject({ practiceId: 'gives-up-2', cellId: 'main' });
  });

  test('a retried run keeps the reservation that it has', async () => {
    const { practiceId, runId } = await approve('Tries Twice');
    const before = (await usedByCell(api.database.db)).get('main');
    const { db } = api.database;
    await db.updateTable('run').set({ state: 'failed' }).where('id', '=', runId).execute();
    await db
      .updateTable('practice')
      .set({ state: 'provisioning_failed' })
      .where('id', '=', practiceId)
      .execute();
    expect((await api.call({ method: 'POST', url: `/v1/runs/${runId}/retry` })).statusCode).toBe(202);
    await placeWaiting(api.core);
    expect((await usedByCell(db)).get('main')).toEqual(before);
  });
});

describe('an update to a release that uses other amounts', () => {
  test('takes more when it is asked for, if its cell has it, and nothing twice', async () => {
    const { practiceId, runId } = await approve('Grows Up');
    const { db } = api.database;
    await db.updateTable('run').set({ state: 'succeeded' }).where('id', '=', runId).execute();
    await db
      .updateTable('practice')
      .set({ state: 'active', release_id: `r-${'c'.repeat(12)}`, activated_at: api.clock.at })
      .where('id', '=', practiceId)
      .execute();
    const ask = () =>
      api.call({
        method: 'POST',
        url: `/v1/practices/${practiceId}/deployments`,
        headers: { 'idempotency-key': freshKey() },
        payload: { releaseId: more, reason: 'needs addresses' },
      });
    await limits('main', { elasticIps: 1 });
    const refused = await ask();
    expect([refused.statusCode, refused.json().detail]).toEqual([
      409,
      expect.stringMatching(/uses more of elasticIps .* cell main has too little left/),
    ]);
    expect((await api.call({ url: `/v1/practices/${practiceId}/runs` })).json().items).toHaveLength(1);
    const state = (is: 'active' | 'suspended') =>
      db.updateTable('practice').set({ state: is }).where('id', '=', practiceId).execute();
    await state('suspended');
    const resumption = await api.call({
      method: 'POST',
      url: `/v1/practices/${practiceId}/resume`,
      headers: { 'idempotency-key': freshKey() },
      payload: { releaseId: more, reason: 'needs addresses' },
    });
    expect([resumption.statusCode, resumption.json().detail]).toEqual([409, refused.json().detail]);
    await state('active');
    await limits('main', { elasticIps: 2 });
    const asked = await ask();
    expect(asked.statusCode).toBe(202);
    expect(usedIn(await read('main'), 'elasticIps')).toBe(2);
    await db.updateTable('run').set({ state: 'failed' }).where('id', '=', asked.json().runId).execute();
    expect((await ask()).statusCode).toBe(202);
    expect(usedIn(await read('main'), 'elasticIps')).toBe(2);

    // Verified with a release that uses less, it has less.
    const practiceRow = await db
      .selectFrom('practice')
      .selectAll()
      .where('id', '=', practiceId)
      .executeTakeFirstOrThrow();
    await db.transaction().execute((trx) =>
      giveBackForRelease(trx, api.core.shapes, {
        practice: practiceRow,
        releaseId: less,
        runId,
        now: api.clock.at,
      }),
    );
    expect(usedIn(await read('main'), 'elasticIps')).toBe(1);
  });
});

describe('the configured cell', () => {
  test('is brought to the configuration at each start, which the audit trail tells', async () => {
    const before = (await auditOf('cell', 'main')).length;
    await recordTestCell(api.core, { domain: 'practices.test' });
    expect(await auditOf('cell', 'main')).toHaveLength(before);
    await recordTestCell(api.core, {
      domain: 'practices.test',
      limits: { vpcs: 900 },
      alarmEmail: 'a@b.example',
    });
    const [row] = await auditOf('cell', 'main');
    expect(row).toMatchObject({
      action: 'cell.configuration_changed',
      details: { from: { alarmEmail: null }, to: { alarmEmail: 'a@b.example', limits: { vpcs: 900 } } },
    });
    // Limits that the environment does not name stay as they were set.
    await limits('main', { keys: 77 });
    await recordTestCell(api.core, { domain: 'practices.test' });
    const set = (await read('main')).quotas.filter(({ quota }) => quota === 'vpcs' || quota === 'keys');
    expect(set.map(({ limit }) => limit)).toEqual([900, 77]);
    await limits('main', { keys: generousLimits.keys });
  });

  test('is refused with the credentials of another account, and in another Region than its silos', async () => {
    const elsewhere = {
      ...api.core,
      cellAccess: { ...openAccess, caller: async () => ({ accountId: '999999999999', arn: 'x' }) },
    };
    await expect(recordTestCell(elsewhere, { domain: 'practices.test' })).rejects.toThrow(
      /credentials are those of account 999999999999, but the silos of cell main are in account 000000000000/,
    );
    await approve('Stays Here');
    await expect(recordTestCell(api.core, { domain: 'practices.test', region: 'us-east-2' })).rejects.toThrow(
      /AWS_REGION is us-east-2, but cell main .* is in us-east-1/,
    );
  });

  test('is taken as it is on record while AWS does not answer, and not at all before it once has', async () => {
    const silent = new DomainError('cloud_failure', 'AWS does not answer.', { retryable: true });
    const cellAccess = { ...openAccess, caller: () => Promise.reject(silent) };
    await recordTestCell({ ...api.core, cellAccess }, { domain: 'practices.test' });
    const refused = new DomainError('cloud_failure', 'The credentials are not known.');
    const unknown = { ...openAccess, caller: () => Promise.reject(refused) };
    await expect(
      recordTestCell({ ...api.core, cellAccess: unknown }, { domain: 'practices.test' }),
    ).rejects.toThrow('The credentials are not known.');
  });

  test('takes in the practices from before there were cells, with what they use', async () => {
    const { practiceId } = await approve('Was Before');
    const { db } = api.database;
    const before = usedIn(await read('main'), 'stacks') ?? 0;
    await db
      .transaction()
      .execute((trx) => releaseCapacity(trx, practiceId, 'as if', { runId: null, now: api.clock.at }));
    await db.updateTable('practice').set({ cell_id: null }).where('id', '=', practiceId).execute();
    expect(usedIn(await read('main'), 'stacks')).toBe(before - 3);
    await Promise.all([1, 2].map(() => recordTestCell(api.core, { domain: 'practices.test' })));
    expect(await practice(practiceId)).toMatchObject({ cell: 'main' });
    const main = await read('main');
    expect(usedIn(main, 'stacks')).toBe(before);
    expect((await auditOf('cell', 'main'))[0]).toMatchObject({ action: 'cell.practices_assigned' });
  });
});

test('metrics tell how full each cell is', async () => {
  await limits('main', { vpcs: 123 });
  const text = (await api.call({ url: '/metrics' })).body;
  expect(text).toContain('lumenality_cell_limit{cell="main",quota="vpcs"} 123');
  const stacks = usedIn(await read('main'), 'stacks');
  expect(text).toContain(`lumenality_cell_used{cell="main",quota="stacks"} ${stacks}`);
});

test('all cells are listed with what is in use', async () => {
  const page = cellPageSchema.parse((await api.call({ url: '/v1/cells' })).json());
  expect(page.items.map(({ id }) => id)).toEqual(page.items.map(({ id }) => id).toSorted());
  expect(page.items.find(({ id }) => id === 'main')?.state).toBe('active');
});
