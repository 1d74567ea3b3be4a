import { setTimeout as wait } from 'node:timers/promises';
import { EXIT, StartRefusal } from './start-refusal.ts';

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5000;

const NETWORK = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
]);
/** PostgreSQL: too many connections, shutting down, starting up; class 08 is a broken connection. */
const POSTGRESQL = /^(08...|53300|57P0[123])$/;
const THROTTLED = /Throttl|TooManyRequests|RequestLimitExceeded|TimeoutError|CredentialsProviderError/;

interface Fault {
  readonly name?: string;
  readonly code?: unknown;
  readonly message?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
  readonly errors?: readonly unknown[];
}

/** Whether the same call may succeed a moment later without anybody changing anything. */
export function isTransient(error: unknown): boolean {
  const fault = error as Fault;
  if (error instanceof StartRefusal) return false;
  // Several addresses were tried, and each gave an error of its own.
  if (error instanceof AggregateError) return fault.errors?.some(isTransient) ?? false;
  const code = typeof fault.code === 'string' ? fault.code : '';
  return (
    NETWORK.has(code) ||
    POSTGRESQL.test(code) ||
    THROTTLED.test(fault.name ?? '') ||
    (fault.$metadata?.httpStatusCode ?? 0) >= 500 ||
    // What pg says, without a code, of a connection that was cut or took too long.
    /^(Connection terminated|timeout expired|timeout exceeded)/.test(fault.message ?? '')
  );
}

/**
 * Tries again while the fault is transient and `patienceMs` has not passed; any other error is thrown at once.
 *
 * @throws StartRefusal (exit code 69) when the time is up.
 */
export async function withPatience<T>(what: string, patienceMs: number, work: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + patienceMs;
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    try {
      return await work();
    } catch (error) {
      if (!isTransient(error)) throw error;
      if (Date.now() + pause > deadline) {
        throw new StartRefusal(
          EXIT.unavailable,
          `${what} did not answer for ${Math.round(patienceMs / 1000)} s: ${describe(error)}. Check the network path and that it is up; the next start tries again.`,
          { cause: error },
        );
      }
      await wait(pause);
    }
  }
}

function describe(error: unknown): string {
  const fault = error as Fault;
  return [typeof fault.code === 'string' ? fault.code : fault.name, fault.message].filter(Boolean).join(': ');
}
