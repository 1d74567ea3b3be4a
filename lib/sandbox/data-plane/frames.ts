import { once } from 'node:events';
import type { Duplex } from 'node:stream';

/**
 * Messages of the PostgreSQL front-end/back-end protocol 3.0, as the server's side needs them
 * (PostgreSQL documentation, chapter "Frontend/Backend Protocol", "Message Formats").
 */

/** A client may not make the sandbox hold more than this for one message. */
const LONGEST_MESSAGE = 64 * 1024 * 1024;
/** PostgreSQL's own limit for what comes before authentication. */
const LONGEST_STARTUP_PACKET = 10_000;

export const SSL_REQUEST = 80_877_103;
export const GSS_ENCRYPTION_REQUEST = 80_877_104;
export const CANCEL_REQUEST = 80_877_102;

/** A message that cannot be what the protocol says. The session ends. */
export class ProtocolViolation extends Error {
  override readonly name = 'ProtocolViolation';
}

/** Exactly `length` bytes of a paused stream, or undefined when it ends before. */
async function readExactly(stream: Duplex, length: number): Promise<Buffer | undefined> {
  if (length === 0) return Buffer.alloc(0);
  for (;;) {
    if (stream.destroyed) return undefined;
    const bytes = stream.read(length) as Buffer | null;
    if (bytes !== null) return bytes.length === length ? bytes : undefined;
    if (stream.readableEnded) return undefined;
    const ended = new AbortController();
    try {
      await Promise.race([
        once(stream, 'readable', { signal: ended.signal }),
        once(stream, 'end', { signal: ended.signal }),
        once(stream, 'close', { signal: ended.signal }),
      ]);
    } finally {
      ended.abort();
    }
  }
}

/** The first packet of a connection, without its length: a request code, then its body. */
export async function readStartupPacket(
  stream: Duplex,
): Promise<{ readonly code: number; readonly body: Buffer } | undefined> {
  const head = await readExactly(stream, 8);
  if (head === undefined) return undefined;
  const length = head.readInt32BE(0);
  if (length < 8 || length > LONGEST_STARTUP_PACKET)
    throw new ProtocolViolation('invalid length of startup packet');
  const body = await readExactly(stream, length - 8);
  return body && { code: head.readInt32BE(4), body };
}

export interface Message {
  /** One ASCII letter. */
  readonly type: string;
  /** Without type and length. */
  readonly body: Buffer;
  /** The whole message as it came. */
  readonly bytes: Buffer;
}

export async function readMessage(stream: Duplex): Promise<Message | undefined> {
  const head = await readExactly(stream, 5);
  if (head === undefined) return undefined;
  const length = head.readInt32BE(1);
  if (length < 4 || length > LONGEST_MESSAGE) throw new ProtocolViolation('invalid message length');
  const body = await readExactly(stream, length - 4);
  return body && { type: head.toString('latin1', 0, 1), body, bytes: Buffer.concat([head, body]) };
}

/** `name\0value\0 … \0` of a startup message. */
export function startupParameters(body: Buffer): ReadonlyMap<string, string> {
  const fields = body.toString('utf8').split('\0');
  const parameters = new Map<string, string>();
  for (let i = 0; i + 1 < fields.length && fields[i] !== ''; i += 2) {
    parameters.set(fields[i] as string, fields[i + 1] as string);
  }
  return parameters;
}

export function message(type: string, ...parts: ReadonlyArray<Buffer | string>): Buffer {
  const body = Buffer.concat(
    parts.map((part) => (typeof part === 'string' ? Buffer.from(`${part}\0`, 'utf8') : part)),
  );
  const head = Buffer.alloc(5);
  head.write(type, 'latin1');
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

export function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

/** ErrorResponse with severity FATAL: what the client prints before the connection closes. */
export function fatal(sqlState: string, text: string): Buffer {
  return message('E', 'SFATAL', 'VFATAL', `C${sqlState}`, `M${text}`, Buffer.of(0));
}

export function query(sql: string): Buffer {
  return message('Q', sql);
}

/** The back-end messages in what an engine answered. */
export function* messagesIn(answer: Uint8Array): Generator<Message> {
  const all = Buffer.from(answer.buffer, answer.byteOffset, answer.byteLength);
  for (let at = 0; at + 5 <= all.length; ) {
    const end = at + 1 + all.readInt32BE(at + 1);
    yield {
      type: all.toString('latin1', at, at + 1),
      body: all.subarray(at + 5, end),
      bytes: all.subarray(at, end),
    };
    at = end;
  }
}

/** The transaction status of the last ReadyForQuery in an answer: `I` idle, `T` in a transaction, `E` failed. */
export function lastReadyStatus(answer: Uint8Array): string | undefined {
  let status: string | undefined;
  for (const { type, body } of messagesIn(answer))
    status = type === 'Z' ? body.toString('latin1', 0, 1) : undefined;
  return status;
}
