import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateKeyCommand, DisableKeyCommand, EnableKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify';
import { generateSync } from 'otplib';
import { Pool } from 'pg';
import pino from 'pino';
import { type Sandbox, startSandbox } from '../../lib/sandbox/server.ts';
import type { Config, OwnerInvitation } from '../../tenant-template/app/config.ts';
import { inTransaction } from '../../tenant-template/app/database.ts';
import { FieldEncryption } from '../../tenant-template/app/field-encryption.ts';
import { listenerCertificate } from '../../tenant-template/app/listener-certificate.ts';
import { migrate } from '../../tenant-template/app/migrate.ts';
import { migrations } from '../../tenant-template/app/migrations/index.ts';
import { buildServer } from '../../tenant-template/app/server.ts';
import { hashOf } from '../../tenant-template/app/staff/one-time-token.ts';
import { PasswordHashing } from '../../tenant-template/app/staff/passwords.ts';
import { type PostgresServer, startPostgres } from '../builders/postgres.ts';

const PRACTICE = 'sunrise-speech';
const HOST = 'sunrise-speech.example';
export const PASSWORD = 'four quiet words here';

/** The app's server in this process, on a real PostgreSQL and the sandbox's KMS, with a clock that tests set. */
export interface Practice {
  readonly server: FastifyInstance;
  /** The owner of the tables, as which migrations run. */
  readonly master: Pool;
  /** What requests run as. */
  readonly appPool: Pool;
  readonly encryption: FieldEncryption;
  readonly clock: { now: Date };
  /** What the app logged, one JSON text a line. */
  readonly logged: string[];
  /** Another task of the app on the same database, with other settings. */
  again(changes: Partial<Config>): Promise<Practice>;
  disableKey(): Promise<void>;
  enableKey(): Promise<void>;
}

export interface Practices {
  /** A practice whose first owner is invited by the token `owner-token`, unless told otherwise. */
  open(changes?: Partial<Config>): Promise<Practice>;
  stop(): Promise<void>;
}

