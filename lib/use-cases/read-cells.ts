import { growthOf, usedByCell } from '../db/capacity-store.ts';
import { countPracticesByCell, findCell, listCells as listRows } from '../db/cell-store.ts';
import type { Connection } from '../db/database.ts';
import { noAmounts, type Quota, quotas } from '../domain/capacity.ts';
import { type CapacityForecast, forecastCapacity, windowOf } from '../domain/capacity-forecast.ts';
import { type Cell, configuredCellId, setUpCommands } from '../domain/cell.ts';
import { daysAfter } from '../domain/offboarding.ts';
import type { Core } from './core.ts';
import { notFound, wrongState } from './refusals.ts';

/** A cell with what of it is in use and until when that will do. */
export interface CellOverview {
  readonly cell: Cell;
  /** Practices on record there, whatever their states. */
  readonly practices: number;
  readonly capacity: CapacityForecast;
}

/** By id. */
export async function listCells(core: Core): Promise<CellOverview[]> {
  return overviews(core, await listRows(core.db));
}

/** One quota of one cell. */
export interface CellFigure {
  readonly cell: string;
  readonly quota: Quota;
  readonly limit: number;
  readonly used: number;
}

export async function cellFigures({ db }: Core): Promise<CellFigure[]> {
  const [cells, used] = [await listRows(db), await usedByCell(db)];
  return cells.flatMap(({ id, limits }) =>
    quotas.map((quota) => ({ cell: id, quota, limit: limits[quota], used: used.get(id)?.[quota] ?? 0 })),
  );
}

/** @throws DomainError `not_found` */
export async function readCell(core: Core, id: string): Promise<CellOverview> {
  const [overview] = await overviews(core, [await requireCell(core.db, id)]);
  if (overview === undefined) throw notFound('cell');
  return overview;
}

/** @throws DomainError `not_found` */
export async function requireCell(connection: Connection, id: string): Promise<Cell> {
  const cell = await findCell(connection, id);
  if (cell === undefined) throw notFound('cell');
  return cell;
}

/** What the administrator of a cell's account needs to let the control plane in. */
export interface CellSetUp {
  readonly cellId: string;
  readonly roleArn: string;
  readonly externalId: string;
  /** What the control plane is to AWS. */
  readonly principalArn: string;
  /** To be run in a checkout of this project with that account's credentials, in this order. */
  readonly commands: readonly string[];
}

/** @throws DomainError `not_found`; `wrong_state` for a cell without a role; `cloud_failure` when AWS does not tell who the control plane is. */
export async function readCellSetUp(core: Core, id: string): Promise<CellSetUp> {
  const cell = await requireCell(core.db, id);
  const { roleArn, externalId } = cell;
  if (roleArn === null || externalId === null) {
    throw wrongState(
      cell.state,
      `Cell ${id} is reached with the control plane's own credentials: ${id === configuredCellId ? 'it is set up by the environment' : 'it has no role'} (docs/cell.md).`,
    );
  }
  const { arn: principalArn } = await core.cellAccess.caller();
  return { cellId: id, roleArn, externalId, principalArn, commands: setUpCommands(cell, principalArn) };
}

async function overviews(core: Core, cells: readonly Cell[]): Promise<CellOverview[]> {
  const now = core.clock.now();
  const used = await usedByCell(core.db);
  const practices = await countPracticesByCell(core.db);
  const views: CellOverview[] = [];
  for (const cell of cells) {
    const days = windowOf(cell, now);
    const growth = await growthOf(core.db, cell.id, daysAfter(now, -days));
    const capacity = forecastCapacity({
      limits: cell.limits,
      used: used.get(cell.id) ?? noAmounts,
      growth,
      days,
    });
    views.push({ cell, practices: practices.get(cell.id) ?? 0, capacity });
  }
  return views;
}
