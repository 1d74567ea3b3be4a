import {
  changedSettingsSchema,
  overridePageSchema,
  overrideSchema,
} from '../../control-api/contracts/changes.ts';
import { deploymentSchema } from '../../control-api/contracts/practices.ts';
import type { RunEventBody } from '../../lib/domain/run.ts';
import { publishTestRelease } from '../builders/database.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import type { Answer } from './run-cli.ts';
import { runHere, startHere } from './run-here.ts';

let plane: ControlPlane;
const practiceId = 'juniper-ot';
let releaseId: string;

const cli = (args: readonly string[], token = plane.token): Promise<Answer> =>
  runHere(args, { env: { LUMENALITY_URL: plane.url, LUMENALITY_TOKEN: token } });
const asDocument = async (args: readonly string[]): Promise<unknown> => {
  const answer = await cli([...args, '--json']);
  expect(answer).toMatchObject({ code: 0, stderr: '' });
  return JSON.parse(answer.stdout);
};

beforeAll(async () => {
  plane = await startControlPlane();
  releaseId = await publishTestRelease(plane.api.database, 'b', new Date(), {
    foundation: '{"Resources":{}}',
    data: JSON.stringify({ Resources: { DatabaseInstance: { Type: 'AWS::RDS::DBInstance' } } }),
    service: '{"Resources":{}}',
  });
  const { runId } = await plane.approved('Juniper OT');
  await plane.end(runId, 'succeeded');
});
afterAll(() => plane.close());

const change = (over: object): RunEventBody => ({
  kind: 'change',
  step: 'deploy-data',
  stackName: `lumenality-${practiceId}-data`,
  changeSetId: 'arn:change-set',
  action: 'Modify',
  logicalId: 'DatabaseInstance',
  physicalId: 'db-1',
  type: 'AWS::RDS::DBInstance',
  effect: 'safe',
  verdict: 'allowed',
  reason: null,
  ...over,
});

test('a release that is not there is named by the flag that asked for it', async () => {
  const args = ['practice', 'update', practiceId, '--release', 'r-000000000000', '--reason', 'a fix'];
  expect(await cli(args)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('--release (/releaseId)'),
  });
});

test('an update is followed to its end, and what the review said of it is shown with the run', async () => {
  const args = ['practice', 'update', practiceId, '--release', releaseId, '--reason', 'a fix'];
  const deployment = deploymentSchema.parse(await asDocument(args));
  const busy = await cli(args);
  expect(busy).toMatchObject({ code: 4, stderr: expect.stringContaining(deployment.runId) });

  const watching = startHere(['run', 'watch', deployment.runId], {
    env: { LUMENALITY_URL: plane.url, LUMENALITY_TOKEN: plane.token },
  });
  await plane.step(deployment.runId, 'prepare', 'running');
  const refused = 'The change set would replace DatabaseInstance because DBName would change.';
  await plane.tell(
    deployment.runId,
    change({ logicalId: 'Other' }),
    change({ effect: 'replaces', verdict: 'refused', reason: refused }),
  );
  const error = {
    code: 'change_refused',
    message: refused,
    step: 'deploy-data',
    retryable: false,
    nextAction: 'Publish another release.',
  };
  await plane.end(deployment.runId, 'failed', error);
  const watched = await watching.ended;
  expect(watched.code).toBe(1);
  expect(watched.stdout).toContain('change DatabaseInstance (AWS::RDS::DBInstance) replaces, REFUSED');
  expect(watched.stdout).not.toContain('change Other');

  const shown = await cli(['run', 'show', deployment.runId]);
  expect(shown.stdout).toMatch(
    /DatabaseInstance +AWS::RDS::DBInstance +replaces +REFUSED +The change set would/,
  );
  expect(shown.stdout).toContain('1 of 2 reviewed changes are safe.');
  const { token } = await plane.api.tokenWith(['ci']);
  const unseen = await cli(['run', 'show', deployment.runId], token);
  expect(unseen).toMatchObject({ code: 0, stdout: expect.stringContaining('may not read') });
  await plane.api.database.db
    .updateTable('practice')
    .set({ state: 'active' })
    .where('id', '=', practiceId)
    .execute();
});

test('settings are shown with their bounds, set by name, and go back to the plan’s', async () => {
  const table = await cli(['practice', 'settings', practiceId]);
  expect(table.stdout).toMatch(/sessionTimeoutMinutes +15 +15 +5 to 30/);
  const args = ['practice', 'set', practiceId, '--reason', 'asked for'];
  const wrong = await cli([...args, 'colour=blue']);
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('sessionTimeoutMinutes') });
  const beyond = await cli([...args, 'sessionTimeoutMinutes=600']);
  expect(beyond).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('/settings/sessionTimeoutMinutes'),
  });

  const set = changedSettingsSchema.parse(
    await asDocument([...args, 'sessionTimeoutMinutes=20', 'databaseMaintenanceWindow=sat:07:00-sat:08:00']),
  );
  const chosen = () => set.settings.flatMap(({ name, value, isSet }) => (isSet ? [[name, value]] : []));
  expect(chosen()).toEqual([
    ['databaseMaintenanceWindow', 'sat:07:00-sat:08:00'],
    ['sessionTimeoutMinutes', 20],
  ]);
  await plane.end(set.runId ?? '', 'succeeded');
  const unchanged = await cli([...args, 'sessionTimeoutMinutes=20']);
  expect(unchanged.stdout).toContain('nothing was begun');
  const back = changedSettingsSchema.parse(await asDocument([...args, 'databaseMaintenanceWindow=default']));
  expect(back.settings.filter(({ isSet }) => isSet).map(({ name }) => name)).toEqual([
    'sessionTimeoutMinutes',
  ]);
  await plane.end(back.runId ?? '', 'succeeded');
});

test('an override is asked for with care, listed and revoked', async () => {
  const args = ['override', 'allow', practiceId, '--component', 'data', '--resource', 'DatabaseInstance'];
  const terms = ['--effect', 'replace', '--reason', 'rehearsed on a copy'];
  expect(await cli([...args, ...terms])).toMatchObject({ code: 2, stderr: expect.stringContaining('--yes') });
  const override = overrideSchema.parse(await asDocument([...args, ...terms, '--yes']));
  expect(override).toMatchObject({ state: 'usable', logicalId: 'DatabaseInstance', effect: 'replace' });
  const { token } = await plane.api.tokenWith(['operator']);
  expect((await cli([...args, ...terms, '--yes'], token)).code).toBe(5);

  const list = await cli(['override', 'list', practiceId]);
  expect(list.stdout).toContain(override.id);
  const revoked = await cli(['override', 'revoke', practiceId, override.id]);
  expect(revoked).toMatchObject({ code: 0, stdout: 'The override is revoked.\n' });
  const page = overridePageSchema.parse(await asDocument(['override', 'list', practiceId]));
  expect(page.items).toMatchObject([{ id: override.id, state: 'revoked' }]);
});