export async function startPractices(): Promise<Practices> {
  const directory = mkdtempSync(join(tmpdir(), 'practice-'));
  const [postgres, sandbox] = await Promise.all([
    startPostgres(),
    startSandbox({ port: 0, directory, dataPlane: false }),
  ]);
  const closing: Array<() => Promise<unknown>> = [];
  let opened = 0;
  return {
    open: async (changes = {}) => {
      opened += 1;
      return openPractice(postgres, sandbox, `practice_${opened}`, changes, closing);
    },
    stop: async () => {
      for (const close of closing.splice(0).reverse()) await close();
      await Promise.all([postgres.stop(), sandbox.stop()]);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function openPractice(
  postgres: PostgresServer,
  sandbox: Sandbox,
  database: string,
  changes: Partial<Config>,
  closing: Array<() => Promise<unknown>>,
): Promise<Practice> {
  const kms = new KMSClient({
    endpoint: sandbox.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
  const keyArn = KeyMetadata?.Arn as string;
  const url = await postgres.createDatabase(database);
  const master = new Pool({ connectionString: url });
  await inTransaction(master, (client) => migrate(client, migrations, 'r-1'));
  const appPool = new Pool({ connectionString: url.replace('lumenality@', 'practice_app@') });
  // The server says goodbye to idle connections when it stops.
  for (const pool of [master, appPool]) pool.on('error', () => {});
  const clock = { now: new Date('2026-11-20T09:00:00Z') };
  const logged: string[] = [];
  const encryption = new FieldEncryption(kms, keyArn, PRACTICE);
  const start = async (settings: Partial<Config>): Promise<Practice> => {
    const server = buildServer({
      certificate: await listenerCertificate(),
      config: { ...initialConfig, keyArn, ...settings },
      appVersion: '0.0.0',
      migration: migrations.length,
      logger: pino({ level: 'info' }, { write: (line) => logged.push(line) }),
      readiness: async () => ({ ready: true, database: { roundTripMs: 1, tls: true } }),
      pool: appPool,
      encryption,
      // As the app's, but quick.
      passwords: new PasswordHashing({ N: 2 ** 8, r: 8, p: 1 }),
      clock: () => clock.now,
    });
    closing.push(() => server.close());
    return {
      server,
      master,
      appPool,
      encryption,
      clock,
      logged,
      again: start,
      disableKey: async () => void (await kms.send(new DisableKeyCommand({ KeyId: keyArn }))),
      enableKey: async () => void (await kms.send(new EnableKeyCommand({ KeyId: keyArn }))),
    };
  };
  closing.push(async () => {
    await Promise.all([master.end(), appPool.end()]);
    kms.destroy();
  });
  return start(changes);
}

const initialConfig = {
  practiceId: PRACTICE,
  releaseId: 'r-1',
  sessionTimeoutMinutes: 15,
  ownerInvitation: ownerInvitation('owner-token'),
};

/** As the task definition carries it. */
export function ownerInvitation(token: string, changes: Partial<OwnerInvitation> = {}): OwnerInvitation {
  return {
    email: 'owner@sunrise.example',
    tokenHash: hashOf(token),
    expiresAt: new Date('2026-11-21T09:00:00Z'),
    ...changes,
  };
}

/** A browser: keeps cookies, and sends Origin and Accept as one does. */
export class Browser {
  readonly #practice: Practice;
  readonly address: string;
  readonly cookies = new Map<string, string>();

  constructor(practice: Practice, address = '203.0.113.7') {
    this.#practice = practice;
    this.address = address;
  }

  async get(url: string, headers: Record<string, string> = { accept: 'text/html' }) {
    return this.#send({ method: 'GET', url, headers });
  }

  /** As a form of one of the app's own pages. */
  async post(url: string, fields: Record<string, string> = {}, headers: Record<string, string> = {}) {
    return this.#send({
      method: 'POST',
      url,
      headers: {
        accept: 'text/html',
        origin: `https://${HOST}`,
        'content-type': 'application/x-www-form-urlencoded',
        ...headers,
      },
      payload: new URLSearchParams(fields).toString(),
    });
  }

  /** As a program: JSON both ways. */
  async api(method: 'GET' | 'POST' | 'PUT', url: string, payload?: object) {
    const headers = { accept: 'application/json', origin: `https://${HOST}` };
    return this.#send({ method, url, headers, ...(payload && { payload }) });
  }

  async #send(options: InjectOptions & { headers: Record<string, string> }): Promise<LightMyRequestResponse> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await this.#practice.server.inject({
      ...options,
      headers: {
        host: HOST,
        // What the load balancer adds: it is the last hop, whatever a client wrote before it.
        'x-forwarded-for': `198.51.100.99, ${this.address}`,
        ...(cookie && { cookie }),
        ...options.headers,
      },
    });
    for (const { name, value } of answer.cookies) {
      if (value === '') this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    return answer;
  }
}

/** A member of staff with an authenticator. */
export interface Person {
  readonly email: string;
  readonly secret: string;
  readonly backupCodes: readonly string[];
  readonly browser: Browser;
}

export function codeOf(secret: string, at: Date): string {
  return generateSync({ secret, epoch: Math.floor(at.getTime() / 1000) });
}

/** From the link to the signed-in person. */
export async function accept(practice: Practice, token: string, email: string): Promise<Person> {
  const browser = new Browser(practice);
  const accepted = await browser.post('/invitation', {
    token,
    name: `The ${email.split('@')[0]}`,
    password: PASSWORD,
    repeated: PASSWORD,
  });
  expect([accepted.statusCode, accepted.headers.location]).toEqual([303, '/enrolment']);
  const page = (await browser.get('/enrolment')).body;
  const secret = /Key: <code>([A-Z2-7 ]+)</.exec(page)?.[1]?.replaceAll(' ', '') ?? '';
  const enrolled = await browser.post('/enrolment', { code: codeOf(secret, practice.clock.now) });
  expect(enrolled.statusCode).toBe(200);
  const backupCodes = [...enrolled.body.matchAll(/<code>([0-9a-z-]{19})<\/code>/g)].map(
    ([, code]) => code as string,
  );
  return { email, secret, backupCodes, browser };
}

export function becomeOwner(practice: Practice): Promise<Person> {
  return accept(practice, 'owner-token', 'owner@sunrise.example');
}

/** Somebody with this role, invited by the owner. */
export async function hire(
  practice: Practice,
  owner: Person,
  role: string,
  email = `${role}@sunrise.example`,
): Promise<Person & { id: string }> {
  const invited = await owner.browser.api('POST', '/api/staff', { email, role });
  expect(invited.statusCode).toBe(201);
  const { token, staffId } = invited.json<{ token: string; staffId: string }>();
  return { ...(await accept(practice, token, email)), id: staffId };
}

/** A new sign-in. The clock moves one step on, because a code works once. */
export async function signIn(
  practice: Practice,
  person: Person,
  browser = new Browser(practice),
): Promise<{ readonly browser: Browser; readonly answer: LightMyRequestResponse }> {
  practice.clock.now = new Date(practice.clock.now.getTime() + 30_000);
  await browser.post('/sign-in', { email: person.email, password: PASSWORD });
  const answer = await browser.post('/sign-in/code', { code: codeOf(person.secret, practice.clock.now) });
  return { browser, answer };
}
