import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { connect, type SecureVersion } from 'node:tls';
import { CreateKeyCommand, DisableKeyCommand, EnableKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import {
  CreateSecretCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { Client, type ClientConfig } from 'pg';
import type { OpenedDataPlane } from '../../lib/sandbox/data-plane/index.ts';
import type { TaskSpec } from '../../lib/sandbox/model.ts';
import type { Sandbox } from '../../lib/sandbox/server.ts';
import { buildImage } from '../../tenant-template/image.ts';
import { appUrl, ask } from './ask.ts';
import { startAppSandbox } from './sandbox.ts';

/** The app as it is shipped: bundled, run as a task of the sandbox, against its KMS, Secrets Manager and database. */
const workDirectory = mkdtempSync(join(tmpdir(), 'practice-app-'));
let sandbox: Sandbox;
let plane: OpenedDataPlane;
let image: string;
let sunrise: Practice;
let harbor: Practice;
/** Whether the databases take IAM authentication tokens. */
let allowsTokens = true;

interface Practice {
  readonly id: string;
  readonly keyArn: string;
  readonly secretArn: string;
  readonly databaseArn: string;
  readonly endpoint: { readonly address: string; readonly port: number };
  readonly password: string;
  changePassword(password: string): void;
}

const clientOptions = () => ({
  endpoint: sandbox.endpoint,
  region: 'us-east-1',
  credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
});
const kms = () => new KMSClient(clientOptions());
const secrets = () => new SecretsManagerClient(clientOptions());

beforeAll(async () => {
  ({ sandbox, plane } = await startAppSandbox(join(workDirectory, 'sandbox')));
  const out = join(workDirectory, 'image');
  await buildImage({ entry: join(__dirname, '../../tenant-template/app/main.ts'), out });
  const repository = 'lumenality/practice-app';
  const { digest } = plane.images.push(repository, readFileSync(join(out, 'manifest.json')), out);
  image = `000000000000.dkr.ecr.us-east-1.amazonaws.com/${repository}@${digest}`;
  [sunrise, harbor] = await Promise.all([makePractice('sunrise-speech'), makePractice('harbor-aba')]);
});

afterAll(async () => {
  await sandbox.stop();
  rmSync(workDirectory, { recursive: true, force: true });
});

async function makePractice(id: string): Promise<Practice> {
  const tags = [{ TagKey: 'lumenality:practice', TagValue: id }];
  const { KeyMetadata } = await kms().send(new CreateKeyCommand({ Tags: tags }));
  const keyArn = KeyMetadata?.Arn as string;
  let password = randomBytes(12).toString('hex');
  const { ARN } = await secrets().send(
    new CreateSecretCommand({
      Name: `rds!${id}`,
      KmsKeyId: keyArn,
      SecretString: JSON.stringify({ username: 'practice_admin', password }),
    }),
  );
  const storageKey = randomBytes(32);
  const databaseArn = `arn:aws:rds:us-east-1:000000000000:db:${id}`;
  const endpoint = await plane.databases.open({
    arn: databaseArn,
    databaseName: 'practice',
    masterUsername: 'practice_admin',
    masterPassword: () => password,
    forceTls: () => true,
    tokenCheck: () => (token, username) =>
      new URL(`https://${token}`).searchParams.get('DBUser') === username && allowsTokens,
    storageKey: async () => storageKey,
  });
  return {
    id,
    keyArn,
    secretArn: ARN as string,
    databaseArn,
    endpoint,
    get password() {
      return password;
    },
    changePassword: (changed) => {
      password = changed;
    },
  };
}

function environmentOf(practice: Practice): Record<string, string> {
  return {
    PRACTICE_ID: practice.id,
    RELEASE_ID: 'r-1',
    KEY_ARN: practice.keyArn,
    DATABASE_HOST: practice.endpoint.address,
    DATABASE_PORT: String(practice.endpoint.port),
    DATABASE_NAME: 'practice',
    DATABASE_SECRET_ARN: practice.secretArn,
    PORT: '8080',
    SESSION_TIMEOUT_MINUTES: '15',
  };
}

interface App {
  readonly arn: string;
  readonly url: string;
  readonly lines: string[];
  readonly exit: Promise<number | null>;
  readonly exited: () => boolean;
}

let started = 0;

async function startApp(practice: Practice, changes: Record<string, string> = {}): Promise<App> {
  started += 1;
  const arn = `arn:aws:ecs:us-east-1:000000000000:task/${practice.id}/${started}`;
  const lines: string[] = [];
  let done = false;
  let resolveExit: (code: number | null) => void = () => {};
  const exit = new Promise<number | null>((resolve) => {
    resolveExit = resolve;
  });
  const spec: TaskSpec = {
    arn,
    image,
    environment: { ...environmentOf(practice), ...changes },
    containerPort: 8080,
    accountId: '000000000000',
    region: 'us-east-1',
    taskRoleArn: `arn:aws:iam::000000000000:role/${practice.id}-task`,
    log: (line) => lines.push(line),
    exited: ({ code }) => {
      done = true;
      resolveExit(code);
    },
  };
  const { address, port } = await plane.tasks.start(spec);
  return { arn, url: appUrl({ address, port }), lines, exit, exited: () => done };
}

/** The app listens when its start-up checks are over. */
async function startReadyApp(practice: Practice, changes: Record<string, string> = {}): Promise<App> {
  const app = await startApp(practice, changes);
  for (;;) {
    if (app.exited()) throw new Error(`The app ended: ${app.lines.join('\n')}`);
    const answer = await ask(`${app.url}/healthz`).catch(() => undefined);
    if (answer?.ok) return app;
    await wait(25);
  }
}

/** What a client that asks for at most this version of TLS comes to, and the server's key. */
async function handshake({ url }: App, maxVersion: SecureVersion = 'TLSv1.3') {
  const { hostname, port } = new URL(url);
  const socket = connect({
    host: hostname,
    port: Number(port),
    rejectUnauthorized: false,
    minVersion: 'TLSv1',
    maxVersion,
    // OpenSSL offers versions before 1.2 at its lowest level only.
    ciphers: 'DEFAULT@SECLEVEL=0',
  });
  try {
    await once(socket, 'secureConnect');
    const { nistCurve: curve, pubkey } = socket.getPeerCertificate() as {
      nistCurve?: string;
      pubkey?: Buffer;
    };
    return { protocol: socket.getProtocol(), curve, key: pubkey?.toString('hex') };
  } finally {
    socket.destroy();
  }
}

async function withDatabase<T>(practice: Practice, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({
    host: practice.endpoint.address,
    port: practice.endpoint.port,
    user: 'practice_admin',
    password: practice.password,
    database: 'practice',
    ssl: { ca: readFileSync(plane.certificatePath, 'utf8') } as ClientConfig['ssl'],
  });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

describe('the practice app', () => {
  test('answers for its practice, on its own database and key, with closed headers', async () => {
    const app = await startReadyApp(sunrise);
    const ready = await ask(`${app.url}/readyz`);
    expect(await ready.json()).toEqual({
      status: 'ready',
      practiceId: 'sunrise-speech',
      releaseId: 'r-1',
      database: { roundTripMs: expect.any(Number), tls: true },
      key: { arn: sunrise.keyArn },
    });
    expect(await (await ask(`${app.url}/version`)).json()).toEqual({
      practiceId: 'sunrise-speech',
      releaseId: 'r-1',
      appVersion: expect.stringMatching(/^\d+\.\d+\.\d+$/),
      migration: 7,
    });
    const missing = await ask(`${app.url}/patients`);
    expect(missing.status).toBe(404);
    expect(missing.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(Object.fromEntries(missing.headers)).toMatchObject({
      'cache-control': 'no-store',
      'content-security-policy': expect.stringContaining("default-src 'none'"),
      'strict-transport-security': expect.stringContaining('max-age='),
      'x-content-type-options': 'nosniff',
    });
    await plane.tasks.stop(app.arn, 10_000);
    expect(app.lines.at(-1)).toContain('"msg":"stopped"');
    expect(app.lines.join('\n')).not.toContain(sunrise.password);
  });

  test('speaks TLS 1.2 and 1.3, nothing older and nothing plain, each task under a key of its own', async () => {
    const [app, other] = await Promise.all([startReadyApp(sunrise), startReadyApp(sunrise)]);
    const first = await handshake(app);
    expect(first).toMatchObject({ protocol: 'TLSv1.3', curve: 'P-256' });
    expect(await handshake(app)).toEqual(first);
    expect(await handshake(app, 'TLSv1.2')).toMatchObject({ protocol: 'TLSv1.2', key: first.key });
    expect((await handshake(other)).key).not.toBe(first.key);
    await expect(handshake(app, 'TLSv1.1')).rejects.toMatchObject({
      code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION',
    });
    const plain = await fetch(`${app.url.replace('https:', 'http:')}/healthz`).catch(() => undefined);
    expect(plain?.ok).not.toBe(true);
    expect((await ask(`${app.url}/healthz`)).status).toBe(200);
    await Promise.all([app, other].map(({ arn }) => plane.tasks.stop(arn, 10_000)));
  });

  test('two that start at once migrate once, and each start leaves an audit event', async () => {
    const apps = await Promise.all([startReadyApp(harbor), startReadyApp(harbor)]);
    await withDatabase(harbor, async (client) => {
      const applied = await client.query('SELECT number, name FROM schema_migration ORDER BY number');
      expect(applied.rows).toEqual([
        { number: 1, name: 'silo-identity' },
        { number: 2, name: 'audit-event' },
        { number: 3, name: 'staff' },
        { number: 4, name: 'records' },
        { number: 5, name: 'app-role' },
        { number: 6, name: 'owner-link' },
        { number: 7, name: 'sign-in-codes' },
      ]);
      const events = await client.query("SELECT release_id FROM audit_event WHERE action = 'app.started'");
      expect(events.rows.length).toBeGreaterThanOrEqual(2);
      const identity = await client.query('SELECT practice_id, key_arn FROM silo_identity');
      expect(identity.rows).toEqual([{ practice_id: 'harbor-aba', key_arn: harbor.keyArn }]);
    });
    await Promise.all(apps.map((app) => plane.tasks.stop(app.arn, 10_000)));
  });

  test('its audit events can be added to, and neither changed nor removed', async () => {
    const app = await startReadyApp(sunrise);
    await plane.tasks.stop(app.arn, 10_000);
    await withDatabase(sunrise, async (client) => {
      const attempts = [
        "UPDATE audit_event SET actor = 'nobody'",
        'DELETE FROM audit_event',
        'TRUNCATE audit_event',
      ];
      for (const attempt of attempts) {
        await expect(client.query(attempt)).rejects.toMatchObject({ code: '42501' });
      }
      // Whoever owns the table may give the right back to himself; the trigger stands in the way then.
      await client.query('BEGIN; GRANT ALL ON audit_event TO CURRENT_USER');
      await expect(client.query('DELETE FROM audit_event')).rejects.toThrow(/append-only/);
      await client.query('ROLLBACK');
    });
  });

  test('serves without the master password, and starts again with the one that RDS rotated to', async () => {
    const app = await startReadyApp(sunrise);
    sunrise.changePassword(randomBytes(12).toString('hex'));
    await plane.databases.evict(sunrise.databaseArn);
    expect((await ask(`${app.url}/readyz`)).status).toBe(200);
    const users = await withDatabase(sunrise, (client) =>
      client.query(
        "SELECT pg_has_role('practice_app', 'rds_iam', 'MEMBER') AS iam, rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = 'practice_app'",
      ),
    );
    expect(users.rows).toEqual([{ iam: true, rolsuper: false, rolcreatedb: false, rolcreaterole: false }]);
    const rotated = { username: 'practice_admin', password: sunrise.password };
    await secrets().send(
      new PutSecretValueCommand({ SecretId: sunrise.secretArn, SecretString: JSON.stringify(rotated) }),
    );
    const next = await startReadyApp(sunrise);
    await Promise.all([app, next].map(({ arn }) => plane.tasks.stop(arn, 10_000)));
  });

  test('does not start where the database takes no IAM tokens', async () => {
    allowsTokens = false;
    const app = await startApp(sunrise);
    expect(await app.exit).toBe(77);
    allowsTokens = true;
    expect(app.lines).toContainEqual(
      expect.stringMatching(/^The database refused the sign-in: .*needs IAM authentication enabled/),
    );
  });

  test('is not ready while its key is disabled, stays up, and refuses a new start', async () => {
    const app = await startReadyApp(sunrise);
    await kms().send(new DisableKeyCommand({ KeyId: sunrise.keyArn }));
    const unready = await ask(`${app.url}/readyz`);
    expect(unready.status).toBe(503);
    expect(await unready.json()).toMatchObject({
      status: 'unready',
      reason: expect.stringContaining('DisabledException'),
    });
    expect((await ask(`${app.url}/healthz`)).status).toBe(200);
    const refused = await startApp(sunrise);
    expect(await refused.exit).toBe(77);
    expect(refused.lines).toContainEqual(
      expect.stringMatching(/^The key .* is Disabled, not Enabled\. Enable it/),
    );
    await kms().send(new EnableKeyCommand({ KeyId: sunrise.keyArn }));
    await plane.tasks.stop(app.arn, 10_000);
  });

  const refusals: ReadonlyArray<[string, () => Record<string, string>, number, RegExp]> = [
    [
      'a key of another practice',
      () => ({ KEY_ARN: harbor.keyArn }),
      77,
      /^The key .* belongs to the practice harbor-aba/,
    ],
    [
      'a key that is not there',
      () => ({ KEY_ARN: 'arn:aws:kms:us-east-1:000000000000:key/00000000-0000-4000-8000-000000000000' }),
      77,
      /^The key .* cannot be used: NotFoundException/,
    ],
    [
      'a secret under another key',
      () => ({ DATABASE_SECRET_ARN: harbor.secretArn }),
      77,
      /^The secret .* is encrypted with .* not with the practice's key/,
    ],
    [
      'a secret that is not there',
      () => ({ DATABASE_SECRET_ARN: `${sunrise.secretArn}-gone` }),
      77,
      /^The secret .* cannot be read: ResourceNotFoundException/,
    ],
    [
      "another practice's server",
      () => ({ DATABASE_HOST: harbor.endpoint.address, DATABASE_PORT: String(harbor.endpoint.port) }),
      77,
      /^The database refused the sign-in: password authentication failed/,
    ],
    [
      'another database name',
      () => ({ DATABASE_NAME: 'other' }),
      77,
      /no such database: .*Check DATABASE_NAME/,
    ],
    [
      'an authority that it does not know',
      () => ({ NODE_EXTRA_CA_CERTS: '/dev/null' }),
      77,
      /TLS certificate cannot be verified/,
    ],
    [
      'half an invitation of an owner',
      () => ({ OWNER_EMAIL: 'owner@sunrise.example' }),
      78,
      /^The owner's invitation is incomplete: OWNER_INVITATION_SHA256 and OWNER_INVITATION_EXPIRES_AT must not be empty/,
    ],
    [
      'an incomplete environment',
      () => ({ PRACTICE_ID: '', DATABASE_PORT: 'postgres', KEY_ARN: 'alias/mine' }),
      78,
      /^The environment is not complete: PRACTICE_ID must be .*; KEY_ARN must be an ARN of kms.*; DATABASE_PORT must be a port number/,
    ],
  ];

  test.each(refusals)('does not start with %s', async (_what, changes, code, message) => {
    const app = await startApp(sunrise, changes());
    expect(await app.exit).toBe(code);
    expect(app.lines).toContainEqual(expect.stringMatching(message));
  });

  test("does not touch a database that says it is another practice's", async () => {
    const stranger = await startReadyApp(harbor);
    await plane.tasks.stop(stranger.arn, 10_000);
    const before = await withDatabase(harbor, (client) => client.query('SELECT count(*) FROM audit_event'));
    // The same password on both servers: only the identity inside the database is left to tell them apart.
    const kept = harbor.password;
    harbor.changePassword(sunrise.password);
    const app = await startApp(sunrise, {
      DATABASE_HOST: harbor.endpoint.address,
      DATABASE_PORT: String(harbor.endpoint.port),
    });
    expect(await app.exit).toBe(77);
    expect(app.lines).toContainEqual(
      expect.stringMatching(/^The database belongs to the practice harbor-aba, not to sunrise-speech/),
    );
    const after = await withDatabase(harbor, (client) => client.query('SELECT count(*) FROM audit_event'));
    expect(after.rows).toEqual(before.rows);
    harbor.changePassword(kept);
  });

  test("does not offer an owner's link again that an earlier release may have taken", async () => {
    const ready = await startReadyApp(harbor);
    await plane.tasks.stop(ready.arn, 10_000);
    await withDatabase(harbor, (client) =>
      client.query(
        `INSERT INTO staff (id, email, name, role, status, password_hash, created_at)
         VALUES (gen_random_uuid(), 'owner@harbor.example', 'Olu', 'owner', 'active', 'scrypt', now())`,
      ),
    );
    const app = await startReadyApp(harbor, {
      OWNER_EMAIL: 'owner@harbor.example',
      OWNER_INVITATION_SHA256: 'ab'.repeat(32),
      OWNER_INVITATION_EXPIRES_AT: new Date(Date.now() + 60_000).toISOString(),
    });
    const links = await withDatabase(harbor, (client) => client.query('SELECT token_hash FROM owner_link'));
    expect(links.rows).toEqual([{ token_hash: Buffer.from('ab'.repeat(32), 'hex') }]);
    await plane.tasks.stop(app.arn, 10_000);
  });

  test('does not start on a database whose migration is not the one in its release', async () => {
    const ready = await startReadyApp(harbor);
    await plane.tasks.stop(ready.arn, 10_000);
    const change = (checksum: string) =>
      withDatabase(harbor, async (client) => {
        const before = await client.query<{ checksum: string }>(
          'SELECT checksum FROM schema_migration WHERE number = 1',
        );
        await client.query('UPDATE schema_migration SET checksum = $1 WHERE number = 1', [checksum]);
        return before.rows[0]?.checksum as string;
      });
    const right = await change('another');
    const app = await startApp(harbor);
    expect(await app.exit).toBe(70);
    expect(app.lines).toContainEqual(expect.stringMatching(/^Migration 1 \(silo-identity\) was changed/));
    await change(right);
  });
});
