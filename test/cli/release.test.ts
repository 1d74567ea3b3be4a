import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { releaseKeys } from '../../bin/release-keys.ts';
import { siloShapes } from '../../bin/silo-shapes.ts';
import {
  releasePageSchema,
  releasePreviewSchema,
  releaseSchema,
} from '../../control-api/contracts/releases.ts';
import { readConfig, sandboxDefaults } from '../../lib/config.ts';
import type { StackDeployments, StackView } from '../../lib/ports/stack-deployments.ts';
import { type Sandbox, startSandbox } from '../../lib/sandbox/server.ts';
import { newReleaseKey, smallRelease } from '../builders/signed-release.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { type Answer, startCli } from './run-cli.ts';
import { runHere } from './run-here.ts';

const folder = mkdtempSync(join(tmpdir(), 'lumenality-publish-'));
const fileKey = newReleaseKey();
const privateKeyFile = join(folder, 'release-key.pem');
let sandbox: Sandbox;
let plane: ControlPlane;

beforeAll(async () => {
  sandbox = await startSandbox({
    port: 0,
    directory: join(folder, 'sandbox'),
    dataPlane: false,
    log: () => undefined,
  });
  writeFileSync(privateKeyFile, fileKey.privateKey.export({ type: 'pkcs8', format: 'pem' }));
  // The sandbox's own key, and the public half of the one in the file.
  const config = readConfig({});
  const ofSandbox = releaseKeys(config, sandbox.endpoint);
  const pem = join(folder, 'trusted.pem');
  writeFileSync(pem, fileKey.key.export({ type: 'spki', format: 'pem' }));
  const ofFile = releaseKeys({ ...config, releaseKeysFile: pem }, sandbox.endpoint);
  plane = await startControlPlane({
    releaseKeys: async () => [...(await ofSandbox()), ...(await ofFile())],
    siloOf: async () => ({
      ports: { stacks: scriptedStacks },
      cell: sandboxDefaults,
      shapes: siloShapes,
      pollIntervalMs: 1,
    }),
  });
  // As at the start of a control plane; whoever comes second finds the same key.
  const [first, second] = await Promise.all([ofSandbox(), releaseKeys(config, sandbox.endpoint)()]);
  expect(second[0]?.keyId).toBe(first[0]?.keyId);
});
afterAll(async () => {
  await plane.close();
  await sandbox.stop();
  rmSync(folder, { recursive: true, force: true });
});

const notScripted = () => Promise.reject(new Error('not scripted'));
const whole = async (name: string): Promise<StackView> => ({
  stackId: `arn:${name}`,
  name,
  createdAt: new Date(),
  status: 'CREATE_COMPLETE',
  statusReason: null,
  parameters: {},
  outputs: {},
  tags: {},
  terminationProtection: true,
});
/** Change sets that have not been deleted. */
const open = new Set<string>();
/** The foundation changes in a tag, the database is replaced, and the service stays as it is. */
const scriptedStacks: StackDeployments = {
  describe: whole,
  createChangeSet: async ({ stackName }) => {
    open.add(stackName);
    return { id: stackName, stackId: `arn:${stackName}` };
  },
  describeChangeSet: async (id) => {
    const detail = { requiresRecreation: 'Never', evaluation: 'Static', causingEntity: null };
    const change = { action: 'Modify', physicalId: null, policyAction: null };
    const tags = {
      ...change,
      logicalId: 'Key',
      type: 'AWS::KMS::Key',
      replacement: 'False',
      details: [{ ...detail, attribute: 'Tags', name: null, before: 'one', after: 'other' }],
    };
    const database = { logicalId: 'Database', type: 'AWS::RDS::DBInstance' };
    const replaced = { ...change, ...database, replacement: 'True', details: [] };
    const changes = id.endsWith('data') ? [replaced] : [tags];
    return { id, state: id.endsWith('service') ? 'empty' : 'ready', reason: '', changes };
  },
  deleteChangeSet: async (id) => {
    open.delete(id);
  },
  glance: notScripted,
  template: notScripted,
  resources: notScripted,
  executeChangeSet: notScripted,
  eventsSince: notScripted,
  remove: notScripted,
  continueUpdateRollback: notScripted,
  setTerminationProtection: notScripted,
  setStackPolicy: notScripted,
};

