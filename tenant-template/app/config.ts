import { z } from 'zod';
import { EXIT, StartRefusal } from './start-refusal.ts';

const arn = (service: string, resource: string) =>
  z.string().regex(new RegExp(`^arn:aws[a-z-]*:${service}:[a-z0-9-]+:\\d{12}:${resource}`), {
    error: `must be an ARN of ${service} (arn:aws:${service}:…)`,
  });
const portNumber = z
  .string()
  .regex(/^\d{1,5}$/, 'must be a port number')
  .transform(Number)
  .refine((port) => port > 0 && port < 65_536, 'must be a port number');
const text = z.string().min(1, 'must not be empty');

/** What the task definition says (docs/silo.md), and nothing else. */
const environment = z.object({
  PRACTICE_ID: z
    .string()
    .regex(/^[a-z][a-z0-9-]{2,30}$/, 'must be a practice id, for example sunrise-speech'),
  RELEASE_ID: text,
  KEY_ARN: arn('kms', 'key/'),
  DATABASE_HOST: text,
  DATABASE_PORT: portNumber,
  DATABASE_NAME: text,
  DATABASE_SECRET_ARN: arn('secretsmanager', 'secret:'),
  PORT: portNumber,
  SESSION_TIMEOUT_MINUTES: z
    .string()
    .regex(/^[1-9]\d{0,2}$/, 'must be a number of minutes, 1 to 999')
    .transform(Number),
  OWNER_EMAIL: z
    .string()
    .regex(/^([^@\s]{1,64}@[^@\s]{1,255})?$/, 'must be an e-mail address')
    .default(''),
  OWNER_INVITATION_SHA256: z
    .string()
    .regex(/^([0-9a-f]{64})?$/, "must be the 64 lower-case hexadecimal digits of the link's SHA-256")
    .default(''),
  OWNER_INVITATION_EXPIRES_AT: z
    .union([
      z.literal(''),
      z.iso.datetime({ offset: true, error: 'must be a time like 2026-11-30T12:00:00Z' }),
    ])
    .default(''),
  /** The platform's, not the task definition's: the address to listen on. A container listens on all of its own. */
  HOST: text.default('0.0.0.0'),
});

export interface Config {
  readonly practiceId: string;
  readonly releaseId: string;
  readonly keyArn: string;
  readonly database: { readonly host: string; readonly port: number; readonly name: string };
  readonly secretArn: string;
  readonly host: string;
  readonly port: number;
  readonly sessionTimeoutMinutes: number;
  /** None, when nobody is invited. */
  readonly ownerInvitation: OwnerInvitation | undefined;
}

/** Who becomes the first owner, or gets in again as an owner; by which link, and until when (docs/silo.md, "The owner's link"). */
export interface OwnerInvitation {
  readonly email: string;
  /** SHA-256 of the link's token. */
  readonly tokenHash: Buffer;
  readonly expiresAt: Date;
}

/** @throws StartRefusal (exit code 78) that names every variable that is missing or ill-formed. */
export function readConfig(variables: Readonly<Record<string, string | undefined>>): Config {
  const read = environment.safeParse(variables);
  if (!read.success) {
    const faults = read.error.issues.map((issue) => {
      const name = String(issue.path[0]);
      return `${name} ${variables[name] === undefined ? 'is missing' : issue.message}`;
    });
    throw new StartRefusal(
      EXIT.configuration,
      `The environment is not complete: ${faults.join('; ')}. Set them in the task definition (docs/silo.md).`,
    );
  }
  const { data } = read;
  return {
    practiceId: data.PRACTICE_ID,
    releaseId: data.RELEASE_ID,
    keyArn: data.KEY_ARN,
    database: { host: data.DATABASE_HOST, port: data.DATABASE_PORT, name: data.DATABASE_NAME },
    secretArn: data.DATABASE_SECRET_ARN,
    host: data.HOST,
    port: data.PORT,
    sessionTimeoutMinutes: data.SESSION_TIMEOUT_MINUTES,
    ownerInvitation: readInvitation(data),
  };
}

function readInvitation(data: z.infer<typeof environment>): OwnerInvitation | undefined {
  const values = {
    OWNER_EMAIL: data.OWNER_EMAIL,
    OWNER_INVITATION_SHA256: data.OWNER_INVITATION_SHA256,
    OWNER_INVITATION_EXPIRES_AT: data.OWNER_INVITATION_EXPIRES_AT,
  };
  const missing = Object.entries(values).filter(([, value]) => value === '');
  if (missing.length === Object.keys(values).length) return undefined;
  if (missing.length > 0) {
    throw new StartRefusal(
      EXIT.configuration,
      `The owner's invitation is incomplete: ${missing.map(([name]) => name).join(' and ')} must not be empty. Set all three in the task definition, or none (docs/silo.md, "The owner's link").`,
    );
  }
  return {
    email: data.OWNER_EMAIL.toLowerCase(),
    tokenHash: Buffer.from(data.OWNER_INVITATION_SHA256, 'hex'),
    expiresAt: new Date(data.OWNER_INVITATION_EXPIRES_AT),
  };
}
