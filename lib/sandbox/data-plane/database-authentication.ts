import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import type { DatabaseSpec } from '../model.ts';
import type { DatabaseRole } from './database-messages.ts';
import * as wire from './frames.ts';
import { readVerifier, ScramExchange, type ScramVerifier, verifierOf } from './scram.ts';

/** Ends a session with a message that its client shows. */
export class Refusal extends Error {
  readonly sqlState: string;

  constructor(sqlState: string, text: string) {
    super(text);
    this.sqlState = sqlState;
  }
}

/** What proving an identity needs of the instance. */
export interface AuthenticationHost {
  readonly spec: DatabaseSpec;
  /** The role as the running engine knows it; undefined when there is none of that name. */
  role(name: string): Promise<DatabaseRole | undefined>;
}

/** PostgreSQL's words for a connection that no line of `pg_hba.conf` lets in. */
export function noEntry(address: string | undefined, user: string, database: string): Refusal {
  return new Refusal(
    '28000',
    `no pg_hba.conf entry for host "${address ?? ''}", user "${user}", database "${database}", no encryption`,
  );
}

/**
 * Finds out who is there, as RDS does ("Database authentication with Amazon RDS"): the master user by the password that
 * the instance keeps, a member of `rds_iam` by an IAM authentication token, any other role by its own password.
 *
 * @returns the name of the database role that the session runs as.
 * @throws Refusal in PostgreSQL's own words.
 */
export async function authenticate(
  stream: Duplex,
  parameters: ReadonlyMap<string, string>,
  host: AuthenticationHost,
): Promise<string> {
  const user = parameters.get('user');
  if (!user) throw new Refusal('28000', 'no PostgreSQL user name specified in startup packet');
  const encoding = parameters.get('client_encoding') ?? 'UTF8';
  if (!/^utf-?8$/i.test(encoding)) {
    throw new Refusal('22023', `the sandbox speaks client_encoding UTF8 only, not ${encoding}`);
  }
  const database = parameters.get('database') ?? user;
  if (user === host.spec.masterUsername) {
    await requirePassword(stream, user, verifierOf(host.spec.masterPassword()));
  } else {
    await authenticateRole(stream, user, database, host);
  }
  if (database !== host.spec.databaseName)
    throw new Refusal('3D000', `database "${database}" does not exist`);
  return user;
}

/** A role that SQL made. Its engine has to run first, because the engine alone knows it. */
async function authenticateRole(
  stream: Duplex,
  user: string,
  database: string,
  host: AuthenticationHost,
): Promise<void> {
  const role = await host.role(user);
  const accepts = role?.signsInByIam === true ? host.spec.tokenCheck?.() : undefined;
  if (accepts !== undefined) {
    if (!(stream instanceof TLSSocket)) throw noEntry(undefined, user, database);
    await requireToken(stream, user, accepts);
  } else {
    // Somebody unknown is asked for a password like anybody else, so that nobody learns which names there are.
    const known = role?.passwordExpired === false ? readVerifier(role.password ?? '') : undefined;
    await requirePassword(stream, user, known ?? verifierOf(randomBytes(32).toString('hex')));
  }
  if (role?.canLogin !== true) throw new Refusal('28000', `role "${user}" is not permitted to log in`);
  if (!role.canConnect) throw new Refusal('42501', `permission denied for database "${database}"`);
}

const AUTHENTICATION_CLEARTEXT_PASSWORD = 3;
const AUTHENTICATION_SASL = 10;
const AUTHENTICATION_SASL_CONTINUE = 11;
const AUTHENTICATION_SASL_FINAL = 12;

/** RDS hands the token to its PAM module, which is what PostgreSQL then blames. */
async function requireToken(
  stream: Duplex,
  user: string,
  accepts: (token: string, username: string) => boolean,
): Promise<void> {
  stream.write(wire.message('R', wire.int32(AUTHENTICATION_CLEARTEXT_PASSWORD)));
  const body = await passwordMessage(stream);
  const token = body.toString('utf8', 0, Math.max(0, body.indexOf(0)));
  if (!accepts(token, user)) throw new Refusal('28000', `PAM authentication failed for user "${user}"`);
}

async function requirePassword(stream: Duplex, user: string, verifier: ScramVerifier): Promise<void> {
  if (!(await provesPassword(stream, verifier)))
    throw new Refusal('28P01', `password authentication failed for user "${user}"`);
}

async function provesPassword(stream: Duplex, verifier: ScramVerifier): Promise<boolean> {
  const exchange = new ScramExchange(verifier);
  stream.write(wire.message('R', wire.int32(AUTHENTICATION_SASL), 'SCRAM-SHA-256', Buffer.of(0)));
  const initial = await passwordMessage(stream);
  const mechanismEnd = initial.indexOf(0);
  if (initial.toString('latin1', 0, mechanismEnd) !== 'SCRAM-SHA-256') {
    throw new wire.ProtocolViolation('client selected an invalid SASL authentication mechanism');
  }
  const serverFirst = exchange.first(initial.toString('utf8', mechanismEnd + 5));
  if (serverFirst === undefined) throw new wire.ProtocolViolation('malformed SCRAM message');
  stream.write(wire.message('R', wire.int32(AUTHENTICATION_SASL_CONTINUE), Buffer.from(serverFirst)));
  const serverFinal = exchange.final((await passwordMessage(stream)).toString('utf8'));
  if (serverFinal === undefined) return false;
  stream.write(wire.message('R', wire.int32(AUTHENTICATION_SASL_FINAL), Buffer.from(serverFinal)));
  return true;
}

async function passwordMessage(stream: Duplex): Promise<Buffer> {
  const received = await wire.readMessage(stream);
  if (received === undefined) throw new wire.ProtocolViolation('unexpected EOF during authentication');
  if (received.type !== 'p')
    throw new wire.ProtocolViolation(`expected password response, got message type ${received.type}`);
  return received.body;
}