const env = () => ({ LUMENALITY_URL: plane.url, LUMENALITY_TOKEN: plane.token });
const cli = (args: readonly string[]): Promise<Answer> => runHere(['release', ...args], { env: env() });
/** In a process of its own: the AWS SDK looks for its settings there. */
const cliOnAws = (args: readonly string[]): Promise<Answer> =>
  startCli(['release', ...args], {
    env: {
      ...env(),
      AWS_ENDPOINT_URL: sandbox.endpoint,
      AWS_REGION: sandboxDefaults.region,
      AWS_ACCESS_KEY_ID: sandboxDefaults.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: sandboxDefaults.credentials.secretAccessKey,
    },
  }).ended;

/** What release:build writes, without the image. */
function releaseDirectory(version: string): { readonly directory: string; readonly id: string } {
  const { manifest, templates, compliance } = smallRelease(version);
  const directory = join(folder, version);
  const write = (file: string, body: string) => {
    mkdirSync(dirname(join(directory, file)), { recursive: true });
    writeFileSync(join(directory, file), body);
  };
  write('release.json', JSON.stringify(manifest));
  write(manifest.compliance.file, compliance);
  write(manifest.templates.foundation.file, templates.foundation);
  write(manifest.templates.data.file, templates.data);
  write(manifest.templates.service.file, templates.service);
  return { directory, id: manifest.id };
}
const words = ['--kind', 'fix', '--notes', 'Repairs the sign-in on old tablets.'];
const kms = ['--sign-with', 'kms:alias/lumenality-release'];
const file = ['--sign-with', `file:${privateKeyFile}`];

test('a release is signed by KMS, published, listed and shown', async () => {
  const { directory, id } = releaseDirectory('4.0.0');
  const security = [
    '--kind',
    'security',
    '--severity',
    'critical',
    '--deadline',
    '2099-01-01T00:00:00+01:00',
  ];
  const more = ['--notes', 'Closes a hole.', '--changelog', 'https://lumenality.example/4.0.0'];
  const published = await cliOnAws(['publish', directory, ...security, ...more, ...kms]);
  expect(published).toMatchObject({ code: 0, stderr: '' });
  expect(published.stdout).toMatch(new RegExp(`release +${id}`));
  expect(published.stdout).toMatch(/kind +security, critical\ndeadline +2098-12-31T23:00:00.000Z/);
  const shown = releaseSchema.parse(JSON.parse((await cli(['show', id, '--json'])).stdout));
  expect(shown.signedBy).toHaveLength(1);
  const report = await cli(['compliance', id]);
  expect(report.stdout).toMatch(/^AWS Security Hub +1$/m);
  expect(report.stdout).toMatch(/^1 accepted with a reason, 0 unexplained$/m);
  expect(report.stdout).toMatch(
    /^foundation\/Listener +SecurityHub.ELB.1 +error +Silos answer on HTTPS only\.$/m,
  );
  const { items } = releasePageSchema.parse(JSON.parse((await cli(['list', '--json'])).stdout));
  expect(items.map((release) => release.id)).toContain(id);
});

