import { adjustCapacity, reservedBy } from '../db/capacity-store.ts';
import { cellOf } from '../db/cell-store.ts';
import type { Trx } from '../db/database.ts';
import type { PracticeRow } from '../db/practice-store.ts';
import { type Amounts, amounts, freeOf, noAmounts, quotas, shortOf } from '../domain/capacity.ts';
import type { Cell } from '../domain/cell.ts';
import { DomainError } from '../domain/errors.ts';
import type { Shapes } from '../ports/shapes.ts';
import { demandCounter, lockRoom } from './find-room.ts';

/** A run that brings a practice to a release. The caller holds the practice's row. */
interface ReleaseOfPractice {
  readonly practice: Pick<PracticeRow, 'id' | 'shape' | 'settings'>;
  readonly releaseId: string;
  readonly runId: string;
  readonly now: Date;
}

/**
 * Takes what a practice would use more of with a release than it has reserved. A silo does not move, so its own cell must have it.
 * @throws DomainError `conflict` when the cell has too little left, which names the quotas.
 */
export async function takeForRelease(trx: Trx, shapes: Shapes, of: ReleaseOfPractice): Promise<void> {
  const look = await compare(trx, shapes, of);
  if (look === undefined) return;
  const { cell, difference } = look;
  const more = amounts((quota) => Math.max(0, difference[quota]));
  if (isNothing(more)) return;
  const room = await lockRoom(trx);
  const limits = room.cells.find(({ id }) => id === cell.id)?.limits ?? noAmounts;
  const short = shortOf(freeOf(limits, room.used.get(cell.id) ?? noAmounts), more);
  if (short.length > 0) {
    throw new DomainError(
      'conflict',
      `Release ${of.releaseId} uses more of ${short.join(', ')} than practice ${of.practice.id} has, and its cell ${cell.id} has too little left. ` +
        `Raise the limit (cell limits ${cell.id}), then ask again.`,
    );
  }
  await adjust(trx, of, cell, { more, entry: 'more', reason: `to be updated to release ${of.releaseId}` });
}

/** Gives back what a practice uses less of, now that its silo was verified with the release. */
export async function giveBackForRelease(trx: Trx, shapes: Shapes, of: ReleaseOfPractice): Promise<void> {
  const look = await compare(trx, shapes, of);
  if (look === undefined) return;
  const less = amounts((quota) => Math.min(0, look.difference[quota]));
  if (isNothing(less)) return;
  await adjust(trx, of, look.cell, {
    more: less,
    entry: 'less',
    reason: `updated to release ${of.releaseId}`,
  });
}

/** What the release uses more (above 0) or less than is reserved; undefined of a practice that has nothing reserved. */
async function compare(
  trx: Trx,
  shapes: Shapes,
  { practice, releaseId }: ReleaseOfPractice,
): Promise<{ readonly cell: Cell; readonly difference: Amounts } | undefined> {
  const held = await reservedBy(trx, practice.id);
  if (held === undefined) return undefined;
  const cell = await cellOf(trx, practice.id);
  const { shape, settings } = practice;
  const demandIn = await demandCounter(shapes)(trx, { releaseId, shape, settings });
  const demand = demandIn(cell.region);
  return { cell, difference: amounts((quota) => demand[quota] - held.amounts[quota]) };
}

const isNothing = (of: Amounts): boolean => quotas.every((quota) => of[quota] === 0);

function adjust(
  trx: Trx,
  { practice, runId, now }: ReleaseOfPractice,
  cell: Cell,
  change: { readonly more: Amounts; readonly entry: string; readonly reason: string },
): Promise<void> {
  return adjustCapacity(trx, {
    cellId: cell.id,
    practiceId: practice.id,
    amounts: change.more,
    entry: change.entry,
    reason: change.reason,
    runId,
    now,
  });
}
