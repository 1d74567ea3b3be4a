import { Gauge, type Registry } from 'prom-client';
import type { StateCounts } from '../../../lib/use-cases/read-records.ts';

/** What is still to be told, for how long, and what was given up: an alarm on the last two finds a receiver that is away. */
export function noticeFigures(registry: Registry): (figures: StateCounts['notices']) => void {
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers: [registry] });
  const pending = gauge('lumenality_notice_deliveries_pending', 'Deliveries of notices that are to be tried');
  const oldest = gauge(
    'lumenality_notice_oldest_pending_seconds',
    'Age of the oldest notice that is still to be delivered',
  );
  const failed = gauge('lumenality_notice_deliveries_failed', 'Deliveries of notices that were given up');
  return (figures) => {
    pending.set(figures.pending);
    oldest.set(figures.oldestSeconds);
    failed.set(figures.failed);
  };
}
