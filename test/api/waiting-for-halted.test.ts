import { readRun } from '../../lib/db/run-store.ts';
import { placeWaiting } from '../../lib/workflows/place-waiting.ts';
import { startTestApi, type TestApi } from '../builders/api.ts';
import { publishTestRelease } from '../builders/database.ts';
import { approved, leaveRoomFor, submitted } from '../builders/placement.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

test('who waits for room while its release is halted gets the newest that is not, or waits for one', async () => {
  const { core, database } = api;
  const templates = { foundation: stack, data: stack, service: stack };
  const halted = await publishTestRelease(database, '1', api.clock.at, templates);
  await leaveRoomFor(database, 0);
  const { practiceId, runId } = await approved(core, await submitted(core));
  await leaveRoomFor(database, 1);
  await api.call({ method: 'POST', url: `/v1/releases/${halted}/halt`, payload: { reason: 'it leaks' } });
  expect(await placeWaiting(core)).toEqual([]);
  expect(await readRun(database.db, runId)).toMatchObject({
    waitingFor: expect.stringContaining(`Release ${halted} is halted`),
  });
  const newer = await publishTestRelease(database, '2', api.clock.at, templates);
  expect(await placeWaiting(core)).toEqual([{ practiceId, runId, cellId: 'main' }]);
  expect((await readRun(database.db, runId))?.input).toMatchObject({ releaseId: newer });
  const audit = await api.call({ url: `/v1/audit?subjectType=practice&subjectId=${practiceId}` });
  expect(audit.json().items).toContainEqual(
    expect.objectContaining({
      action: 'practice.placed',
      details: expect.objectContaining({ releaseId: newer }),
    }),
  );
});

const stack = JSON.stringify({ Resources: { Role: { Type: 'AWS::IAM::Role' } } });
