import type { FastifyInstance } from 'fastify';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { driftStates } from '../../../lib/domain/drift.ts';
import { practiceStates } from '../../../lib/domain/practice.ts';
import { runStates } from '../../../lib/domain/run.ts';
import type { StateCounts } from '../../../lib/use-cases/read-records.ts';
import { exportFigures } from './export-metrics.ts';
import { fleetMetrics } from './fleet-metrics.ts';
import { noticeFigures } from './notice-metrics.ts';

export interface Metrics {
  readonly contentType: string;
  /** The figures as text in the Prometheus format; the counts are of this moment. */
  render(counts: StateCounts): Promise<string>;
}

/** Measures every answer by route, and the process. The registry is this application's own. */
export function measure(app: FastifyInstance): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const durations = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from a request to the end of its answer',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [registry],
  });
  const practices = gaugeOf(registry, 'lumenality_practices', 'Practices by recorded state');
  const drift = gaugeOf(
    registry,
    'lumenality_practice_drift',
    'Active practices by how their silo compares with its release',
  );
  const runs = gaugeOf(registry, 'lumenality_runs', 'Runs by state');
  const setCalls = callFigures(registry);
  const setCells = cellFigures(registry);
  const setFleet = fleetMetrics(registry);
  const setNotices = noticeFigures(registry);
  const setExports = exportFigures(registry);
  const placesKept = new Gauge({
    name: 'lumenality_sign_ups_with_place',
    help: 'Sign-ups of waiting lists for which a place is free',
    registers: [registry],
  });
  app.addHook('onResponse', async (request, reply) => {
    // The route, never the path: one series a route, whatever callers ask for.
    const route = request.routeOptions.url ?? 'unknown';
    durations.observe({ method: request.method, route, status: reply.statusCode }, reply.elapsedTime / 1000);
  });
  return {
    contentType: registry.contentType,
    render: (counts) => {
      for (const [gauge, values, states] of [
        [practices, counts.practices, practiceStates],
        [drift, counts.drift, driftStates],
        [runs, counts.runs, runStates],
      ] as const) {
        // A series that is missing until the first of its kind fires no alarm and breaks every difference of two.
        for (const state of states) gauge.set({ state }, 0);
        for (const { state, count } of values) gauge.set({ state }, count);
      }
      setCalls(counts.calls);
      setCells(counts.cells);
      setFleet(counts.fleet);
      setNotices(counts.notices);
      setExports(counts.exports);
      placesKept.set(counts.placesKept);
      return registry.metrics();
    },
  };
}

function gaugeOf(registry: Registry, name: string, help: string): Gauge {
  return new Gauge({ name, help, labelNames: ['state'], registers: [registry] });
}

/** How full the cells are: an alarm on used / limit warns before practices have to wait. */
function cellFigures(registry: Registry): (figures: StateCounts['cells']) => void {
  const options = { labelNames: ['cell', 'quota'], registers: [registry] };
  const limits = new Gauge({
    ...options,
    name: 'lumenality_cell_limit',
    help: 'What silos may use of a quota',
  });
  const used = new Gauge({ ...options, name: 'lumenality_cell_used', help: 'What is reserved of a quota' });
  return (figures) => {
    for (const metric of [limits, used]) metric.reset();
    for (const { cell, quota, ...of } of figures) {
      limits.set({ cell, quota }, of.limit);
      used.set({ cell, quota }, of.used);
    }
  };
}

/** Counters of calls to the cells' CloudFormation: they grow in the database, for all replicas, so any of them may be asked. */
function callFigures(registry: Registry): (figures: StateCounts['calls']) => void {
  const options = { labelNames: ['cell', 'kind'], registers: [registry] };
  const rate = new Gauge({
    ...options,
    name: 'lumenality_cloudformation_call_rate',
    help: 'Calls a second that may leave for a cell',
  });
  const counter = (name: string, help: string) => new Counter({ ...options, name, help });
  const calls = counter(
    'lumenality_cloudformation_calls_granted_total',
    'Calls that were let through, made or not: a fast bucket lets a few through ahead',
  );
  const throttles = counter('lumenality_cloudformation_throttles_total', 'Calls that AWS throttled');
  const waits = counter(
    'lumenality_cloudformation_wait_seconds_total',
    'Time that calls waited for their turn',
  );
  return (figures) => {
    for (const metric of [rate, calls, throttles, waits]) metric.reset();
    for (const { cellId: cell, kind, ...of } of figures) {
      rate.set({ cell, kind }, of.rate);
      calls.inc({ cell, kind }, of.calls);
      throttles.inc({ cell, kind }, of.throttles);
      waits.inc({ cell, kind }, of.waitedMs / 1_000);
    }
  };
}
