import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { readCallFigures } from '../../lib/db/call-budget-store.ts';
import type { Database } from '../../lib/db/database.ts';
import { sharedCallBudget } from '../../lib/db/shared-call-budget.ts';
import { awsCallRates, type CallKind, callKinds, callLimits } from '../../lib/domain/call-budget.ts';
import type { RunEventBody } from '../../lib/domain/run.ts';
import { guardCallsOf } from '../../lib/ports/may-send.ts';
import { startSandbox } from '../../lib/sandbox/server.ts';
import { followed } from '../../lib/workflows/stack-progress.ts';
import { openTestDatabase } from '../builders/database.ts';
import { connectSandbox, sandboxCell } from '../builders/sandbox-cell.ts';
import { addFault, beginStacks, callsTo, followerOf } from '../builders/stacks-under-way.ts';

const statusesOf = (told: readonly RunEventBody[]) =>
  told.flatMap((event) => (event.kind === 'resource' ? [`${event.resourceType} ${event.status}`] : []));
const wholeStory = [
  'AWS::CloudFormation::Stack CREATE_IN_PROGRESS',
  'AWS::SNS::Topic CREATE_IN_PROGRESS',
  'AWS::SNS::Topic CREATE_COMPLETE',
  'AWS::CloudFormation::Stack CREATE_COMPLETE',
];

