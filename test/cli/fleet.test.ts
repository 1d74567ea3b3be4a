import { fleetVersionsSchema, patchLatencySchema } from '../../control-api/contracts/fleet.ts';
import { publishTestRelease } from '../builders/database.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import type { Answer } from './run-cli.ts';
import { runHere } from './run-here.ts';

let plane: ControlPlane;
let newer: string;
let older: string;
beforeAll(async () => {
  plane = await startControlPlane();
  const { practiceId, runId } = await plane.approved('Juniper OT');
  await plane.end(runId, 'succeeded');
  older = (await plane.api.call({ url: `/v1/practices/${practiceId}` })).json().releaseId;
  newer = await publishTestRelease(plane.api.database, 'b', new Date());
});
afterAll(() => plane.close());

const fleet = (...args: readonly string[]): Promise<Answer> =>
  runHere(['fleet', ...args], { env: { LUMENALITY_URL: plane.url, LUMENALITY_TOKEN: plane.token } });

test('versions shows what the fleet runs and how far it is behind', async () => {
  const shown = await fleet('versions');
  expect(shown).toMatchObject({ code: 0, stderr: '' });
  expect(shown.stdout).toMatch(new RegExp(`${older} +1\\.0\\.0 +feature .* 1 +100 %`));
  expect(shown.stdout).toContain(`1 of 1 practices are behind ${newer}. The oldest in use is 0 days old.`);
  const { stdout } = await fleet('versions', '--json');
  expect(fleetVersionsSchema.parse(JSON.parse(stdout))).toMatchObject({ practices: 1, behind: 1 });
});

test('patch-latency shows who has a release and who does not', async () => {
  const shown = await fleet('patch-latency', newer);
  expect(shown).toMatchObject({ code: 0, stderr: '' });
  expect(shown.stdout).toMatch(/Have it +0 of 1 practices/);
  expect(shown.stdout).toMatch(/juniper-ot +open +0 days/);
  const { stdout } = await fleet('patch-latency', newer, '--json');
  expect(patchLatencySchema.parse(JSON.parse(stdout))).toMatchObject({ releaseId: newer, open: 1 });
  const none = await fleet('patch-latency');
  expect(none).toMatchObject({ code: 3, stdout: '' });
  expect(none.stderr).toContain('No security release is published.');
});
