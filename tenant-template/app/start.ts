import { KMSClient } from '@aws-sdk/client-kms';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { FastifyBaseLogger } from 'fastify';
import type { Pool } from 'pg';
import { type ClaimedDatabase, claimDatabase } from './claim-database.ts';
import type { Config } from './config.ts';
import { appLogin, type DatabaseLogin, masterLogin, openPool, ping } from './database.ts';
import { DatabaseSecret } from './database-secret.ts';
import { FieldEncryption } from './field-encryption.ts';
import { listenerCertificate } from './listener-certificate.ts';
import { migrations } from './migrations/index.ts';
import { PracticeKey } from './practice-key.ts';
import { readinessCheck } from './readiness.ts';
import { buildServer } from './server.ts';
import { PasswordHashing, SCRYPT_COST } from './staff/passwords.ts';
import { EXIT, StartRefusal } from './start-refusal.ts';
import { withPatience } from './transient.ts';
import { APP_VERSION } from './version.ts';

export interface StartOptions {
  readonly config: Config;
  readonly logger: FastifyBaseLogger;
  /** How long a dependency may stay away before the start is given up, milliseconds. */
  readonly patienceMs: number;
}

export interface RunningApp {
  /** Stops listening, lets requests in flight finish, closes the database connections. */
  stop(): Promise<void>;
}

/**
 * Checks that the key, the secret and the database are there and this practice's own, in that order, then listens.
 *
 * @throws StartRefusal with the exit code that says what kind of thing is wrong; nothing stays open then.
 */
export async function startApp(options: StartOptions): Promise<RunningApp> {
  const { config, logger, patienceMs } = options;
  const { practiceId, keyArn, secretArn } = config;
  const kms = new KMSClient({});
  const secrets = new SecretsManagerClient({});
  const key = new PracticeKey(kms, keyArn, practiceId);
  const secret = new DatabaseSecret(secrets, secretArn);
  await withPatience('AWS KMS', patienceMs, () => key.check());
  const { username } = await withPatience('AWS Secrets Manager', patienceMs, async () => {
    await secret.check(keyArn, practiceId);
    return secret.read();
  });
  const { migration, wrappedDataKey } = await claim(options, key, masterLogin(secret, username));
  // Nothing that runs from here on can be the master user.
  secrets.destroy();

  const pool = watchedPool(config, logger, appLogin(config.database));
  try {
    await withPatience('The database', patienceMs, () => ping(pool).catch(explainAppSignIn));
    const server = buildServer({
      certificate: await listenerCertificate(),
      config,
      appVersion: APP_VERSION,
      migration,
      logger,
      readiness: readinessCheck(pool, key, wrappedDataKey),
      pool,
      encryption: new FieldEncryption(kms, keyArn, practiceId),
      passwords: new PasswordHashing(SCRYPT_COST),
      clock: () => new Date(),
    });
    await server.listen({ host: config.host, port: config.port });
    return {
      stop: async () => {
        await server.close();
        await pool.end();
        kms.destroy();
      },
    };
  } catch (error) {
    await pool.end();
    throw error;
  }
}

/** What needs the master user, on connections that are closed when it is done. */
async function claim(
  { config, logger, patienceMs }: StartOptions,
  key: PracticeKey,
  login: DatabaseLogin,
): Promise<ClaimedDatabase> {
  const { practiceId, releaseId } = config;
  const pool = watchedPool(config, logger, login);
  try {
    return await withPatience('The database', patienceMs, () =>
      claimDatabase(pool, key, migrations, {
        practiceId,
        releaseId,
        appVersion: APP_VERSION,
        ownerTokenHash: config.ownerInvitation?.tokenHash,
      }).catch(explainMasterSignIn),
    );
  } finally {
    await pool.end();
  }
}

function watchedPool(config: Config, logger: FastifyBaseLogger, login: DatabaseLogin): Pool {
  const pool = openPool(config.database, login);
  // An idle connection that the database closed: the next query opens another.
  pool.on('error', (error) => logger.info({ err: error }, 'an idle database connection was closed'));
  return pool;
}

const TLS_FAULT = /^(CERT_|ERR_TLS_|ERR_SSL_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/;

const explainMasterSignIn = (error: unknown): never =>
  explainDatabase(error, 'DATABASE_SECRET_ARN must be the secret that RDS keeps for DATABASE_HOST.');
const explainAppSignIn = (error: unknown): never =>
  explainDatabase(
    error,
    'The database needs IAM authentication enabled, and the task role rds-db:connect as practice_app.',
  );

/** Says in a person's words what pg reports by code; other errors go on as they are. */
function explainDatabase(error: unknown, advice: string): never {
  const { code = '', message } = error as { code?: string; message: string };
  const refuse = (text: string) => new StartRefusal(EXIT.notOurs, text, { cause: error });
  if (TLS_FAULT.test(code) || message.includes('does not support SSL')) {
    throw refuse(
      `The database's TLS certificate cannot be verified (${code || message}). The app never connects without TLS: check DATABASE_HOST and the authorities in NODE_EXTRA_CA_CERTS.`,
    );
  }
  if (code === '28P01' || code === '28000') {
    throw refuse(`The database refused the sign-in: ${message}. ${advice}`);
  }
  if (code === '3D000')
    throw refuse(`The database server has no such database: ${message}. Check DATABASE_NAME.`);
  throw error;
}
