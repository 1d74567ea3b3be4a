import { setTimeout as delay } from 'node:timers/promises';
import { DomainError } from '../domain/errors.ts';

/** Marks the errors of this file, for `isDatabaseFault`. */
const part = 'database';

/**
 * Node's codes for a connection that was refused, broke, or cannot be made; ENOENT: the socket file of a local server is gone; EAGAIN: that
 * server hangs, and takes no more.
 */
const connectionCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETDOWN',
  'ENETUNREACH',
  'ENOTFOUND',
  'EADDRNOTAVAIL',
  'EAGAIN',
  'EAI_AGAIN',
  'ENOENT',
]);

/** What the `pg` package says without a code (pg/lib/client.js, pg-pool/index.js). */
const connectionMessages =
  /^(Connection terminated|Client has encountered a connection error|Client was closed|Query read timeout)/;

/** Waiting for a free connection took longer than `connectionTimeoutMillis` (pg-pool/index.js). */
const poolIsFull = 'timeout exceeded when trying to connect';

/** PostgreSQL, "Error Codes": the server goes down, is not up yet, or has become a standby that takes no writes. */
const serverIsAway = new Set([
  '57P01',
  '57P02',
  '57P03',
  '57P05',
  '25006',
  '25P03',
  '25P04',
  '58000',
  '58030',
]);
/** PGlite after a fault that PostgreSQL does not survive, such as a disk that takes no more of its log. */
const brokenEmbedded = new Set(['RuntimeError', 'ExitStatus']);
const tooBusy = new Set(['53000', '53200', '53300', '53400', '57014', '55P03']);
const diskIsFull = '53100';
/** serialization_failure and deadlock_detected: the server undid the whole transaction, and asks to have it again. */
const conflicts = new Set(['40001', '40P01']);

/**
 * What a fault of the database itself means to a caller: a retryable `unavailable` with the fault as its cause. Undefined for an
 * error that is about the statement, such as a violated constraint.
 */
export function databaseFault(error: unknown): DomainError | undefined {
  if (typeof error !== 'object' || error === null || error instanceof DomainError) return undefined;
  const { code, message = '', name = '' } = error as Partial<Error> & { code?: unknown };
  const sqlState = typeof code === 'string' ? code : '';
  if (sqlState === diskIsFull) {
    return fault(error, 'The disk of the database is full. Free space on it; work goes on by itself then.');
  }
  if (message.startsWith(poolIsFull) || tooBusy.has(sqlState)) {
    return fault(error, 'The database is too busy to answer. Try again in a few seconds.');
  }
  const isAway =
    connectionCodes.has(sqlState) ||
    connectionMessages.test(message) ||
    serverIsAway.has(sqlState) ||
    // Class 08: connection exceptions.
    /^08[0-9A-Z]{3}$/.test(sqlState) ||
    brokenEmbedded.has(name) ||
    message === 'PGlite is closed';
  if (isAway) {
    return fault(error, 'The database does not answer. Try again in a few seconds; nothing was lost.');
  }
  if (conflicts.has(sqlState)) {
    return fault(error, 'Others changed the same records at the same time. Try again.');
  }
  return undefined;
}

function fault(cause: unknown, message: string): DomainError {
  return new DomainError('unavailable', message, { cause, retryable: true, context: { part } });
}

/** Whether the database failed, rather than what was asked of it. The transaction came to nothing, or nobody knows whether it did. */
export function isDatabaseFault(error: unknown): boolean {
  return error instanceof DomainError && error.code === 'unavailable' && error.context['part'] === part;
}

function isConflict(error: unknown): boolean {
  if (!isDatabaseFault(error)) return false;
  const { code } = (error as DomainError).cause as { code?: unknown };
  return typeof code === 'string' && conflicts.has(code);
}

const attempts = 6;
const firstDelayMs = 10;

/**
 * Does a transaction again when the server undid it because of another one. Only for work that has no other effect than its
 * statements, which holds for every transaction here.
 */
export async function againOnConflict<T>(transaction: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await transaction();
    } catch (error) {
      if (!isConflict(error) || tries === attempts) throw error;
      await delay(firstDelayMs * 2 ** tries * Math.random());
    }
  }
}
