/**
 * Keeps each session to the role that signed in. PGlite is one PostgreSQL session of a superuser, so every client's
 * statements run behind `SET SESSION AUTHORIZATION`, which that superuser may take back: a client must not.
 *
 * What is refused: any statement whose text names the session authorization, and any answer after which the
 * session is somebody else's. What is not: code that composes such a statement out of parts, runs it and undoes it
 * within one round trip.
 */
import { Refusal } from './database-authentication.ts';
import type { DatabaseEngine } from './database-engine.ts';
import * as wire from './frames.ts';

/** Comments nest in SQL, so nothing is concluded from where one ends; `U&"…"` writes a name's letters as numbers. */
const FORBIDDEN = /session(?:[\s_]*|\s*(?:\/\*|--)[\s\S]*)authorization|\bu&"/i;

/** Both do nothing for a session that signed in as itself, and clients send them to clean up. */
const HARMLESS = /^\s*(?:reset\s+session\s+authorization|set\s+session\s+authorization\s+default)\s*;?\s*$/i;

const DENIAL =
  "DO $$BEGIN RAISE insufficient_privilege USING MESSAGE = 'permission denied to set session authorization'; END$$";

/**
 * The message as the engine may see it: a statement that would change who the session is becomes one that fails as
 * PostgreSQL fails for a user who is no superuser, so that a transaction around it is undone as it should be.
 */
export function withoutIdentityChange({ type, body, bytes }: wire.Message): Buffer {
  if (type !== 'Q' && type !== 'P') return bytes;
  // A Parse message begins with the name of the prepared statement.
  const start = type === 'P' ? body.indexOf(0) + 1 : 0;
  const end = body.indexOf(0, start);
  const text = body.toString('utf8', start, end);
  if (!FORBIDDEN.test(text) || HARMLESS.test(text)) return bytes;
  return wire.message(type, body.subarray(0, start), DENIAL, body.subarray(end + 1));
}

/** Makes the engine's session the role's, with nothing left of a `SET ROLE`. @throws Refusal when the role is gone. */
export async function actAs(engine: DatabaseEngine, role: string): Promise<void> {
  const name = role.replaceAll('"', '""');
  const answer = await engine.execute(wire.query(`SET SESSION AUTHORIZATION "${name}"`));
  for (const { type } of wire.messagesIn(answer))
    if (type === 'E') throw new Refusal('28000', `role "${role}" does not exist`);
}

/** @throws Refusal when the statements made the session somebody else's: their answer must not leave. */
export function requireSameIdentity(answer: Uint8Array, role: string): void {
  for (const { type, body } of wire.messagesIn(answer)) {
    if (type !== 'S') continue;
    const [name, value] = body.toString('utf8').split('\0');
    if (name === 'session_authorization' && value !== role && value !== '')
      throw new Refusal('42501', 'permission denied to set session authorization');
  }
}

/** PostgreSQL's greeting, reporting the role that signed in rather than the engine's own. */
export function greetingFor(greeting: Uint8Array, role: string): Buffer {
  const values: Readonly<Record<string, string>> = { session_authorization: role, is_superuser: 'off' };
  const parts = [...wire.messagesIn(greeting)].map(({ type, body, bytes }) => {
    const [name = ''] = body.toString('utf8').split('\0');
    const value = type === 'S' ? values[name] : undefined;
    return value === undefined ? bytes : wire.message('S', name, value);
  });
  return Buffer.concat(parts);
}
