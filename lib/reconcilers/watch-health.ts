import type { Db } from '../db/database.ts';
import { activePracticeHosts, recordHealth } from '../db/practice-lifecycle-store.ts';
import { DomainError } from '../domain/errors.ts';
import type { HealthState } from '../domain/practice.ts';
import type { Clock } from '../ports/clock.ts';
import type { HealthProbe } from '../ports/health-probe.ts';
import type { Log } from '../ports/log.ts';
import { periodically, type Repeating } from './periodically.ts';

export interface HealthParts {
  readonly db: Db;
  /** What a practice's app is asked with: the probe of its own cell. */
  readonly probeOf: (practiceId: string) => Promise<HealthProbe>;
  readonly clock: Clock;
  readonly log: Log;
  readonly everyMs?: number;
}

/** Probes at the same time, so that one slow app does not hold up the others and a fleet does not flood its network. */
const width = 20;

/** Asks the app of each active practice, every 30 seconds, whether it is up. Health never changes a practice's state. */
export function watchHealth(parts: HealthParts): Repeating {
  return periodically('watch-health', parts.everyMs ?? 30_000, parts.log, async (signal) => {
    const waiting = await activePracticeHosts(parts.db);
    const probeNext = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined && !signal.aborted; next = waiting.shift()) {
        const health = await healthAt(await parts.probeOf(next.id), next.host_name, signal);
        await recordHealth(parts.db, next.id, health, parts.clock.now());
      }
    };
    await Promise.all(Array.from({ length: width }, probeNext));
  });
}

async function healthAt(probe: HealthProbe, hostName: string, signal: AbortSignal): Promise<HealthState> {
  try {
    const { status } = await probe.get(hostName, '/healthz', signal);
    return status === 200 ? 'healthy' : 'unhealthy';
  } catch (error) {
    if (error instanceof DomainError && !signal.aborted) return 'unhealthy';
    throw error;
  }
}
