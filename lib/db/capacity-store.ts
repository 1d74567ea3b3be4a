import { type Amounts, amounts, type Quota, quotas } from '../domain/capacity.ts';
import type { Connection, Trx } from './database.ts';

/** A practice's first entry: what its silo was counted to use when it was placed. */
const reservation = 'reservation';
/** For practices that were there before there were cells: no growth of the cell. */
const assignment = 'assignment';
const release = 'release';

interface Reservation {
  readonly cellId: string;
  readonly practiceId: string;
  readonly amounts: Amounts;
  readonly reason: string;
  readonly runId: string | null;
  readonly now: Date;
}

/**
 * Takes capacity of a cell for a practice. The caller holds the cell (`lockCells`) and has seen that there is room.
 * A practice reserves once: the database refuses a second reservation.
 */
export function reserveCapacity(trx: Trx, taken: Reservation): Promise<void> {
  return append(trx, { ...taken, entry: reservation });
}

/** Records what a practice uses that is there already, whether or not the limits allow it. */
export function assignCapacity(trx: Trx, taken: Reservation): Promise<void> {
  return append(trx, { ...taken, entry: assignment });
}

/**
 * Takes more for a practice that is there, or gives a part back: a run brings it to a release that uses other amounts.
 * @param change `entry` tells apart what one run takes and gives back. For what is taken the caller holds the cell.
 */
export function adjustCapacity(
  trx: Trx,
  change: Reservation & { readonly runId: string; readonly entry: string },
): Promise<void> {
  return append(trx, { ...change, entry: `run ${change.runId} ${change.entry}` });
}

/**
 * Gives back what a practice has reserved, once its infrastructure was seen to be gone; what `except` names it goes on holding. May be
 * repeated: what was given back before is not given back twice. The caller holds the practice's row. Practices that wait are placed by the
 * reconciler `place-practices`, or by whoever calls `placeWaiting` after the transaction.
 * @returns whether there was anything to give back
 */
export async function releaseCapacity(
  trx: Trx,
  practiceId: string,
  reason: string,
  {
    runId,
    now,
    except = [],
  }: { readonly runId: string | null; readonly now: Date; readonly except?: readonly Quota[] },
): Promise<boolean> {
  const held = await reservedBy(trx, practiceId);
  if (held === undefined) return false;
  const given = amounts((quota) => (except.includes(quota) ? 0 : -held.amounts[quota]));
  await append(trx, { ...held, practiceId, amounts: given, reason, runId, now, entry: release });
  return quotas.some((quota) => given[quota] < 0);
}

/** What a practice holds, and where; undefined when nothing. */
export async function reservedBy(
  connection: Connection,
  practiceId: string,
): Promise<{ readonly cellId: string; readonly amounts: Amounts } | undefined> {
  const rows = await sums(connection)
    .where('practice_id', '=', practiceId)
    .having((eb) => eb.fn.sum('amount'), '<>', 0)
    .execute();
  const [first] = rows;
  return first === undefined ? undefined : { cellId: first.cell_id, amounts: amountsFrom(rows) };
}

/** What is taken of each cell. A cell of which nothing ever was has no entry. */
export async function usedByCell(connection: Connection): Promise<Map<string, Amounts>> {
  return byCell(await sums(connection).execute());
}

/** By how much what is taken of a cell has grown since a time; below 0 where more was given back. */
export async function growthOf(connection: Connection, cellId: string, since: Date): Promise<Amounts> {
  const rows = await sums(connection)
    .where('cell_id', '=', cellId)
    .where('at', '>=', since)
    .where('entry', '<>', assignment)
    .execute();
  return amountsFrom(rows);
}

/** What the ledger's rows amount to, by cell and quota. */
function sums(connection: Connection) {
  return connection
    .selectFrom('capacity_ledger')
    .select((eb) => ['cell_id', 'quota', eb.fn.sum<number>('amount').as('amount')])
    .groupBy(['cell_id', 'quota']);
}

interface Sum {
  readonly quota: Quota;
  readonly amount: number;
}

function byCell(rows: ReadonlyArray<Sum & { readonly cell_id: string }>): Map<string, Amounts> {
  const cells = new Map<string, Sum[]>();
  for (const row of rows) cells.set(row.cell_id, [...(cells.get(row.cell_id) ?? []), row]);
  return new Map([...cells].map(([id, sums]) => [id, amountsFrom(sums)]));
}

function amountsFrom(rows: readonly Sum[]): Amounts {
  const sums = new Map(rows.map(({ quota, amount }) => [quota, amount]));
  return amounts((quota) => sums.get(quota) ?? 0);
}

async function append(trx: Trx, { entry, ...of }: Reservation & { readonly entry: string }): Promise<void> {
  const rows = quotas
    .filter((quota) => of.amounts[quota] !== 0)
    .map((quota) => ({
      cell_id: of.cellId,
      practice_id: of.practiceId,
      run_id: of.runId,
      entry,
      quota,
      amount: of.amounts[quota],
      reason: of.reason,
      at: of.now,
    }));
  if (rows.length > 0) await trx.insertInto('capacity_ledger').values(rows).execute();
}
