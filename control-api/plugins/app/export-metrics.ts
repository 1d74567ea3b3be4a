import { Gauge, type Registry } from 'prom-client';
import type { StateCounts } from '../../../lib/use-cases/read-records.ts';

/** Statements that nobody has taken yet: an alarm on the oldest finds a key that was revoked, or a disk that is full. */
export function exportFigures(registry: Registry): (figures: StateCounts['exports']) => void {
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers: [registry] });
  const pending = gauge('lumenality_statements_pending', 'Statements that are still to be exported');
  const oldest = gauge(
    'lumenality_statement_oldest_pending_seconds',
    'Time since the period of the oldest statement that is still to be exported was closed',
  );
  return (figures) => {
    pending.set(figures.pending);
    oldest.set(figures.oldestSeconds);
  };
}
