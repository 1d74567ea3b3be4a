import { Gauge, type Registry } from 'prom-client';
import type { StateCounts } from '../../../lib/use-cases/read-records.ts';

const dayMs = 86_400_000;

/** Which releases the fleet runs, and how long the newest security release takes to it. */
export function fleetMetrics(registry: Registry): (figures: StateCounts['fleet']) => void {
  const gauge = <Label extends string>(name: string, help: string, labelNames: readonly Label[]) =>
    new Gauge({ name, help, labelNames, registers: [registry] });
  const onRelease = gauge('lumenality_practices_on_release', 'Practices by the release that they run', [
    'release',
  ]);
  const skew = gauge(
    'lumenality_release_skew',
    'Practices that run an older release than the newest that is not halted',
    [],
  );
  const open = gauge(
    'lumenality_security_patch_open',
    'Practices that do not have the newest security release yet',
    ['release'],
  );
  const latency = gauge(
    'lumenality_security_patch_latency_days',
    'Days from the publication of the newest security release to the practices that have it',
    ['release', 'quantile'],
  );
  return ({ releases, behind, patch }) => {
    for (const metric of [onRelease, open, latency]) metric.reset();
    for (const { id, practices } of releases) onRelease.set({ release: id }, practices);
    skew.set(behind);
    if (patch === undefined) return;
    const { release, practices, patched, medianMs, p95Ms } = patch;
    open.set({ release }, practices - patched);
    if (medianMs !== null) latency.set({ release, quantile: '0.5' }, medianMs / dayMs);
    if (p95Ms !== null) latency.set({ release, quantile: '0.95' }, p95Ms / dayMs);
  };
}
