import { randomUUID } from 'node:crypto';
import { get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { appendRunEvents } from '../../lib/db/run-event-store.ts';
import type { CellState } from '../../lib/domain/cell.ts';
import type { PracticeState } from '../../lib/domain/practice.ts';
import { type RunState, runStates } from '../../lib/domain/run.ts';
import { freshKey, startTestApi, type TestApi } from '../builders/api.ts';
import { publishTestRelease } from '../builders/database.ts';
import { signUpRequest } from '../builders/sign-up.ts';

let api: TestApi;
let port: number;
beforeAll(async () => {
  api = await startTestApi({ eventStream: { pollInterval: 10, heartbeatInterval: 50 } });
  await publishTestRelease(api.database, 'c', api.clock.at);
  await api.app.listen({ host: '127.0.0.1', port: 0 });
  port = (api.app.server.address() as AddressInfo).port;
});
afterAll(() => api.close());
// A practice that waits for a cell is placed before those that are approved after it.
afterEach(async () => {
  const { db } = api.database;
  const left = await db.selectFrom('run').select('id').where('state', '=', 'waiting').execute();
  for (const { id } of left) expect((await cancel(id)).statusCode).toBe(202);
});

const practiceWhile: Readonly<Record<Exclude<RunState, 'waiting'>, PracticeState>> = {
  queued: 'provisioning',
  running: 'provisioning',
  succeeded: 'provisioning',
  failed: 'provisioning_failed',
  cancelling: 'provisioning',
  cancelled: 'provisioning_cancelled',
};

async function cellIs(state: CellState): Promise<void> {
  await api.database.db.updateTable('cell').set({ state }).execute();
}

/** A run that was brought into a state as its worker would have. */
async function runIn(state: RunState): Promise<{ id: string; practiceId: string }> {
  const headers = { 'idempotency-key': freshKey() };
  const payload = signUpRequest({ displayName: `Practice ${randomUUID()}` });
  const signUp = (await api.call({ method: 'POST', url: '/v1/signups', headers, payload })).json();
  const url = `/v1/signups/${signUp.id}/approve`;
  if (state === 'waiting') await cellIs('draining');
  const approved = (await api.call({ method: 'POST', url, payload: { reason: 'checked' } })).json();
  const run = { id: approved.runId, practiceId: approved.practiceId };
  const { db } = api.database;
  if (state === 'waiting') {
    await cellIs('active');
    return run;
  }
  await db.updateTable('run').set({ state }).where('id', '=', run.id).execute();
  await db
    .updateTable('practice')
    .set({ state: practiceWhile[state] })
    .where('id', '=', run.practiceId)
    .execute();
  if (state === 'failed') {
    await db
      .updateTable('run_step')
      .set({ state: 'failed', attempt: 1 })
      .where('run_id', '=', run.id)
      .where('name', '=', 'deploy-foundation')
      .execute();
  }
  return run;
}

const retry = (id: string) => api.call({ method: 'POST', url: `/v1/runs/${id}/retry` });
const cancel = (id: string) =>
  api.call({ method: 'POST', url: `/v1/runs/${id}/cancel`, payload: { reason: 'the practice withdrew' } });

test.each(runStates)('a %s run can be retried only if it failed', async (state) => {
  const run = await runIn(state);
  const answer = await retry(run.id);
  if (state !== 'failed') {
    expect(answer.json()).toEqual(expect.objectContaining({ status: 409, code: 'wrong_state', state }));
    return;
  }
  expect(answer.statusCode).toBe(202);
  expect(answer.json()).toEqual(expect.objectContaining({ state: 'queued', error: null }));
  expect(answer.json().steps[1]).toEqual(expect.objectContaining({ state: 'pending', attempt: 1 }));
  expect(api.enqueued.at(-1)).toEqual({ ...run, generation: 2 });
  expect((await api.call({ url: `/v1/practices/${run.practiceId}` })).json().state).toBe('provisioning');
});

test.each(runStates)('a %s run can be cancelled until it has ended', async (state) => {
  const run = await runIn(state);
  const answer = await cancel(run.id);
  if (!['waiting', 'queued', 'running', 'failed'].includes(state)) {
    expect(answer.json()).toEqual(expect.objectContaining({ status: 409, code: 'wrong_state', state }));
    return;
  }
  expect(answer.statusCode).toBe(202);
  if (state === 'waiting') {
    // Nothing was made of it, so nobody has to remove anything.
    expect(answer.json()).toMatchObject({ state: 'cancelled', waitingFor: null, kept: [] });
    expect(api.enqueued.filter(({ id }) => id === run.id)).toEqual([]);
    return;
  }
  expect(answer.json().state).toBe('cancelling');
  expect(api.enqueued.at(-1)).toEqual({ ...run, generation: 2 });
  const trail = (await api.call({ url: `/v1/audit?subjectType=run&subjectId=${run.id}` })).json().items;
  expect(trail[0]).toEqual(expect.objectContaining({ action: 'run.cancel_requested' }));
  expect(trail[0].details.reason).toBe('the practice withdrew');
});

test('of retries and cancels at once, exactly one retry and then one cancel can win', async () => {
  const retried = await runIn('failed');
  const retries = await Promise.all([retry(retried.id), retry(retried.id), retry(retried.id)]);
  expect(retries.filter((answer) => answer.statusCode === 202)).toHaveLength(1);
  expect(retries.filter((answer) => answer.statusCode === 409)).toHaveLength(2);
  const cancelled = await runIn('running');
  const cancels = await Promise.all([cancel(cancelled.id), cancel(cancelled.id)]);
  expect(cancels.filter((answer) => answer.statusCode === 202)).toHaveLength(1);
  expect(cancels.filter((answer) => answer.statusCode === 409)).toHaveLength(1);
  expect(api.enqueued.filter((run) => run.id === cancelled.id)).toHaveLength(2);
});

test('a failed run of a practice that is active by now is left alone', async () => {
  const run = await runIn('failed');
  await api.database.db
    .updateTable('practice')
    .set({ state: 'suspended' })
    .where('id', '=', run.practiceId)
    .execute();
  expect((await retry(run.id)).json()).toEqual(expect.objectContaining({ status: 409, state: 'suspended' }));
  expect((await cancel(run.id)).statusCode).toBe(409);
});

async function happens(runId: string, ...states: RunState[]): Promise<void> {
  await api.database.db.transaction().execute(async (trx) => {
    const bodies = states.map((state) => ({ kind: 'run' as const, state }));
    await appendRunEvents(trx, runId, bodies, api.clock.at);
    const last = states.at(-1);
    if (last !== undefined)
      await trx.updateTable('run').set({ state: last }).where('id', '=', runId).execute();
  });
}

describe('events', () => {
  test('as JSON, they are paged from the oldest', async () => {
    const run = await runIn('queued');
    await happens(run.id, 'running', 'failed', 'queued');
    const seen: string[] = [];
    let url: string | null = `/v1/runs/${run.id}/events?limit=2`;
    while (url !== null) {
      const page: { items: { state: string }[]; nextCursor: string | null } = (
        await api.call({ url })
      ).json();
      seen.push(...page.items.map((event) => event.state));
      url = page.nextCursor === null ? null : `/v1/runs/${run.id}/events?limit=2&after=${page.nextCursor}`;
    }
    expect(seen).toEqual(['queued', 'running', 'failed', 'queued']);
    expect((await api.call({ url: `/v1/runs/${randomUUID()}/events` })).statusCode).toBe(404);
  });

  test('a stream replays the past, follows a retry, and ends with the run', async () => {
    const run = await runIn('queued');
    await happens(run.id, 'running', 'failed', 'queued');
    const stream = await follow(run.id);
    await stream.until((text) => text.includes('"state":"failed"') && text.includes(': still here'));
    expect(stream.text()).toContain('retry: ');
    await happens(run.id, 'running', 'succeeded');
    await stream.ended;
    expect(statesIn(stream.text())).toEqual([
      'queued',
      'running',
      'failed',
      'queued',
      'running',
      'succeeded',
    ]);
    expect(stream.text().trimEnd()).toMatch(/event: end\ndata: \{\}$/);
  });

  test('a reader that comes back gets what it missed and no more', async () => {
    const run = await runIn('queued');
    await happens(run.id, 'running');
    const first = await follow(run.id);
    await first.until((text) => text.includes('"state":"running"'));
    first.leave();
    await happens(run.id, 'succeeded');
    const lastId = /id: (\d+)\nevent: run\ndata: [^\n]*"running"/.exec(first.text())?.[1] ?? '';
    const second = await follow(run.id, { 'last-event-id': lastId });
    await second.ended;
    expect(statesIn(second.text())).toEqual(['succeeded']);
    const finalId = /id: (\d+)/.exec(second.text())?.[1] ?? '';
    const third = await follow(run.id, { 'last-event-id': finalId });
    await third.ended;
    expect(statesIn(third.text())).toEqual([]);
    expect(third.text()).toContain('event: end');
  });

  test('open streams do not hold up the end of the process', async () => {
    const other = await startTestApi();
    await publishTestRelease(other.database, 'd', other.clock.at);
    const previous = api;
    api = other;
    try {
      const run = await runIn('running');
      await other.app.listen({ host: '127.0.0.1', port: 0 });
      const stream = await follow(run.id, {}, (other.app.server.address() as AddressInfo).port);
      await stream.until((text) => text.includes('"state":"queued"'));
      await other.close();
      await stream.ended;
      expect(stream.text()).not.toContain('event: end');
    } finally {
      api = previous;
    }
  });
});

function statesIn(text: string): string[] {
  return [...text.matchAll(/^data: (.*"kind":"run".*)$/gm)].map(
    (match) => JSON.parse(match[1] ?? '{}').state,
  );
}

/** Reads an event stream over a real socket. */
async function follow(runId: string, headers: Record<string, string> = {}, on = port) {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const request = get(
      {
        host: '127.0.0.1',
        port: on,
        path: `/v1/runs/${runId}/events`,
        headers: { accept: 'text/event-stream', authorization: `Bearer ${api.administrator}`, ...headers },
      },
      resolve,
    );
    request.on('error', reject);
  });
  expect(response.headers['content-type']).toContain('text/event-stream');
  let text = '';
  let wake = (): void => undefined;
  response.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    wake();
  });
  const ended = new Promise<void>((resolve) => response.once('close', () => resolve()));
  return {
    text: () => text,
    ended,
    leave: () => response.destroy(),
    until: async (condition: (text: string) => boolean) => {
      while (!condition(text)) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}
