import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type SecureContext, TLSSocket } from 'node:tls';
import { AwsError, type DatabaseSpec } from '../model.ts';
import { authenticate, noEntry, Refusal } from './database-authentication.ts';
import type { DatabaseEngine } from './database-engine.ts';
import type { DatabaseRole } from './database-messages.ts';
import * as wire from './frames.ts';
import { actAs, greetingFor, requireSameIdentity, withoutIdentityChange } from './session-identity.ts';

/** What a session needs of its instance. */
export interface SessionHost {
  readonly spec: DatabaseSpec;
  readonly secureContext: SecureContext;
  /** The running engine; started, after its key was unwrapped, when there is none. */
  engine(): Promise<DatabaseEngine>;
  /** The sessions that are past authentication. */
  readonly sessions: Set<Duplex>;
}

/** Messages that PostgreSQL answers at once; the others (Parse, Bind, …) wait for one of these. */
const ANSWERED = new Set(['Q', 'S', 'H', 'F']);

/**
 * Serves one connection until it ends: negotiation of TLS, authentication, then statements.
 *
 * PGlite has a single session, so a client gets it for a transaction (or an extended-query cycle) at a time, in order
 * of asking. What follows for clients that are connected at the same time: prepared statements, settings and
 * session-level advisory locks are shared between them; transaction-level locks work. Each turn runs with the rights of the
 * role that signed in; a SET ROLE outlives no other session's turn. A client that finds itself alone starts without what
 * others left. Notifications reach nobody. `COPY … FROM STDIN` is not supported by PGlite's protocol and ends the engine.
 */
export async function serveSession(socket: Socket, host: SessionHost): Promise<void> {
  let stream: Duplex = socket;
  try {
    const opened = await negotiate(socket, host);
    if (opened === undefined) return;
    stream = opened.stream;
    const role = await authenticate(opened.stream, opened.parameters, {
      spec: host.spec,
      role: (name) => findRole(host, name),
    });
    const engine = await startEngine(host);
    await relay(opened.stream, engine, role, host);
  } catch (error) {
    if (stream.writable) stream.write(farewell(error));
  } finally {
    stream.end();
    setTimeout(() => socket.destroy(), LINGER_MS).unref();
  }
}

/** For a client that never closes its half. */
const LINGER_MS = 1000;

function farewell(error: unknown): Buffer {
  if (error instanceof Refusal) return wire.fatal(error.sqlState, error.message);
  if (error instanceof wire.ProtocolViolation) return wire.fatal('08P01', error.message);
  return wire.fatal(
    '57P01',
    `terminating connection: ${error instanceof Error ? error.message : String(error)}`,
  );
}

interface Opened {
  readonly stream: Duplex;
  readonly parameters: ReadonlyMap<string, string>;
}

/** Everything up to the startup message (PostgreSQL documentation, "SSL Session Encryption"). */
async function negotiate(socket: Socket, host: SessionHost): Promise<Opened | undefined> {
  let stream: Duplex = socket;
  for (;;) {
    const packet = await wire.readStartupPacket(stream);
    // One engine serves the sessions in turn, so a statement cannot be cancelled: PostgreSQL too may ignore the request.
    if (packet === undefined || packet.code === wire.CANCEL_REQUEST) return undefined;
    if (packet.code === wire.GSS_ENCRYPTION_REQUEST) {
      stream.write('N');
    } else if (packet.code === wire.SSL_REQUEST && stream === socket) {
      stream = await startTls(socket, host.secureContext);
    } else if (packet.code >> 16 === 3) {
      const parameters = wire.startupParameters(packet.body);
      const user = parameters.get('user') ?? '';
      if (stream === socket && host.spec.forceTls())
        throw noEntry(socket.remoteAddress, user, parameters.get('database') ?? user);
      return { stream, parameters };
    } else {
      throw new Refusal(
        '0A000',
        `unsupported frontend protocol ${packet.code >> 16}.${packet.code & 0xffff}`,
      );
    }
  }
}

async function startTls(socket: Socket, secureContext: SecureContext): Promise<TLSSocket> {
  if (socket.readableLength > 0) {
    throw new wire.ProtocolViolation('received unencrypted data after SSL request');
  }
  socket.write('S');
  const secure = new TLSSocket(socket, { isServer: true, secureContext });
  await new Promise<void>((resolve, reject) => {
    secure.once('secure', resolve);
    secure.once('error', reject);
    secure.once('close', () =>
      reject(new Error('The client closed the connection during the TLS handshake.')),
    );
  });
  secure.on('error', () => secure.destroy());
  return secure;
}

/** The engine is nobody's after it, so whoever comes next says again who it is. */
async function findRole(host: SessionHost, name: string): Promise<DatabaseRole | undefined> {
  const engine = await startEngine(host);
  const release = await engine.acquire();
  try {
    engine.servedLast = undefined;
    return await engine.role(name);
  } finally {
    release();
  }
}

async function startEngine(host: SessionHost): Promise<DatabaseEngine> {
  try {
    return await host.engine();
  } catch (error) {
    const reason = error instanceof AwsError ? `${error.code}: ${error.message}` : (error as Error).message;
    throw new Refusal('57P03', `the database system is not available: ${reason}`);
  }
}

async function relay(stream: Duplex, engine: DatabaseEngine, role: string, host: SessionHost): Promise<void> {
  const alone = host.sessions.size === 0;
  host.sessions.add(stream);
  let release: (() => void) | undefined;
  try {
    if (alone) await discardLeftovers(engine);
    // The greeting starts with AuthenticationOk and ends with ReadyForQuery.
    stream.write(greetingFor(engine.greeting, role));
    void sayGoodbye(stream, engine);
    let pending: Buffer[] = [];
    for (;;) {
      const received = await wire.readMessage(stream);
      if (received === undefined || received.type === 'X') break;
      pending.push(withoutIdentityChange(received));
      if (!ANSWERED.has(received.type)) continue;
      if (release === undefined) {
        release = await engine.acquire();
        if (engine.servedLast !== stream) await actAs(engine, role);
        engine.servedLast = stream;
      }
      const answer = await engine.execute(Buffer.concat(pending));
      pending = [];
      requireSameIdentity(answer, role);
      await send(stream, answer);
      if (wire.lastReadyStatus(answer) === 'I') {
        release();
        release = undefined;
      }
    }
  } finally {
    host.sessions.delete(stream);
    if (release) await rollBack(engine).finally(release);
  }
}

/** An engine that ends, on purpose or not, takes its sessions with it. */
async function sayGoodbye(stream: Duplex, engine: DatabaseEngine): Promise<void> {
  await engine.ended;
  if (stream.writable) stream.end(wire.fatal('57P01', 'terminating connection due to administrator command'));
}

async function send(stream: Duplex, bytes: Uint8Array): Promise<void> {
  if (stream.destroyed || stream.write(bytes)) return;
  await new Promise<void>((resolve) => {
    stream.once('drain', resolve);
    stream.once('close', resolve);
  });
}

/** What the sessions before left: settings, prepared statements, temporary tables. */
async function discardLeftovers(engine: DatabaseEngine): Promise<void> {
  const release = await engine.acquire();
  try {
    await engine.execute(wire.query('DISCARD ALL'));
    engine.servedLast = undefined;
  } finally {
    release();
  }
}

/** Ends the transaction that a client left open. */
async function rollBack(engine: DatabaseEngine): Promise<void> {
  engine.servedLast = undefined;
  if (engine.running) await engine.execute(Buffer.concat([wire.message('S'), wire.query('ROLLBACK')]));
}
