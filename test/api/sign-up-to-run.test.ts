import { practicePageSchema, practiceSchema } from '../../control-api/contracts/practices.ts';
import { runSchema } from '../../control-api/contracts/runs.ts';
import { approvalSchema, signUpReceiptSchema, signUpSchema } from '../../control-api/contracts/sign-ups.ts';
import { freshKey, provisioningSteps, startTestApi, type TestApi } from '../builders/api.ts';
import { publishTestRelease } from '../builders/database.ts';
import { signUpRequest } from '../builders/sign-up.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

test('a sign-up becomes a practice with a queued run', async () => {
  const request = signUpRequest({ displayName: 'Ångström Speech' });
  const submitted = await api.app.inject({
    method: 'POST',
    url: '/v1/signups',
    headers: { 'idempotency-key': freshKey() },
    payload: request,
  });
  expect(submitted.statusCode).toBe(201);
  const receipt = signUpReceiptSchema.parse(submitted.json());
  expect(receipt).toEqual(expect.objectContaining({ state: 'requested', displayName: 'Ångström Speech' }));

  const approve = () =>
    api.call({ method: 'POST', url: `/v1/signups/${receipt.id}/approve`, payload: { reason: 'checked' } });
  const early = await approve();
  expect(early.statusCode).toBe(409);
  expect(early.json().detail).toContain('No release is published');

  const releaseId = await publishTestRelease(api.database, 'a', api.clock.at);
  const approved = await approve();
  expect(approved.statusCode).toBe(202);
  const approval = approvalSchema.parse(approved.json());
  expect(approval.practiceId).toBe('angstrom-speech');

  const practice = practiceSchema.parse(
    (await api.call({ url: `/v1/practices/${approval.practiceId}` })).json(),
  );
  expect(practice).toEqual(
    expect.objectContaining({
      state: 'provisioning',
      hostName: 'angstrom-speech.practices.test',
      url: 'https://angstrom-speech.practices.test',
      latestRunId: approval.runId,
      releaseId: null,
      plan: { id: 'founding', version: 1 },
    }),
  );
  const run = runSchema.parse((await api.call({ url: `/v1/runs/${approval.runId}` })).json());
  expect(run.state).toBe('queued');
  expect(run.steps.map((step) => [step.name, step.state])).toEqual(
    provisioningSteps.map((name) => [name, 'pending']),
  );
  expect(api.enqueued).toEqual([{ id: run.id, practiceId: practice.id, generation: 1 }]);
  const stored = await api.database.db.selectFrom('run').select('input').where('id', '=', run.id).execute();
  expect(stored).toEqual([{ input: { releaseId } }]);
  const page = practicePageSchema.parse((await api.call({ url: '/v1/practices' })).json());
  expect(page.items.map((item) => item.id)).toEqual([practice.id]);
  const signUp = signUpSchema.parse((await api.call({ url: `/v1/signups/${receipt.id}` })).json());
  expect(signUp.decision?.reason).toBe('checked');
});
