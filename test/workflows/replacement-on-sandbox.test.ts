import { createHash } from 'node:crypto';
import {
  CloudFormationClient,
  CreateChangeSetCommand,
  ExecuteChangeSetCommand,
} from '@aws-sdk/client-cloudformation';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { Client } from 'pg';
import { sandboxDefaults } from '../../lib/config.ts';
import type { Database } from '../../lib/db/database.ts';
import { listDeployments } from '../../lib/db/deployment-store.ts';
import { findPractice } from '../../lib/db/practice-store.ts';
import { publishRelease } from '../../lib/db/release-store.ts';
import { listRunEvents } from '../../lib/db/run-event-store.ts';
import type { Actor } from '../../lib/domain/access.ts';
import type { Release } from '../../lib/domain/release.ts';
import type { Core } from '../../lib/use-cases/core.ts';
import { changeSettings } from '../../lib/use-cases/practice-settings.ts';
import { type SandboxedControlPlane, startProvisionedSilo } from '../builders/provisioned-silo.ts';
import { eventually } from '../builders/runs.ts';
import type { SandboxCloud } from '../builders/sandbox-cloud.ts';

const clock = { now: () => new Date() };
const actor: Actor = { id: 'token:test', name: 'test', roles: ['operator'], requestId: 'test-request' };
const practiceId = 'alder-aba';
const dataStack = `lumenality-${practiceId}-data`;
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

interface Template {
  readonly Resources: Record<string, { Type: string; Properties: Record<string, unknown> }>;
}

/** The release with another data template: what a mistake in a later release would be. */
function variantOf({ manifest, templates }: Release, change: (template: Template) => void): Release {
  const template = JSON.parse(templates.data) as Template;
  change(template);
  const data = JSON.stringify(template);
  const contentHash = sha256(data);
  const described = { ...manifest.templates.data, sha256: contentHash, bytes: data.length };
  return {
    manifest: {
      ...manifest,
      id: `r-${contentHash.slice(0, 12)}`,
      contentHash,
      templates: { ...manifest.templates, data: described },
    },
    templates: { ...templates, data },
  };
}

const ofType = (template: Template, type: string): [string, Template['Resources'][string]] => {
  const found = Object.entries(template.Resources).find(([, resource]) => resource.Type === type);
  if (found === undefined) throw new Error(`the template has no ${type}`);
  return found;
};
const instanceOf = (template: Template) => ofType(template, 'AWS::RDS::DBInstance')[1].Properties;

/** Mistakes by which a release would lose the database, each with what the refusal must name. */
const mistakes: readonly (readonly [string, string, (template: Template) => void])[] = [
  ['another name of the database', 'DBName would change', (it) => void (instanceOf(it)['DBName'] = 'other')],
  [
    'another key',
    'KmsKeyId would change',
    (it) =>
      void (instanceOf(it)['KmsKeyId'] =
        'arn:aws:kms:us-east-1:000000000000:key/00000000-0000-4000-8000-000000000000'),
  ],
  [
    'a database that is left out',
    'no longer has it',
    (it) => {
      const [logicalId] = ofType(it, 'AWS::RDS::DBInstance');
      const { [logicalId]: database, ...others } = it.Resources;
      it.Resources[`${logicalId}Renamed`] = database as Template['Resources'][string];
      const renamed = JSON.stringify({ ...it, Resources: { ...others, [`${logicalId}Renamed`]: database } });
      Object.assign(it, JSON.parse(renamed.replaceAll(`"${logicalId}"`, `"${logicalId}Renamed"`)));
    },
  ],
  [
    'a new parameter group in place of the old one',
    'Family would change',
    (it) => void (ofType(it, 'AWS::RDS::DBParameterGroup')[1].Properties['Family'] = 'postgres17'),
  ],
  [
    'a database without protection',
    'DeletionProtection would change',
    (it) => void (instanceOf(it)['DeletionProtection'] = false),
  ],
];

let silo: SandboxedControlPlane;
let cloud: SandboxCloud;
let database: Database;
let core: Core;

beforeAll(async () => {
  silo = await startProvisionedSilo(practiceId);
  ({ cloud, database, core } = silo);
  await query('create table rows_of_the_test (word text)');
  await query("insert into rows_of_the_test values ('kept')");
}, 180_000);
afterAll(() => silo.stop());

const outputs = () => silo.outputs(practiceId);

const aws = () => ({
  region: sandboxDefaults.region,
  endpoint: cloud.endpoint,
  credentials: sandboxDefaults.credentials,
});

