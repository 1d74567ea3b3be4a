import { type AuditFilter, type AuditRow, listAudit as auditRows } from '../db/audit-store.ts';
import { type CallFigures, readCallFigures } from '../db/call-budget-store.ts';
import { readExportFigures } from '../db/charge-export-store.ts';
import { countByDrift } from '../db/drift-store.ts';
import { readDeliveryFigures } from '../db/notice-delivery-store.ts';
import type { Page, PageRequest } from '../db/page.ts';
import { countPlacesKept } from '../db/plan-waiting-store.ts';
import { countPractices } from '../db/practice-store.ts';
import { countRunsByState } from '../db/run-store.ts';
import { dayIn } from '../domain/plan/day.ts';
import type { Core } from './core.ts';
import { type FleetFigures, fleetFigures } from './fleet.ts';
import { type CellFigure, cellFigures } from './read-cells.ts';

export type { AuditRow };

/** The audit trail, newest first. */
export function listAudit(core: Core, page: PageRequest & AuditFilter): Promise<Page<AuditRow>> {
  return auditRows(core.db, page);
}

export interface StateCounts {
  /** What all replicas asked of each cell's CloudFormation, by kind of call. */
  readonly calls: readonly CallFigures[];
  /** Active practices only. */
  readonly drift: readonly { readonly state: string; readonly count: number }[];
  readonly cells: readonly CellFigure[];
  readonly fleet: FleetFigures;
  readonly notices: { readonly pending: number; readonly failed: number; readonly oldestSeconds: number };
  readonly exports: { readonly pending: number; readonly oldestSeconds: number };
  /** Sign-ups of waiting lists for which a place is free. */
  readonly placesKept: number;
  readonly practices: readonly { readonly state: string; readonly count: number }[];
  readonly runs: readonly { readonly state: string; readonly count: number }[];
}

/** How many practices and runs are in each state, what was asked of the cells' CloudFormation, and how full the cells are. A state that nothing is in has no entry. */
export async function countStates(core: Core): Promise<StateCounts> {
  const practices = await countPractices(core.db);
  const drift = await countByDrift(core.db);
  const runs = await countRunsByState(core.db);
  const calls = await readCallFigures(core.db);
  const cells = await cellFigures(core);
  const fleet = await fleetFigures(core);
  const now = core.clock.now().getTime();
  const age = (at: Date | null) => (at === null ? 0 : (now - at.getTime()) / 1_000);
  const { oldestAt, ...deliveries } = await readDeliveryFigures(core.db);
  const statements = await readExportFigures(core.db);
  return {
    calls,
    cells,
    drift,
    fleet,
    notices: { ...deliveries, oldestSeconds: age(oldestAt) },
    exports: { pending: statements.pending, oldestSeconds: age(statements.oldestAt) },
    placesKept: await countPlacesKept(core.db, dayIn('UTC', core.clock.now())),
    practices,
    runs: [...runs].map(([state, count]) => ({ state, count })),
  };
}
