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
  };
}
