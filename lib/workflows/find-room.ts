import { usedByCell } from '../db/capacity-store.ts';
import { lockCells } from '../db/cell-store.ts';
import type { Connection, Trx } from '../db/database.ts';
import { readReleaseTemplates } from '../db/release-store.ts';
import {
  type Amounts,
  type Candidate,
  chooseCell,
  demandOf,
  noAmounts,
  waitingReason,
} from '../domain/capacity.ts';
import type { Cell } from '../domain/cell.ts';
import { DomainError } from '../domain/errors.ts';
import type { Shape } from '../domain/practice.ts';
import type { Release } from '../domain/release.ts';
import type { PracticeSettings } from '../domain/settings.ts';
import type { Shapes } from '../ports/shapes.ts';

/** What a practice's demand depends on. */
export interface DemandSource {
  readonly releaseId: string;
  readonly shape: Shape;
  readonly settings: PracticeSettings;
}

/** How much a practice uses of a cell in a Region. */
export type DemandIn = (region: string) => Amounts;

export type DemandCounter = (connection: Connection, source: DemandSource) => Promise<DemandIn>;

/**
 * Counts what practices use; each release is read, and each of its shapes and Regions counted, once.
 * The names of a practice and what its owner's invitation holds change nothing of it.
 */
export function demandCounter(shapes: Shapes): DemandCounter {
  const releases = new Map<string, Release>();
  const counted = new Map<string, Amounts>();
  return async (connection, { releaseId, shape, settings }) => {
    const release = releases.get(releaseId) ?? (await readReleaseTemplates(connection, releaseId));
    if (release === undefined) {
      throw new DomainError(
        'not_found',
        `Release ${releaseId} is not published. Publish it, then try again.`,
      );
    }
    releases.set(releaseId, release);
    const parameters = { PracticeId: 'practice', ...shapes.parametersForShape(shape, settings) };
    return (region) => {
      const key = JSON.stringify([releaseId, parameters, region]);
      const amounts = counted.get(key) ?? demandOf({ templates: release.templates, parameters, region });
      counted.set(key, amounts);
      return amounts;
    };
  };
}

/** The cells with what is taken of each, locked: nobody else takes anything until the transaction ends. */
export interface Room {
  readonly cells: readonly Cell[];
  readonly used: ReadonlyMap<string, Amounts>;
}

export async function lockRoom(trx: Trx): Promise<Room> {
  // One after the other: what is in use is read once nobody else can add to it.
  const cells = await lockCells(trx);
  return { cells, used: await usedByCell(trx) };
}

/** A cell with room and what is to be reserved there, or why there is none. */
export type Found =
  | { readonly cell: Cell; readonly demand: Amounts }
  | { readonly cell: undefined; readonly waitingFor: string };

export function findRoom({ cells, used }: Room, demandIn: DemandIn): Found {
  const candidates = cells
    .filter(({ state }) => state === 'active')
    .map((cell) => candidate(cell, used, demandIn));
  const chosen = chooseCell(candidates);
  const cell = cells.find(({ id }) => id === chosen?.id);
  if (chosen !== undefined && cell !== undefined) return { cell, demand: chosen.demand };
  const closed = cells.filter(({ state }) => state !== 'active');
  return { cell: undefined, waitingFor: waitingReason(candidates, closed) };
}

function candidate(cell: Cell, used: Room['used'], demandIn: DemandIn): Candidate {
  return {
    id: cell.id,
    limits: cell.limits,
    used: used.get(cell.id) ?? noAmounts,
    demand: demandIn(cell.region),
  };
}

/** Where a practice of a cell answers. */
export function hostNameIn(cell: Pick<Cell, 'domain'>, practiceId: string): string {
  return `${practiceId}.${cell.domain}`;
}
