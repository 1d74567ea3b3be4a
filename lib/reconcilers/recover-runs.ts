import type { Log } from '../ports/log.ts';
import type { RunEngine } from '../runs/engine.ts';
import { periodically, type Repeating } from './periodically.ts';

/**
 * Enqueues open runs that have no job, now and every minute. The engine does so when it starts; this catches
 * what no start sees: a job that ran out of retries or that somebody removed.
 */
export function recoverRuns(engine: RunEngine, log: Log, everyMs = 60_000): Repeating {
  return periodically('recover-runs', everyMs, log, async () => {
    const recovered = await engine.recover();
    if (recovered.length > 0) log.warn({ runIds: recovered }, 'took up runs that had no job');
  });
}