test('a key in a file signs as well; a key that nobody trusts, or that is none, does not', async () => {
  const { directory } = releaseDirectory('4.1.0');
  const stranger = join(folder, 'stranger.pem');
  writeFileSync(stranger, newReleaseKey().privateKey.export({ type: 'pkcs8', format: 'pem' }));
  const untrusted = await cli(['publish', directory, ...words, '--sign-with', `file:${stranger}`]);
  expect(untrusted).toMatchObject({ code: 2, stderr: expect.stringMatching(/--sign-with.*does not trust/s) });
  const none = await cli(['publish', directory, ...words, '--sign-with', `file:${directory}/release.json`]);
  expect(none).toMatchObject({ code: 2, stderr: expect.stringMatching(/cannot sign.*P-256 private key/s) });
  const gone = await cliOnAws(['publish', directory, ...words, '--sign-with', 'kms:alias/nobody']);
  expect(gone).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/KMS does not sign.*NotFoundException/s),
  });
  const signed = await cli(['publish', directory, ...words, ...file]);
  expect(signed).toMatchObject({ code: 0, stdout: expect.stringContaining(fileKey.keyId) });
});

test('what is not a release, or is said in wrong words, is refused before anything is signed', async () => {
  const { directory } = releaseDirectory('4.2.0');
  const refused = await Promise.all([
    cli(['publish', folder, ...words, ...kms]),
    cli(['publish', directory, '--kind', 'hotfix', '--notes', 'x', ...kms]),
    cli(['publish', directory, ...words, '--sign-with', 'release-key.pem']),
    cli(['publish', directory, ...words, '--deadline', 'tomorrow', ...kms]),
    cli(['publish', directory, ...words, '--deadline', '2099-01-01T00:00:00Z', ...file]),
  ]);
  expect(refused.map(({ code }) => code)).toEqual([2, 2, 2, 2, 2]);
  expect(refused.map(({ stderr }) => stderr)).toEqual([
    expect.stringContaining('holds no usable release'),
    expect.stringContaining('feature, fix, security'),
    expect.stringContaining('kms:<id, ARN or alias of a key>'),
    expect.stringContaining('2026-12-04T00:00:00Z'),
    expect.stringMatching(/--deadline.*is for a security release/s),
  ]);
});

test('a preview shows what an update would do, and its exit code whether it would be refused', async () => {
  const { practiceId, runId } = await plane.approved('Hazel ABA');
  const { directory, id } = releaseDirectory('5.0.0');
  await cli(['publish', directory, ...words, ...file]);
  const args = ['preview', id, '--practice', 'hazel'];
  expect(await cli(args)).toMatchObject({
    code: 4,
    stderr: expect.stringContaining('only an active practice'),
  });
  await plane.end(runId, 'succeeded');
  const shown = await cli(args);
  expect(shown).toMatchObject({ code: 1, stderr: '' });
  expect(shown.stdout).toMatch(/foundation: changes\n1 more, in tags only/);
  expect(shown.stdout).toMatch(/data: REFUSED, so an update would change nothing at all/);
  expect(shown.stdout).toMatch(/Database +AWS::RDS::DBInstance +Modify +replaces +REFUSED +\S/);
  expect(shown.stdout).toMatch(/service: does not change/);
  const { stacks } = releasePreviewSchema.parse(JSON.parse((await cli([...args, '--json'])).stdout));
  expect(stacks.map(({ state }) => state)).toEqual(['changed', 'refused', 'unchanged']);
  expect(practiceId).toBe('hazel-aba');
  expect([...open]).toEqual([]);
});

test('a release is halted and let go again', async () => {
  const { directory, id } = releaseDirectory('4.3.0');
  await cli(['publish', directory, ...words, ...file]);
  const halted = await cli(['halt', id, '--reason', 'sign-in fails']);
  expect(halted).toMatchObject({ code: 0, stdout: expect.stringContaining(`release unhalt ${id}`) });
  expect((await cli(['show', id])).stdout).toMatch(/state +halted\nhalted +sign-in fails \(/);
  expect((await cli(['halt', id, '--reason', 'once more'])).code).toBe(4);
  expect((await cli(['unhalt', id, '--reason', 'it was the network'])).code).toBe(0);
  expect((await cli(['unhalt', id, '--reason', 'once more'])).code).toBe(4);
});