describe('following stacks, on the sandbox cloud', () => {
  let sandbox: Awaited<ReturnType<typeof startSandbox>>;
  let database: Database;
  const directory = mkdtempSync(join(tmpdir(), 'lumenality-stacks-'));
  beforeAll(async () => {
    sandbox = await startSandbox({ port: 0, directory, dataPlane: false, log: () => undefined });
    database = await openTestDatabase();
  });
  afterAll(async () => {
    await database.close();
    await sandbox.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  const calls = async (operation: string) => (await callsTo(sandbox.endpoint)).get(operation) ?? 0;

  test('a hundred and fifty stacks at once are read by the page, within the budget, and each is told to its end', async () => {
    // Ten times as fast as AWS, so that a minute takes six seconds.
    const faster = 10;
    const rates = Object.fromEntries(callKinds.map((kind) => [kind, awsCallRates[kind] * faster])) as Record<
      CallKind,
      number
    >;
    const limits = callLimits(rates);
    const budget = sharedCallBudget(database.db, limits);
    const connection = connectSandbox(sandbox.endpoint, budget, {
      listEveryMs: 2_000 / faster,
      eventsEveryMs: 2_000 / faster,
    });
    const { stacks } = connection.of({ ...sandboxCell, id: 'fleet' });
    const count = 150;
    const ids = await beginStacks(sandbox.endpoint, { count, lastingMs: 2_500, prefix: 'fleet' });
    const before = await callsTo(sandbox.endpoint);
    const begun = performance.now();
    const followers = ids.map((id) => ({ id, ...followerOf(stacks, database.db) }));
    const ended = await Promise.all(followers.map(({ id, watch }) => followed(watch, id, true)));
    const seconds = (performance.now() - begun) / 1_000;
    const after = await callsTo(sandbox.endpoint);
    const made = (operation: string) => (after.get(operation) ?? 0) - (before.get(operation) ?? 0);

    expect(ended.map((stack) => stack?.status)).toEqual(ids.map(() => 'CREATE_COMPLETE'));
    for (const { told } of followers) expect(statusesOf(told)).toEqual(wholeStory);
    // Once for each stack that ended, however long it took, and never faster than the budget.
    expect(made('DescribeStacks')).toBe(count);
    const { 'describe-stacks': bucket, read } = limits;
    expect(made('DescribeStacks')).toBeLessThanOrEqual(bucket.burst + bucket.most * seconds);
    expect(made('DescribeStackEvents') + made('ListStacks')).toBeLessThanOrEqual(
      read.burst + read.most * seconds,
    );
    // A list has two pages, and each page is followed by a rest.
    expect(made('ListStacks')).toBeLessThanOrEqual((seconds * 1_000) / (2_000 / faster) + 2);
    connection.close();
  });

  test('an operation that was over before any list had it is told from its events, none of them twice', async () => {
    const connection = connectSandbox(sandbox.endpoint);
    const { stacks } = connection.of(sandboxCell);
    const [id = ''] = await beginStacks(sandbox.endpoint, { count: 1, lastingMs: 1, prefix: 'quick' });
    while ((await stacks.describe(id))?.status !== 'CREATE_COMPLETE') await delay(10);
    const { watch, told } = followerOf(stacks, database.db);
    expect(await followed(watch, id, false)).toMatchObject({ status: 'CREATE_COMPLETE' });
    expect(statusesOf(told)).toEqual(wholeStory);
    connection.close();
  });

  test('an operation that never shows is not waited for without end, and may be tried again', async () => {
    const connection = connectSandbox(sandbox.endpoint);
    const { stacks } = connection.of(sandboxCell);
    const [id = ''] = await beginStacks(sandbox.endpoint, { count: 1, lastingMs: 1, prefix: 'still' });
    await followed(followerOf(stacks, database.db).watch, id, true);
    const { watch } = followerOf({ ...stacks, eventsSince: async () => [] }, database.db);
    await expect(followed(watch, id, false, 100)).rejects.toMatchObject({
      code: 'cloud_failure',
      retryable: true,
    });
    connection.close();
  });

  test('throttled lists slow down everybody and are asked again; nobody is told of them', async () => {
    const connection = connectSandbox(
      sandbox.endpoint,
      sharedCallBudget(
        database.db,
        callLimits({ 'describe-stacks': 100, read: 100, write: 100, events: 100 }),
      ),
    );
    const { stacks } = connection.of({ ...sandboxCell, id: 'throttled' });
    const [id = ''] = await beginStacks(sandbox.endpoint, { count: 1, lastingMs: 300, prefix: 'slow' });
    const rule = {
      service: 'cloudformation',
      operation: 'ListStacks',
      times: 3,
      effect: { kind: 'throttle' },
    };
    await addFault(sandbox.endpoint, rule);
    const { watch, told } = followerOf(stacks, database.db);
    expect(await followed(watch, id, true)).toMatchObject({ status: 'CREATE_COMPLETE' });
    expect(statusesOf(told)).toEqual(wholeStory);
    const figures = await readCallFigures(database.db);
    expect(figures).toContainEqual(
      expect.objectContaining({ cellId: 'throttled', kind: 'read', throttles: 3 }),
    );
    expect(figures.find(({ cellId, kind }) => cellId === 'throttled' && kind === 'read')?.rate).toBeLessThan(
      100,
    );
    connection.close();
  });

  test('what AWS refuses for good is told to all who wait; who leaves does not wait', async () => {
    const connection = connectSandbox(sandbox.endpoint);
    const { stacks } = connection.of(sandboxCell);
    const denied = { kind: 'error', code: 'AccessDenied', message: 'not allowed', status: 403 };
    const rule = { service: 'cloudformation', operation: 'ListStacks', times: 1, effect: denied };
    await addFault(sandbox.endpoint, rule);
    const refused = await Promise.allSettled(['one', 'two'].map((id) => stacks.glance(id)));
    for (const result of refused) {
      expect(result).toMatchObject({ status: 'rejected', reason: { context: { awsCode: 'AccessDenied' } } });
    }
    const leaving = new AbortController();
    const left = stacks.glance('three', leaving.signal);
    const stayed = stacks.glance('four');
    leaving.abort(new Error('left'));
    await expect(left).rejects.toThrow('left');
    expect(await stayed).toEqual({ status: undefined, turn: false });
    const listed = await calls('ListStacks');
    // Nobody waits, so nothing is read.
    await delay(200);
    expect(await calls('ListStacks')).toBe(listed);
    connection.close();
  });

  test('a call in whose name nothing may leave any more never reaches AWS', async () => {
    const connection = connectSandbox(sandbox.endpoint);
    const { stacks } = connection.of(sandboxCell);
    const { signal } = new AbortController();
    await stacks.describe('nobody', signal);
    const before = await calls('DescribeStacks');
    guardCallsOf(signal, () => {
      throw new Error('the claim is too old');
    });
    await expect(stacks.describe('nobody', signal)).rejects.toThrow('the claim is too old');
    expect(await calls('DescribeStacks')).toBe(before);
    connection.close();
  });

  test('a deletion is followed to its end, by the id that outlives the name', async () => {
    const connection = connectSandbox(sandbox.endpoint);
    const { stacks } = connection.of(sandboxCell);
    const [id = ''] = await beginStacks(sandbox.endpoint, { count: 1, lastingMs: 1, prefix: 'gone' });
    const first = followerOf(stacks, database.db);
    await followed(first.watch, id, true);
    await stacks.remove(id, 'remove');
    const { watch } = followerOf(stacks, database.db);
    expect(await followed(watch, id, true)).toMatchObject({ status: 'DELETE_COMPLETE' });
    connection.close();
  });
});
