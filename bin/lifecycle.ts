import './quiet-sdk.ts';
import { DomainError } from '../lib/domain/errors.ts';

/** What has been started, in order; stopped in the opposite order. */
export type Stops = Array<() => Promise<unknown>>;

/** Exit codes: sysexits.h's EX_CONFIG for a start that was refused, 1 for a fault, 130 for a second Ctrl-C. */
const refused = 78;
const faulty = 1;
const interrupted = 130;

const stopRequested = new AbortController();

/** Aborts when somebody asks this process to stop. */
export function onStopSignal(): AbortSignal {
  return stopRequested.signal;
}

/**
 * Starts a long-lived process and keeps it until SIGINT or SIGTERM, then stops its parts in reverse order. A second
 * signal ends the process at once. A refused start is one calm message and no stack trace.
 */
export async function runUntilStopped(start: (stops: Stops) => Promise<void>): Promise<void> {
  return run(start, (stopped) => stopped);
}

/** Does one thing and stops its parts in reverse order; signals and refusals as in `runUntilStopped`. */
export async function runOnce(work: (stops: Stops) => Promise<void>): Promise<void> {
  return run(work, () => Promise.resolve());
}

async function run(
  start: (stops: Stops) => Promise<void>,
  staysUntil: (stopped: Promise<void>) => Promise<void>,
): Promise<void> {
  const stops: Stops = [];
  let askedAt = 0;
  const asked = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => {
        // Under npm one Ctrl-C may arrive twice, from the terminal and from npm: only a later one is a second.
        if (stopRequested.signal.aborted && Date.now() - askedAt > 1_000) process.exit(interrupted);
        if (stopRequested.signal.aborted) return;
        askedAt = Date.now();
        stopRequested.abort();
        resolve();
      });
    }
  });
  let code = 0;
  try {
    await start(stops);
    await staysUntil(asked);
  } catch (error) {
    if (!stopRequested.signal.aborted) code = report(error);
  }
  for (const stop of stops.reverse()) {
    try {
      await stop();
    } catch (error) {
      code = report(error);
    }
  }
  process.exit(code);
}

function report(error: unknown): number {
  if (error instanceof DomainError && error.code === 'configuration') {
    console.error(`lumenality: ${error.publicMessage}`);
    return refused;
  }
  console.error(error instanceof DomainError ? `lumenality: ${error.publicMessage}` : error);
  return faulty;
}