/** As the master user: what lies in the database, whatever the app makes of it. */
async function query(text: string): Promise<unknown[]> {
  const { DatabaseEndpoint, DatabasePort, DatabaseName, DatabaseSecretArn } = await outputs();
  const secrets = new SecretsManagerClient(aws());
  const secret = await secrets.send(new GetSecretValueCommand({ SecretId: DatabaseSecretArn }));
  secrets.destroy();
  const { username, password } = JSON.parse(secret.SecretString ?? '') as {
    username: string;
    password: string;
  };
  const client = new Client({
    host: DatabaseEndpoint,
    port: Number(DatabasePort),
    database: DatabaseName,
    user: username,
    password,
    // The sandbox's own authority; that it is the right one is what other tests prove.
    ssl: { rejectUnauthorized: false },
  });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

/** What CloudFormation has ever done to a stack. */
const historyOf = (stackName: string) => cloud.ports.stacks.eventsSince(stackName, () => false);

async function update(release: Release) {
  await publishRelease(database.db, release, { publishedBy: 'test', now: clock.now() });
  return silo.update(practiceId, release);
}

test.each(mistakes)('%s is refused before anything is executed', async (_what, reason, mistake) => {
  const before = await cloud.ports.stacks.describe(dataStack);
  const history = await historyOf(dataStack);
  const release = variantOf(cloud.release, mistake);
  const run = await update(release);
  expect(run.error).toMatchObject({
    code: 'change_refused',
    step: 'review-changes',
    message: expect.stringContaining(reason),
    resource: { stackName: dataStack, reason: expect.stringContaining(reason) },
    nextAction: expect.stringContaining('override'),
  });
  const events = await listRunEvents(database.db, run.id, { afterSeq: 0, limit: 10_000 });
  expect(events.some(({ body }) => body.kind === 'change' && body.verdict === 'refused')).toBe(true);
  expect(await historyOf(dataStack)).toEqual(history);
  expect(await cloud.ports.stacks.describe(dataStack)).toEqual(before);
  expect(await findPractice(database.db, practiceId)).toMatchObject({
    state: 'active',
    release_id: cloud.release.manifest.id,
  });
  const [deployment] = (await listDeployments(database.db, { practiceId, limit: 1 })).items;
  expect(deployment).toMatchObject({ state: 'failed', releaseId: release.manifest.id });
  expect(await query('select word from rows_of_the_test')).toEqual([{ word: 'kept' }]);
});

test('somebody who goes past the review meets the stack policy, and the rows stay', async () => {
  const { DatabaseResourceId } = await outputs();
  const [, , mistake] = mistakes[0] as (typeof mistakes)[number];
  const { templates } = variantOf(cloud.release, mistake);
  const client = new CloudFormationClient(aws());
  const stack = await cloud.ports.stacks.describe(dataStack);
  const { Id } = await client.send(
    new CreateChangeSetCommand({
      StackName: dataStack,
      ChangeSetName: 'by-hand',
      TemplateBody: templates.data,
      Capabilities: ['CAPABILITY_IAM'],
      Parameters: Object.entries(stack?.parameters ?? {}).map(([ParameterKey, ParameterValue]) => ({
        ParameterKey,
        ParameterValue,
      })),
    }),
  );
  await client.send(new ExecuteChangeSetCommand({ ChangeSetName: Id }));
  await eventually('the roll-back', async () =>
    (await cloud.ports.stacks.describe(dataStack))?.status === 'UPDATE_ROLLBACK_COMPLETE' ? true : undefined,
  );
  client.destroy();
  const events = await cloud.ports.stacks.eventsSince(dataStack, () => false);
  expect(events.findLast(({ status }) => status === 'UPDATE_FAILED')).toMatchObject({
    resourceType: 'AWS::RDS::DBInstance',
    reason: expect.stringContaining('denied by stack policy'),
  });
  expect((await cloud.ports.stacks.describe(dataStack))?.outputs['DatabaseResourceId']).toBe(
    DatabaseResourceId,
  );
  expect(await query('select word from rows_of_the_test')).toEqual([{ word: 'kept' }]);
});

test('settings within their bounds change the silo in place, and it is verified again', async () => {
  const { DatabaseResourceId } = await outputs();
  const settings = { databaseMaintenanceWindow: 'sat:07:00-sat:08:00', sessionTimeoutMinutes: 20 };
  const { runId } = await changeSettings(core, { practiceId, settings, reason: 'asked for' }, actor);
  const run = await silo.ended(runId ?? '');
  expect(run.error).toBeNull();
  const stacks = await Promise.all(
    ['data', 'service'].map((component) =>
      cloud.ports.stacks.describe(`lumenality-${practiceId}-${component}`),
    ),
  );
  expect(stacks.map((stack) => stack?.parameters)).toMatchObject([
    { DatabaseMaintenanceWindow: 'sat:07:00-sat:08:00' },
    { SessionTimeoutMinutes: '20' },
  ]);
  const told = (await listRunEvents(database.db, run.id, { afterSeq: 0, limit: 10_000 })).flatMap(
    ({ body }) =>
      body.kind === 'change' && body.effect !== 'safe' ? [[body.type, body.effect, body.verdict]] : [],
  );
  expect(told).toEqual(
    expect.arrayContaining([
      ['AWS::RDS::DBInstance', 'restarts', 'allowed'],
      ['AWS::ECS::Service', 'restarts', 'allowed'],
    ]),
  );
  expect((await outputs())['DatabaseResourceId']).toBe(DatabaseResourceId);
  expect(await query('select word from rows_of_the_test')).toEqual([{ word: 'kept' }]);
});
